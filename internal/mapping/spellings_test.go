package mapping

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"formrelay/internal/form"
)

// TestSpellingsShortWay holds the short way to a field's spellings against the one by the index of the post.
func TestSpellingsShortWay(t *testing.T) {
	t.Parallel()
	names := rapid.SampledFrom([]string{
		"name", "email", "_replyto", "first name", "first_name", "first-name", "first.name", "a[b", "a_b", "a[]", "a[b]", "a", "5a", "_5a", "[x", "ім'я",
	})
	rapid.Check(t, func(t *rapid.T) {
		fields := &form.Fields{}
		for _, name := range rapid.SliceOfN(names, 0, 6).Draw(t, "posted") {
			fields.Pairs = append(fields.Pairs, form.Pair{Name: name, Value: "x"})
		}
		name := root(names.Draw(t, "asked for"))
		spelled := aliases(name)
		short := &fieldRule{path: []string{name}, spelled: spelled}
		long := &fieldRule{path: []string{name}, spelled: append(spelled[:len(spelled):len(spelled)], name)} // no field that has two names goes the short way
		made := func(rule *fieldRule) []string {
			return (&run{in: Input{Fields: fields}, form: fields.Tree()}).spellings(rule)
		}
		if diff := cmp.Diff(made(long), made(short)); diff != "" {
			t.Fatalf("the short way (+) differs:\n%s", diff)
		}
	})
}
