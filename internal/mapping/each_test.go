package mapping

import (
	"fmt"
	"strings"
	"testing"
)

// A table's keys are texts as written, its numbers exact; a key that is missing holds the submission, unless something else is named for it.
func TestTables(t *testing.T) {
	t.Parallel()
	const tables = `tables:
  price: {A-1: 450, 0501: 7.10, 007: 8, 1.0: 9, "12": 3, true: 4, "a b": 5, Ключ: 6, minus: -1, grouped: "1 299,00", two: "1,299", blank: , text: "abc"}
  city: {kyiv: {ref: 0501, zone: {far: 70}}, lviv: {ref: "0502"}}
  list: {sizes: [S, M, 3]}
fields: {n: {type: int}, f: {type: number}}
`
	runWords(t, tables, []wordCase{
		{"Key", "amount", "${tables.price[k]}", []string{"k=A-1"}, "450"},
		{"LeadingZero", "amount", "${tables.price[k]}", []string{"k=0501"}, "7.10"},
		{"LeadingZeros", "amount", "${tables.price[k]}", []string{"k=007"}, "8"},
		{"WithoutLeadingZeros", "amount", "${tables.price[k]}", []string{"k=7"}, `hold taxes [k] ~the table price has no key "7"`},
		{"Fraction", "amount", "${tables.price[k]}", []string{"k=1.0"}, "9"},
		{"FractionLeftOut", "amount", "${tables.price[k]}", []string{"k=1"}, `hold taxes [k] ~no key "1"`},
		{"Quoted", "amount", "${tables.price[k]}", []string{"k=12"}, "3"},
		{"Boolean", "amount", "${tables.price[k]}", []string{"k=true"}, "4"},
		{"Blank", "amount", "${tables.price[k]}", []string{"k=a b"}, "5"},
		{"Cyrillic", "amount", "${tables.price[k]}", []string{"k=Ключ"}, "6"},
		{"CyrillicMember", "amount", "${tables.price.Ключ}", nil, "6"},
		{"CaseCounts", "amount", "${tables.price[k]}", []string{"k=a-1"}, `hold taxes [k] ~no key "a-1"`},
		{"CyrillicALooksLikeLatin", "amount", "${tables.price[k]}", []string{"k=А-1"}, `hold taxes [k] ~no key "А-1"`},
		{"KeyIsTrimmed", "amount", "${tables.price[k]}", []string{"k= A-1 "}, "450"},
		{"IntKey", "amount", "${tables.price[n]}", []string{"n=12.00"}, "3"},
		{"FloatKey", "amount", "${tables.price[f]}", []string{"f=12,0"}, "3"},
		{"NumberAsKey", "amount", "${tables.price[12]}", nil, "3"},
		{"CalculatedKey", "amount", "${tables.price[n + 2]}", []string{"n=10"}, "3"},
		{"WrittenOut", "amount", `${tables.price["A-1"]}`, nil, "450"},
		{"TableInQuotes", "amount", `${tables["price"]["A-1"]}`, nil, "450"},
		{"AbsentKeyIsNothing", "amount", "${tables.price[k]}", nil, ""},
		{"BlankKeyIsNothing", "amount", "${tables.price[k]}", []string{"k= "}, ""},
		{"AbsentKeyBeforeFallback", "amount", "${tables.price[k] ?? 5}", nil, "5"},
		{"MissingBeforeFallback", "amount", "${tables.price[k] ?? 5}", []string{"k=x"}, "5"},
		{"MissingBeforeFieldAsFallback", "amount", "${tables.price[k] ?? p}", []string{"k=x", "p=6"}, "6"},
		{"MissingBeforeMissing", "amount", "${tables.price[k] ?? tables.price[p]}", []string{"k=x", "p=y"}, `hold taxes ~no key "y"`},
		{"MissingBeforeMissingBeforeFallback", "amount", "${tables.price[k] ?? tables.price[p] ?? 1}", []string{"k=x", "p=y"}, "1"},
		{"MissingInACalculation", "amount", "${(tables.price[k] * 2) ?? 5}", []string{"k=x"}, "5"},
		{"MissingOnTheRight", "amount", "${p ?? tables.price[k]}", []string{"k=x"}, `hold taxes ~no key "x"`},
		{"MissingNotReached", "amount", "${p ?? tables.price[k]}", []string{"k=x", "p=1"}, "1"},
		{"MissingInACondition", "amount", "${tables.price[k] > 1 ? 1 : 2}", []string{"k=x"}, `hold taxes [k] ~no key "x"`},
		{"MissingNamesTheWayOut", "amount", "${tables.price[k]}", []string{"k=x"}, "hold taxes [k] ~?? …"},
		{"LongKeyIsShortened", "amount", "${tables.price[k]}", []string{"k=" + strings.Repeat("є", 500)}, "hold taxes [k] ~є…"},
		{"EmptyCellIsNothing", "amount", "${tables.price[k]}", []string{"k=blank"}, ""},
		{"ListAsKey", "amount", "${tables.price[k]}", []string{"k[]=A-1"}, "hold taxes [k[]] ~no key of the table price"},
		{"GroupedText", "amount", "${tables.price[k]}", []string{"k=grouped"}, "1299.00"},
		{"AmbiguousText", "amount", "${tables.price[k]}", []string{"k=two"}, "hold taxes [k] ~thousands or decimals"},
		{"TextWhereMoneyBelongs", "amount", "${tables.price[k]}", []string{"k=text"}, "hold taxes [k] ~no number"},
		{"BelowZero", "amount", "${tables.price[k]}", []string{"k=minus"}, "hold taxes [k] ~0 or more"},
		{"Calculated", "amount", "${tables.price[k] * n}", []string{"k=0501", "n=3"}, "21.3"},
		{"ComparedWithText", "text", "${tables.price[k] == '450' ? 'same' : 'other'}", []string{"k=A-1"}, `"same"`},
		{"Has", "text", "${k in tables.price ? 'yes' : 'no'}", []string{"k=A-1"}, `"yes"`},
		{"HasNot", "text", "${k in tables.price ? 'yes' : 'no'}", []string{"k=A"}, `"no"`},
		{"HasNothing", "text", "${k in tables.price ? 'yes' : 'no'}", nil, `"no"`},
		{"Nested", "text", "${tables.city[c].ref}", []string{"c=kyiv"}, `"0501"`},
		{"NestedQuoted", "text", "${tables.city[c].ref}", []string{"c=lviv"}, `"0502"`},
		{"NestedDeeper", "amount", "${tables.city[c].zone[z]}", []string{"c=kyiv", "z=far"}, "70"},
		{"NestedMissingOutside", "text", "${tables.city[c].ref}", []string{"c=odesa"}, `hold promocode [c] ~the table city has no key "odesa"`},
		{"NestedMissingInside", "text", "${tables.city[c].zone.far}", []string{"c=lviv"}, `hold promocode [c] ~the table city.lviv has no key "zone"`},
		{"NestedMissingDeepInside", "text", "${tables.city[c].zone[z]}", []string{"c=kyiv", "z=near"}, `hold promocode ~the table city.kyiv.zone has no key "near"`},
		{"NestedWithFallback", "text", "${tables.city[c].zone[z] ?? 'far'}", []string{"c=odesa"}, `"far"`},
		{"NestedKeyAbsent", "text", "${tables.city[c].ref}", nil, ""},
		{"ListInTable", "text", "${tables.list.sizes[n]}", []string{"n=1"}, `"M"`},
		{"ListInTableAsAWhole", "texts", "${tables.list.sizes}", nil, `["S","M","3"]`},
	})
}

// each repeats its item for a list, an object or one value, in posted order, and for nothing not at all.
func TestEach(t *testing.T) {
	t.Parallel()
	line := func(each, item string) string {
		return buyer + "  products: [{each: \"" + each + "\", " + item + "}]\n"
	}
	const kit = "tables: {kit: {K: {B-7: 1, A-1: 2}, E: {}}, sizes: {all: [S, M]}}\n"
	runCases(t, []profileCase{
		{"List", line("${p}", "sku: \"${item.s}\""), []string{"p[0][s]=A", "p[1][s]=B"}, "products", `[{"sku":"A"},{"sku":"B"}]`},
		{"ListWithoutNumbers", line("${p}", "sku: \"${item}\""), []string{"p[]=A", "p[]=B"}, "products", `[{"sku":"A"},{"sku":"B"}]`},
		{"ListWithGaps", line("${p}", "sku: \"${item.s}\", comment: \"${index}\""), []string{"p[7][s]=A", "p[2][s]=B"}, "products", `[{"sku":"A","comment":"0"},{"sku":"B","comment":"1"}]`},
		{"ListWithNegativeKeys", line("${p}", "sku: \"${item.s}\""), []string{"p[-5][s]=A", "p[2][s]=B"}, "products", `[{"sku":"A"},{"sku":"B"}]`},
		{"ListOfBlanks", line("${p}", "sku: \"${item}\", comment: \"${index}\""), []string{"p[]=A", "p[]=", "p[]=B"}, "products", `[{"sku":"A","comment":"0"},{"sku":"B","comment":"2"}]`},
		{"Object", line("${p}", "sku: \"${index}\", quantity: \"${item}\""), []string{"p[z]=1", "p[b]=2", "p[a]="}, "products", `[{"sku":"z","quantity":1},{"sku":"b","quantity":2}]`},
		{"ObjectWithANumberAmongItsKeys", line("${p}", "sku: \"${index}\", quantity: \"${item}\""), []string{"p[z]=1", "p[5]=2"}, "products", `[{"sku":"z","quantity":1},{"sku":"5","quantity":2}]`},
		{"ObjectOfObjects", line("${p}", "sku: \"${index}\", quantity: \"${item.n}\""), []string{"p[z][n]=1", "p[b][n]=2"}, "products", `[{"sku":"z","quantity":1},{"sku":"b","quantity":2}]`},
		{"OneValue", line("${p}", "sku: \"${item}\", comment: \"${index}\""), []string{"p=A"}, "products", `[{"sku":"A","comment":"0"}]`},
		{"RepeatedValueIsTheLast", line("${p}", "sku: \"${item}\""), []string{"p=A", "p=B"}, "products", `[{"sku":"B"}]`},
		{"RepeatedValueAsList", line("${list(p)}", "sku: \"${item}\", comment: \"${index}\""), []string{"p=A", "p=", "p=B"}, "products", `[{"sku":"A","comment":"0"},{"sku":"B","comment":"1"}]`},
		{"Absent", line("${p}", "sku: \"${item}\""), nil, "products", ""},
		{"Blank", line("${p}", "sku: \"${item}\""), []string{"p="}, "products", ""},
		{"AbsentWithLiteral", line("${p}", "sku: x"), nil, "products", ""},
		{"EmptyBrackets", line("${p}", "sku: x"), []string{"p[]="}, "products", ""},
		{"Literal", line("${['A', 'B']}", "sku: \"${item}\""), nil, "products", `[{"sku":"A"},{"sku":"B"}]`},
		{"LiteralObjects", line("${[{'s': 'A'}, {'s': a}]}", "sku: \"${item.s}\""), []string{"a=B"}, "products", `[{"sku":"A"},{"sku":"B"}]`},
		{"Filtered", line("${filter(p, .on)}", "sku: \"${item.s}\""), []string{"p[0][s]=A", "p[0][on]=0", "p[1][s]=B", "p[1][on]=1"}, "products", `[{"sku":"B"}]`},
		{"Mapped", line("${map(p, .s)}", "sku: \"${item}\""), []string{"p[0][s]=A", "p[1][s]=B"}, "products", `[{"sku":"A"},{"sku":"B"}]`},
		{"SplitText", line("${split(p, ';')}", "sku: \"${trim(item)}\""), []string{"p=A; B;"}, "products", `[{"sku":"A"},{"sku":"B"}]`},
		{"JSONCart", line("${fromJSON(p)}", "sku: \"${item.id}\", price: \"${item.price}\""), []string{`p=[{"id":"01","price":7.50},{"id":"02","price":"1 299"}]`}, "products", `[{"sku":"01","price":7.50},{"sku":"02","price":1299}]`},
		{"JSONThatIsNone", line("${fromJSON(p)}", "sku: \"${item.id}\""), []string{"p={"}, "", "hold products [p] ~no JSON"},
		{"TablesList", line("${tables.sizes.all}", "sku: \"${item}\"") + kit, nil, "products", `[{"sku":"S"},{"sku":"M"}]`},
		{"TablesObject", line("${tables.kit[p]}", "sku: \"${index}\", quantity: \"${item}\"") + kit, []string{"p=K"}, "products", `[{"sku":"A-1","quantity":2},{"sku":"B-7","quantity":1}]`},
		{"TablesObjectThatIsEmpty", line("${tables.kit[p]}", "sku: \"${index}\", quantity: \"${item}\"") + kit, []string{"p=E"}, "products", ""},
		{"TablesObjectByNothing", line("${tables.kit[p]}", "sku: \"${index}\"") + kit, nil, "products", ""},
		{"TableLacksTheKey", line("${tables.kit[p]}", "sku: \"${index}\"") + kit, []string{"p=X"}, "", `hold products [p] ~the table kit has no key "X"`},
		{"ExpressionFails", line("${p.x.y}", "sku: x"), []string{"p=A"}, "", `hold products [p] ~has no "x"`},
		{"MemberOfOneValue", line("${p}", "sku: \"${item.s}\""), []string{"p=A"}, "", `hold products.0.sku [p] ~has no "s"`},
		{
			"Nested", line("${p}", "sku: \"${item.s}\", properties: [{each: \"${item.o}\", name: \"${item.n}\", value: \"${item.v}\"}]"),
			[]string{"p[0][s]=A", "p[0][o][0][n]=Color", "p[0][o][0][v]=red", "p[0][o][1][n]=Size", "p[0][o][1][v]=", "p[1][s]=B"},
			"products", `[{"sku":"A","properties":[{"name":"Color","value":"red"}]},{"sku":"B"}]`,
		},
		{
			"AfterNestedTheOuterItem", line("${p}", "properties: [{each: \"${item.o}\", name: \"${index}\", value: \"${item}\"}], sku: \"${item.s}\", comment: \"${index}\""),
			[]string{"p[3][s]=A", "p[3][o][c]=red"},
			"products", `[{"sku":"A","comment":"0","properties":[{"name":"c","value":"red"}]}]`,
		},
		{"WhenSeesTheItem", line("${p}", "when: \"${item.n}\", sku: \"${item.s}\""), []string{"p[0][s]=A", "p[0][n]=0", "p[1][s]=B", "p[1][n]=1"}, "products", `[{"sku":"B"}]`},
		{"ItemsAroundEach", buyer + "  products: [{sku: first}, {each: \"${p}\", sku: \"${item}\"}, {sku: last}]\n", []string{"p[]=A", "p[]=B"}, "products", `[{"sku":"first"},{"sku":"A"},{"sku":"B"},{"sku":"last"}]`},
		{"TwoEach", buyer + "  products: [{each: \"${p}\", sku: \"${item}\"}, {each: \"${q}\", sku: \"${item}\"}]\n", []string{"q[]=B", "p[]=A"}, "products", `[{"sku":"A"},{"sku":"B"}]`},
		{"EachOfPayments", buyer + "  payments: [{each: \"${p}\", payment_method: \"${index}\", amount: \"${item}\"}]\n", []string{"p[cash]=5", "p[card]=7,50"}, "payments", `[{"payment_method":"cash","amount":5,"status":"not_paid"},{"payment_method":"card","amount":7.50,"status":"not_paid"}]`},
		{"EachOfCustomFields", buyer + "  custom_fields: [{each: \"${p}\", uuid: \"${index}\", value: \"${item}\"}]\n", []string{"p[OR_1]=a", "p[OR_2][]=b", "p[OR_2][]=c", "p[OR_3]="}, "custom_fields", `[{"uuid":"OR_1","value":"a"},{"uuid":"OR_2","value":["b","c"]}]`},
		{"FaultInOneLineIsToldThere", line("${p}", "sku: \"${item.s}\", quantity: \"${item.n}\""), []string{"p[4][s]=A", "p[4][n]=1", "p[9][s]=B", "p[9][n]=x"}, "", "hold products.1.quantity [p[9][n]] ~no number"},
		{"FaultAfterAFilterIsToldThere", line("${filter(p, .s)}", "sku: \"${item.s}\", quantity: \"${item.n}\""), []string{"p[4][s]=", "p[4][n]=1", "p[9][s]=B", "p[9][n]=x"}, "", "hold products.0.quantity [p[9][n]] ~no number"},
		{"FieldNamedItemIsTheFormsOutside", buyer + "  promocode: ${form.item}\n", []string{"item=x"}, "promocode", `"x"`},
		{"RawNameWithBlank", line("${form['my cart']}", "sku: \"${item.s}\""), []string{"my cart[0][s]=A"}, "products", `[{"sku":"A"}]`},
		{"AliasOfTheRawName", line("${my_cart}", "sku: \"${item.s}\""), []string{"my-cart[1][s]=A", "my-cart[0][s]=B"}, "products", `[{"sku":"A"},{"sku":"B"}]`},
	})
}

// The falsehoods of `when` are nil, blank, false, zero in any spelling, off and no.
func TestWhen(t *testing.T) {
	t.Parallel()
	m := mustCompile(t, buyer+"  promocode: kept\n  shipping: {when: \"${a}\", shipping_address_city: Lviv}\n  products: [{when: \"${a}\", sku: A}]\n  payments: [{when: \"${a}\", payment_method: x, amount: 1}]\n")
	falsehoods := []string{
		"", " ", "\u00a0", "0", "00", "0.0", "0.00", "0,00", "-0", "+0", ".0", "0.", "0 грн", "0,00 ₴", "$0", "0 000", "false", "False", "FALSE", "off", "OFF", "no", "No", " no ",
	}
	truths := []string{"1", "0.01", "0,01", "-1", "x", "on", "yes", "true", "ні", "нет", "nie", "null", "nil", "none", "n", "f", "о", "0x0", "0%", "0-0", "1,299", "[]", "{}"}
	for _, tt := range []struct {
		values []string
		want   bool
	}{{falsehoods, false}, {truths, true}} {
		for _, v := range tt.values {
			entity := string(apply(m, post("a="+v)).Entity)
			for _, part := range []string{"shipping", "products", "payments"} {
				if got := strings.Contains(entity, `"`+part+`"`); got != tt.want {
					t.Errorf("%s when %q: %v", part, v, got)
				}
			}
		}
	}
	if entity := string(apply(m, post()).Entity); strings.Contains(entity, "Lviv") || !strings.Contains(entity, "kept") {
		t.Errorf("absent: %s", entity)
	}
}

func TestWhenOfExpressions(t *testing.T) {
	t.Parallel()
	const below = "tables: {t: {zero: 0, cents: 0.00, one: 1, off: off, no: false, yes: true, empty: {}, full: {a: b}}}\nfields: {b: {type: bool}, i: {type: int}, f: {type: number}, d: {type: date}, def: {default: x}}\n"
	for when, want := range map[string]bool{
		"true": true, "false": false, "yes": true, "no": false, "0": false, "1": true, "x": true, "": false,
		"${true}": true, "${0}": false, "${0.0}": false, "${''}": false, "${nil}": false, "${[]}": false, "${[nil]}": true, "${'no'}": false, "${' off '}": false,
		"${off}": false, "${i}": false, "${f}": false, "${d}": true, "${def}": true, "${b}": false, "${not b}": true, "${!b}": true,
		"${list(none)}": false, "${list(colors)}": true, "${colors}": true, "${blanks}": true, "${list(blanks)}": false, "${object}": true,
		"${tables.t.zero}": false, "${tables.t.cents}": false, "${tables.t.one}": true, "${tables.t.off}": false, "${tables.t.no}": false, "${tables.t.yes}": true,
		"${tables.t.empty}": false, "${tables.t.full}": true, "${num(money)}": true, "${num(money) > 5000}": false, "${num(none) > 0}": false,
		"${none == nil}": true, "${none ?? 'x'}": true, "${b or def}": true, "${b and def}": false, "${def == 'x' && i == 0}": true, "${'Lviv' in colors}": false,
		"${'red' in colors}": true, "${def in ['x', 'y']}": true, "${money contains '299'}": true, "${money matches '^[0-9 ]+,'}": true, "${now > date('2026-01-01')}": true,
		"${d < now}": true, "${visitor.user_agent}": false, "${visitor.ip startsWith '192.'}": true, "a ${none}": false, "a ${def}": true, "${none}${none}": false, "${i}${none}": false,
		"no${none}": false, "${b ? 'x' : nil}": false,
	} {
		m := mustCompile(t, buyer+"  shipping: {when: "+fmt.Sprintf("%q", when)+", shipping_address_city: Lviv}\n"+below)
		res := apply(m, post("b=off", "i=0", "f=0,00", "d=2026-02-03", "off=off", "colors[]=red", "blanks[]=", "object[k]=", "money=1 299,00"))
		if got := strings.Contains(string(res.Entity), "Lviv"); got != want || res.Entity == nil {
			t.Errorf("when %s: %v, %s", when, got, told(res, ""))
		}
	}
}

// What a false condition keeps out is not evaluated: it can neither fail nor hold anything.
func TestWhenGuards(t *testing.T) {
	t.Parallel()
	runCases(t, []profileCase{
		{"AFailureInside", buyer + "  products: [{when: \"${a}\", sku: \"${b.x}\"}]\n", []string{"b=text"}, "products", ""},
		{"AMissingKeyInside", buyer + "  products: [{when: \"${a}\", price: \"${tables.t[b]}\"}]\ntables: {t: {x: 1}}\n", []string{"b=y"}, "products", ""},
		{"AWrongNumberInside", buyer + "  payments: [{when: \"${a}\", amount: \"${b}\", payment_method: c}]\n", []string{"b=many"}, "payments", ""},
		{"AnItemBelow", buyer + "  shipping: {when: \"${a}\", warehouse_ref: x, delivery_service_id: \"${b}\"}\n", nil, "shipping", ""},
		{"TheConditionItselfFails", buyer + "  shipping: {when: \"${a.x}\", warehouse_ref: x, delivery_service_id: 1}\n", []string{"a=y"}, "", "hold shipping [a] ~has no \"x\""},
		{"TheConditionLacksAKey", buyer + "  shipping: {when: \"${tables.t[a]}\", shipping_address_city: x}\ntables: {t: {x: 1}}\n", []string{"a=y"}, "", `hold shipping [a] ~no key "y"`},
		{"TheConditionOfABuyer", "map:\n  buyer: {when: \"${a}\", phone: \"${b}\"}\n", []string{"b=0501112233"}, "", "correct b NO_CONTACT"},
		{"TheConditionOfABuyerHolds", "map:\n  buyer: {when: \"${a}\", phone: \"${b}\"}\n", []string{"a=1", "b=0501112233"}, "buyer", `{"phone":"+380501112233"}`},
	})
}
