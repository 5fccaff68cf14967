package mapping

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/schema"
	"pgregory.net/rapid"

	"formrelay/internal/keycrm"
)

// leafPaths are all paths of an entity, with # for a number.
func leafPaths(t *keycrm.Type, prefix string) []string {
	var paths []string
	for _, c := range t.Children {
		switch c.Word {
		case keycrm.WordObject:
			paths = append(paths, leafPaths(c, prefix+c.Name+".")...)
		case keycrm.WordList:
			paths = append(paths, leafPaths(c, prefix+c.Name+".#.")...)
		case keycrm.WordTexts:
			paths = append(paths, prefix+c.Name, prefix+c.List)
		default:
			paths = append(paths, prefix+c.Name)
		}
	}
	return paths
}

// numbered puts drawn numbers in the place of a path's #.
func numbered(t *rapid.T, path string) string {
	var out []byte
	for i := range len(path) {
		if path[i] == '#' {
			out = strconv.AppendInt(out, int64(rapid.IntRange(0, 3).Draw(t, "number")), 10)
		} else {
			out = append(out, path[i])
		}
	}
	return string(out)
}

// sentences are the errors by path as texts with their types, so that they can be compared.
func sentences(faults schema.MultiError) map[string]string {
	texts := map[string]string{}
	for path, err := range faults {
		texts[path] = fmt.Sprintf("%T %v", err, err)
	}
	return texts
}

// Decoding one object at a time gives what one call of schema with the whole paths gives: the same struct, the same errors. So it does
// where every value is a literal of the profile.
func TestDecodeByObject(t *testing.T) {
	t.Parallel()
	d, whole := newDecoder(), schema.NewDecoder()
	texts := []string{"", "0", "1", "12", "-5", "1.50", "007.10", "x", "true", "2026-11-21", "NaN", "0x1", "o@example.test", "Олена", "a,b"}
	known := newDecoder()
	for in := range known.structs {
		for _, f := range reflect.VisibleFields(in) {
			for _, text := range texts {
				known.keepLiteral(literal{in, f.Tag.Get("schema"), text})
			}
		}
	}
	whole.MaxSize(maxLines)
	var e entity // one for all, as a run's is used again
	kinds := map[keycrm.Kind][]string{}
	for _, kind := range []keycrm.Kind{keycrm.KindOrder, keycrm.KindCard} {
		kinds[kind] = append(leafPaths(keycrm.Schema(kind), ""), "nothing", "nothing.at.all", "products.#.nothing", "products.x.sku",
			"products.#.properties.#.none.more", "shipping.nothing.more")
	}
	value := rapid.SampledFrom(texts)
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]keycrm.Kind{keycrm.KindOrder, keycrm.KindCard}).Draw(t, "kind")
		e.reset()
		all := map[string][]string{}
		for range rapid.IntRange(0, 40).Draw(t, "paths") {
			path := numbered(t, rapid.SampledFrom(kinds[kind]).Draw(t, "path"))
			texts := rapid.SliceOfN(value, 1, 2).Draw(t, "texts")
			e.set(path, texts)
			all[path] = texts
			if rapid.IntRange(0, 9).Draw(t, "remove") == 0 {
				e.remove(path)
				delete(all, path)
			}
		}
		for path, texts := range all {
			if !slices.Equal(e.all(path), texts) || e.get(path) != texts[0] {
				t.Fatalf("%s holds %q, not %q", path, e.all(path), texts)
			}
		}
		m := Mapping{kind: kind}
		want := m.body()
		wanted, _ := errors.AsType[schema.MultiError](whole.Decode(want, all))
		for _, d := range []*decoder{d, known} {
			got := m.body()
			faults := d.decode(got, &e)
			if diff := cmp.Diff(sentences(wanted), sentences(faults)); diff != "" {
				t.Fatal("other errors (-whole +by object):\n" + diff)
			}
			if len(faults) == 0 && !reflect.DeepEqual(got, want) {
				t.Fatal("another result (-whole +by object):\n" + cmp.Diff(want, got))
			}
		}
	})
}

// A list grows up to the bound and no further, and what lies beyond is told with its path.
func TestDecodeBound(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		number int
		ok     bool
	}{{maxLines, true}, {maxLines + 1, false}} {
		var e entity
		path := fmt.Sprintf("products.%d.sku", tt.number)
		e.set(path, []string{"A"})
		var o keycrm.Order
		faults := newDecoder().decode(&o, &e)
		if tt.ok && (faults != nil || o.Products[tt.number].SKU != "A") || !tt.ok && (faults[path] == nil || len(o.Products) > 0) {
			t.Errorf("%d: %v, %d products", tt.number, faults, len(o.Products))
		}
	}
}
