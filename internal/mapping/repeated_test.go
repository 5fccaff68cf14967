package mapping

import "testing"

// A plain read gets the last of the values posted under a name; what was typed into the others is in the rest.
func TestRestOfRepeatedNames(t *testing.T) {
	t.Parallel()
	rest := func(lines string) string { return buyer + lines + "rest: manager_comment\n" }
	const each = "  products: [{each: \"${p}\", sku: \"${item.s}\"}]\n"
	runCases(t, []profileCase{
		{"TheLastCounts", "map:\n  buyer: {full_name: \"${name}\"}\nrest: manager_comment\n", []string{"name=N", "name=M"}, "", `{"source_id":22,"source_uuid":"` + testID + `","manager_comment":"name: N","ordered_at":"2026-11-21 16:30:00","buyer":{"full_name":"M"}}`},
		{"ThreeOfThem", rest("  promocode: ${a}\n"), []string{"a=1", "b=x", "a=2", "a=3"}, "manager_comment", `"a: 1\nb: x\na: 2"`},
		{"UnderAnAlias", rest("  promocode: ${your_name}\n"), []string{"your-name=N", "your-name=M"}, "manager_comment", `"your-name: N"`},
		{"TheLastIsBlank", rest("  promocode: ${a}\n"), []string{"a=1", "a="}, "manager_comment", `"a: 1"`},
		{"ListUsesAll", rest("  custom_fields: [{uuid: OR_1, value: \"${list(a)}\"}]\n"), []string{"a=1", "a=2"}, "manager_comment", ""},
		{"ListOfANameInQuotes", rest("  promocode: \"${join(',', list(form['a b']))}\"\n"), []string{"a b=1", "a b=2"}, "manager_comment", ""},
		{"ListAndPlain", rest("  promocode: ${a}\n  gift_message: \"${join(',', list(a))}\"\n"), []string{"a=1", "a=2"}, "manager_comment", ""},
		{"TheHiddenHalfOfACheckbox", rest("  promocode: ${agree}\n"), []string{"agree=0", "agree=1"}, "manager_comment", ""},
		{"TheHiddenHalfInWords", rest("  promocode: ${agree}\n"), []string{"agree=off", "agree=on", "news=no"}, "manager_comment", `"news: no"`},
		{"TheHiddenHalfUnused", rest(""), []string{"agree=0", "agree=1"}, "manager_comment", `"agree: 0\nagree: 1"`},
		{"InALine", rest(each), []string{"p[0][s]=A", "p[0][s]=B", "p[1][s]=C"}, "manager_comment", `"p[0][s]: A"`},
		{"InAWholeItem", rest("  products: [{each: \"${p}\", sku: \"${item}\"}]\n"), []string{"p[a]=1", "p[a]=2", "p[b]=3"}, "manager_comment", `"p[a]: 1"`},
		{"EmptyBracketsRepeatNothing", rest("  custom_fields: [{uuid: OR_1, value: \"${a}\"}]\n"), []string{"a[]=1", "a[]=2"}, "manager_comment", ""},
		{"ATextAndThenAList", rest("  custom_fields: [{uuid: OR_1, value: \"${a}\"}]\n"), []string{"a=1", "a[]=2"}, "manager_comment", `"a: 1"`},
		{"AListAndThenAText", rest("  promocode: ${a}\n"), []string{"a[]=1", "a[x]=2", "a=3"}, "manager_comment", `"a[]: 1\na[x]: 2"`},
	})
}

// Of a list that is only chosen from, counted or looked into nothing is certain to have been used: it may stand twice, but is not lost.
func TestRestOfChosenItems(t *testing.T) {
	t.Parallel()
	rest := func(value string) string {
		return buyer + "  promocode: \"${" + value + "}\"\nrest: manager_comment\n"
	}
	lines := []string{"p[0][s]=A", "p[1][s]=B"}
	texts := []string{"p[]=A", "p[]=B"}
	each := func(each string) string {
		return buyer + "  products: [{each: \"${" + each + "}\", sku: \"${item.s ?? 'x'}\"}]\nrest: manager_comment\n"
	}
	const both, bothTexts = `"p[0][s]: A\np[1][s]: B"`, `"p[]: A\np[]: B"`
	runCases(t, []profileCase{
		{"First", rest("first(p)"), texts, "manager_comment", bothTexts},
		{"Last", rest("last(p)"), texts, "manager_comment", bothTexts},
		{"FirstsMember", rest("first(p).s"), lines, "manager_comment", both},
		{"Take", rest("join(',', take(p, 1))"), texts, "manager_comment", bothTexts},
		{"Cut", rest("join(',', p[0:1])"), texts, "manager_comment", bothTexts},
		{"Find", rest("find(p, # == 'B')"), []string{"p[]=A", "p[]=B", "q=C"}, "manager_comment", `~q: C`},
		{"FindsOtherMembers", rest("find(p, .s == 'B').n"), []string{"p[0][s]=A", "p[0][n]=1", "p[1][s]=B", "p[1][n]=2"}, "manager_comment", `"p[0][n]: 1\np[1][n]: 2"`},
		{"FiltersOtherMembers", rest("join(',', map(filter(p, .s == 'B'), .n))"), []string{"p[0][s]=A", "p[0][n]=1", "p[1][s]=B", "p[1][n]=2"}, "manager_comment", `"p[0][n]: 1\np[1][n]: 2"`},
		{"FirstOfAll", rest("first(list(a))"), []string{"a=1", "a=2"}, "manager_comment", `"a: 1\na: 2"`},
		{"FirstOfAllOfOne", rest("first(list(a))"), []string{"a=1"}, "manager_comment", ""},
		{"FirstOfAText", rest("first(a)"), []string{"a=1"}, "manager_comment", ""},
		{"Length", rest("len(p)"), lines, "manager_comment", both},
		{"Condition", rest("p ? 'x' : nil"), lines, "manager_comment", both},
		{"When", buyer + "  shipping: {when: \"${p}\", shipping_address_city: Lviv}\nrest: manager_comment\n", lines, "manager_comment", both},
		{"Looking", rest("'A' in p"), texts, "manager_comment", bothTexts},
		{"Joined", rest("join(',', p)"), texts, "manager_comment", ""},
		{"JoinedOfEach", rest("join(',', map(p, .s))"), lines, "manager_comment", ""},
		{"Ordered", rest("join(',', reverse(sort(p)))"), texts, "manager_comment", ""},
		{"Summed", rest("sum(p, num(#))"), []string{"p[]=1", "p[]=2"}, "manager_comment", ""},
		{"EachOfSome", each("take(p, 1)"), lines, "manager_comment", `"p[1][s]: B"`},
		{"EachOfTheFound", each("[find(p, .s == 'B')]"), []string{"p[0][s]=A", "p[0][n]=1", "p[1][s]=B"}, "manager_comment", `"p[0][n]: 1"`},
		{"EachOfTheFiltered", each("filter(p, .on)"), []string{"p[0][s]=A", "p[1][s]=B", "p[1][on]=1"}, "manager_comment", `"p[0][s]: A"`},
	})
}

// What was typed after a phone number stands in the comment once.
func TestPhoneTextsStandOnce(t *testing.T) {
	t.Parallel()
	const typed = "fields: {tel: {type: phone}}\nrest: manager_comment\n"
	runCases(t, []profileCase{
		{"UnusedField", buyer + typed, []string{"tel=050 111 22 33 after six"}, "manager_comment", `"tel: 050 111 22 33 after six"`},
		{"UsedField", "map:\n  buyer: {phone: \"${tel}\"}\n" + typed, []string{"tel=050 111 22 33 after six"}, "manager_comment", `"after six"`},
		{"UsedFieldOfARepeatedName", "map:\n  buyer: {phone: \"${tel}\"}\n" + typed, []string{"tel=067 111 22 33", "tel=050 111 22 33 after six"}, "manager_comment", `"after six\ntel: 067 111 22 33"`},
		{"UnusedFieldWithoutRest", buyer + "fields: {tel: {type: phone}}\n", []string{"tel=050 111 22 33 after six"}, "manager_comment", `"after six"`},
		{"UnusedFieldLeftOutOfRest", buyer + typed + "rest_except: [tel]\n", []string{"tel=050 111 22 33 after six"}, "manager_comment", `"after six"`},
		{"UnusedList", buyer + "fields: {\"t[]\": {type: phone}}\nrest: manager_comment\n", []string{"t[]=050 111 22 33 six", "t[]=067 111 22 33 ten"}, "manager_comment", `"t[]: 050 111 22 33 six\nt[]: 067 111 22 33 ten"`},
	})
}
