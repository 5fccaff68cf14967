package form

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// leaf is one value of the nested view with its path.
type leaf struct {
	path  []string
	value string
}

func (l *leaf) UnmarshalJSON(b []byte) error {
	both := []any{&l.path, &l.value}
	return json.Unmarshal(b, &both)
}

// leaves walks Values by Order, as a caller does that wants the posted order.
func leaves(f *Fields) []leaf {
	values := f.Tree().Values()
	all := []leaf{}
	var walk func(v any, path []string)
	walk = func(v any, path []string) {
		keys := f.Tree().Order(path)
		switch v := v.(type) {
		case []any:
			for i, item := range v {
				walk(item, append(path[:len(path):len(path)], keys[i]))
			}
		case map[string]any:
			for _, key := range keys {
				walk(v[key], append(path[:len(path):len(path)], key))
			}
		case nil:
			all = append(all, leaf{path, ""})
		default:
			all = append(all, leaf{path, v.(string)})
		}
	}
	for _, root := range f.Tree().Order(nil) {
		walk(values[root], []string{root})
	}
	return all
}

// TestNamesAsPHP holds the nested view against what PHP itself made of the same bodies (testdata/names.php).
func TestNamesAsPHP(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/names.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Posts []struct {
			Body   string
			Leaves []leaf
		}
	}
	if err := json.Unmarshal(text, &golden); err != nil {
		t.Fatal(err)
	}
	if len(golden.Posts) < 90 {
		t.Fatalf("only %d posts in the golden file", len(golden.Posts))
	}
	for _, post := range golden.Posts {
		f := mustDecode(t, urlencodedType, post.Body)
		got := []leaf{}
		for _, l := range leaves(f) {
			// PHP drops a pair without a root, and of `[` makes none; here nothing is dropped.
			if l.path[0] != "" && post.Body != "[=1" {
				got = append(got, l)
			}
		}
		if diff := cmp.Diff(post.Leaves, got, cmp.AllowUnexported(leaf{})); diff != "" {
			t.Errorf("%q (-PHP +got):\n%s", post.Body, diff)
		}
	}
}

func TestPath(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"a": "a", "a[b][]": "a|b|", "First Name": "First_Name", "a.b[c.d]": "a_b|c.d", "": "", "[a]": "|a", "[": "_", "a[b": "a_b",
		"a[b][c": "a|b", "a[b]c": "a|b", "  a": "a", "   ": "", "a\x00b[c\x00]": "a\x00b|c\x00", "products[0][sku]": "products|0|sku",
	} {
		if got := strings.Join(Path(name), "|"); got != want {
			t.Errorf("Path(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestIdentifier(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"name": "name", "your-name": "your_name", "First Name": "First_Name", "Ім'я": "Ім_я", "1st": "_1st", "": "_", "_x1": "_x1",
		"a[b]": "a_b_", "$x": "_x", "телефон": "телефон", "٣x": "_٣x", "é": "é", "a\xffb": "a_b", "☎": "_",
	} {
		if got := Identifier(name); got != want {
			t.Errorf("Identifier(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestTrimmed(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "", "x": "x", " x ": "x", "\u00a0\u3000x\u2003": "x", "\ufeffx\u200b": "x", "\t\r\n": "", "\u200e+380\u200f": "+380",
		"\u200b": "", "a b": "a b", "a\u200bb": "a\u200bb", "\x01x": "\x01x", "é": "é",
	} {
		if got := trimmed(in); got != want {
			t.Errorf("trimmed(%q) = %q, want %q", in, got, want)
		}
	}
}
