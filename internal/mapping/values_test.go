package mapping

import "testing"

// A value that is one expression keeps its type; with text around it is a text; nothing is left out.
func TestValues(t *testing.T) {
	t.Parallel()
	runWords(t, "tables: {t: {n: 7.50, s: \"7.50\", yes: true, l: [a, 2]}}\nfields: {i: {type: int}, f: {type: number}, d: {type: date}, b: {type: bool}, p: {type: phone}}\n", []wordCase{
		{"OneExpression", "text", "${a}", []string{"a=x"}, `"x"`},
		{"BlanksAround", "text", "  ${a}  ", []string{"a=x"}, `"x"`},
		{"BlanksInside", "text", "${ a }", []string{"a=x"}, `"x"`},
		{"TwoExpressions", "text", "${a}${c}", []string{"a=x", "c=y"}, `"xy"`},
		{"TextAround", "text", "<${a}>", []string{"a=x"}, `"<x>"`},
		{"OneOfTwoIsNil", "text", "${a} and ${c}", []string{"c=y"}, `"and y"`},
		{"AllNil", "text", "Hello ${a} and ${b}!", nil, ""},
		{"AllBlank", "text", "Hello ${a} and ${b}!", []string{"a= ", "b=\t"}, ""},
		{"NilLiteral", "text", "${nil}", nil, ""},
		{"EmptyLiteral", "text", "", nil, ""},
		{"BlankLiteral", "text", "   ", nil, ""},
		{"BlankExpression", "text", "${'  '}", nil, ""},
		{"TextOfNoBreakSpaces", "text", "${a}", []string{"a=\u00a0\u2003"}, ""},
		{"PlainLiteral", "text", "x", nil, `"x"`},
		{"LiteralKeepsZeros", "text", "0501", nil, `"0501"`},
		{"EscapedDollar", "text", "$${a}", []string{"a=x"}, `"${a}"`},
		{"EscapedThenReal", "text", "$${a} ${a}", []string{"a=x"}, `"${a} x"`},
		{"RealThenEscaped", "text", "${a} $${a}", []string{"a=x"}, `"x ${a}"`},
		{"EscapedTwice", "text", "$${a}$${b}", nil, `"${a}${b}"`},
		{"EscapedIsNoExpression", "text", "${a} $${b}", nil, ""},
		{"LoneDollar", "text", "5$ {a} $a", nil, `"5$ {a} $a"`},
		{"ExpressionInsideValueIsText", "text", "${a}", []string{"a=${b}", "b=y"}, `"${b}"`},
		{"BraceInQuotes", "text", "${a ?? '}'}", nil, `"}"`},
		{"MapLiteral", "text", "${ {'k': a}.k }", []string{"a=x"}, `"x"`},
		{"Int", "text", "${i}", []string{"i=3.00"}, `"3"`},
		{"Float", "text", "${f}", []string{"f=1 299,50"}, `"1299.5"`},
		{"DateOnly", "text", "${d}", []string{"d=4.3.2026"}, `"2026-03-04"`},
		{"DateAndTime", "text", "${d}", []string{"d=04.03.2026 9:15"}, `"2026-03-04 09:15:00"`},
		{"True", "text", "${b}", []string{"b=on"}, `"true"`},
		{"False", "text", "${b}", []string{"b=off"}, `"false"`},
		{"Phone", "text", "${p}", []string{"p=050 111 22 33"}, `"+380501112233"`},
		{"TableNumberKeepsItsZero", "text", "${tables.t.n}", nil, `"7.50"`},
		{"TableNumberInText", "text", "for ${tables.t.n}", nil, `"for 7.50"`},
		{"TableNumberCalculated", "text", "${tables.t.n * 2}", nil, `"15"`},
		{"TableYes", "bool", "${tables.t.yes}", nil, `true`},
		{"TableList", "text", "${tables.t.l}", nil, `"a, 2"`},
		{"FractionOfBinary", "text", "${num('0.1') + num('0.2')}", nil, `"0.3"`},
		{"LargeNumberWithoutExponent", "text", "${num('1000000') * 1000000 * 1000000000}", nil, `"1000000000000000000000"`},
		{"SmallNumberWithoutExponent", "text", "${num('1') / 10000000}", nil, `"0.0000001"`},
		{"List", "text", "${a}", []string{"a[]=x", "a[]=y"}, `"x, y"`},
		{"ListWithHoles", "text", "${a}", []string{"a[]=x", "a[]= ", "a[]=y"}, `"x, y"`},
		{"EmptyList", "text", "${list(a)}", nil, ""},
		{"ListOfBlanks", "text", "[${a}]", []string{"a[]=", "a[]= "}, ""},
		{"ListInText", "text", "[${a}]", []string{"a[]=x", "a[]=y"}, `"[x, y]"`},
		{"RepeatedNameIsTheLast", "text", "${a}", []string{"a=x", "a=y"}, `"y"`},
		{"RepeatedNameLastBlank", "text", "${a}", []string{"a=x", "a="}, ""},
		{"ListOfRepeated", "text", "${list(a)}", []string{"a=x", "a=", "a=y"}, `"x, y"`},
		{"Object", "text", "${a}", []string{"a[k]=x"}, "hold promocode [a[k]] ~an object"},
		{"ObjectInText", "text", "<${a}>", []string{"a[k]=x"}, "hold promocode [a[k]] ~no text"},
		{"ListOfObjects", "text", "${a}", []string{"a[0][k]=x"}, "hold promocode [a[0][k]] ~an object"},
		{"WholeTable", "text", "${tables.t}", nil, "hold promocode [] ~an object"},
		{"Visitor", "text", "${visitor}", nil, "hold promocode [] ~an object"},
		{"Duration", "text", "${duration('90m')}", nil, `"1h30m0s"`},
		{"NotEscapedForHTML", "text", "${a}", []string{"a=<b> & \"c\" \u2028."}, "\"<b> & \\\"c\\\" \\u2028.\""},
		{"LinesStay", "text", "${a}", []string{"a=one\r\ntwo"}, `"one\r\ntwo"`},
		{"NotUTF8", "text", "${a}", []string{"a=\xff"}, `"\ufffd"`},
		{"Emoji", "text", "${a[:1]}!", []string{"a=😀😀"}, `"😀!"`},
		{"Texts", "texts", "${a}", []string{"a=x"}, `"x"`},
		{"TextsOfList", "texts", "${a}", []string{"a[]=x", "a[]=y"}, `["x","y"]`},
		{"TextsOfOne", "texts", "${list(a)}", []string{"a=x"}, `["x"]`},
		{"TextsInText", "texts", "(${a})", []string{"a[]=x", "a[]=y"}, `"(x, y)"`},
		{"TextsOfNumbers", "texts", "${[1, 2.5, i]}", []string{"i=3"}, `["1","2.5","3"]`},
		{"TextsOfTable", "texts", "${tables.t.l}", nil, `["a","2"]`},
		{"TextsOfNothing", "texts", "${list(a)}", nil, ""},
		{"TextsOfObject", "texts", "${a}", []string{"a[k]=x"}, "hold custom_fields.0.value [a[k]] ~an object"},
		{"TextsOfLists", "texts", "${[[1], [2]]}", nil, "hold custom_fields.0.value [] ~an object"},
	})
}

// What has nothing in it is left out, and the items that stay are renumbered.
func TestLeftOut(t *testing.T) {
	t.Parallel()
	runCases(t, []profileCase{
		{"ObjectOfNothing", buyer + "  shipping: {tracking_code: \"${a}\", shipping_address_city: \"${b}\"}\n  marketing: {utm_source: \"${c}\"}\n", []string{"a= "}, "shipping", ""},
		{"ObjectOfOne", buyer + "  shipping: {tracking_code: \"${a}\", shipping_address_city: \"${b}\"}\n", []string{"b=x"}, "shipping", `{"shipping_address_city":"x"}`},
		{"ObjectWithoutFields", buyer + "  shipping: {}\n", nil, "shipping", ""},
		{"KeyWithoutValue", buyer + "  promocode:\n  shipping:\n", nil, "promocode", ""},
		{"ListWithoutItems", buyer + "  products: []\n", nil, "products", ""},
		{"FirstItemIsEmpty", buyer + "  products: [{sku: \"${a}\"}, {sku: \"${b}\"}, {sku: \"${c}\"}]\n", []string{"b=B", "c=C"}, "products", `[{"sku":"B"},{"sku":"C"}]`},
		{"MiddleItemIsEmpty", buyer + "  products: [{sku: \"${a}\"}, {sku: \"${b}\"}, {sku: \"${c}\"}]\n", []string{"a=A", "c=C"}, "products", `[{"sku":"A"},{"sku":"C"}]`},
		{"AllItemsAreEmpty", buyer + "  products: [{sku: \"${a}\"}, {sku: \"${b}\"}]\n", nil, "products", ""},
		{"ZeroAndFalseAreSomething", buyer + "  taxes: ${a}\n  is_gift: ${b}\n  products: [{price: \"${a}\"}]\n", []string{"a=0", "b=false"}, "products", `[{"price":0}]`},
		{"ZeroStays", buyer + "  taxes: ${a}\n", []string{"a=0"}, "taxes", "0"},
		{"FalseStays", buyer + "  is_gift: ${b}\n", []string{"b=no"}, "is_gift", "false"},
		{"UncheckedBoxIsLeftOut", buyer + "  is_gift: ${b}\n", nil, "is_gift", ""},
		{"CustomFieldWithoutValue", buyer + "  custom_fields: [{uuid: OR_1, value: \"${a}\"}, {uuid: OR_2, value: \"${b}\"}]\n", []string{"b=x"}, "custom_fields", `[{"uuid":"OR_2","value":"x"}]`},
		{"CustomFieldWithEmptyList", buyer + "  custom_fields: [{uuid: OR_1, value: \"${a}\"}]\n", []string{"a[]="}, "custom_fields", ""},
		{"CustomFieldWithoutUUID", buyer + "  custom_fields: [{uuid: \"${u}\", value: \"${a}\"}]\n", []string{"a=x"}, "", "hold custom_fields.0.uuid [u] ~is needed"},
		{"PropertyWithoutValue", buyer + "  products: [{sku: A, properties: [{name: Color, value: \"${a}\"}, {name: Size, value: \"${b}\"}]}]\n", []string{"b=L"}, "products.0.properties", `[{"name":"Size","value":"L"}]`},
		{"ItemOfOnlyEmptyProperties", buyer + "  products: [{properties: [{name: Color, value: \"${a}\"}]}, {sku: B}]\n", nil, "products", `[{"sku":"B"}]`},
		{"WhenFalseBesideOthers", buyer + "  products: [{when: false, sku: A}, {sku: B}, {when: no, sku: C}, {sku: D}]\n", nil, "products", `[{"sku":"B"},{"sku":"D"}]`},
		{"EmptyPaymentGetsNoStatus", buyer + "  payments: [{payment_method: \"${m}\", amount: \"${a}\"}, {payment_method: cash, amount: 5}]\n", nil, "payments", `[{"payment_method":"cash","amount":5,"status":"not_paid"}]`},
		{"PaymentOfStatusAlone", buyer + "  payments: [{payment_method: \"${m}\", amount: \"${a}\", status: paid}]\n", nil, "", "hold payments.0.amount [a] ~is needed\nhold payments.0.payment_method_id [] ~both came out blank"},
	})
}

// A name in an expression is a form's field in each of its spellings, also where expr has a function of that name.
func TestNames(t *testing.T) {
	t.Parallel()
	cases := []wordCase{
		{"RawInQuotes", "text", `${form["First Name"]}`, []string{"First Name=x"}, `"x"`},
		{"PHPsName", "text", "${First_Name}", []string{"First Name=x"}, `"x"`},
		{"DotInName", "text", "${user_email}", []string{"user.email=x"}, `"x"`},
		{"DashInName", "text", "${your_name}", []string{"your-name=x"}, `"x"`},
		{"DashInQuotes", "text", `${form["your-name"]}`, []string{"your-name=x"}, `"x"`},
		{"Cyrillic", "text", "${Імя}", []string{"Імя=x"}, `"x"`},
		{"Apostrophe", "text", "${Ім_я}", []string{"Ім'я=x"}, `"x"`},
		{"BeginsWithDigit", "text", "${_1st}", []string{"1st=x"}, `"x"`},
		{"Underscore", "text", "${_next}", []string{"_next=/a"}, `"/a"`},
		{"ExactNameBeforeAlias", "text", "${your_name}", []string{"your-name=x", "your_name=y"}, `"y"`},
		{"CaseCounts", "text", "${Name}", []string{"name=x"}, ""},
		{
			"RelaysNames", "text", `${form["item"]}${form["index"]}${form["now"]}${form["visitor"]}${form["form"]}${form["tables"]}`,
			[]string{"item=1", "index=2", "now=3", "visitor=4", "form=5", "tables=6"},
			`"123456"`,
		},
		{"ReservedWords", "text", `${form["in"]}${form["not"]}${form["or"]}${form["if"]}`, []string{"in=1", "not=2", "or=3", "if=4"}, `"1234"`},
		{"Nested", "text", "${user.name}", []string{"user[name]=x"}, `"x"`},
		{"NestedInQuotes", "text", `${form["user"]["first name"]}`, []string{"user[first name]=x"}, `"x"`},
		{"Position", "text", "${a[1]}", []string{"a[]=x", "a[]=y"}, `"y"`},
		{"PositionFromEnd", "text", "${a[-1]}", []string{"a[]=x", "a[]=y"}, `"y"`},
		{"PositionIsNoKey", "text", "${a[0].k}", []string{"a[5][k]=x"}, `"x"`},
		{"PositionBeyond", "text", "${a[2]}", []string{"a[]=x", "a[]=y"}, ""},
		{"MemberOfText", "text", "${a.k}", []string{"a=x"}, `hold promocode [a] ~has no "k"`},
		{"OptionalMemberOfNothing", "text", "${a?.k?.l}", nil, ""},
		{"ComputedName", "text", `${form["size_" + kind]}`, []string{"kind=big", "size_big=L"}, `"L"`},
		{"Page", "text", "${visitor.page}", nil, `"https://shop.example/a"`},
		{"Address", "text", `${visitor["ip"]}`, nil, `"192.0.2.7"`},
		{"UserAgentThatNobodyKnows", "text", "${visitor.user_agent}", nil, ""},
		{"Now", "text", "${now}", nil, `"2026-11-21 18:30:00"`},
		{"IndexAsField", "text", `${form.index}`, []string{"index=5"}, `"5"`},
	}
	for _, name := range []string{
		"date", "type", "last", "first", "count", "len", "map", "filter", "sum", "all", "any", "none", "one", "find", "list", "num", "join", "e164", "upper", "lower",
		"trim", "split", "replace", "string", "int", "float", "abs", "round", "min", "max", "mean", "sort", "reverse", "take", "keys", "values", "get", "repeat", "duration", "env", "fromJSON", "bitand",
	} {
		cases = append(cases, wordCase{"BuiltinAsField_" + name, "text", "${" + name + "}!", []string{name + "=x"}, `"x!"`})
	}
	runWords(t, "tables: {t: {a: b}}\n", cases)
}

func TestLetAndClosures(t *testing.T) {
	t.Parallel()
	lines := []string{"p[0][sku]=A", "p[0][n]=2", "p[1][sku]=B", "p[1][n]=5", "sku=A", "limit=3"}
	runWords(t, "tables: {price: {A: 10, B: 1}}\n", []wordCase{
		{"Let", "text", "${let x = a; x + x}", []string{"a=y"}, `"yy"`},
		{"LetTwice", "text", "${let x = a; let y = x + '!'; y + x}", []string{"a=z"}, `"z!z"`},
		{"LetNamedLikeAFunction", "text", "${let date = a; date}", []string{"a=z", "date=d"}, `"z"`},
		{"LetNamedLikeAField", "text", "${let a = b; a}", []string{"a=1", "b=2"}, `"2"`},
		{"LetInClosure", "text", "${let k = sku; join(',', map(filter(p, .sku == k), .n))}", lines, `"2"`},
		{"OuterFieldInClosure", "text", "${join(',', map(filter(p, .sku == sku), .n))}", lines, `"2"`},
		{"FieldNamedAsAMember", "text", "${join(',', map(p, #.sku + sku))}", lines, `"AA,BA"`},
		{"TableInClosure", "amount", "${sum(p, tables.price[.sku] * num(.n))}", lines, "25"},
		{"ClosureInClosure", "text", "${len(filter(p, any(p, .n == '5')))}", lines, `"2"`},
		{"CountOfCondition", "text", "${count(p, num(.n) > num(limit))}", lines, `"1"`},
		{"Reduce", "text", "${reduce(p, #acc + .sku, '')}", lines, `"AB"`},
		{"SortBy", "text", "${join('', map(sortBy(p, .sku, 'desc'), .sku))}", lines, `"BA"`},
		{"Find", "text", "${find(p, .sku == 'B').n}", lines, `"5"`},
		{"FindNothing", "text", "${find(p, .sku == 'C').n}", lines, ""},
		{"ClosureOverOneValue", "text", "${join(',', map(a, # + '!'))}", []string{"a=x"}, `"x!"`},
		{"ClosureOverAnObject", "text", "${join(',', map(a, #))}", []string{"a[z]=1", "a[b]=2"}, `"2,1"`},
		{"ClosureOverNothing", "text", "${join(',', map(a, .x))}", nil, ""},
		{"Pipe", "text", "${p | map(.sku) | reverse() | first()}", lines, `"B"`},
		{"JoinTakesTheSeparatorFirst", "text", "${p | map(.sku) | join(';')}", lines, "hold promocode ~separator first"},
		{"PipeOfOne", "text", "${a | trim('x') | upper()}", []string{"a=xyx"}, `"Y"`},
		{"Ternary", "text", "${num(limit) > 2 ? 'many' : 'few'}", lines, `"many"`},
		{"Chain", "text", "${a ?? b ?? 'c'}", nil, `"c"`},
		{"ChainTakesTheFirst", "text", "${a ?? b ?? 'c'}", []string{"a= ", "b=y"}, `"y"`},
	})
}
