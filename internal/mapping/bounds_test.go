package mapping

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"formrelay/internal/form"
)

// hostileProfile uses every part of the language that could multiply what is posted.
const hostileProfile = `map:
  buyer: {full_name: "${name}", email: "${email}", phone: "${phone}"}
  buyer_comment: "${join(', ', list(a))} ${replace(text, 'a', 'bb')}"
  taxes: ${sum(p, num(.n ?? 0))}
  promocode: ${len(filter(p, any(p, .s == 'x')))}
  products:
    - each: ${filter(p, .s)}
      sku: ${item.s}
      quantity: ${item.n}
      comment: "${index}: ${item.c}"
      properties: [{each: "${item.o}", name: "${index}", value: "${item}"}]
    - {each: "${q}", sku: "${item.s}", price: "${tables.price[item.s] ?? 1}", properties: [{each: "${item.o}", name: "${item.k}", value: "${item.v}"}]}
    - {each: "${fromJSON(cart)}", sku: "${item.id}"}
  custom_fields:
    - {uuid: OR_1, value: "${list(a)}"}
    - {uuid: OR_2, value: "${uniq(a)}"}
tables: {price: {A: 1}}
rest: manager_comment
rest_except: [secret, "p[][secret]"]
fields:
  p[][n]: {type: number, validate: "min=0", default: 1, label: {en: N}}
  p[][o][]: {validate: "max=1000"}
  q[][s]: {validate: "max=100"}
  phone: {type: phone}
`

// Whatever fits the bounds of a post is mapped in bounded time and memory, into an entity or into what is wrong with it.
func TestHostilePosts(t *testing.T) {
	if testing.Short() {
		t.Skip("it posts what only an attacker would")
	}
	m := mustCompile(t, hostileProfile)
	big := strings.Repeat("a", 256<<10)
	for name, pairs := range map[string][]string{
		"ManyNames":         manyPairs(1000, "field%d=x"),
		"OneNameOften":      manyPairs(1000, "a=%d"),
		"ManyItems":         manyPairs(1000, "a[]=%d"),
		"ManyLines":         manyPairs(1000, "p[%d][s]=A"),
		"LinesAtTheBound":   manyPairs(500, "p[%d][s]=A"),
		"LinesUnfit":        manyPairs(500, "q[%d][s]=A&"),
		"LinesOfTwoFields":  append(manyPairs(500, "p[%d][s]=A"), manyPairs(500, "p[%d][n]=x")...),
		"LinesWithOptions":  append(manyPairs(450, "q[%d][s]=A"), manyPairs(450, "q[%d][o][0][k]=v")...),
		"OneLineManyOption": append(manyPairs(999, "p[0][o][%d]=v"), "p[0][s]=A"),
		"OptionsByName":     append(manyPairs(999, "p[0][o][k%d]=v"), "p[0][s]=A"),
		"Contradictions":    append(manyPairs(500, "p[%d]=x"), manyPairs(500, "p[%d][s]=A")...),
		"Deep":              manyPairs(1000, "p"+strings.Repeat("[x]", 31)+"[%d]=x"),
		"DeepLists":         manyPairs(1000, "p"+strings.Repeat("[]", 32)+"=%d"),
		"DeepEach":          manyPairs(1000, "p[%d]"+strings.Repeat("[0]", 30)+"=x"),
		"LongNames":         manyPairs(1000, strings.Repeat("n", 990)+"%d=x"),
		"OddNames":          manyPairs(1000, "a b.c-d["+strings.Repeat("є", 100)+"%d=x"),
		"AliasesOfOne":      manyPairs(1000, strings.Repeat("-", 10)+"%d"+strings.Repeat(".", 10)+"=x"),
		"HugeText":          {"name=x", "text=" + big, "note=" + big, "more=" + big},
		"HugePhone":         {"phone=" + strings.Repeat("050 111 22 33 ", 18000)},
		"HugeDigits":        {"name=x", "p[0][s]=A", "p[0][n]=" + strings.Repeat("9", 250<<10)},
		"HugeJSON":          {"name=x", "cart=" + strings.Repeat("[", 200<<10)},
		"HugeJSONList":      {"name=x", "cart=[" + strings.Repeat("{},", 80<<10) + "{}]"},
		"HugeIndexes":       manyPairs(1000, "p[999999999%d][s]=A"),
		"NegativeIndexes":   manyPairs(1000, "p[-%d][s]=A"),
		"HugeEmail":         {"email=" + big + "@example.test"},
	} {
		t.Run(name, func(t *testing.T) {
			in := Input{ID: testID, Now: testNow(), Fields: post(pairs...), Explain: true}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			begin := time.Now()
			res := m.Apply(in)
			took := time.Since(begin)
			runtime.ReadMemStats(&after)
			if (res.Entity == nil) != (len(res.Corrections)+len(res.Problems) > 0) {
				t.Error("an entity and a fault, or neither")
			}
			for _, p := range res.Problems {
				if strings.Contains(p.Text, "the relay itself") || len(p.Text) > 1000 {
					t.Errorf("%.2000s", p.Text)
				}
			}
			// Both bounds are far above what is measured (0.3 s and 115 MB, where the profile itself loops over lines in a loop over lines).
			if used := after.TotalAlloc - before.TotalAlloc; took > 20*time.Second || used > 512<<20 {
				t.Errorf("%v, %d MB", took, used>>20)
			}
			t.Logf("%v, %d KB, %d problems, %d corrections", took, (after.TotalAlloc-before.TotalAlloc)>>10, len(res.Problems), len(res.Corrections))
		})
	}
}

// A list of the entity has at most 500 items, of whatever they are made, and one more holds the submission.
func TestItemsAtTheBound(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, lines, format string }{
		{"List", "  products: [{each: \"${p}\", sku: \"${item.s}\"}]\n", "p[%d][s]=A"},
		{"Object", "  products: [{each: \"${p}\", sku: \"${index}\"}]\n", "p[k%d]=A"},
		{"Repeated", "  products: [{each: \"${list(p)}\", sku: \"${item}\"}]\n", "p=%d"},
		{"Payments", "  payments: [{each: \"${p}\", payment_method: x, amount: \"${item}\"}]\n", "p[]=%d"},
		{"Properties", "  products: [{sku: A, properties: [{each: \"${p}\", name: \"${index}\", value: \"${item}\"}]}]\n", "p[]=%d"},
		{"CustomFields", "  custom_fields: [{each: \"${p}\", uuid: \"OR_${index}\", value: \"${item}\"}]\n", "p[]=%d"},
	} {
		m := mustCompile(t, buyer+tt.lines)
		if res := apply(m, post(manyPairs(maxLines, tt.format)...)); res.Entity == nil {
			t.Errorf("%s: %d items: %.300s", tt.name, maxLines, told(res, ""))
		}
		res := apply(m, post(manyPairs(maxLines+1, tt.format)...))
		if len(res.Problems) != 1 || !strings.Contains(res.Problems[0].Text, fmt.Sprintf("%d items; %d are allowed", maxLines+1, maxLines)) {
			t.Errorf("%s: %d items: %.300s", tt.name, maxLines+1, told(res, ""))
		}
	}
}

// Several lists of items together may pass the bound of one, and are held for it, not cut.
func TestItemsOfTwoEach(t *testing.T) {
	t.Parallel()
	m := mustCompile(t, buyer+"  products: [{each: \"${p}\", sku: \"${item}\"}, {each: \"${q}\", sku: \"${item}\"}]\n")
	res := apply(m, post(append(manyPairs(300, "p[]=%d"), manyPairs(300, "q[]=%d")...)...))
	if res.Entity != nil && strings.Count(string(res.Entity), `"sku"`) != 600 {
		t.Errorf("%d items of 600 arrived", strings.Count(string(res.Entity), `"sku"`))
	}
	for _, p := range res.Problems {
		if p.Text == "" || strings.Contains(p.Text, "index") {
			t.Errorf("no sentence for ops: %q", p.Text)
		}
	}
}

// worlds are posts that have nothing in common, to be mapped in turn by one Mapping.
func worlds() []*form.Fields {
	return []*form.Fields{
		post("name=Olena", "email=o@example.test", "phone=050 111 22 33 після 18:00", "p[0][s]=A", "p[0][n]=2", "p[0][o][Color]=red", "note=first"),
		post("name=", "email=x", "p[0][n]=bad"),
		post("name=Ivan", "a=1", "a=2", "text=abc", "q[5][s]=A", "q[5][o][0][k]=K", "q[5][o][0][v]=V"),
		post("name=Petro", "p[0][s]=A", "p[0][n]=0,000"),
		post(),
		post("name=Oksana", `cart=[{"id":"1"},{"id":"2"}]`, "p[1][s]=B", "p[0][s]=", "unused=y"),
		post("name=Too", "cart={"),
		post(manyPairs(40, "p[%d][s]=A")...),
		post(manyPairs(501, "q[%d][s]=A")...),
	}
}

// A Mapping's memory serves many posts, and nothing of one is seen in another, whichever came before.
func TestNothingLeaksFromPostToPost(t *testing.T) {
	t.Parallel()
	shared := mustCompile(t, hostileProfile)
	posts := worlds()
	fresh := make([]Result, len(posts))
	for i := range posts {
		fresh[i] = mustCompile(t, hostileProfile).Apply(Input{ID: testID, Now: testNow(), Fields: posts[i], Explain: i%2 == 0})
	}
	for first := range posts {
		for i := range posts {
			n := (first + i*3) % len(posts)
			got := shared.Apply(Input{ID: testID, Now: testNow(), Fields: posts[n], Explain: n%2 == 0})
			if diff := cmp.Diff(fresh[n], got); diff != "" {
				t.Fatalf("post %d after others (-fresh +got):\n%s", n, diff)
			}
		}
	}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 20 {
				n := (g + i) % len(posts)
				if got := shared.Apply(Input{ID: testID, Now: testNow(), Fields: posts[n], Explain: n%2 == 0}); !cmp.Equal(fresh[n], got) {
					t.Errorf("post %d beside others differs", n)
				}
			}
		})
	}
	wg.Wait()
}

// A result is the caller's: later posts do not change it.
func TestResultsStay(t *testing.T) {
	t.Parallel()
	m := mustCompile(t, hostileProfile)
	posts := worlds()
	first := m.Apply(Input{ID: testID, Now: testNow(), Fields: posts[0], Explain: true})
	wrong := m.Apply(Input{ID: testID, Now: testNow(), Fields: posts[1]})
	before := fmt.Sprintf("%+v %+v", first, wrong)
	for range 3 {
		for _, p := range posts {
			m.Apply(Input{ID: "OTHER", Now: testNow().Add(time.Hour), Fields: p, Explain: true})
		}
	}
	if after := fmt.Sprintf("%+v %+v", first, wrong); after != before {
		t.Errorf("a result changed after it was handed out:\n%s\n%s", before, after)
	}
}

// The input is read, never written: the same fields are stored afterwards.
func TestInputStays(t *testing.T) {
	t.Parallel()
	m := mustCompile(t, hostileProfile)
	for i, f := range worlds() {
		in := Input{ID: testID, Now: testNow(), Fields: f, Visitor: Visitor{IP: "192.0.2.7"}}
		m.Apply(in)
		m.Apply(in)
		if diff := cmp.Diff(worlds()[i], f); diff != "" {
			t.Errorf("post %d was changed:\n%s", i, diff)
		}
	}
}

// The same input gives the same bytes: nothing depends on the order of a map, nor on a clock.
func TestDeterminism(t *testing.T) {
	t.Parallel()
	m := mustCompile(t, buyer+`  products: [{each: "${o}", sku: "${index}", comment: "${item}"}, {each: "${tables.t}", sku: "${index}"}, {each: "${fromJSON(j)}", sku: "${index}"}]
  buyer_comment: "${join(',', o)} ${join(',', tables.t)} ${now}"
  custom_fields: [{uuid: OR_1, value: "${map(o, #)}"}]
rest: manager_comment
tables: {t: {z: 1, y: 2, x: 3, w: 4, v: 5, u: 6}}
`)
	in := Input{ID: testID, Now: testNow(), Fields: post("o[z]=1", "o[y]=2", "o[x]=3", "o[w]=4", "o[v]=5", `j={"z":1,"y":2,"x":3,"w":4}`, "r3=1", "r1=2", "r2=3"), Explain: true}
	first := fmt.Sprintf("%+v", m.Apply(in))
	if !strings.Contains(string(m.Apply(in).Entity), `"sku":"z"`) {
		t.Fatal(told(m.Apply(in), ""))
	}
	for range 30 {
		if again := fmt.Sprintf("%+v", m.Apply(in)); again != first {
			t.Fatalf("the same input, other bytes:\n%s\n%s", first, again)
		}
	}
}
