package expression

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"formrelay/internal/mapping/value"
)

// fails is what a case wants that ends in an error: a part of its sentence.
type fails string

// evalCase is an expression and what it gives: a value, or fails.
type evalCase struct {
	Source string
	Want   any
}

// runEval evaluates a table over testEnv.
func runEval(t *testing.T, cases []evalCase) {
	t.Helper()
	l, seen := testLanguage(t), map[string]bool{}
	for _, tt := range cases {
		if seen[tt.Source] {
			t.Errorf("%s stands twice", tt.Source)
		}
		seen[tt.Source] = true
		x, faults := l.Compile(tt.Source, Scope{Each: true})
		if faults != nil {
			t.Errorf("%s: faults %+v", tt.Source, faults)
			continue
		}
		got, err := x.Eval(testEnv())
		if part, wantsError := tt.Want.(fails); wantsError {
			if err == nil || !strings.Contains(err.Error(), string(part)) {
				t.Errorf("%s: got %v, error %v; want an error with %q", tt.Source, got, err, string(part))
			}
			continue
		}
		if diff := cmp.Diff(tt.Want, got); diff != "" || err != nil {
			t.Errorf("%s: error %v, -want +got:\n%s", tt.Source, err, diff)
		}
	}
}

func TestTextFunctions(t *testing.T) {
	t.Parallel()
	runEval(t, []evalCase{
		{`string(name)`, "Olena"},
		{`string(5)`, "5"},
		{`string(1.50)`, "1.5"},
		{`string(true)`, "true"},
		{`string(tables.price["A-1"])`, "450.10"},
		{`string(date("21.11.2026"))`, "2026-11-21"},
		{`string(absent)`, nil},
		{`string(colors)`, fails("no text")},
		{`string(qty)`, fails("no text")},
		{`trim("  x ")`, "x"},
		{`trim("")`, ""},
		{`trim(absent)`, nil},
		{`trim(absent, "-")`, nil},
		{`trim("xyx", "x")`, "y"},
		{`trim("xyx", absent)`, "xyx"},
		{`trim(5)`, "5"},
		{`trim(products)`, fails("no text")},
		{`upper("їжак")`, "ЇЖАК"},
		{`lower("ЇЖАК")`, "їжак"},
		{`lower(absent)`, nil},
		{`upper(weight)`, "1.5"},
		{`trimPrefix("+380", "+")`, "380"},
		{`trimPrefix("380", "+")`, "380"},
		{`trimPrefix(absent, "+")`, nil},
		{`trimPrefix("x", absent)`, "x"},
		{`trimSuffix("5 шт", " шт")`, "5"},
		{`trimSuffix(quantity, "2")`, ""},
		{`hasPrefix("abc", "ab")`, true},
		{`hasPrefix("abc", "b")`, false},
		{`hasPrefix(absent, "b")`, nil},
		{`hasPrefix(absent, "b") ? 1 : 2`, 2},
		{`hasSuffix("abc", "bc")`, true},
		{`hasSuffix(colors, "b")`, fails("no text")},
		{`replace("a-b-c", "-", "")`, "abc"},
		{`replace("a-b", "", "x")`, "a-b"},
		{`replace("a-b", "-", absent)`, "ab"},
		{`replace("a-b", absent, "x")`, "a-b"},
		{`replace(absent, "a", "b")`, nil},
		{`replace("a2", quantity, 3)`, "a3"},
		{`replace("a", "a", products)`, fails("no text")},
		{`split("a;b;;c", ";")`, []any{"a", "b", "", "c"}},
		{`split("abc", "")`, []any{"a", "b", "c"}},
		{`split("abc", ";")`, []any{"abc"}},
		{`split("", ";")`, []any{""}},
		{`split(absent, ";")`, []any{}},
		{`split("a b", absent)`, []any{"a", " ", "b"}},
		{`split(colors, ";")`, fails("no text")},
		{`join(", ", "a", "b")`, "a, b"},
		{`join(", ", "a", absent, "b")`, "a, b"},
		{`join(", ", ["a", nil, ""], "b")`, "a, b"},
		{`join("", colors)`, "redblue"},
		{`join(absent, "a", "b")`, "ab"},
		{`join(0, "a", "b")`, "a0b"},
		{`join(", ", [])`, nil},
		{`join(", ", "")`, nil},
		{`join(", ", 1, 2.5, true)`, "1, 2.5, true"},
		{`join(", ", qty)`, "2, 1"},
		{`join(", ", tables.town)`, fails("no text")},
		{`join(", ", [[1]])`, fails("no text")},
		{`join(colors, "a")`, fails("separator first")},
		{`e164("050 111 22 33")`, "+380501112233"},
		{`e164("12")`, "12"},
		{`e164(absent)`, nil},
		{`e164(380501112233)`, "+380501112233"},
		{`e164(colors)`, fails("no text")},
		{`fromJSON("null")`, nil},
		{`fromJSON("true")`, true},
		{`fromJSON(" [1, 2.50, \"x\", \" \", null] ")`, []any{Decimal("1"), Decimal("2.50"), "x", nil, nil}},
		{`fromJSON("{\"a\": {\"b\": []}}")`, map[string]any{"a": map[string]any{"b": []any{}}}},
		{`fromJSON("1e5")`, "1e5"},
		{`fromJSON("12345678901234567890")`, Decimal("12345678901234567890")},
		{`fromJSON(absent)`, nil},
		{`fromJSON(blank)`, nil},
		{`fromJSON("")`, fails("no JSON")},
		{`fromJSON("{")`, fails("no JSON")},
		{`fromJSON("[1,]")`, fails("no JSON")},
		{`fromJSON("[] []")`, fails("something follows")},
		{`fromJSON(5)`, fails("no text")},
	})
}

func TestNumberFunctions(t *testing.T) {
	t.Parallel()
	runEval(t, []evalCase{
		{`num("1 299,50 грн")`, 1299.5},
		{`num("1,299")`, 1.299}, // no money here
		{`num("-5")`, float64(-5)},
		{`num(" ")`, nil},
		{`num(absent)`, nil},
		{`num(5)`, float64(5)},
		{`num(quantity)`, float64(2)},
		{`num(weight)`, 1.5},
		{`num(tables.price.free)`, float64(0)},
		{`num("x")`, fails(`"x"`)},
		{`num("NaN")`, fails("no number")},
		{`num("Inf")`, fails("no number")},
		{`num("0x1F")`, fails("no number")},
		{`num("1e3")`, fails("no number")},
		{`num(true)`, fails("no number")},
		{`num(colors)`, fails("no number")},
		{`num(now)`, fails("no number")},
		{`int("7")`, 7},
		{`int("7,9")`, 7},
		{`int("-7.9")`, -7},
		{`int(7.9)`, 7},
		{`int(weight)`, 1},
		{`int(absent)`, nil},
		{`int("")`, nil},
		{`int("x")`, fails("no number")},
		{`int("999999999999999999")`, fails("too large")},
		{`int(2000000000000000)`, 2000000000000000},
		{`abs(-5)`, float64(5)},
		{`abs(absent)`, nil},
		{`abs("-5")`, fails("put num(…)")},
		{`ceil(1.01)`, float64(2)},
		{`ceil(-1.5)`, float64(-1)},
		{`floor(1.99)`, float64(1)},
		{`floor(-1.5)`, float64(-2)},
		{`floor(absent)`, nil},
		{`round(1.5)`, float64(2)},
		{`round(-1.5)`, float64(-2)},
		{`round(2.675, 2)`, 2.68},
		{`round(1.005, 2)`, 1.01},
		{`round(1234.5678, 0)`, float64(1235)},
		{`round(0.1234567891, 9)`, 0.123456789},
		{`round(absent)`, nil},
		{`round(absent, 2)`, nil},
		{`round(1.5, 10)`, fails("0 to 9")},
		{`round(1.5, -1)`, fails("0 to 9")},
		{`round(1.5, "x")`, fails("0 to 9")},
		{`round(1.5, 1.5)`, fails("0 to 9")},
		{`round(name)`, fails("put num(…)")},
		{`min(3, 1, 2)`, 1},
		{`min([3, 1, 2])`, 1},
		{`min(3, absent)`, 3},
		{`min(absent, 3)`, 3},
		{`max(1.5, weight, 1)`, 1.5},
		{`max(tables.price.free, tables.price["12"])`, 3},
		{`max([])`, nil},
		{`max(name, 1)`, fails("")},
		{`mean([1, 2, 3])`, float64(2)},
		{`mean(1, 2)`, 1.5},
		{`median([3, 1, 2])`, float64(2)},
		{`sum([1, 2.5])`, 3.5},
		{`sum([1, nil, 2])`, 3},
		{`sum([])`, 0},
		{`sum(absent)`, 0},
		{`sum(products, .quantity)`, float64(3)},
		{`sum(products, .missing)`, 0},
		{`sum(["1"])`, fails("put num(…)")},
		{`duration("1h30m")`, 90 * time.Minute},
		{`duration("soon")`, fails(`"soon" is no duration`)},
		{`duration(5)`, fails("takes a text")},
		{`duration(absent)`, fails("takes a text")},
	})
}

func TestListFunctions(t *testing.T) {
	t.Parallel()
	runEval(t, []evalCase{
		{`list("x")`, []any{"x"}},
		{`list(nil)`, []any{}},
		{`list([nil, 1, nil])`, []any{1}},
		{`list(products[0].sku)`, []any{"A-1"}},
		{`list(tables.town.kyiv)`, []any{"0501"}},
		{`list(item.sku)`, []any{"A-1"}},
		{`list(form["a"])`, []any{"w", "x"}},
		{`let y = a; list(y)`, []any{"x"}},
		{`list(upper(a))`, []any{"X"}},
		{`len("їжак")`, 4},
		{`len([1, 2])`, 2},
		{`len(qty)`, 2},
		{`len(5)`, 1},
		{`len("")`, 0},
		{`len(tables.town)`, 1},
		{`first([])`, nil},
		{`first("x")`, "x"},
		{`first(qty)`, "2"},
		{`last([1, 2])`, 2},
		{`last(absent)`, nil},
		{`take([1, 2, 3], 2)`, []any{1, 2}},
		{`take([1], 5)`, []any{1}},
		{`take([1, 2], 0)`, []any{}},
		{`take([1, 2, 3], -1)`, []any{1, 2}},
		{`take(absent, 1)`, []any{}},
		{`take([1], "x")`, fails("whole numbers")},
		{`reverse(colors)`, []any{"blue", nil, "red"}},
		{`reverse(absent)`, []any{}},
		{`uniq([1, "1", 2, nil, nil])`, []any{1, 2, nil}},
		{`uniq([["a"], ["a"]])`, []any{[]any{"a"}, []any{"a"}}},
		{`uniq(absent)`, []any{}},
		{`concat([1], 2, absent, [3])`, []any{1, 2, 3}},
		{`concat(absent)`, []any{}},
		{`flatten([1, [2, [3, nil]]])`, []any{1, 2, 3}},
		{`sort([3, 1, 2])`, []any{1, 2, 3}},
		{`sort(["b", "a"], "desc")`, []any{"b", "a"}},
		{`sort([2, nil, 1])`, []any{1, 2}},
		{`sort(absent)`, []any{}},
		{`all(products, .quantity > 0)`, true},
		{`all([], false)`, true},
		{`any([], true)`, false},
		{`none(products, .sku == "Z")`, true},
		{`one(products, .sku == "A-1")`, true},
		{`count([true, false, "no", "yes", 0])`, 2},
		{`count(products, .price)`, 1},
		{`map(absent, .x)`, []any{}},
		{`map([1, 2], # * 2)`, []any{2, 4}},
		{`map(products, .quantity)`, []any{int64(2), int64(1)}},
		{`map(products, #index)`, []any{0, 1}},
		{`map("x", # + "!")`, []any{"x!"}},
		{`filter(products, .price)`, []any{map[string]any{"sku": "A-1", "quantity": int64(2), "price": "10"}}},
		{`filter(["yes", "no", "", nil, "0"], #)`, []any{"yes"}},
		{`find(products, .sku == "none")`, nil},
		{`findIndex(products, .sku == "B-7")`, 1},
		{`findLast(products, .quantity).sku`, "B-7"},
		{`findLastIndex(products, .quantity > 0)`, 1},
		{`map(sortBy(products, .quantity), .sku)`, []any{"B-7", "A-1"}},
		{`map(sortBy(products, .sku, "desc"), .sku)`, []any{"B-7", "A-1"}},
		{`reduce([1, 2, 3], #acc + #)`, 6},
		{`reduce([1, 2, 3], #acc + #, 10)`, 16},
		{`reduce(absent, #acc + #, 0)`, 0},
		{`filter(map(products, .sku), # startsWith "A")`, []any{"A-1"}},
		{`products | filter(.quantity) | sortBy(.sku, "desc") | map(.sku) | filter(# != "x") | first()`, "B-7"},
		{`map(filter(products, any(products, .quantity > 1)), .sku)`, []any{"A-1", "B-7"}},
	})
}

func TestOperators(t *testing.T) {
	t.Parallel()
	runEval(t, []evalCase{
		// Arithmetic over nothing is nothing, over numbers as expr has it, over text a sentence.
		{`absent + absent`, nil},
		{`absent + 2`, 2},
		{`2 + absent`, 2},
		{`absent - 2`, nil},
		{`2 - absent`, 2},
		{`absent * 2`, nil},
		{`2 * absent`, nil},
		{`2 / absent`, nil},
		{`absent % 2`, nil},
		{`absent ** 2`, nil},
		{`-absent`, nil},
		{`+absent`, nil},
		{`1 + 2 * 3`, 7},
		{`7 / 2`, 3.5},
		{`7 % 2`, 1},
		{`2 ** 10`, float64(1024)},
		{`2 ^ 3`, float64(8)},
		{`quantity + 1`, 3},
		{`quantity + weight`, 3.5},
		{`tables.price["A-1"] + 1`, 451.1},
		{`tables.price["12"] * 2`, 6},
		{`"a" + "b"`, "ab"},
		{`"a" + 1`, fails("put num(…)")},
		{`1 + "a"`, fails("put num(…)")},
		{`"a" - "b"`, fails("put num(…)")},
		{`"2" * "3"`, fails("put num(…)")},
		{`1 / 0`, fails("finite")},
		{`0 / 0`, fails("finite")},
		{`1 % 0`, fails("divide")},
		{`10 ** 400`, fails("finite")},
		{`9000000000000000000 + 9000000000000000000`, fails("too large")},
		{`-9000000000000000000 - 9000000000000000000`, fails("too large")},
		{`4000000000 * 4000000000`, fails("too large")},
		{`4000000000 * 2000000000`, 8000000000000000000},
		{`now + duration("1h") > now`, true},
		{`now - now`, time.Duration(0)},
		{`absent + duration("1h")`, nil},
		{`duration("1h") + duration("30m")`, 90 * time.Minute},

		// Order.
		{`absent < 1`, false},
		{`1 > absent`, false},
		{`absent <= absent`, false},
		{`"a" < "b"`, true},
		{`2 >= 2.0`, true},
		{`tables.price["A-1"] > 450`, true},
		{`date("2026-01-01") < now`, true},
		{`"2" < 3`, fails("put num(…)")},
		{`3 > "2"`, fails("put num(…)")},
		{`colors > 1`, fails("")},

		// Equality: of a table's number with a text by its text.
		{`1 == 1.0`, true},
		{`"1" == 1`, false},
		{`absent == absent`, true},
		{`absent != "x"`, true},
		{`blank == nil`, true},
		{`tables.price["A-1"] == "450.10"`, true},
		{`"450.1" == tables.price["A-1"]`, false},
		{`tables.price["A-1"] == 450.1`, true},
		{`tables.price["12"] != 3`, false},
		{`colors == colors`, true},
		{`qty == {"a": "2", "b": "1"}`, true},

		// Yes and no.
		{`not "no"`, true},
		{`!on`, false},
		{`!absent`, true},
		{`off || on`, true},
		{`off && on`, false},
		{`on and not off`, true},
		{`"" ? 1 : 2`, 2},
		{`"0,00" ? 1 : 2`, 2},
		{`[] ? 1 : 2`, 2},
		{`colors ? 1 : 2`, 1},
		{`tables.price.free ? 1 : 2`, 2},
		{`absent ? 1 : off ? 2 : 3`, 3},
		{`absent ?? blank ?? 5`, 5},
		{`off ?? 5`, "off"},

		// Membership and parts of texts.
		{`"red" in colors`, true},
		{`"green" not in colors`, true},
		{`"a" in qty`, true},
		{`absent in qty`, false},
		{`quantity in [1, 2]`, true},
		{`12 in tables.price`, true},
		{`"12" in tables.price`, true},
		{`"x" in absent`, false},
		{`"Olena" in name`, fails("contains")},
		{`name contains "len"`, true},
		{`name contains absent`, false},
		{`absent startsWith "x"`, false},
		{`number startsWith "1"`, true},
		{`name endsWith "na"`, true},
		{`name matches "(?i)^olena$"`, true},
		{`number matches "^[0-9]+$"`, true},
		{`colors contains "red"`, fails("no text")},

		// Cuts.
		{`name[0:2]`, "Ol"},
		{`name[-2:]`, "na"},
		{`name[:99]`, "Olena"},
		{`name[3:1]`, ""},
		{`ім_я[1:3]`, "ле"},
		{`colors[1:]`, []any{nil, "blue"}},
		{`colors[-1:]`, []any{"blue"}},
		{`absent[1:2]`, nil},
		{`name["x":]`, fails("whole numbers")},
		{`qty[0:1]`, fails("cannot be cut")},
	})
}

func TestMembers(t *testing.T) {
	t.Parallel()
	runEval(t, []evalCase{
		{`form["absent"]["more"][0]`, nil},
		{`form[absent]`, nil},
		{`qty["a"]`, "2"},
		{`qty[type]`, nil},
		{`qty[colors]`, fails("no key")},
		{`colors[0]`, "red"},
		{`colors["0"]`, "red"},
		{`colors[-1]`, "blue"},
		{`colors[-4]`, nil},
		{`colors[3]`, nil},
		{`colors[1.0]`, nil},
		{`colors[1.5]`, fails("by position only")},
		{`colors[tables.price.free]`, "red"},
		{`colors[name]`, fails("by position only")},
		{`colors[absent]`, fails("by position only")},
		{`products[0]["sku"]`, "A-1"},
		{`products[9].sku`, nil},
		{`name[0]`, fails("is a text")},
		{`name.x`, fails("is a text")},
		{`name?.x`, fails("is a text")},
		{`weight.x`, fails("a number has no")},
		{`now.x`, fails("a date has no")},
		{`(on == "on").x`, fails("a yes or no has no")},
		{`item["sku"]`, "A-1"},
		{`item.absent`, nil},
		{`item.sku.x`, fails("is a text")},
		{`index`, 0},
		{`visitor.ip`, "192.0.2.1"},
		{`visitor["user_agent"]`, nil},
		{`{"a": 1}["a"]`, 1},
		{`[1, 2][1]`, 2},
		{`tables.price["A-1"]`, Decimal("450.10")},
		{`tables.price[12]`, Decimal("3")},
		{`tables.price[12.0]`, Decimal("3")},
		{`tables.price[number]`, Decimal("3")},
		{`tables.price[colors]`, fails("no key of the table price")},
		{`tables.price[blank]`, nil},
		{`tables.town["kyiv"].ref`, "0501"},
		{`tables.town[name]`, fails(`the table town has no key "Olena"`)},
		{`tables.town[name]?.ref ?? "none"`, "none"},
		{`tables.town[absent].ref`, nil},
	})
}

// An expression is one and the same value for everybody: nothing that it is given is changed by it.
func TestEvalChangesNothing(t *testing.T) {
	t.Parallel()
	l := testLanguage(t)
	for _, source := range []string{
		"reverse(colors)", "sort(colors)", "uniq(colors)", "flatten([colors, products])", "concat(colors, products)", "take(products, 1)", "sortBy(products, .sku, 'desc')",
		"map(products, {'x': .sku})", "filter(products, .price)", "list(colors)", "colors[0:1]", "reduce(products, #acc + .quantity, 0)", "reverse(sort([3, 1, 2]))", "join(',', colors)",
	} {
		x, faults := l.Compile(strings.ReplaceAll(source, "{'x': .sku}", "{ {'x': .sku} }"), Scope{})
		if faults != nil {
			t.Fatalf("%s: %+v", source, faults)
		}
		env, same := testEnv(), testEnv()
		if _, err := x.Eval(env); err != nil {
			t.Errorf("%s: %v", source, err)
		}
		if diff := cmp.Diff(same.form, env.form); diff != "" {
			t.Errorf("%s changed the form:\n%s", source, diff)
		}
	}
}

// What a table's cell is depends on how it was written.
func TestWritten(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text   string
		quoted bool
		want   any
	}{
		{"450", false, Decimal("450")},
		{"450.10", false, Decimal("450.10")},
		{"-5", false, Decimal("-5")},
		{"0", false, Decimal("0")},
		{"0.5", false, Decimal("0.5")},
		{"450", true, "450"},
		{"0501", false, "0501"},
		{"007", false, "007"},
		{"+5", false, "+5"},
		{".5", false, ".5"},
		{"5.", false, "5."},
		{"1e3", false, "1e3"},
		{"0x10", false, "0x10"},
		{"NaN", false, "NaN"},
		{"-", false, "-"},
		{"", false, ""},
		{"1 299", false, "1 299"},
		{"1,5", false, "1,5"},
		{"true", false, true},
		{"false", false, false},
		{"true", true, "true"},
		{"True", false, "True"},
		{"yes", false, "yes"},
		{"null", false, "null"},
		{"12345678901234567890", false, Decimal("12345678901234567890")},
		{"-0", false, Decimal("-0")},
	} {
		if got := Written(tt.text, tt.quoted); got != tt.want {
			t.Errorf("Written(%q, %v) = %#v, want %#v", tt.text, tt.quoted, got, tt.want)
		}
	}
}

// A condition is the same wherever it is asked.
func TestTruthy(t *testing.T) {
	t.Parallel()
	table, empty := &Table{Rows: map[string]any{"a": nil}}, &Table{}
	for _, v := range []any{nil, false, 0, int64(0), 0.0, "", " ", "0", "0,00", "no", "off", "False", Decimal("0"), Decimal("0.00"), []any{}, map[string]any{}, empty, time.Duration(0)} {
		if Truthy(v) {
			t.Errorf("%#v is true", v)
		}
	}
	for _, v := range []any{true, 1, -1, 0.01, "x", "1", "ні", Decimal("0.01"), []any{nil}, map[string]any{"a": nil}, table, value.Moment{}, time.Second} {
		if !Truthy(v) {
			t.Errorf("%#v is false", v)
		}
	}
}

// A text in an error is bounded and stays text.
func TestShorten(t *testing.T) {
	t.Parallel()
	for n := range 130 {
		for _, unit := range []string{"x", "є", "😀"} {
			text := strings.Repeat(unit, n)
			got := shorten(text)
			if len(text) <= maxShown && got != text || len(text) > maxShown && (len(got) > maxShown+len("…") || !strings.HasSuffix(got, "…") || !strings.HasPrefix(text, strings.TrimSuffix(got, "…"))) {
				t.Errorf("%d × %s: %q", n, unit, got)
			}
		}
	}
}

// Texts and lists that an expression makes are bounded by an error, at the bound and not before.
func TestBounds(t *testing.T) {
	t.Parallel()
	l := testLanguage(t)
	half := strings.Repeat("x", maxText/2)
	items := make([]any, maxItems)
	for i := range items {
		items[i] = "a"
	}
	for source, want := range map[string]string{
		`h + h`:                      "",
		`h + h + "x"`:                "too long",
		`join("", h, h)`:             "",
		`join("", h, h, "x")`:        "too long",
		`len(replace(h, "y", "xx"))`: "",
		`replace(h, "x", "xxx")`:     "too long",
		`len(split(n, ","))`:         "",
		`split(n + ",", ",")`:        "1000 items",
		`len(fromJSON(j))`:           "",
		`fromJSON(more)`:             "1000 items",
		`fromJSON(deep)`:             "no JSON",
		`len(map(l, #))`:             "",
		`count(l, any(l, # == "b"))`: "",
		`map(l, map(l, #))`:          "memory budget",
		`map(l, filter(l, # == 1))`:  "",
	} {
		x, faults := l.Compile(source, Scope{})
		if faults != nil {
			t.Fatalf("%s: %+v", source, faults)
		}
		env := NewEnv(l)
		env.Reset(map[string]any{
			"h": half, "l": items, "n": strings.Repeat(",", maxItems-1), "j": "[" + strings.Repeat("1,", maxItems-2) + "1]", "more": "[" + strings.Repeat("1,", maxItems-1) + "1]",
			"deep": strings.Repeat("[", 1_000_000),
		}, nil, time.Time{}, Visitor{})
		_, err := x.Eval(env)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", source, err, want)
		}
	}
}

// An Env serves many expressions and many posts, and keeps nothing of the one before.
func TestEnvIsReset(t *testing.T) {
	t.Parallel()
	l := testLanguage(t)
	compile := func(source string) *Expr {
		x, faults := l.Compile(source, Scope{Each: true})
		if faults != nil {
			t.Fatalf("%s: %+v", source, faults)
		}
		return x
	}
	all := compile(`join("|", name, visitor.ip, visitor.page, item, index, list(a), let x = name; x)`)
	broken := compile(`map(colors, reduce([], #acc))`)
	env := NewEnv(l)
	for i := range 5 {
		name := fmt.Sprint("n", i)
		env.Reset(map[string]any{"name": name, "a": "x"}, func(string) []any { return []any{name, "y"} }, time.Time{}, Visitor{IP: "192.0.2." + strconv.Itoa(i)})
		env.At("item"+strconv.Itoa(i), i)
		if got, err := all.Eval(env); err != nil || got != fmt.Sprintf("n%[1]d|192.0.2.%[1]d|item%[1]d|%[1]d|n%[1]d|y|n%[1]d", i) {
			t.Errorf("%v, %v", got, err)
		}
		_, _ = broken.Eval(env)
		env.Reset(nil, nil, time.Time{}, Visitor{Page: "p"})
		if got, err := all.Eval(env); err != nil || got != "p" {
			t.Errorf("after a reset: %v, %v", got, err)
		}
	}
}
