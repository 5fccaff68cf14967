package form

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

type object = map[string]any

func TestValues(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		in   []Pair
		want object
	}{
		{"nothing", nil, object{}},
		{"a leaf is trimmed, a blank one nil", pairs("a", " x\u00a0", "b", " \u200b\t", "c", ""), object{"a": "x", "b": nil, "c": nil}},
		{"a plain name's last value", pairs("a", "1", "a", "2"), object{"a": "2"}},
		{"the last value also when it is blank", pairs("a", "1", "a", ""), object{"a": nil}},
		{"a list", pairs("a[]", "x", "a[]", "", "a[]", "y"), object{"a": []any{"x", nil, "y"}}},
		{"integers in the posted order", pairs("a[7]", "x", "a[2]", "y", "a[-1]", "z"), object{"a": []any{"x", "y", "z"}}},
		{"one text among integers", pairs("a[0]", "x", "a[k]", "y"), object{"a": object{"0": "x", "k": "y"}}},
		{"rows", pairs("p[0][sku]", "A", "p[0][n]", "2", "p[1][sku]", "B"), object{"p": []any{object{"sku": "A", "n": "2"}, object{"sku": "B"}}}},
		{"a level over a leaf", pairs("a", "1", "a[b]", "2"), object{"a": object{"b": "2"}}},
		{"a leaf over a level", pairs("a[b]", "2", "a[c][d]", "3", "a", "1"), object{"a": "1"}},
		{"a level anew after a leaf", pairs("a[5]", "x", "a", "1", "a[]", "y"), object{"a": []any{"y"}}},
		{"three spellings", pairs("First Name", "O"), object{"First Name": "O", "First_Name": "O"}},
		{"an identifier for it", pairs("your-name", "O", "1st", "x"), object{"your-name": "O", "your_name": "O", "1st": "x", "_1st": "x"}},
		{"a spelling that is no identifier in PHP either", pairs("e-mail address", "x"), object{"e-mail address": "x", "e-mail_address": "x", "e_mail_address": "x"}},
		{"a raw name before an identifier", pairs("your_name", "A", "your-name", "B"), object{"your_name": "A", "your-name": "B"}},
		{"a raw name before PHP's", pairs("First_Name", "A", "First Name", "B"), object{"First_Name": "A", "First Name": "B"}},
		{"in either order", pairs("First Name", "B", "First_Name", "A"), object{"First_Name": "A", "First Name": "B"}},
		{"two spellings, the later has PHP's name", pairs("a b", "1", "a.b", "2"), object{"a b": "1", "a.b": "2", "a_b": "2"}},
		{"two identifiers, the later has it", pairs("a-b", "1", "a+b", "2"), object{"a-b": "1", "a+b": "2", "a_b": "2"}},
		{"levels of two spellings", pairs("a_b[x]", "1", "a.b[y]", "2", "a.b[x]", "3"), object{"a_b": object{"x": "1", "y": "2"}, "a.b": object{"y": "2", "x": "3"}}},
		{"a stray blank before a name", pairs("p[0][sku]", "A", " p[0][n]", "2"), object{"p": []any{object{"sku": "A", "n": "2"}}, " p": []any{object{"n": "2"}}}},
		{"broken brackets", pairs("a[b", "1"), object{"a[b": "1", "a_b": "1"}},
		{"no root", pairs("", "1", "[x]", "2"), object{"": object{"x": "2"}}},
		{"beyond the last index", pairs("a[9223372036854775807]", "x", "a[]", "y"), object{"a": object{"9223372036854775807": "x", "9223372036854775808": "y"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := &Fields{Pairs: c.in}
			if diff := cmp.Diff(c.want, f.Tree().Values()); diff != "" {
				t.Errorf("values (-want +got):\n%s", diff)
			}
			// The same beside so many fields that they are looked up by hash.
			many := &Fields{Pairs: append([]Pair(nil), c.in...)}
			for i := range manyPairs + 1 {
				many.Pairs = append(many.Pairs, Pair{fmt.Sprint("filler", i), ""})
			}
			values := many.Tree().Values()
			for key := range values {
				if strings.HasPrefix(key, "filler") {
					delete(values, key)
				}
			}
			if diff := cmp.Diff(c.want, values); diff != "" {
				t.Errorf("values among many (-want +got):\n%s", diff)
			}
			for i, path := range f.Tree().Paths() {
				if diff := cmp.Diff(path, many.Tree().Paths()[i]); diff != "" {
					t.Errorf("path among many:\n%s", diff)
				}
			}
		})
	}
}

func TestPaths(t *testing.T) {
	t.Parallel()
	f := &Fields{Pairs: pairs(
		"name", "", "colors[]", "r", "colors[]", "g", "p[5][sku]", "A", "p[][sku]", "B", "p[][k][]", "C",
		"First Name", "x", "a[b", "y", "q_r", "1", "q r", "2", "q.r[]", "3", "q.r[]", "4", "", "z",
		"s t", "1", "s_t", "2",
	)}
	want := []string{
		"name", "colors|0", "colors|1", "p|5|sku", "p|6|sku", "p|7|k|0",
		"First_Name", "a_b", "q_r", "q r", "q.r|0", "q.r|1", "", "s t", "s_t",
	}
	for i, path := range f.Tree().Paths() {
		if got := strings.Join(path, "|"); got != want[i] {
			t.Errorf("%q: path %q, want %q", f.Pairs[i].Name, got, want[i])
		}
	}
}

func TestOrder(t *testing.T) {
	t.Parallel()
	f := &Fields{Pairs: pairs("z", "1", "a[7]", "x", "a[2][k]", "y", "a[2][b]", "y", "First Name[x]", "1", "z", "2", "b-c[q]", "1", "q_r", "1", "q r[k]", "2")}
	for path, want := range map[string]string{
		"":             "z|a|First_Name|b-c|q_r",
		"a":            "7|2",
		"a|2":          "k|b",
		"First_Name":   "x",
		"First Name":   "x",
		"b_c":          "q",
		"q r":          "k",
		"z":            "",
		"a|9":          "",
		"a|9|x":        "",
		"nothing":      "",
		"nothing|else": "",
	} {
		var keys []string
		if path != "" {
			keys = strings.Split(path, "|")
		}
		if got := strings.Join(f.Tree().Order(keys), "|"); got != want {
			t.Errorf("Order(%q) = %q, want %q", keys, got, want)
		}
	}
}

func TestAll(t *testing.T) {
	t.Parallel()
	f := &Fields{Pairs: pairs(
		"a", "1", "a", " ", "a", " 2 ", "a[]", "3", "a[x]", "no", "a[7]", "4", "a[][]", "no",
		"p[0][sku]", "A", "p[1][sku]", "B", "p[][sku]", "C", "p[0][tags][]", "t", "p[0][tags][]", "u",
		"First Name", "O", "your-name", "P", "x_y", "1", "x y", "2", "c-d", "1", "c+d", "2", "b[r", "v",
	)}
	for name, want := range map[string]string{
		"a": "1|2|3|4", "a[]": "1|2|3|4", "a[x]": "no", "a[7]": "4", "p": "", "p[][sku]": "A|B|C", "p[1][sku]": "B", "p[2][sku]": "C",
		"p[0][tags]": "t|u", "p[][tags][]": "t|u", "First Name": "O", "First_Name": "O", "your_name": "P", "your-name": "P",
		"x_y": "1|2", "x y": "2", "c_d": "1|2", "c-d": "1", "b[r": "v", "b_r": "v", "none": "", "": "",
	} {
		if got := strings.Join(f.Tree().All(name), "|"); got != want {
			t.Errorf("All(%q) = %q, want %q", name, got, want)
		}
	}
	if got := mustDecode(t, jsonType, `{"a":["x","y"],"b":"z"}`).Tree().All("a"); len(got) != 2 {
		t.Errorf("All of a JSON array = %q", got)
	}
}

// reach follows path through the nested view; a list's items are found by their keys in Order.
func reach(f *Fields, path []string) (any, bool) {
	var v any = f.Tree().Values()
	for i, key := range path {
		switch level := v.(type) {
		case map[string]any:
			next, ok := level[key]
			if !ok {
				return nil, false
			}
			v = next
		case []any:
			at := -1
			for n, k := range f.Tree().Order(path[:i]) {
				if k == key {
					at = n
				}
			}
			if at < 0 {
				return nil, false
			}
			v = level[at]
		default:
			return nil, false
		}
	}
	return v, true
}

// replaced tells whether a later pair stands at path, above it or below it: the only way in which PHP loses a value.
func replaced(paths [][]string, i int) bool {
	for _, later := range paths[i+1:] {
		n := min(len(later), len(paths[i]))
		if cmp.Equal(later[:n], paths[i][:n]) {
			return true
		}
	}
	return false
}

// replacedAlone tells whether a later pair of the same spelling replaces one, where that spelling has a place of its own beside PHP's
// name: "a b" is replaced by "a b[]" although a_b[] stood between and has given that its place.
func replacedAlone(f *Fields, i int) bool {
	raw, _ := split(f.Pairs[i].Name, nil)
	own, at := &Fields{}, 0
	for j, pair := range f.Pairs {
		if same, _ := split(pair.Name, nil); same != raw {
			continue
		}
		if j == i {
			at = len(own.Pairs)
		}
		own.Pairs = append(own.Pairs, pair)
	}
	return replaced(own.Tree().Paths(), at)
}

// TestEveryPairIsReachable wants each pair at its path in the nested view, unless a later one replaced it there.
func TestEveryPairIsReachable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		piece := rapid.SampledFrom([]string{"a", "b", "a b", "a_b", "a.b", " a", "0", "1", "7", "-1", "05", "k", "", "й", "[", "]", "[]", "[0]", "[k]", "[ ]", "[a b]", "9223372036854775806"})
		names := rapid.SliceOfN(rapid.Map(rapid.SliceOfN(piece, 1, 4), func(s []string) string { return strings.Join(s, "") }), 1, 90).Draw(t, "names")
		f := &Fields{}
		for i, name := range names {
			f.Pairs = append(f.Pairs, Pair{name, fmt.Sprint("v", i)})
		}
		checkReachable(t, f)
	})
}

func checkReachable(t interface{ Errorf(string, ...any) }, f *Fields) {
	paths := f.Tree().Paths()
	for i, path := range paths {
		if replaced(paths, i) || replacedAlone(f, i) {
			continue
		}
		want := any(nil)
		if v := trimmed(f.Pairs[i].Value); v != "" {
			want = v
		}
		if got, ok := reach(f, path); !ok || got != want {
			t.Errorf("pair %d %q is at %q = %v, %v; want %v", i, f.Pairs[i].Name, path, got, ok, want)
		}
	}
}
