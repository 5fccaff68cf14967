package expression

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"formrelay/internal/mapping/value"
)

func kyiv(t testing.TB) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation("Europe/Kyiv")
	if err != nil {
		t.Skip("no time zone database here: ", err)
	}
	return loc
}

func testLanguage(t testing.TB) *Language {
	return New(Options{
		Region: "UA", Location: kyiv(t), Numeric: map[string]bool{"quantity": true},
		Tables: map[string]*Table{
			"price": {Name: "price", Rows: map[string]any{"A-1": Decimal("450.10"), "0501": Decimal("7"), "12": Decimal("3"), "free": Decimal("0")}},
			"town":  {Name: "town", Rows: map[string]any{"kyiv": &Table{Name: "town.kyiv", Rows: map[string]any{"ref": "0501"}}}},
		},
	})
}

// testEnv is a post as form and the profile's types leave it.
func testEnv() *Env {
	form := map[string]any{
		"name": "Olena", "First Name": "Olena", "blank": nil, "date": "21.11.2026", "type": "call", "last": "L", "count": "9", "amount": "1 299,50",
		"a": "x", "quantity": int64(2), "weight": 1.5, "on": "on", "off": "off", "colors": []any{"red", nil, "blue"}, "sku": "A-1", "code": "0501",
		"number": int64(12), "json": `{"cart":[{"sku":"A-1","price":450.10,"n":1e3}],"blank":""}`, "ім_я": "Олена", "tel": "(050) 111-22-33",
		"products": []any{
			map[string]any{"sku": "A-1", "quantity": int64(2), "price": "10"},
			map[string]any{"sku": "B-7", "quantity": int64(1), "price": nil},
		},
		"qty": map[string]any{"b": "1", "a": "2"},
	}
	all := func(name string) []any {
		if name == "a" {
			return []any{"w", "x"}
		}
		return nil
	}
	e := NewEnv(New(Options{}))
	e.Reset(form, all, time.Date(2026, 11, 21, 16, 0, 0, 0, time.UTC), Visitor{IP: "192.0.2.1"})
	e.At(map[string]any{"sku": "A-1", "quantity": int64(3)}, 0)
	return e
}

func TestEval(t *testing.T) {
	t.Parallel()
	l := testLanguage(t)
	tests := []struct {
		source string
		want   any
	}{
		// A bare name is always a field, whatever expr knows by that name.
		{"name", "Olena"},
		{"date", "21.11.2026"},
		{"type", "call"},
		{"last", "L"},
		{"count", "9"},
		{`form["First Name"]`, "Olena"},
		{"form.name", "Olena"},
		{"ім_я", "Олена"},
		{"upper(last)", "L"},
		{"let x = name; x", "Olena"},
		{"let date = type; date + name", "callOlena"},

		// Nothing stays nothing.
		{"absent", nil},
		{"absent.more", nil},
		{"absent[0].more", nil},
		{"blank ?? name", "Olena"},
		{"absent?.more?.x", nil},
		{"upper(absent)", nil},
		{"num(absent) * 2", nil},
		{"absent - 2", nil},
		{"2 - absent", 2},
		{"absent + name", "Olena"},
		{"name + absent", "Olena"},
		{"absent > 0", false},
		{"absent == nil", true},
		{"absent in [\"a\"]", false},
		{"absent contains \"a\"", false},
		{"absent matches \"a\"", false},
		{"absent ? 1 : 2", 2},
		{"not absent", true},
		{"len(absent)", 0},
		{"filter(absent, .x)", []any{}},
		{"sum(absent, .x)", 0},
		{"absent[0:2]", nil},
		{"colors[9]", nil},
		{"join(\", \", absent, blank)", nil},
		{"split(absent, \",\")", []any{}},

		// Conditions follow the rule of `when`.
		{"off ? 1 : 2", 2},
		{"on ? 1 : 2", 1},
		{"on && off", false},
		{"on or off", true},
		{"on and quantity > 1", true},
		{"if on { 1 } else { 2 }", 1},
		{"filter(colors, #)", []any{"red", "blue"}},
		{"count(colors)", 2},

		// Numbers.
		{"quantity * 2", 4},
		{"quantity - 1", 1},
		{"quantity-1", 1},
		{"num(amount)", 1299.5},
		{"num(amount) + quantity", 1301.5},
		{"round(1.005, 2)", 1.01},
		{"round(num(amount))", float64(1300)},
		{"ceil(weight)", float64(2)},
		{"int(\"7,9\")", 7},
		{"-quantity", -2},
		{"+quantity", int64(2)},
		{"max(1, quantity, weight)", int64(2)},
		{"max([1, 2])", 2},
		{"weight == 1.5", true},
		{"quantity == 2", true},
		{"1 < quantity <= 2", true},

		// Tables: as written, by text, exact.
		{"tables.price[sku]", Decimal("450.10")},
		{"tables[\"price\"][sku]", Decimal("450.10")},
		{"tables.price[code]", Decimal("7")},
		{"tables.price[number]", Decimal("3")},
		{"tables.price[absent]", nil},
		{"tables.price[name] ?? 5", 5},
		{"tables.price[name] ?? tables.price[sku]", Decimal("450.10")},
		{"tables.price[name] ?? tables.price[type] ?? 1", 1},
		{"(on ? tables.price[name] : 1) ?? 2", 2},
		{"tables.price[\"none\"] ?? 2", 2},
		{"tables.price[sku] * quantity", 900.2},
		{"tables.price.free == 0", true},
		{"tables.town.kyiv.ref", "0501"},
		{"tables.town[\"kyiv\"][\"ref\"]", "0501"},
		{"sku in tables.price", true},
		{"name in tables.price", false},
		{"code == \"0501\"", true},
		{"tables.price[code] == \"7\"", true},
		{"sum(products, tables.price[.sku] ?? 0)", 450.1},
		{"len(tables.price)", 4},

		// Lists.
		{"list(name)", []any{"Olena"}},
		{"list(a)", []any{"w", "x"}},
		{"list(form.a)", []any{"w", "x"}},
		{"list(absent)", []any{}},
		{"list(colors)", []any{"red", "blue"}},
		{"a", "x"},
		{"join(\", \", colors, name)", "red, blue, Olena"},
		{"join(\", \", map(products, .sku))", "A-1, B-7"},
		{"products | filter(.quantity > 1) | map(.sku)", []any{"A-1"}},
		{"sum(products, num(.price) * .quantity)", float64(20)},
		{"any(products, .quantity > 1)", true},
		{"find(products, .sku == \"B-7\").quantity", int64(1)},
		{"first(colors)", "red"},
		{"last(colors)", "blue"},
		{"take(colors, 1)", []any{"red"}},
		{"reverse([1, 2])", []any{2, 1}},
		{"uniq([\"a\", \"a\", \"b\"])", []any{"a", "b"}},
		{"sort([\"b\", \"a\"])", []any{"a", "b"}},
		{"sort(colors)", []any{"blue", "red"}},
		{"concat(colors, [name])", []any{"red", nil, "blue", "Olena"}},
		{"flatten([[1], [2, [3]]])", []any{1, 2, 3}},
		{"products[0].sku", "A-1"},
		{"products[-1].sku", "B-7"},
		{"form[\"products\"][0][\"sku\"]", "A-1"},
		{"qty.a", "2"},
		{"list(qty)", []any{"2", "1"}},
		{"map(colors, # ?? \"?\")", []any{"red", "?", "blue"}},
		{"reduce(products, #acc + .quantity, 0)", 3},
		{"\"red\" in colors", true},
		{"name not in colors", true},

		// Texts, never cut through a character.
		{"ім_я[0:2]", "Ол"},
		{"name[:2] + \"…\"", "Ol…"},
		{"len(ім_я)", 5},
		{"replace(name, \"l\", \"L\")", "OLena"},
		{"trim(\"  x \")", "x"},
		{"trim(\"--x-\", \"-\")", "x"},
		{"split(\"a,b\", \",\")", []any{"a", "b"}},
		{"name contains \"len\"", true},
		{"name startsWith \"O\"", true},
		{"name matches \"^O\"", true},
		{"quantity contains \"2\"", true},
		{"string(quantity) + name", "2Olena"},
		{"hasPrefix(name, \"O\")", true},
		{"trimSuffix(name, \"a\")", "Olen"},
		{"e164(tel)", "+380501112233"},
		{"lower(name) | upper()", "OLENA"},

		// Dates.
		{"date(form.date) < now", true},
		{"date(absent)", nil},
		{"fromJSON(json).cart[0].sku", "A-1"},
		{"fromJSON(json).cart[0].price", Decimal("450.10")},
		{"fromJSON(json).blank", nil},

		// The relay's own names.
		{"item.sku", "A-1"},
		{"tables.price[item.sku] * item.quantity", 1350.3000000000002},
		{"index + 1", 1},
		{"visitor.ip", "192.0.2.1"},
		{"visitor.page", nil},
		{"{\"a\": name}.a", "Olena"},
	}
	for _, tt := range tests {
		t.Run(tt.source, func(t *testing.T) {
			t.Parallel()
			x, faults := l.Compile(tt.source, Scope{Each: true})
			if faults != nil {
				t.Fatalf("faults: %+v", faults)
			}
			for range 2 { // a machine is used again
				got, err := x.Eval(testEnv())
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			}
		})
	}
}

func TestEvalErrors(t *testing.T) {
	t.Parallel()
	l := testLanguage(t)
	tests := []struct{ source, want string }{
		{"name.first", `"Olena" is a text and has no "first"`},
		{"quantity.x", `a number has no "x"`},
		{"colors.x", "by position only"},
		{"tables.price[name]", `the table price has no key "Olena"`},
		{"tables.town.kyiv[name]", `the table town.kyiv has no key "Olena"`},
		{"tables.price[name].x", `the table price has no key "Olena"`},
		{"amount * 2", "put num(…) around"},
		{"amount + 2", "put num(…) around"},
		{"amount > 2", "put num(…)"},
		{"num(name)", "Olena"},
		{"sum(products, .price)", "put num(…)"},
		{"join(\", \", products)", "no text"},
		{"upper(colors)", "no text"},
		{"name in \"abc\"", "contains"},
		{"quantity % 0", "divide"},
		{"reduce(absent, #acc + #)", "empty"},
	}
	for _, tt := range tests {
		t.Run(tt.source, func(t *testing.T) {
			t.Parallel()
			x, faults := l.Compile(tt.source, Scope{Each: true})
			if faults != nil {
				t.Fatalf("faults: %+v", faults)
			}
			v, err := x.Eval(testEnv())
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, error %v; want an error with %q", v, err, tt.want)
			}
		})
	}
}

// Whatever is posted, no expression makes more of it than its bounds allow.
func TestEvalBounds(t *testing.T) {
	t.Parallel()
	l := testLanguage(t)
	long := strings.Repeat("a,", 100_000)
	for _, source := range []string{
		`replace(x, "a", x)`, `split(x, ",")`, `split(x, "")`, `reduce(list, #acc + #acc, x)`, `join(x, list)`, `fromJSON(json)`,
		`map(list, map(list, #))`,
	} {
		x, faults := l.Compile(source, Scope{})
		if faults != nil {
			t.Fatalf("%s: faults: %+v", source, faults)
		}
		items := make([]any, 1000)
		for i := range items {
			items[i] = "a"
		}
		env := NewEnv(l)
		env.Reset(map[string]any{"x": long, "list": items, "json": "[" + strings.Repeat("1,", 5000) + "1]"}, nil, time.Time{}, Visitor{})
		if v, err := x.Eval(env); err == nil {
			t.Errorf("%s: no error, but a %T", source, v)
		}
	}
}

func TestMissingKey(t *testing.T) {
	t.Parallel()
	x, _ := testLanguage(t).Compile("1 + tables.price[name]", Scope{})
	_, err := x.Eval(testEnv())
	var missing *MissingKey
	if !errors.As(err, &missing) || missing.Table != "price" || missing.Key != "Olena" {
		t.Errorf("got %v", err)
	}
}

func TestMoney(t *testing.T) {
	t.Parallel()
	x, _ := testLanguage(t).Compile(`num("1,299")`, Scope{Money: true})
	if v, err := x.Eval(testEnv()); !errors.Is(err, value.ErrAmbiguous) {
		t.Errorf("got %v, %v; want an ambiguous amount", v, err)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	l := testLanguage(t)
	tests := []struct {
		source string
		want   []string // offset, what, do: each contains
	}{
		{"", []string{"0|no expression|form field"}},
		{"  ", []string{"0|no expression|form field"}},
		{"your-name", []string{"0|`your-name` would subtract|your_name or form[\"your-name\"]"}},
		{"1 + your-first-name", []string{"4|`your-first-name`|your_first_name or form[\"your-first-name\"]"}},
		{"item.first-name", []string{"5|`first-name`|item[\"first-name\"]"}},
		{"form.your-name", []string{"5|`your-name`|form[\"your-name\"]"}},
		{"field-1", []string{"0|`field-1`|form[\"field-1\"]"}},
		{"nam(x) + tables.prise[x]", []string{"0|no function `nam`|", "16|no table \"prise\"|write price"}},
		{"uper(name)", []string{"0|no function `uper`|write upper"}},
		{"now()", []string{"0|`now` is a value|leave the brackets out"}},
		{"lst(colours)", []string{"0|no function `lst`|write list or last"}},
		{"dat(day)", []string{"0|no function `dat`|write date"}},
		{"frst(colours)", []string{"0|no function `frst`|write first"}},
		{"colours[]", []string{"0|a field named colours[] is written colours here|leave the empty brackets out"}},
		{"list(colours[])", []string{"5|a field named colours[] is written colours here|leave"}},
		{"list( кольори [ ] )", []string{"6|a field named кольори[] is written кольори here|leave"}},
		{"order[colours][]", []string{"0|a field named order[colours][] is written order.colours here|leave"}},
		{"products[][sku]", []string{"0|a field named products[][sku] has a value in each line of products|each: ${products} into the item and write ${item.sku} in it, or map(products, .sku)"}},
		{"products[].sku", []string{"0|products[].sku has a value|${item.sku}"}},
		{"join(', ', products[][unit-price])", []string{"11|a field named products[][unit-price]|write ${item[\"unit-price\"]}"}},
		{"products[][options][colour]", []string{"0|products[][options][colour]|with item"}},
		{"products[][options][]", []string{"0|products[][options][]|with item"}},
		{"name[] name", []string{"0|a field named name[]|leave"}},
		{"([)]", []string{"2|cannot be read|"}},
		{"$_POST['comment']", []string{"0|`$_POST` is PHP|write comment"}},
		{"trim($_GET['first name'])", []string{"5|`$_GET` is PHP|write form[\"first name\"]"}},
		{"$_REQUEST[\"in\"]", []string{"0|`$_REQUEST` is PHP|write form[\"in\"]"}},
		{"$_POST[name]", []string{"0|`$_POST` is PHP|alone"}},
		{"repeat(name, 9)", []string{"0|no function `repeat`|"}},
		{"groupBy(products, .sku)", []string{"0|no function `groupBy`|"}},
		{"name.upper()", []string{"5|cannot be called|upper(name)"}},
		{"upper()", []string{"0|`upper` takes 1 value, not 0|"}},
		{"join(\",\")", []string{"0|2 values or more, not 1|"}},
		{"round(1, 2, 3)", []string{"0|1 to 2 values, not 3|"}},
		{"tables", []string{"0|stands alone|"}},
		{"tables[name]", []string{"6|named by an expression|"}},
		{"tables.price[\"fre\"]", []string{"13|no key \"fre\"|write free"}},
		{"tables.price.zzzzzzz", []string{"13|no key \"zzzzzzz\"|tables.price[zzzzzzz]"}},
		{"visitor.pagee", []string{"8|no such member|visitor.page"}},
		{"$env", []string{"0|no name|form[\"$env\"]"}},
		{"$get(form, \"x\")", []string{"0|no function `$get`|"}},
		{"1..5", []string{"1|not part|"}},
		{"name matches other", []string{"5|pattern|"}},
		{"name || \"x\"", []string{"8|yes or no|??"}},
		{"map(a, map(b, map(c, #)))", []string{"14|inside more than|"}},
		{"let form = 1; form", []string{"4|there is already|"}},
		{"name +", []string{"5|unexpected end|"}},
		{"name name", []string{"5|cannot be read|"}},
		{"(name", []string{"4|cannot be read|"}},
		{"in", []string{"0|word of the expression language|form[\"in\"]"}},
		{"name matches \"(\"", []string{"5|missing closing|"}},
		{strings.Repeat("(", 5000), []string{"4000|4000 are allowed|"}},
		{strings.Repeat("a+", 1500) + "a", []string{"|nodes|"}},
		{"a \x00 b", []string{"2|cannot be read|"}},
	}
	for _, tt := range tests {
		t.Run(tt.source[:min(len(tt.source), 40)], func(t *testing.T) {
			t.Parallel()
			_, faults := l.Compile(tt.source, Scope{Each: true})
			if len(faults) != len(tt.want) {
				t.Fatalf("got %d faults %+v, want %d", len(faults), faults, len(tt.want))
			}
			for i, f := range faults {
				want := strings.SplitN(tt.want[i], "|", 3)
				if want[0] != "" && want[0] != strconv.Itoa(f.Offset) || !strings.Contains(f.What, want[1]) || !strings.Contains(f.Do, want[2]) || f.Do == "" {
					t.Errorf("got %+v, want %q", f, tt.want[i])
				}
			}
		})
	}
}

func TestItemOnlyBelowEach(t *testing.T) {
	t.Parallel()
	_, faults := testLanguage(t).Compile("item.sku + index", Scope{})
	if len(faults) != 2 || faults[0].Offset != 0 || faults[1].Offset != 11 {
		t.Errorf("got %+v", faults)
	}
}

func TestReads(t *testing.T) {
	t.Parallel()
	l := testLanguage(t)
	tests := []struct{ source, reads, passes string }{
		{"name", "", "name"},
		{"first + last", "first last", ""},
		{"a ?? b", "", "a b"},
		{"a ? b : c", "a", "b c"},
		{"form[\"First Name\"]", "", "First Name"},
		{"item.sku", "", "item/sku"},
		{"tables.price[item.sku] * item.quantity", "item/sku item/quantity", ""},
		{"products[0].sku", "", "products/#0/sku"},
		{"form[name]", "name", "*"},
		{"form", "", "(all)"},
		{"filter(products, .quantity > 0)", "products/*/quantity", "products"},
		{"map(products, .sku)", "", "products/*/sku"},
		{"join(\", \", map(products, .sku))", "products/*/sku", ""},
		{"sum(products, num(.price) * .quantity)", "products/*/price products/*/quantity", ""},
		{"count(products)", "products", ""},
		{"list(colors)", "", "colors"},
		{"let x = products; x[0].sku", "", "products/#0/sku"},
		{"let x = a + b; x", "a b", ""},
		{"map(filter(products, .q), .sku)", "products products/*/q", ""},
		{"visitor.ip + now", "", ""},
		{"products[index].sku", "", "products/*/sku"},
		{"{\"k\": name}.k", "name", ""},
	}
	for _, tt := range tests {
		x, faults := l.Compile(tt.source, Scope{Each: true})
		if faults != nil {
			t.Errorf("%s: faults %+v", tt.source, faults)
			continue
		}
		if got := spell(x.Reads); got != tt.reads {
			t.Errorf("%s: reads %q, want %q", tt.source, got, tt.reads)
		}
		if got := spell(x.Passes); got != tt.passes {
			t.Errorf("%s: passes %q, want %q", tt.source, got, tt.passes)
		}
	}
}

func spell(paths []Path) string {
	words := make([]string, len(paths))
	for i, p := range paths {
		var steps []string
		if p.Root == Item {
			steps = append(steps, "item")
		}
		for _, s := range p.Steps {
			switch {
			case s.Any:
				steps = append(steps, "*")
			case s.Position:
				steps = append(steps, "#"+s.Key)
			default:
				steps = append(steps, s.Key)
			}
		}
		words[i] = strings.Join(steps, "/")
		if words[i] == "" {
			words[i] = "(all)"
		}
	}
	return strings.Join(words, " ")
}

func TestSplit(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text string
		want []Part
	}{
		{"", nil},
		{"plain", []Part{{Text: "plain"}}},
		{"${a}", []Part{{Text: "a", Expr: true, Offset: 2}}},
		{"№ ${a}, ${b}!", []Part{{Text: "№ "}, {Text: "a", Expr: true, Offset: 4}, {Text: ", ", Offset: 6}, {Text: "b", Expr: true, Offset: 10}, {Text: "!", Offset: 12}}},
		{"$${a}", []Part{{Text: "${a}"}}},
		{"x$${a} ${b}", []Part{{Text: "x${a} "}, {Text: "b", Expr: true, Offset: 9}}},
		{"$", []Part{{Text: "$"}}},
		{"$5 {a}", []Part{{Text: "$5 {a}"}}},
		{`${ {"a": "}"}.a }`, []Part{{Text: ` {"a": "}"}.a `, Expr: true, Offset: 2}}},
		{"${'}'}${`}`}", []Part{{Text: "'}'", Expr: true, Offset: 2}, {Text: "`}`", Expr: true, Offset: 8}}},
		{`${"\"}"}`, []Part{{Text: `"\"}"`, Expr: true, Offset: 2}}},
		{"${}", []Part{{Expr: true, Offset: 2}}},
	}
	for _, tt := range tests {
		got, faults := Split(tt.text)
		if diff := cmp.Diff(tt.want, got); diff != "" || faults != nil {
			t.Errorf("%q: faults %v, -want +got:\n%s", tt.text, faults, diff)
		}
	}
	for text, offset := range map[string]int{"${a": 0, "є ${a} ${b": 7, "${'}": 0, "${ {}": 0} {
		if _, faults := Split(text); len(faults) != 1 || faults[0].Offset != offset {
			t.Errorf("%q: faults %+v, want one at %d", text, faults, offset)
		}
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	l := testLanguage(t)
	at := time.Date(2026, 11, 21, 16, 5, 0, 0, time.UTC)
	for _, tt := range []struct {
		value any
		want  string
	}{
		{nil, ""},
		{"x", "x"},
		{Decimal("450.10"), "450.10"},
		{true, "true"},
		{1, "1"},
		{int64(2), "2"},
		{12.99 * 3, "38.97"},
		{1e20, "100000000000000000000"},
		{0.1 + 0.2, "0.3"},
		{value.Moment{Time: at}, "2026-11-21 18:05:00"},
		{value.Moment{Time: at, DateOnly: true}, "2026-11-21"},
		{at, "2026-11-21 18:05:00"},
	} {
		if got, ok := l.Text(tt.value); got != tt.want || !ok {
			t.Errorf("Text(%v) = %q, %v; want %q", tt.value, got, ok, tt.want)
		}
	}
	if _, ok := l.Text([]any{}); ok {
		t.Error("a list has a text")
	}
}

// Whatever stands between the braces, compiling ends in a fault or in an expression that ends in a value or an error.
func FuzzCompile(f *testing.F) {
	for _, s := range []string{
		"name", "a ?? b", "filter(products, .q > 1)", "let x = 1; x + y", "tables.price[a]?.b", "{a: 1}[b]", "if a {b} else {c}", "-a ** 2", "a[1:]",
		"::upper(a)", "#", "a not in b", "b'x'", "reduce(a, #acc + #index, 0)", "sortBy(a, .b, \"desc\")", "`raw`", "1..2", "a; b",
	} {
		f.Add(s)
	}
	l := New(Options{Tables: map[string]*Table{"price": {Name: "price", Rows: map[string]any{"a": Decimal("1")}}}})
	f.Fuzz(func(t *testing.T, source string) {
		x, faults := l.Compile(source, Scope{Each: true})
		if (x == nil) == (faults == nil) {
			t.Fatal("neither an expression nor a fault, or both")
		}
		for _, fault := range faults {
			if fault.What == "" || fault.Do == "" || fault.Offset < 0 || fault.Offset > runes(source) {
				t.Fatalf("a fault that says nothing: %+v", fault)
			}
		}
		if x != nil {
			_, _ = x.Eval(testEnv())
		}
		Split(source)
	})
}

// Every grammatical expression over random values ends, in a value or an error, and in the same one again.
func TestEvalIsTotalAndDeterministic(t *testing.T) {
	t.Parallel()
	l := testLanguage(t)
	atom := rapid.SampledFrom([]string{
		"name", "absent", "quantity", "weight", "colors", "products", "qty", "item", "item.sku", "index", "now", "1", "-2.5", `"x"`, "nil", "true", "tables.price[sku]", "visitor.ip",
	})
	shape := rapid.SampledFrom([]string{
		"(%s) + (%s)", "(%s) - (%s)", "(%s) * (%s)", "(%s) / (%s)", "(%s) %% (%s)", "(%s) == (%s)", "(%s) < (%s)", "(%s) ?? (%s)", "(%s) and (%s)", "(%s) in (%s)",
		"(%s) contains (%s)", "(%s)[%s]", "(%s) ? (%s) : 1", "filter(%s, # == (%s))", "join(%s, %s)", "concat(%s, %s)", "min(%s, %s)", "[%s, %s]", "sort(%s) ?? (%s)",
		"sum(%s) + (%s)", "map(%s, (%s))", "list(%s) == (%s)", "tables.price[%s] ?? (%s)", "(%s)[0:%s]", "date(%s) < (%s)", "num(%s) + (%s)",
	})
	rapid.Check(t, func(t *rapid.T) {
		build := func(depth int) string { return "" }
		build = func(depth int) string {
			if depth == 0 || rapid.IntRange(0, 2).Draw(t, "leaf") == 0 {
				return atom.Draw(t, "atom")
			}
			return fmt.Sprintf(shape.Draw(t, "shape"), build(depth-1), build(depth-1))
		}
		x, faults := l.Compile(build(3), Scope{Each: true})
		if faults != nil {
			return
		}
		v, err := x.Eval(testEnv())
		again, errAgain := x.Eval(testEnv())
		if (err == nil) != (errAgain == nil) || fmt.Sprint(v) != fmt.Sprint(again) {
			t.Fatalf("%s: %v, %v and then %v, %v", x.Source, v, err, again, errAgain)
		}
	})
}

func BenchmarkEval(b *testing.B) {
	l := testLanguage(b)
	for _, source := range []string{"name", "tables.price[item.sku]", "name ?? last", "num(amount) * quantity"} {
		b.Run(source, func(b *testing.B) {
			x, _ := l.Compile(source, Scope{Each: true})
			env := testEnv()
			b.ReportAllocs()
			for b.Loop() {
				_, _ = x.Eval(env)
			}
		})
	}
}
