package mapping

import (
	"strings"
	"testing"

	"formrelay/internal/form"
)

// Forms as nobody means them, and parts of the language where two of its rules meet.
func TestOddities(t *testing.T) {
	t.Parallel()
	line := func(each, item string) string {
		return buyer + "  products: [{each: \"" + each + "\", " + item + "}]\n"
	}
	runCases(t, []profileCase{
		{"AWrittenListThatFails", buyer + "  custom_fields: [{uuid: OR_1, value: [x, \"${a.b}\"]}]\n", []string{"a=1"}, "", "hold custom_fields.0.value [a] ~has no"},
		{"AWrittenListOfLists", buyer + "  custom_fields: [{uuid: OR_1, value: [\"${a}\", \"${b}\"]}]\n", []string{"a[]=1", "a[]=2", "b=3"}, "custom_fields.0.value", `["1","2","3"]`},
		{"AWrittenListOfNothing", buyer + "  custom_fields: [{uuid: OR_1, value: [\"${a}\", \"\"]}]\n", nil, "custom_fields", ""},
		{"AWrittenListOfTexts", buyer + "  custom_fields: [{uuid: OR_1, value: [\"a ${a}\", \"b ${b}\"]}]\n", []string{"b=3"}, "custom_fields.0.value", `["b 3"]`},
		{"AWrittenEmptyList", buyer + "  custom_fields: [{uuid: OR_1, value: []}]\n", nil, "custom_fields", ""},
		{"AnEachOverNo", line("${b}", "sku: \"${item}\"") + "fields: {b: {type: bool}}\n", []string{"b=no"}, "products", `[{"sku":"false"}]`},
		{"AnEachOverANumber", line("${i}", "sku: \"${item}\"") + "fields: {i: {type: int}}\n", []string{"i=3"}, "products", `[{"sku":"3"}]`},
		{"AnEachOverItsIndex", line("${p}", "sku: \"${item}\", quantity: \"${index + 1}\""), []string{"p[]=A", "p[]=B"}, "products", `[{"sku":"A","quantity":1},{"sku":"B","quantity":2}]`},
		{
			"AFaultBelowANestedFilter", line("${p}", "sku: \"${item.s}\", properties: [{each: \"${filter(item.o, .on)}\", name: \"${item.n}\", value: \"${item.v.x}\"}]"),
			[]string{"p[3][s]=A", "p[3][o][5][on]=0", "p[3][o][8][on]=1", "p[3][o][8][n]=N", "p[3][o][8][v]=V"},
			"", "hold products.0.properties.0.value [p[3][o][8][v]] ~has no",
		},
		{
			"AFaultInTheSecondNestedLine", line("${p}", "sku: \"${item.s}\", properties: [{each: \"${item.o}\", name: \"${index}\", value: \"${item.x}\"}]"),
			[]string{"p[3][s]=A", "p[3][o][]=V"},
			"", "hold products.0.properties.0.value [p[3][o][]] ~has no",
		},
		{"ANameAndAListOfIt", buyer + "  promocode: ${a}\n  gift_message: ${list(a)}\n", []string{"a=1", "a[]=2"}, "gift_message", `"2"`},
		{"AListAndThenAName", buyer + "  promocode: ${a}\n", []string{"a[]=2", "a=1"}, "promocode", `"1"`},
		{"ANestedNameAndThenAText", buyer + "  promocode: ${a.b}\n", []string{"a[b]=2", "a=1"}, "", "hold promocode [a[b]] ~has no"},
		{"ABrokenBracket", buyer + "  promocode: ${a_b}\n", []string{"a[b=2"}, "promocode", `"2"`},
		{"ATwiceSpelledName", buyer + "  promocode: ${a_b}\n  gift_message: \"${form['a b']}\"\n", []string{"a b=1", "a_b=2"}, "promocode", `"2"`},
		{"ATwiceSpelledRawName", buyer + "  promocode: ${a_b}\n  gift_message: \"${form['a b']}\"\n", []string{"a b=1", "a_b=2"}, "gift_message", `"1"`},
		{"AControlCharacter", buyer + "  promocode: ${a}\n", []string{"a=x\x00\x1by"}, "promocode", `"x\u0000\u001by"`},
		{"ARightToLeftText", buyer + "  promocode: ${a}\n", []string{"a=\u202eשלום"}, "promocode", "\"\u202eשלום\""},
		{"ATemplateInAName", buyer + "rest: manager_comment\n", []string{"${a}=x"}, "manager_comment", `~${a}`},
		{"AQuoteInAName", buyer + "  promocode: '${form[\"a\\\"b\"]}'\n", []string{`a"b=x`}, "promocode", `"x"`},
		{"TwoMappingsOfOneField", buyer + "  promocode: ${a}\n  gift_message: ${a}\n  taxes: ${a}\n", []string{"a=5"}, "taxes", "5"},
		{
			"ACalculatedPrice", line("${p}", "sku: A, price: \"${round(tables.price[item.s] * (1 - num(item.d ?? 0) / 100), 2)}\"") + "tables: {price: {A: 99.99}}\n",
			[]string{"p[0][s]=A", "p[0][d]=15", "p[1][s]=A"},
			"products", `[{"sku":"A","price":84.99},{"sku":"A","price":99.99}]`,
		},
		{
			"ATotalOfTables", buyer + "  payments: [{payment_method: card, amount: \"${sum(p, tables.price[.s] * num(.n))}\"}]\ntables: {price: {A: 0.10, B: 0.20}}\n",
			[]string{"p[0][s]=A", "p[0][n]=1", "p[1][s]=B", "p[1][n]=1"},
			"payments.0.amount", "0.3",
		},
		{"ATotalOfNothing", buyer + "  payments: [{when: \"${sum(p, num(.n))}\", payment_method: card, amount: \"${sum(p, num(.n))}\"}]\n", nil, "payments", ""},
		{
			"RulesThatRepeatAType", buyer + "fields: {a: {validate: numeric}, b: {validate: e164}, c: {validate: boolean}, d: {validate: \"datetime=2006-01-02\"}}\n",
			[]string{"a=x", "b=x", "c=x", "d=x"},
			"",
			"correct a TYPE_NUMERIC numeric=\ncorrect b TYPE_PHONE e164=\ncorrect c TYPE_BOOL boolean=\ncorrect d TYPE_DATE datetime=2006-01-02",
		},
		{"ChoicesWithADefault", buyer + "  promocode: ${c}\nfields: {\"c[]\": {default: red}}\n", nil, "promocode", `"red"`},
		{"ChoicesWithDefaults", buyer + "  promocode: ${c}\nfields: {\"c[]\": {default: [red, blue]}}\n", nil, "promocode", `"red, blue"`},
		{"ChoicesBelowAName", buyer + "  promocode: ${u.c}\nfields: {\"u[c][]\": {default: red}}\n", []string{"u[x]=1"}, "promocode", `"red"`},
		{"ChoicesChosen", buyer + "  promocode: ${c}\nfields: {\"c[]\": {default: red}}\n", []string{"c[]=green"}, "promocode", `"green"`},
		{"ADefaultReplacesNoText", buyer + "  promocode: ${u}\nfields: {\"u[a]\": {default: red}}\n", []string{"u=typed"}, "promocode", `"typed"`},
		{"ADefaultOfOneItem", buyer + "  promocode: ${len(p)}\nfields: {\"p[1][n]\": {default: red}}\n", []string{"p[0][n]=1"}, "promocode", `"1"`},
		{"ADefaultBesideABlank", buyer + "  promocode: ${u.country}\nfields: {\"u[country]\": {default: UA}}\n", []string{"u[city]="}, "promocode", `"UA"`},
		{"TypesInsideNestedNames", buyer + "  taxes: ${u.sum + 1}\nfields: {\"u[sum]\": {type: int}}\n", []string{"u[sum]=5 шт"}, "taxes", "6"},
		{"ATypeUnderTwoSpellings", buyer + "  taxes: ${form['my sum'] + my_sum}\nfields: {my sum: {type: int}}\n", []string{"my sum=5"}, "taxes", "10"},
		{"ATypeOfAListUnderTwoSpellings", buyer + "  taxes: ${sum(form['my list'], .n) + sum(my_list, .n)}\nfields: {\"my list[][n]\": {type: int}}\n", []string{"my list[0][n]=5"}, "taxes", "10"},
		{"ACommentOverSeveralLines", "map:\n  buyer: {phone: \"1\"}\n  buyer_comment: |\n    Town: ${town}\n    Note: ${note}\n", []string{"town=Lviv"}, "buyer_comment", `"Town: Lviv\nNote:"`},
		{"ABlockWithoutValues", "map:\n  buyer: {phone: \"1\"}\n  buyer_comment: |\n    Town: ${town}\n", nil, "buyer_comment", ""},
		{"OneItemWithoutAnyKey", buyer + "  products: [{}]\n", nil, "products", ""},
		{"ATableOfNothing", buyer + "  promocode: ${tables.t[a] ?? 'x'}\ntables: {t: {}}\n", []string{"a=b"}, "promocode", `"x"`},
		{"AMarkThatWasTyped", "creates: card\nmap:\n  contact: {phone: \"1\"}\nrest: manager_comment\n", []string{"a=[formrelay 1]"}, "manager_comment", `"[formrelay ` + testID + `]\na: [formrelay 1]"`},
	})
}

// JSON bodies are mapped as forms are: nested, exact, true and null as what they are.
func TestJSONBodies(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ Name, Lines, Body, Path, Want string }{
		{"ExactNumber", "  taxes: ${a}\n", `{"a": 450.10}`, "taxes", "450.10"},
		{"LargeNumber", "  promocode: ${a}\n", `{"a": 12345678901234567890}`, "promocode", `"12345678901234567890"`},
		{"Exponent", "  taxes: ${a}\n", `{"a": 1e3}`, "", "hold taxes [a] ~no number"},
		{"True", "  is_gift: ${a}\n", `{"a": true}`, "is_gift", "true"},
		{"Null", "  promocode: ${a}\n", `{"a": null}`, "promocode", ""},
		{"EmptyList", "  products: [{each: \"${a}\", sku: x}]\n", `{"a": []}`, "products", ""},
		{"EmptyObject", "  promocode: ${a}\n", `{"a": {}}`, "promocode", ""},
		{"List", "  custom_fields: [{uuid: OR_1, value: \"${a}\"}]\n", `{"a": ["x", 1, null, true]}`, "custom_fields.0.value", `["x","1","true"]`},
		{"Lines", "  products: [{each: \"${cart.items}\", sku: \"${item.id}\", quantity: \"${item.n}\"}]\n", `{"cart": {"items": [{"id": "01", "n": 2}, {"id": 2}]}}`, "products", `[{"sku":"01","quantity":2},{"sku":"2"}]`},
		{"FaultNamesTheField", "  products: [{each: \"${cart}\", sku: \"${item.id}\", quantity: \"${item.n}\"}]\n", `{"cart": [{"id": "01", "n": 2}, {"id": 2, "n": "x"}]}`, "", "hold products.1.quantity [cart[1][n]] ~no number"},
		{"Rest", "rest: manager_comment\n", `{"a": {"b": [1, {"c": "d"}]}}`, "manager_comment", `"a[b][0]: 1\na[b][1][c]: d"`},
	} {
		f, err := form.Decode("application/json", strings.NewReader(tt.Body), form.Options{Limits: form.DefaultLimits()})
		if err != nil {
			t.Fatal(err)
		}
		if got := told(apply(mustCompile(t, buyer+tt.Lines), f), tt.Path); !fits(got, tt.Want) {
			t.Errorf("%s: got %s, want %s", tt.Name, got, tt.Want)
		}
	}
}
