package mapping

import (
	"strings"
	"testing"
)

// A rule of form.fields runs on the converted value; what breaks it is told to the visitor under the name that was posted.
func TestFieldRules(t *testing.T) {
	t.Parallel()
	field := func(rule string) string { return buyer + "fields: {a: {" + rule + "}}\n" }
	list := func(rule string) string { return buyer + "fields: {\"p[][n]\": {" + rule + "}}\n" }
	runCases(t, []profileCase{
		{"RequiredIsThere", field("validate: required"), []string{"a=x"}, "taxes", ""},
		{"RequiredIsMissing", field("validate: required"), nil, "", "correct a REQUIRED_FIELD_MISSING required="},
		{"RequiredIsEmpty", field("validate: required"), []string{"a="}, "", "correct a REQUIRED_FIELD_EMPTY required="},
		{"RequiredIsBlank", field("validate: required"), []string{"a=\u00a0 \t"}, "", "correct a REQUIRED_FIELD_EMPTY required="},
		{"RequiredZeroIsThere", field("type: int, validate: required"), []string{"a=0"}, "taxes", ""},
		{"RequiredNoIsThere", field("type: bool, validate: required"), []string{"a=no"}, "taxes", ""},
		{"OtherRulesSkipTheAbsent", field("validate: \"min=3\""), nil, "taxes", ""},
		{"OtherRulesSkipTheBlank", field("validate: \"min=3,email\""), []string{"a= "}, "taxes", ""},
		{"TypeSkipsTheBlank", field("type: int"), []string{"a= "}, "taxes", ""},
		{"MinCharacters", field("validate: \"min=3\""), []string{"a=їжа"}, "taxes", ""},
		{"BelowMinCharacters", field("validate: \"min=3\""), []string{"a=їж"}, "", "correct a RULE min=3"},
		{"BlanksDoNotCount", field("validate: \"min=3\""), []string{"a= їж "}, "", "correct a RULE min=3"},
		{"MaxCharacters", field("validate: \"max=3\""), []string{"a=їжа"}, "taxes", ""},
		{"AboveMaxCharacters", field("validate: \"max=3\""), []string{"a=їжак"}, "", "correct a RULE max=3"},
		{"MinOfANumber", field("type: int, validate: \"min=3\""), []string{"a=3"}, "taxes", ""},
		{"BelowMinOfANumber", field("type: int, validate: \"min=3\""), []string{"a=2"}, "", "correct a RULE min=3"},
		{"MaxOfANumber", field("type: number, validate: \"max=2.5\""), []string{"a=2,5"}, "taxes", ""},
		{"AboveMaxOfANumber", field("type: number, validate: \"max=2.5\""), []string{"a=2,51"}, "", "correct a RULE max=2.5"},
		{"OneOf", field("validate: \"oneof=a b\""), []string{"a=b"}, "taxes", ""},
		{"NoneOf", field("validate: \"oneof=a b\""), []string{"a=c"}, "", "correct a RULE oneof=a b"},
		{"RuleEmail", field("validate: email"), []string{"a=x@"}, "", "correct a TYPE_EMAIL email="},
		{"FirstBrokenRuleOnly", field("validate: \"min=3,max=1\""), []string{"a=xx"}, "", "correct a RULE min=3"},
		{"TypeInt", field("type: int"), []string{"a=1.5"}, "", "correct a TYPE_NUMERIC"},
		{"TypeNumber", field("type: number"), []string{"a=one"}, "", "correct a TYPE_NUMERIC"},
		{"TypeNumberNaN", field("type: number"), []string{"a=NaN"}, "", "correct a TYPE_NUMERIC"},
		{"TypeDate", field("type: date"), []string{"a=31.02.2026"}, "", "correct a TYPE_DATE"},
		{"TypePhone", field("type: phone"), []string{"a=12"}, "", "correct a TYPE_PHONE"},
		{"TypeEmail", field("type: email"), []string{"a=o@"}, "", "correct a TYPE_EMAIL"},
		{"TypeBool", field("type: bool"), []string{"a=maybe"}, "", "correct a TYPE_BOOL"},
		{"TypeBeforeRule", field("type: int, validate: \"min=3\""), []string{"a=x"}, "", "correct a TYPE_NUMERIC"},
		{"RepeatedNameIsTheLast", field("type: int"), []string{"a=x", "a=5"}, "taxes", ""},
		{"RepeatedNameLastIsWrong", field("type: int"), []string{"a=5", "a=x"}, "", "correct a TYPE_NUMERIC"},
		{"ListPostedForAPlainName", field("type: int"), []string{"a[]=5", "a[]=x"}, "", "correct a[] TYPE_NUMERIC"},
		{"ObjectPostedForAPlainName", field("type: int"), []string{"a[k]=5"}, "taxes", ""},
		{"RawNameWithBlank", buyer + "fields: {First Name: {validate: required}}\n", []string{"First Name="}, "", "correct First Name REQUIRED_FIELD_EMPTY required="},
		{"RawNameMissing", buyer + "fields: {First Name: {validate: required}}\n", nil, "", "correct First Name REQUIRED_FIELD_MISSING required="},
		{"NamedByPHPsName", buyer + "fields: {First_Name: {validate: \"max=1\"}}\n", []string{"First Name=xx"}, "", "correct First Name RULE max=1"},
		{"NamedByTheIdentifier", buyer + "fields: {your_name: {validate: \"max=1\"}}\n", []string{"your-name=xx"}, "", "correct your-name RULE max=1"},
		{"NamedByTheRawNameReadByTheAlias", buyer + "  taxes: ${your_sum}\nfields: {your-sum: {type: int}}\n", []string{"your-sum=5 шт"}, "taxes", "5"},
		{"DotInTheName", buyer + "fields: {user.age: {type: int}}\n", []string{"user.age=x"}, "", "correct user.age TYPE_NUMERIC"},
		{"EveryItem", list("type: int"), []string{"p[0][n]=1", "p[5][n]=x", "p[6][n]=y"}, "", "correct p[5][n] TYPE_NUMERIC\ncorrect p[6][n] TYPE_NUMERIC"},
		{"EveryItemWithoutNumbers", list("type: int"), []string{"p[][n]=x"}, "", "correct p[][n] TYPE_NUMERIC"},
		{"EveryItemRequired", list("validate: required"), []string{"p[0][s]=A", "p[1][n]=1", "p[2][n]="}, "", "correct p[0][n] REQUIRED_FIELD_MISSING required=\ncorrect p[2][n] REQUIRED_FIELD_EMPTY required="},
		{"NoItemsNothingRequired", list("validate: required"), nil, "taxes", ""},
		{"ItemsThatAreNoObjects", list("type: int"), []string{"p[]=x"}, "taxes", ""},
		{"EveryItemOfAnObject", list("type: int"), []string{"p[red][n]=x"}, "", "correct p[red][n] TYPE_NUMERIC"},
		{"OneItem", buyer + "fields: {\"p[1][n]\": {type: int}}\n", []string{"p[0][n]=x", "p[1][n]=y"}, "", "correct p[1][n] TYPE_NUMERIC"},
		{"Values", buyer + "fields: {\"c[]\": {validate: \"max=3\"}}\n", []string{"c[]=red", "c[]=green"}, "", "correct c[] RULE max=3"},
		{"NestedName", buyer + "fields: {\"u[mail]\": {type: email}}\n", []string{"u[mail]=x"}, "", "correct u[mail] TYPE_EMAIL"},
		{"NestedNameEmpty", buyer + "fields: {\"u[mail]\": {validate: required}}\n", []string{"u[mail]="}, "", "correct u[mail] REQUIRED_FIELD_EMPTY required="},
		{"NestedNameBesideOthers", buyer + "fields: {\"u[mail]\": {validate: required}}\n", []string{"u[name]=x"}, "", "correct u[mail] REQUIRED_FIELD_MISSING required="},
		{"NestedNameAllMissing", buyer + "fields: {\"u[mail]\": {validate: required}}\n", nil, "", "correct u[mail] REQUIRED_FIELD_MISSING required="},
		{"NestedDeeperMissing", buyer + "fields: {\"u[a][zip]\": {validate: required}}\n", []string{"u[name]=x"}, "", "correct u[a][zip] REQUIRED_FIELD_MISSING required="},
		{"NestedWhereATextWasPosted", buyer + "fields: {\"u[mail]\": {validate: required}}\n", []string{"u=x"}, "", "correct u REQUIRED_FIELD_MISSING required="},
		{"ChoicesMissing", buyer + "fields: {\"c[]\": {validate: required}}\n", nil, "", "correct c[] REQUIRED_FIELD_MISSING required="},
		{"ChoicesThere", buyer + "fields: {\"c[]\": {validate: required}}\n", []string{"c[]=red"}, "taxes", ""},
		{"SeveralInTheOrderOfTheProfile", buyer + "fields: {b: {type: int}, a: {validate: required}}\n", []string{"b=x"}, "", "correct b TYPE_NUMERIC\ncorrect a REQUIRED_FIELD_MISSING required="},
		{"OnceAField", buyer + "  taxes: ${a}\n  wrap_price: ${a}\nfields: {a: {type: number}}\n", []string{"a=x"}, "", "correct a TYPE_NUMERIC"},
		{"ReplyToIsEmail", "map:\n  buyer: {email: \"${email}\"}\nfields: {email: {validate: required}}\n", []string{"_replyto=o@example.test"}, "buyer.email", `"o@example.test"`},
		{"ReplyToIsWrong", buyer + "fields: {email: {type: email}}\n", []string{"_replyto=o@"}, "", "correct _replyto TYPE_EMAIL"},
		{"EmailBeforeReplyTo", "map:\n  buyer: {email: \"${email}\"}\n", []string{"_replyto=a@example.test", "email=b@example.test"}, "buyer.email", `"b@example.test"`},
	})
}

// A default fills what is absent or blank, converted as if it had been posted.
func TestFieldDefaults(t *testing.T) {
	t.Parallel()
	runWords(t, `fields:
  i: {type: int, default: 3}
  f: {type: number, default: "1 299,50"}
  d: {type: date, default: 04.03.2026}
  b: {type: bool, default: on}
  p: {type: phone, default: 050 111 22 33}
  s: {default: NONE}
  l: {default: [red, "", blue]}
  n: {type: int, default: [1, "2"]}
  First Name: {default: Olena}
  u[country]: {default: UA}
  p2[][q]: {type: int, default: 1}
  req: {validate: required, default: x}
  empty: {default: ""}
`, []wordCase{
		{"Absent", "text", "${s}", nil, `"NONE"`},
		{"Blank", "text", "${s}", []string{"s= "}, `"NONE"`},
		{"Posted", "text", "${s}", []string{"s=x"}, `"x"`},
		{"LastIsBlank", "text", "${s}", []string{"s=x", "s="}, `"NONE"`},
		{"Int", "text", "${i * 2}", nil, `"6"`},
		{"Number", "amount", "${f}", nil, "1299.5"},
		{"Date", "day", "${d}", nil, `"2026-03-04"`},
		{"DateAsTime", "time", "${d}", nil, `"2026-03-03 22:00:00"`},
		{"Bool", "bool", "${b}", nil, "true"},
		{"Phone", "text", "${p}", nil, `"+380501112233"`},
		{"List", "texts", "${l}", nil, `["red","blue"]`},
		{"ListOfNumbers", "text", "${n[0] + n[1]}", nil, `"3"`},
		{"ListReplaced", "texts", "${list(l)}", []string{"l=green"}, `["green"]`},
		{"ListFunctionOfDefault", "texts", "${list(s)}", nil, `["NONE"]`},
		{"RawNameAbsent", "text", `${form["First Name"]}`, nil, `"Olena"`},
		{"AliasOfRawNameAbsent", "text", "${First_Name}", nil, `"Olena"`},
		{"NestedAbsentBesideOthers", "text", "${u.country}", []string{"u[city]=Lviv"}, `"UA"`},
		{"NestedAllAbsent", "text", "${u.country}", nil, `"UA"`},
		{"NestedPosted", "text", "${u.country}", []string{"u[country]=PL"}, `"PL"`},
		{"LinesFilled", "text", "${join(',', map(p2, .q))}", []string{"p2[0][s]=A", "p2[1][s]=B", "p2[1][q]=5"}, `"1,5"`},
		{"BlankLineStaysBlank", "text", "${join(',', map(p2, .q))}", []string{"p2[0][s]=", "p2[0][q]=", "p2[1][s]=B"}, `"1"`},
		{"RequiredWithDefault", "text", "${req}", nil, `"x"`},
		{"EmptyDefault", "text", "${empty}", nil, ""},
		{"BeforeFallback", "text", "${s ?? 'y'}", nil, `"NONE"`},
	})
}

// An email of the contact that is none is the visitor's to correct, wherever it was typed.
func TestEmails(t *testing.T) {
	t.Parallel()
	email := func(value string) string {
		return "map:\n  buyer: {full_name: x, email: \"" + value + "\"}\n"
	}
	for typed, ok := range map[string]bool{
		"o@example.test": true, "o.x+y@example.test": true, "O@EXAMPLE.TEST": true, " o@example.test ": true, "o'neil@example.test": true, "o@sub.example.test": true,
		"o@": false, "@example.test": false, "o": false, "o@example..test": false, "o@exa mple.test": false, "a@example.test, b@example.test": false, "o@example.test;": false,
		"<o@example.test>": false, "o@example": false, "o@@example.test": false,
	} {
		res := apply(mustCompile(t, email("${email}")), post("email="+typed))
		got := told(res, "buyer.email")
		if want := "correct email TYPE_EMAIL email="; ok == (got == want) || ok && got != `"`+strings.TrimSpace(typed)+`"` {
			t.Errorf("%q: %s", typed, got)
		}
	}
	runCases(t, []profileCase{
		{"RawName", email("${form['E-mail address']}"), []string{"E-mail address=x"}, "", "correct E-mail address TYPE_EMAIL email="},
		{"Brackets", email("${user.email}"), []string{"user[email]=x"}, "", "correct user[email] TYPE_EMAIL email="},
		{"List", email("${email}"), []string{"email[]=x", "email[]=y"}, "", "correct email[] TYPE_EMAIL email="},
		{"OfTwoTheOnePosted", email("${mail ?? email}"), []string{"email=x"}, "", "correct email TYPE_EMAIL email="},
		{"OfTwoPostedTheFirst", email("${mail ?? email}"), []string{"email=o@example.test", "mail=x"}, "", "correct mail TYPE_EMAIL email="},
		{"OfTwoPostedTheOneThatIsNotBlank", email("${mail ?? email}"), []string{"mail=", "email=x"}, "", "correct email TYPE_EMAIL email="},
		{"OfAComputedNameNoOthers", email("${form['mail_' + n]}"), []string{"mail_a=x", "n=a", "zip=5"}, "", "correct n TYPE_EMAIL email="},
		{"OfABranch", email("${own ? mail : email}"), []string{"own=1", "mail=x"}, "", "correct mail TYPE_EMAIL email="},
		{"PartOfAText", email("${user}@example.test"), []string{"user=a b"}, "", "correct user TYPE_EMAIL email="},
		{"PartOfATextThatFits", email("${user}@example.test"), []string{"user=ab"}, "buyer.email", `"ab@example.test"`},
		{"ThroughAFunction", email("${lower(email)}"), []string{"email=X"}, "", "correct email TYPE_EMAIL email="},
		{"OfATable", email("${tables.shop.mail}") + "tables: {shop: {mail: x}}\n", nil, "", "hold buyer.email [] ~no email"},
		{"OfATableByAField", email("${tables.shop[town]}") + "tables: {shop: {kyiv: x}}\n", []string{"town=kyiv"}, "", "correct town TYPE_EMAIL email="},
		{"OfACard", "creates: card\nmap:\n  contact: {email: \"${email}\"}\n", []string{"email=x"}, "", "correct email TYPE_EMAIL email="},
		{"WithItsLabel", email("${email}") + "fields: {email: {label: {uk: Пошта}}}\n", []string{"email=x"}, "", "correct email TYPE_EMAIL email="},
	})
}

// No name, email or phone at all is told at each field that they come from.
func TestNoContact(t *testing.T) {
	t.Parallel()
	runCases(t, []profileCase{
		{"Order", "map:\n  buyer: {full_name: \"${n}\", email: \"${e}\", phone: \"${p}\"}\n", nil, "", "correct n NO_CONTACT\ncorrect e NO_CONTACT\ncorrect p NO_CONTACT"},
		{"Blank", "map:\n  buyer: {full_name: \"${n}\", phone: \"${p}\"}\n", []string{"p= ", "n="}, "", "correct n NO_CONTACT\ncorrect p NO_CONTACT"},
		{"Card", "creates: card\nmap:\n  contact: {email: \"${e}\", phone: \"${p}\"}\n", nil, "", "correct e NO_CONTACT\ncorrect p NO_CONTACT"},
		{"NameIsEnough", "map:\n  buyer: {full_name: \"${n}\", phone: \"${p}\"}\n", []string{"n=O"}, "buyer", `{"full_name":"O"}`},
		{"PhoneIsEnough", "map:\n  buyer: {full_name: \"${n}\", phone: \"${p}\"}\n", []string{"p=5"}, "buyer", `{"phone":"5"}`},
		{"EmailIsEnough", "map:\n  buyer: {full_name: \"${n}\", email: \"${e}\"}\n", []string{"e=o@example.test"}, "buyer", `{"email":"o@example.test"}`},
		{"ClientIsEnough", "creates: card\nmap:\n  contact: {phone: \"${p}\", client_id: \"${c}\"}\n", []string{"c=5"}, "contact", `{"client_id":5}`},
		{"NamesAsPosted", "map:\n  buyer: {full_name: \"${First_Name}\", phone: \"${tel}\"}\n", []string{"First Name=", "tel[]="}, "", "correct First Name NO_CONTACT\ncorrect tel[] NO_CONTACT"},
		{"NamesAsAskedFor", "map:\n  buyer: {full_name: \"${user.name}\", phone: \"${form['My phone']}\"}\n", nil, "", "correct user[name] NO_CONTACT\ncorrect My phone NO_CONTACT"},
		{"EveryFieldOfAText", "map:\n  buyer: {full_name: \"${first} ${last}\"}\n", nil, "", "correct first NO_CONTACT\ncorrect last NO_CONTACT"},
		{"OneFieldOnce", "map:\n  buyer: {full_name: \"${x}\", phone: \"${x}\"}\n", nil, "", "correct x NO_CONTACT"},
		{"WithOtherCorrections", "map:\n  buyer: {phone: \"${p}\"}\nfields: {a: {type: int}}\n", []string{"a=x"}, "", "correct a TYPE_NUMERIC\ncorrect p NO_CONTACT"},
		{"RequiredIsToldInstead", "map:\n  buyer: {phone: \"${p}\"}\nfields: {p: {validate: required}}\n", nil, "", "correct p REQUIRED_FIELD_MISSING required="},
		{"WrongPhoneOfAType", "map:\n  buyer: {phone: \"${p}\"}\nfields: {p: {type: phone}}\n", []string{"p=x"}, "", "correct p TYPE_PHONE"},
		{"BesideRequiredOnes", "map:\n  buyer: {full_name: \"${n}\", email: \"${e}\", phone: \"${p}\"}\nfields: {n: {validate: required}, p: {validate: required}}\n", []string{"n=", "p=", "e="}, "", "correct n REQUIRED_FIELD_EMPTY required=\ncorrect p REQUIRED_FIELD_EMPTY required=\ncorrect e NO_CONTACT"},
		{"AlsoWhatWasNotPosted", "map:\n  buyer: {full_name: \"${n}\", email: \"${e}\", phone: \"${p}\"}\nfields: {e: {label: {uk: Пошта}}}\n", []string{"n=", "p="}, "", "correct n NO_CONTACT\ncorrect e NO_CONTACT\ncorrect p NO_CONTACT"},
		{"OfNoField", "map:\n  buyer: {phone: \"${visitor.user_agent}\"}\n", nil, "", "hold buyer [] ~reads no field"},
		{"OfATableThatFails", "map:\n  buyer: {phone: \"${tables.t[p]}\"}\ntables: {t: {a: b}}\n", []string{"p=x"}, "", "hold buyer.phone [p] ~no key"},
		{"OfACondition", "map:\n  buyer: {phone: \"${want ? p : nil}\"}\n", nil, "", "correct p NO_CONTACT\ncorrect want NO_CONTACT"},
	})
}

// What is the visitor's to correct is never also held, and what is ops' is never told to the visitor.
func TestCorrectionsAndProblemsStayApart(t *testing.T) {
	t.Parallel()
	const profile = `map:
  buyer: {phone: "1", email: "${email}"}
  taxes: ${sum}
  promocode: ${sum * 2}
  payments: [{payment_method: x, amount: "${sum}", status: "${status}"}]
fields: {sum: {type: number}}
`
	runCases(t, []profileCase{
		{"TheTypeIsToldOnceAndNothingHeldForIt", profile, []string{"sum=x"}, "", "correct sum TYPE_NUMERIC"},
		{"AStatusIsOps", profile, []string{"sum=1", "status=done"}, "", `hold payments.0.status [status] ~"done" and must be one of`},
		{"BothEachToItsOwn", profile, []string{"sum=x", "status=done", "email=y"}, "", "correct sum TYPE_NUMERIC\ncorrect email TYPE_EMAIL email=\nhold payments.0.status [status] ~must be one of"},
		{"AnEmailInATextIsNoEmail", buyer + "  buyer_comment: ${email}\n", []string{"email=x"}, "buyer_comment", `"x"`},
		{"ANumberIsOps", buyer + "  taxes: ${a}\n", []string{"a=x"}, "", "hold taxes [a] ~no number"},
		{"ADateIsOps", buyer + "  ordered_at: ${a}\n", []string{"a=x"}, "", "hold ordered_at [a] ~"},
		{
			"AWholeListIsOps", buyer + "  products: [{each: \"${p}\", quantity: \"${item.n}\", sku: A}]\n",
			[]string{"p[0][n]=x", "p[1][n]=0", "p[2][n]=2"},
			"",
			"hold products.0.quantity [p[0][n]] ~no number\nhold products.1.quantity [p[1][n]] ~more than 0",
		},
	})
}

// A correction carries what a page needs to speak of it: type, rule and label.
func TestCorrectionSaysAll(t *testing.T) {
	t.Parallel()
	m := mustCompile(t, `map:
  buyer: {email: "${e}", phone: "${tel}"}
fields:
  n: {type: int, validate: "min=3", label: {uk: Кількість, en: Quantity}}
  t: {validate: "min=3"}
  p[][q]: {type: number, validate: "max=2", label: {en: Amount}}
  e: {label: {en: Email}}
`)
	type said struct{ Field, Path, Type, Label string }
	got := map[said]bool{}
	for _, c := range apply(m, post("n=2", "t=ab", "p[7][q]=3", "e=x")).Corrections {
		got[said{c.Field, c.Path, c.Type, c.Label["en"]}] = true
	}
	for _, want := range []said{{"n", "", "int", "Quantity"}, {"t", "", "text", ""}, {"p[7][q]", "", "number", "Amount"}, {"e", "buyer.email", "", "Email"}} {
		if !got[want] {
			t.Errorf("no %+v among %+v", want, got)
		}
	}
}
