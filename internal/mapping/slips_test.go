package mapping

import (
	"strings"
	"testing"
)

// A slip of somebody who writes a first profile is told with what to write, and never with what does harm when it is followed.
func TestFirstSlips(t *testing.T) {
	t.Parallel()
	payment := func(status string) string {
		return buyer + "  payments: [{payment_method: x, amount: 1, status: " + status + "}]\n"
	}
	uuid := func(uuid string) string { return buyer + "  custom_fields: [{uuid: " + uuid + ", value: x}]\n" }
	card := "creates: card\nmap:\n  contact: {phone: \"1\"}\n  custom_fields: [{uuid: \"1021\", value: x}]\n"
	rows := func(expr string) string {
		return buyer + "  promocode: " + expr + "\ntables: {price: {A-1: 1, B-7: 2}}\n"
	}
	const statuses = "write one of not_paid, paid, canceled, refund (not_paid: nobody has paid yet)"
	runFaults(t, []faultCase{
		{"Unpaid", payment("unpaid"), []string{"3:53|no payments.status \"unpaid\"|" + statuses}},
		{"PaidInCapitals", payment("Paid"), []string{"3:53|\"Paid\"|" + statuses}},
		{"NoStatusAtAll", payment("new"), []string{"3:53|\"new\"|" + statuses}},
		{"DigitsOfAFieldsUUID", uuid(`"1021"`), []string{"3:26|\"1021\" is no uuid of a field; an order's begin with OR_|write OR_1021"}},
		{"SmallLettersOfAFieldsUUID", uuid("or_1021"), []string{"3:26|\"or_1021\" is no uuid of a field; an order's begin with OR_|write OR_1021"}},
		{"ANameForAFieldsUUID", uuid("Розмір"), []string{"3:26|\"Розмір\" is no uuid|it stands beside the field in KeyCRM's settings"}},
		{"ACardsFieldsUUID", card, []string{"4:26|\"1021\" is no uuid of a field; a card's begin with LD_|write LD_1021"}},
		{"AFieldWithABlank", buyer + "  promocode: ${Артикул товару}\n", []string{`3:24|unexpected|a field name with a blank is written ${form["Артикул товару"]}`}},
		{"AFieldWithABlankInLatin", buyer + "  promocode: ${your sku}\n", []string{`3:21|unexpected|a field name with a blank is written ${form["your sku"]}`}},
		{"OneSignOfEquality", buyer + "  promocode: '${sku = \"A-1\"}'\n", []string{"3:21|cannot be read|to compare, write =="}},
		{"ATablesKeyWithADash", rows("${tables.price.A-1}"), []string{"3:29|`A-1` would subtract|write tables.price[\"A-1\"]"}},
		{"AKeyWithADashThatIsNotThere", rows("${tables.price.C-9}"), []string{"3:29|`C-9` would subtract|write tables.price[\"C-9\"]; it has no such row: those of price are A-1, B-7"}},
		{"ALongerWordForARule", buyer + "fields: {a: {validate: \"maximum=120\"}}\n", []string{"3:24|maximum is no rule|write max"}},
		{"AnotherLongerWordForARule", buyer + "fields: {a: {validate: \"minlength=2\"}}\n", []string{"3:24|minlength is no rule|write min"}},
		{"ADeliveryServicesName", buyer + "  shipping: {delivery_service_id: Нова пошта}\n", []string{"3:35|is a number in KeyCRM, and \"Нова пошта\" is none|write the service's id; check --online lists them"}},
		{"AClientsField", uuid("CT_1021"), nil},
		{"AnOrdersField", uuid("OR_1021"), nil},
		{"AFieldOfTheForm", uuid(`"${which}"`), nil},
		{"AFieldWithItsNumberFromTheForm", uuid(`"OR_${which}"`), nil},
	})
}

// warnCase is a profile and what Compile warns of, a line a warning: line:column, then what it must say, then what it must say to do.
type warnCase struct {
	Name, Profile string
	Want          []string
}

func runWarnings(t *testing.T, cases []warnCase) {
	t.Helper()
	for _, tt := range cases {
		t.Run(tt.Name, func(t *testing.T) {
			t.Parallel()
			warned := mustCompile(t, tt.Profile).Warnings()
			if len(warned) != len(tt.Want) {
				t.Fatalf("want %d warnings, got:\n%s", len(tt.Want), tell(warned))
			}
			for i, w := range warned {
				if got := tell([]Fault{w}); !strings.Contains(got, tt.Want[i]) {
					t.Errorf("want %q, got %s", tt.Want[i], got)
				}
			}
		})
	}
}

// posting is a map whose person is posted, which nothing is to be warned of.
const posting = "map:\n  buyer: {phone: \"${phone}\"}\n"

// A condition whose ${} was forgotten is a word, and always holds.
func TestForgottenCondition(t *testing.T) {
	t.Parallel()
	when := func(when string) string {
		return posting + "  products: [{when: " + when + ", sku: \"${sku}\", name: x}]\n"
	}
	cases := []warnCase{
		{"AField", when("sku"), []string{"`when: sku` is a fixed word and always holds; write when: ${sku}"}},
		{"AComparison", when(`sku == 'A-1'`), []string{"`when: sku == 'A-1'` is a fixed word and always holds; write when: ${sku == 'A-1'}"}},
		{"OfAnObject", posting + "  shipping: {when: city, shipping_address_city: Lviv}\n", []string{"`when: city` is a fixed word"}},
		{"AnExpression", when(`"${sku}"`), nil},
	}
	for _, literal := range []string{"true", "false", "1", "0", "on", "off", "yes", "no", `"True"`, `""`} {
		cases = append(cases, warnCase{"Literal" + literal, when(literal), nil})
	}
	runWarnings(t, cases)
}

// A name of form.fields that nothing reads is most often a misspelt one, and a required one refuses every visitor.
func TestUnreadFields(t *testing.T) {
	t.Parallel()
	const head = "map:\n  buyer: {phone: \"${phone}\", full_name: \"${name}\"}\n"
	fields := func(below, fields string) string { return head + below + "fields: {" + fields + "}\n" }
	const refused = "; did you mean name? A form without that field is refused for every visitor"
	runWarnings(t, []warnCase{
		{"Misspelt", fields("", `nmae: {validate: "required"}`), []string{`3:10: form.fields names "nmae", which nothing under map reads` + refused}},
		{"MisspeltWithARest", fields("rest: manager_comment\n", `nmae: {validate: "required"}`), []string{`"nmae"` + ", which nothing under map reads" + refused}},
		{"MisspeltAndNotRequired", fields("", `nmae: {validate: "min=2"}`), []string{`"nmae", which nothing under map reads; did you mean name?`}},
		{"NearWithARestAndNotRequired", fields("rest: manager_comment\n", `phone2: {type: phone}`), nil},
		{"NearOneThatIsThereToo", fields("", `phone: {type: phone}, phone2: {type: phone}`), nil},
		{"RequiredAndUnread", fields("", `agree: {validate: "required"}`), []string{`"agree", which nothing under map reads; take it out unless the form posts it`}},
		{"RequiredAndKeptByRest", fields("rest: manager_comment\n", `agree: {validate: "required"}`), nil},
		{"RequiredWithADefault", fields("", `agree: {validate: "required", default: "1"}`), nil},
		{"Read", fields("", `name: {validate: "required"}`), nil},
		{"ReadByACondition", fields("  shipping: {when: \"${gift}\", shipping_address_city: Lviv}\n", `gift: {validate: "required"}`), nil},
		{"ReadAsAKey", fields("  promocode: ${tables.codes[topic]}\ntables: {codes: {a: b}}\n", `topic: {validate: "required"}`), nil},
		{"ReadUnderAnotherSpelling", fields("  promocode: ${your_code}\n", `your-code: {validate: "required"}`), nil},
		{"ReadLineByLine", fields("  products: [{each: \"${lines}\", sku: \"${item.sku}\"}]\n", `"lines[][sku]": {validate: "required"}`), nil},
		{"TheWholeFormIsRead", fields("  promocode: ${form[topic]}\n", `nmae: {validate: "required"}`), nil},
		{"ForTheRelay", fields("", `_source: {validate: "required"}`), nil},
	})
}

// What a test of the profile posts is there, whatever reads it.
func TestUnreadFieldThatATestPosts(t *testing.T) {
	t.Parallel()
	s := specOf(t, posting+"fields: {agree: {validate: \"required\"}}\n")
	s.Posted = []string{"phone", "agree"}
	if m, faults := Compile(s); faults != nil || len(m.Warnings()) > 0 {
		t.Error(tell(faults), tell(m.Warnings()))
	}
}

// A line that is made by what is written out has no name when the form posted none.
func TestNamelessProduct(t *testing.T) {
	t.Parallel()
	item := func(item string) string {
		return posting + "  products: [{" + item + "}]\ntables: {price: {A-1: 450}, name: {A-1: Lamp}}\n"
	}
	const nameless = "3:14: a post without a product makes a line without a name; add when: ${…}"
	runWarnings(t, []warnCase{
		{"AQuantityWrittenOut", item(`sku: "${sku}", name: "${product}", quantity: 1`), []string{nameless}},
		{"AQuantityToFallBackOn", item(`sku: "${sku}", name: "${product}", quantity: "${quantity ?? 1}"`), []string{nameless}},
		{"ANameOfATable", item(`sku: "${sku}", name: "${tables.name[sku]}", quantity: 1`), []string{nameless}},
		{"ANameInAText", item(`sku: "${sku}", name: "Lamp, ${colour}", quantity: 1`), []string{nameless}},
		{"ACondition", item(`when: "${sku}", sku: "${sku}", quantity: 1`), nil},
		{"EachLine", item(`each: "${products}", sku: "${item.sku}", quantity: 1`), nil},
		{"ANameWrittenOut", item(`sku: "${sku}", name: Lamp, quantity: 1`), nil},
		{"ANameToFallBackOn", item(`sku: "${sku ?? 'A-1'}", quantity: 1`), nil},
		{"NothingWrittenOut", item(`sku: "${sku}", quantity: "${quantity}", price: "${tables.price[sku]}"`), nil},
		{"ARequiredField", item(`sku: "${sku}", quantity: 1`) + "fields: {sku: {validate: \"required\"}}\n", nil},
		{"ADefault", item(`sku: "${sku}", quantity: 1`) + "fields: {sku: {default: A-1}}\n", nil},
	})
}

// A payment that says nothing of how it is paid is held, with what to do about it.
func TestPaymentWithoutAMethod(t *testing.T) {
	t.Parallel()
	m := mustCompile(t, posting+"  payments: [{payment_method_id: \"${method}\", payment_method: \"${name}\", amount: 1}]\n")
	const want = "hold payments.0.payment_method_id [method] the payment needs payment_method_id or payment_method, and both came out blank: " +
		"let the form post one, or write a fixed number"
	if got := told(apply(m, post("phone=0501112233", "method=")), ""); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
