package mapping

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// What only ops can mend holds the submission, and says where and why; nothing of it reaches the visitor.
func TestHeld(t *testing.T) {
	t.Parallel()
	pay := func(fields string) string { return buyer + "  payments: [{" + fields + "}]\n" }
	line := func(fields string) string { return buyer + "  products: [{sku: A, " + fields + "}]\n" }
	ship := func(fields string) string { return buyer + "  shipping: {" + fields + "}\n" }
	runCases(t, []profileCase{
		{"Status", pay("payment_method: x, amount: 1, status: \"${s}\""), []string{"s=done"}, "", "hold payments.0.status [s] ~paid, not_paid, canceled, refund"},
		{"StatusInCapitals", pay("payment_method: x, amount: 1, status: \"${s}\""), []string{"s=Paid"}, "", "hold payments.0.status [s] ~must be one of"},
		{"StatusInTwoWords", pay("payment_method: x, amount: 1, status: \"${s}\""), []string{"s=paid not_paid"}, "", "hold payments.0.status [s] ~must be one of"},
		{"StatusPaid", pay("payment_method: x, amount: 1, status: \"${s}\""), []string{"s=paid"}, "payments.0.status", `"paid"`},
		{"StatusIsShown", pay("payment_method: x, amount: 1, status: \"${s}\""), []string{"s=" + strings.Repeat("z", 500)}, "", "hold payments.0.status ~…"},
		{"Amount", pay("payment_method: x, amount: \"${a}\""), []string{"a="}, "", "hold payments.0.amount [a] ~is needed"},
		{"AmountZero", pay("payment_method: x, amount: \"${a}\""), []string{"a=0"}, "payments.0.amount", "0"},
		{"AmountBelowZero", pay("payment_method: x, amount: \"${a}\""), []string{"a=-0.01"}, "", "hold payments.0.amount [a] ~0 or more"},
		{"Method", pay("payment_method: \"${m}\", amount: 1"), nil, "", "hold payments.0.payment_method_id [] ~both came out blank"},
		{"MethodByID", pay("payment_method_id: \"${m}\", amount: 1"), []string{"m=2"}, "payments.0.payment_method_id", "2"},
		{"MethodIDThatIsNone", pay("payment_method_id: \"${m}\", amount: 1"), []string{"m=cash"}, "", "hold payments.0.payment_method_id [m] ~whole number"},
		{"MethodOfTwoBlank", pay("payment_method_id: \"${m}\", payment_method: \"${n}\", amount: 1"), []string{"m=", "n="}, "", "hold payments.0.payment_method_id [m] ~both came out blank"},
		{"Quantity", line("quantity: \"${q}\""), []string{"q=0"}, "", "hold products.0.quantity [q] ~more than 0"},
		{"QuantityOfManyZeros", line("quantity: \"${q}\""), []string{"q=0,000"}, "", "hold products.0.quantity [q] ~more than 0"},
		{"QuantityBelowZero", line("quantity: \"${q}\""), []string{"q=-1"}, "", "hold products.0.quantity [q] ~more than 0"},
		{"QuantityLeast", line("quantity: \"${q}\""), []string{"q=0.001"}, "products.0.quantity", "0.001"},
		{"QuantityBlank", line("quantity: \"${q}\""), []string{"q="}, "products.0", `{"sku":"A"}`},
		{"PriceZero", line("price: \"${q}\""), []string{"q=0"}, "products.0.price", "0"},
		{"PriceBelowZero", line("price: \"${q}\""), []string{"q=-1"}, "", "hold products.0.price [q] ~0 or more"},
		{"Percent", buyer + "  discount_percent: ${d}\n", []string{"d=100"}, "discount_percent", "100"},
		{"PercentTooMuch", buyer + "  discount_percent: ${d}\n", []string{"d=100.01"}, "", "hold discount_percent [d] ~100 or less"},
		{"WarehouseAlone", ship("warehouse_ref: \"${w}\", delivery_service_id: \"${d}\""), []string{"w=x", "d="}, "", "hold shipping.delivery_service_id [d] ~needed beside"},
		{"WarehouseWithService", ship("warehouse_ref: \"${w}\", delivery_service_id: \"${d}\""), []string{"w=x", "d=1"}, "shipping", `{"delivery_service_id":1,"warehouse_ref":"x"}`},
		{"ServiceAlone", ship("warehouse_ref: \"${w}\", delivery_service_id: \"${d}\""), []string{"d=1"}, "shipping", `{"delivery_service_id":1}`},
		{"ServiceThatIsNone", ship("warehouse_ref: \"${w}\", delivery_service_id: \"${d}\""), []string{"w=x", "d=0"}, "", "hold shipping.delivery_service_id [d] ~whole number"},
		{"CommaInTheNumber", buyer + "  source_uuid: ${u}\n", []string{"u=a,b"}, "", "hold source_uuid [u] ~separator"},
		{"NaN", buyer + "  taxes: ${a}\n", []string{"a=NaN"}, "", "hold taxes [a] ~no number"},
		{"Infinity", line("quantity: \"${a}\""), []string{"a=+Inf"}, "", "hold products.0.quantity [a] ~no number"},
		{"Hexadecimal", line("quantity: \"${a}\""), []string{"a=0x1F"}, "", "hold products.0.quantity [a] ~no number"},
		{"ValueIsShownShort", buyer + "  taxes: ${a}\n", []string{"a=" + strings.Repeat("є", 300)}, "", "hold taxes [a] \"" + strings.Repeat("є", 60) + "…\"~cannot go into taxes"},
		{"NamesTheFieldAsPosted", buyer + "  taxes: ${my_sum}\n", []string{"my sum=x"}, "", "hold taxes [my sum] ~no number"},
		{"NamesTheFieldAskedFor", line("price: \"${tables.t[k]}\"") + "tables: {t: {a: 1}}\nfields: {k: {default: z}}\n", nil, "", `hold products.0.price [k] ~no key "z"`},
		{
			"AllAtOnceInTheMapsOrder", "map:\n  taxes: ${a}\n  buyer: {phone: \"1\"}\n  payments: [{payment_method: x, amount: \"${a}\"}]\n  wrap_price: ${a}\n",
			[]string{"a=x"},
			"",
			"hold taxes [a] ~\nhold payments.0.amount [a] ~\nhold wrap_price [a] ~",
		},
	})
}

// An expression that fails while it runs is a Problem in words, whatever failed.
func TestRunTimeFailures(t *testing.T) {
	t.Parallel()
	posted := []string{"s=text", "l[]=a", "l[]=b", "o[k]=v", "n=5", "zero=0", "big=999999999999999999", "none="}
	for expr, want := range map[string]string{
		"s.x":                         `"text" is a text and has no "x"`,
		"i.x":                         `a number has no "x"`,
		"l.x":                         "by position only",
		"l['x']":                      "by position only",
		"s[0]":                        "is a text and has no",
		"o[l]":                        "no key",
		"s * 2":                       "put num(…) around",
		"n + 1":                       "put num(…) around",
		"-s":                          "put num(…) around",
		"n > 3":                       "put num(…) or date(…)",
		"now > 3":                     "", // expr's own sentence
		"l > 3":                       "",
		"l + 1":                       "",
		"o + o":                       "",
		"true + 1":                    "",
		"now + now":                   "",
		"num(s)":                      `"text"`,
		"date(s)":                     `"text"`,
		"date(l)":                     "no date",
		"int(big) + int(big)":         "too large",
		"i / 0":                       "no finite",
		"i / num(zero)":               "no finite",
		"i % 0":                       "divide",
		"0 / 0":                       "no finite",
		"-i / 0":                      "no finite",
		"2 ** 5000":                   "no finite",
		"(-8) ** 0.5":                 "no finite",
		"big9 * big9":                 "large",
		"upper(l)":                    "no text",
		"upper(o)":                    "no text",
		"trim(l, 'x')":                "no text",
		"replace(s, l, 'x')":          "no text",
		"split(l, ',')":               "no text",
		"join(l, 'x')":                "separator first",
		"join(',', [o])":              "no text",
		"s in 'a text'":               "contains",
		"round(1.5, 10)":              "0 to 9",
		"round(1.5, -1)":              "0 to 9",
		"round(s)":                    "put num(…)",
		"abs(l)":                      "no number",
		"l[0:'x']":                    "whole numbers",
		"i[0:1]":                      "cannot be cut",
		"fromJSON('{')":               "no JSON",
		"fromJSON('1 2')":             "follows",
		"fromJSON(l)":                 "no text",
		"duration('soon')":            "duration",
		"duration(5)":                 "24h",
		"sum(l)":                      "put num(…)",
		"sum(map(l, o))":              "no number",
		"reduce(none, #acc + #)":      "empty",
		"tables.t[s]":                 `the table t has no key "text"`,
		"let x = tables.t[s]; x ?? 1": `the table t has no key "text"`,
		"l contains l":                "no text",
		"mean(l)":                     "",
		"min(l, 5)":                   "",
		"sort([1, 'a', now])":         "",
		"sortBy(l, now, 'up')":        "",
	} {
		m := mustCompile(t, buyer+fmt.Sprintf("  promocode: %q\n", "${"+expr+"}")+"tables: {t: {a: b}}\nfields: {i: {type: int, default: 3}, big9: {type: int, default: 900000000000000000}}\n")
		res := apply(m, post(posted...))
		if len(res.Problems) != 1 || len(res.Corrections) != 0 || res.Problems[0].Path != "promocode" || res.Problems[0].Pos != (Pos{3, 14}) ||
			!strings.Contains(res.Problems[0].Text, want) || res.Problems[0].Expression != "${"+expr+"}" {
			t.Errorf("%s: %s", expr, told(res, "promocode"))
			continue
		}
		if text := res.Problems[0].Text; strings.Contains(text, "\n") || strings.Contains(text, "$") || strings.Contains(text, "the relay itself") || utf8.RuneCountInString(text) > 250 {
			t.Errorf("%s: no sentence for ops: %q", expr, text)
		}
	}
}

// No number of an expression is written as NaN or infinity, not even in a text.
func TestNoInfinityInTexts(t *testing.T) {
	t.Parallel()
	runWords(t, "", []wordCase{
		{"Text", "text", "sum ${num(a) / num(b)}", []string{"a=1", "b=0"}, "hold promocode ~finite"},
		{"ListOfTexts", "texts", "${[num(a) / num(b)]}", []string{"a=1", "b=0"}, "hold custom_fields.0.value ~finite"},
		{"Joined", "text", "${join(',', num(a) / num(b))}", []string{"a=0", "b=0"}, "hold promocode ~finite"},
		{"Condition", "text", "${num(a) / num(b) > 5 ? 'many' : 'few'}", []string{"a=1", "b=0"}, "hold promocode ~finite"},
		{"Fine", "text", "sum ${num(a) / num(b)}", []string{"a=1", "b=4"}, `"sum 0.25"`},
		{"NothingDivided", "text", "sum ${num(a) / num(b)}", []string{"b=0"}, ""},
	})
}

// A Problem shows no more of what was typed than it takes to recognise it.
func TestProblemsShowLittle(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("secret-", 4000)
	for _, value := range []string{"${a}", "${num(a)}", "${date(a)}", "${a.x}", "${a * 2}", "${tables.t[a]}", "${fromJSON(a)}", "${duration(a)}", "${int(a)}", "${a[a]}", "${'x' in a}", "${min(a, 5)}", "${sort([a, 5])}", "${mean(a)}", "${round(a)}", "${flatten(a)}", "${sum(a)}", "${-a}", "${a > 5}"} {
		m := mustCompile(t, buyer+fmt.Sprintf("  taxes: %q\ntables: {t: {a: 1}}\n", value))
		res := apply(m, post("a="+long))
		if len(res.Problems) != 1 {
			t.Errorf("%s: %s", value, told(res, ""))
			continue
		}
		if n := utf8.RuneCountInString(res.Problems[0].Text); n > 400 {
			t.Errorf("%s: a sentence of %d characters", value, n)
		}
	}
}
