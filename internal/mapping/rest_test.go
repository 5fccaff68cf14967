package mapping

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// What no evaluated expression used is appended, a line a pair, in posted order, so that nothing typed is lost.
func TestRest(t *testing.T) {
	t.Parallel()
	rest := func(lines string) string { return buyer + lines + "rest: manager_comment\n" }
	list := "  products: [{each: \"${p}\", when: \"${item.on}\", sku: \"${item.s}\"}]\n"
	runCases(t, []profileCase{
		{"PostedOrder", rest(""), []string{"b=2", "a=1"}, "manager_comment", `"b: 2\na: 1"`},
		{"NothingPosted", rest(""), nil, "manager_comment", ""},
		{"BlanksAreNoLines", rest(""), []string{"a= ", "b=", "c=\u00a0"}, "manager_comment", ""},
		{"EveryPairOfARepeatedName", rest(""), []string{"a=1", "a=2"}, "manager_comment", `"a: 1\na: 2"`},
		{"UsedIsLeftOut", rest("  promocode: ${a}\n"), []string{"a=1", "b=2"}, "manager_comment", `"b: 2"`},
		{"UsedUnderAnAlias", rest("  promocode: ${your_name}\n"), []string{"your-name=1"}, "manager_comment", ""},
		{"UsedInAText", rest("  promocode: \"x ${a}\"\n"), []string{"a=1"}, "manager_comment", ""},
		{"UsedByACondition", rest("  shipping: {when: \"${a}\", shipping_address_city: Lviv}\n"), []string{"a=1"}, "manager_comment", ""},
		{"UsedByAFunction", rest("  promocode: ${len(a)}\n"), []string{"a=1"}, "manager_comment", ""},
		{"BothSidesOfAFallback", rest("  promocode: ${a ?? b}\n"), []string{"a=1", "b=2"}, "manager_comment", ""},
		{"MappedCommentFirst", rest("  manager_comment: \"hello ${a}\"\n"), []string{"b=2", "a=1"}, "manager_comment", `"hello 1\nb: 2"`},
		{"IntoTheBuyersComment", buyer + "  buyer_comment: ${a}\nrest: buyer_comment\n", []string{"a=1", "b=2"}, "buyer_comment", `"1\nb: 2"`},
		{"IntoTheBuyersCommentNotTheManagers", buyer + "rest: buyer_comment\n", []string{"b=2"}, "manager_comment", ""},
		{"IntoAFieldOfShipping", buyer + "rest: shipping.shipping_secondary_line\n", []string{"b=2"}, "shipping", `{"shipping_secondary_line":"b: 2"}`},
		{"OfACardAfterItsMark", "creates: card\nmap:\n  contact: {phone: \"1\"}\nrest: manager_comment\n", []string{"b=2"}, "manager_comment", `"[formrelay ` + testID + `]\nb: 2"`},
		{"OfACardWithoutMark", "creates: card\nmark: none\nmap:\n  contact: {phone: \"1\"}\nrest: manager_comment\n", []string{"b=2"}, "manager_comment", `"b: 2"`},
		{"IntoACardsTitleBesideItsMark", "creates: card\nmap:\n  contact: {phone: \"1\"}\nrest: title\n", []string{"b=2"}, "", `{"title":"b: 2","source_id":22,"manager_comment":"[formrelay ` + testID + `]","contact":{"phone":"1"}}`},
		{"AFalseConditionLeavesItsFields", rest("  shipping: {when: \"${a}\", shipping_address_city: \"${b}\"}\n"), []string{"a=0", "b=Lviv"}, "manager_comment", `"b: Lviv"`},
		{"ATrueConditionUsesThem", rest("  shipping: {when: \"${a}\", shipping_address_city: \"${b}\"}\n"), []string{"a=1", "b=Lviv"}, "manager_comment", ""},
		{"ALineLeftOutByItsCondition", rest(list), []string{"p[0][s]=A", "p[0][on]=1", "p[1][s]=B", "p[1][on]=0"}, "manager_comment", `"p[1][s]: B"`},
		{"WhatALineDoesNotUse", rest(list), []string{"p[0][s]=A", "p[0][on]=1", "p[0][size]=L"}, "manager_comment", `"p[0][size]: L"`},
		{"AWholeItemUsed", rest("  products: [{each: \"${p}\", sku: \"${item}\"}]\n"), []string{"p[]=A", "p[]=B", "q[]=C"}, "manager_comment", `"q[]: C"`},
		{"ALineByItsPosition", rest("  promocode: ${p[0].s}\n"), []string{"p[5][s]=A", "p[7][s]=B"}, "manager_comment", `"p[7][s]: B"`},
		{"ASumUsesAllItsLines", rest("  taxes: ${sum(p, num(.n))}\n"), []string{"p[0][n]=1", "p[1][n]=2", "p[1][s]=B"}, "manager_comment", `"p[1][s]: B"`},
		{"AComputedNameLosesNothing", rest("  promocode: ${form['size_' + kind]}\n"), []string{"kind=big", "size_big=L", "note=call me"}, "manager_comment", `~note: call me`},
		{"AComputedPositionLosesNothing", rest("  promocode: ${p[int(n)].s}\n"), []string{"n=1", "p[0][s]=A", "p[1][s]=B"}, "manager_comment", `~p[0][s]: A`},
		{"LookingForANameLosesNothing", rest("  is_gift: \"${'gift' in form}\"\n"), []string{"gift=1", "note=call me"}, "manager_comment", `~note: call me`},
		{"TheFormsSizeLosesNothing", rest("  promocode: ${len(form)}\n"), []string{"note=call me"}, "manager_comment", `~note: call me`},
		{"FailedExpressionsHoldTheRestToo", rest("  promocode: ${a.x}\n"), []string{"a=1", "b=2"}, "", `hold promocode [a] ~has no`},
		{"DefaultsAreNotTyped", rest("") + "fields: {a: {default: x}}\n", nil, "manager_comment", ""},
		{"AsTyped", rest("") + "fields: {a: {type: int}}\n", []string{"a=1 000 шт"}, "manager_comment", `"a: 1 000 шт"`},
		{"LinesInAValueStay", rest(""), []string{"a=one\ntwo"}, "manager_comment", `"a: one\ntwo"`},
		{"NamelessField", rest(""), []string{"=x"}, "manager_comment", `~x`},
		{"ExceptByName", rest("") + "rest_except: [a]\n", []string{"a=1", "a[x]=2", "ab=3"}, "manager_comment", `"ab: 3"`},
		{"ExceptByAnAlias", rest("") + "rest_except: [your_name]\n", []string{"your-name=1", "b=2"}, "manager_comment", `"b: 2"`},
		{"ExceptOneMember", rest("") + "rest_except: [\"a[x]\"]\n", []string{"a[x]=1", "a[y]=2"}, "manager_comment", `"a[y]: 2"`},
		{"ExceptEveryItems", rest("") + "rest_except: [\"p[][x]\"]\n", []string{"p[0][x]=1", "p[12][x]=1", "p[0][y]=2"}, "manager_comment", `"p[0][y]: 2"`},
		{"RelaysOwnNames", rest(""), []string{"_next=/", "_gotcha=x", "__x=1", "_replyto=o@example.test", "a_=1"}, "manager_comment", `"a_: 1"`},
		{"Secrets", rest(""), []string{"password=1", "user[password]=2", "pass=3", "new_pwd=4", "passport=AB", "compass=N"}, "manager_comment", `"passport: AB\ncompass: N"`},
		{"SecretsInOtherLanguages", rest(""), []string{"Пароль=1", "hasło=2", "user[Haslo]=3", "повтор_пароля=4"}, "manager_comment", ""},
		{"PaymentCards", rest(""), []string{"card_number=1", "cc-number=2", "CardNumber=3", "cvv=4", "card[cvc]=5", "cvv2=6", "security_code=7", "gift_card_number=8", "номер карти лояльності=9"}, "manager_comment", `"gift_card_number: 8\nномер карти лояльності: 9"`},
		{"FormsOwnGuards", rest(""), []string{"csrf_token=1", "csrfmiddlewaretoken=2", "authenticity_token=3", "XSRF-TOKEN=4", "token=5"}, "manager_comment", `"token: 5"`},
		{"Captchas", rest(""), []string{"g-recaptcha-response=1", "h-captcha-response=2", "cf-turnstile-response=3", "smart-token=4", "captcha=5", "token=6"}, "manager_comment", `"token: 6"`},
		{"PageBuilders", rest(""), []string{"tranid=1", "COOKIES=2", "cookies=3", "formid=4"}, "manager_comment", `"formid: 4"`},
	})
}

// A line is called by the field's label in the profile's language, else by the posted name.
func TestRestLabels(t *testing.T) {
	t.Parallel()
	labels := buyer + `rest: buyer_comment
fields:
  a: {label: {uk: А, en: A, pl: Ą}}
  your-name: {label: {en: Name}}
  p[][s]: {label: {en: Size}}
  u[town]: {label: {en: Town}}
  c[]: {label: {en: Colour}}
  typed: {type: int}
`
	posted := []string{"a=1"}
	runCases(t, []profileCase{
		{"Default", labels, posted, "buyer_comment", `"А: 1"`},
		{"English", labels + "lang: en\n", posted, "buyer_comment", `"A: 1"`},
		{"Polish", labels + "lang: pl\n", posted, "buyer_comment", `"Ą: 1"`},
		{"RussianFallsBack", labels + "lang: ru\n", posted, "buyer_comment", `"А: 1"`},
		{"OnlyAnother", labels, []string{"your-name=1"}, "buyer_comment", `"Name: 1"`},
		{"EveryItem", labels, []string{"p[0][s]=1", "p[][s]=2", "p[x][s]=3", "p[0][t]=4"}, "buyer_comment", `"Size: 1\nSize: 2\nSize: 3\np[0][t]: 4"`},
		{"Nested", labels, []string{"u[town]=1", "u[zip]=2"}, "buyer_comment", `"Town: 1\nu[zip]: 2"`},
		{"Choices", labels, []string{"c[]=1", "c[5]=2"}, "buyer_comment", `"Colour: 1\nColour: 2"`},
		{"WithoutLabel", labels, []string{"typed=1"}, "buyer_comment", `"typed: 1"`},
	})
}

// A comment has at most 5,000 characters; one that is cut says so in its last line and breaks no character.
func TestCommentBounds(t *testing.T) {
	t.Parallel()
	comment := func(profile string, pairs ...string) string {
		return jsonText(t, member(string(apply(mustCompile(t, profile), post(pairs...)).Entity), "manager_comment"))
	}
	const prefix = "a: "
	for _, lang := range []string{"uk", "en", "ru", "pl"} {
		for _, unit := range []string{"x", "є", "😀", "e\u0301"} {
			profile := buyer + "rest: manager_comment\nlang: " + lang + "\n"
			whole := (maxComment - len(prefix)) / utf8.RuneCountInString(unit)
			fill := strings.Repeat("-", maxComment-len(prefix)-whole*utf8.RuneCountInString(unit))
			if got := comment(profile, "a="+fill+strings.Repeat(unit, whole)); got != prefix+fill+strings.Repeat(unit, whole) {
				t.Errorf("%s %q: a comment of the allowed length was changed", lang, unit)
			}
			got := comment(profile, "a="+fill+strings.Repeat(unit, whole+1))
			lines := strings.Split(got, "\n")
			if n := utf8.RuneCountInString(got); n > maxComment || n < maxComment-2 || !utf8.ValidString(got) || lines[len(lines)-1] != cutLine(lang) {
				t.Errorf("%s %q: %d characters, last line %q", lang, unit, n, lines[len(lines)-1])
			}
		}
	}
	for name, got := range map[string]string{
		"the mapping alone": comment(buyer+"  manager_comment: ${a}\n", "a="+strings.Repeat("x", 6000)),
		"many lines":        comment(buyer+"rest: manager_comment\n", manyPairs(1000, "field%d=value")...),
		"both":              comment(buyer+"  manager_comment: ${a}\nrest: manager_comment\n", "a="+strings.Repeat("x", 4990), "b="+strings.Repeat("y", 20)),
		"a phone's rest":    comment("map:\n  buyer: {phone: \"${p}\"}\n  manager_comment: ${a}\n", "a="+strings.Repeat("x", 4999), "p=050 111 22 33 call"),
	} {
		if n := utf8.RuneCountInString(got); n > maxComment || n < maxComment-30 || !strings.HasSuffix(got, "\n"+cutLine("uk")) {
			t.Errorf("%s: %d characters, ends in %q", name, n, got[max(0, len(got)-80):])
		}
	}
	if card := comment("creates: card\nmap:\n  contact: {phone: \"1\"}\n  manager_comment: ${a}\n", "a="+strings.Repeat("x", 9000)); !strings.HasPrefix(card, "[formrelay "+testID+"]\nxxx") {
		t.Errorf("a card that was cut lost its mark: %.60s", card)
	}
}

// A card carries its mark as the comment's first line, in a field of its own, or not at all.
func TestMark(t *testing.T) {
	t.Parallel()
	card := func(lines string) string { return "creates: card\nmap:\n  contact: {phone: \"1\"}\n" + lines }
	const mark = "[formrelay " + testID + "]"
	runCases(t, []profileCase{
		{"FirstLine", card(""), nil, "manager_comment", `"` + mark + `"`},
		{"BeforeTheMapping", card("  manager_comment: ${a}\n"), []string{"a=x"}, "manager_comment", `"` + mark + `\nx"`},
		{"BeforeWhatLooksLikeOne", card("  manager_comment: ${a}\n"), []string{"a=[formrelay X]"}, "manager_comment", `"` + mark + `\n[formrelay X]"`},
		{"BlankMapping", card("  manager_comment: ${a}\n"), []string{"a="}, "manager_comment", `"` + mark + `"`},
		{"InItsField", card("mark: LD_7\n"), nil, "custom_fields", `[{"uuid":"LD_7","value":"` + mark + `"}]`},
		{"InItsFieldNotInTheComment", card("mark: LD_7\n"), nil, "manager_comment", ""},
		{"InItsFieldAfterOthers", card("  custom_fields: [{uuid: LD_1, value: \"${a}\"}, {uuid: LD_2, value: b}]\nmark: LD_7\n"), []string{"a=x"}, "custom_fields", `[{"uuid":"LD_1","value":"x"},{"uuid":"LD_2","value":"b"},{"uuid":"LD_7","value":"` + mark + `"}]`},
		{"InItsFieldAfterOthersThatAreEmpty", card("  custom_fields: [{uuid: LD_1, value: \"${a}\"}]\nmark: LD_7\n"), nil, "custom_fields", `[{"uuid":"LD_7","value":"` + mark + `"}]`},
		{"None", card("  manager_comment: ${a}\nmark: none\n"), []string{"a=x"}, "manager_comment", `"x"`},
		{"NoneWithoutComment", card("mark: none\n"), nil, "manager_comment", ""},
		{"OrdersHaveNone", buyer, nil, "manager_comment", ""},
	})
	for profile, want := range map[string][2]string{card(""): {mark, ""}, card("mark: LD_7\n"): {mark, "LD_7"}, card("mark: none\n"): {"", ""}, buyer: {"", ""}} {
		if res := apply(mustCompile(t, profile), post()); res.Mark != want[0] || res.MarkField != want[1] {
			t.Errorf("%s: mark %q in %q", profile, res.Mark, res.MarkField)
		}
	}
}

// manyPairs are n pairs made by a format with their number.
func manyPairs(n int, format string) []string {
	pairs := make([]string, n)
	for i := range pairs {
		pairs[i] = fmt.Sprintf(strings.ReplaceAll(format, "%d", "%[1]d"), i)
	}
	return pairs
}
