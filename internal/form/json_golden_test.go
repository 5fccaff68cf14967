package form

import (
	"encoding/json"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// readLeaf is a value that Node or PHP read: the keys that lead to it, its type and its text.
type readLeaf struct {
	path        []string
	kind, value string
}

func (l *readLeaf) UnmarshalJSON(b []byte) error {
	all := []any{&l.path, &l.kind, &l.value}
	return json.Unmarshal(b, &all)
}

// same is a text that is equal for equal values: a number's digits are kept here as they were posted.
func same(kind, value string) string {
	if kind != "number" {
		return value
	}
	n, err := strconv.ParseFloat(value, 64)
	if err != nil {
		return "no number: " + value
	}
	return strconv.FormatFloat(n+0, 'g', -1, 64) // + 0: -0 is 0
}

// TestJSONAsNodeAndPHP holds the values against what Node and PHP read out of the same bodies (testdata/json.js), and refuses what both
// refuse.
func TestJSONAsNodeAndPHP(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/json.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Posts []struct {
			Body      string
			Node, PHP []readLeaf // nil: it is refused
		}
	}
	if err := json.Unmarshal(text, &golden); err != nil {
		t.Fatal(err)
	}
	if len(golden.Posts) < 60 {
		t.Fatalf("only %d posts in the golden file", len(golden.Posts))
	}
	for _, post := range golden.Posts {
		body := post.Body[:min(len(post.Body), 80)]
		if post.Node == nil && post.PHP == nil {
			f, err := Decode(jsonType, strings.NewReader(post.Body), Options{})
			if fault := (*Error)(nil); !errors.As(err, &fault) && strings.TrimSpace(post.Body) != "" {
				t.Errorf("%s: taken as %q, %v", body, f.Pairs, err)
			}
			continue
		}
		f := mustDecode(t, jsonType, post.Body)
		posted := map[string]string{}
		for i, path := range f.Tree().Paths() {
			posted[strings.Join(path, "\x00")] = f.Pairs[i].Value
		}
		for reader, read := range map[string][]readLeaf{"Node": post.Node, "PHP": post.PHP} {
			want, got := map[string]string{}, map[string]string{}
			for _, l := range read {
				l.path[0] = strings.NewReplacer(" ", "_", ".", "_").Replace(l.path[0]) // a field's name, as PHP has it in a form
				path := strings.Join(l.path, "\x00")
				want[path] = same(l.kind, l.value)
				if value, there := posted[path]; there {
					got[path] = same(l.kind, value)
				}
			}
			for path, value := range posted {
				if _, known := want[path]; !known {
					got[path] = value
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-%s +got):\n%s", body, reader, diff)
			}
		}
	}
}
