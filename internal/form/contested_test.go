package form

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// Whether spellings are told apart at once or only where two of them meet, the form is the same.
func TestContested(t *testing.T) {
	t.Parallel()
	name := rapid.SampledFrom([]string{"a b", "a_b", "a.b", "a b[]", "a_b[x]", "a.b[x]", " a b", "c d", "c d[0]", "c_d[]", "e", "[f", "_f", "e[", "e_", ""})
	rapid.Check(t, func(t *rapid.T) {
		var f Fields
		for range rapid.IntRange(1, 8).Draw(t, "pairs") {
			f.Pairs = append(f.Pairs, Pair{Name: name.Draw(t, "name"), Value: rapid.StringMatching("[a-c]").Draw(t, "value")})
		}
		full := Fields{Pairs: slices.Clone(f.Pairs)}
		for i := range manyPairs { // beyond so many pairs every odd name is told apart; these have nothing to do with them
			full.Pairs = append(full.Pairs, Pair{Name: fmt.Sprintf("filler%d", i), Value: "x"})
		}
		got, want := f.Tree(), full.Tree()
		values := want.Values()
		maps.DeleteFunc(values, func(key string, _ any) bool { return strings.HasPrefix(key, "filler") })
		if diff := cmp.Diff(values, got.Values()); diff != "" {
			t.Fatal("other values (-always +when contested):\n" + diff)
		}
		if diff := cmp.Diff(want.Paths()[:len(f.Pairs)], got.Paths()); diff != "" {
			t.Fatal("other paths:\n" + diff)
		}
	})
}
