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
	const statuses = "write one of not_paid, paid, canceled, refund (not_paid: nobody has paid yet)"
	runFaults(t, []faultCase{
		{"Unpaid", payment("unpaid"), []string{"3:53|no payments.status \"unpaid\"|" + statuses}},
		{"PaidInCapitals", payment("Paid"), []string{"3:53|\"Paid\"|" + statuses}},
		{"NoStatusAtAll", payment("new"), []string{"3:53|\"new\"|" + statuses}},
		{"DigitsOfAFieldsUUID", uuid(`"1021"`), []string{"3:26|\"1021\" is no uuid of a field; an order's begin with OR_|write OR_1021"}},
		{"SmallLettersOfAFieldsUUID", uuid("or_1021"), []string{"3:26|\"or_1021\" is no uuid of a field; an order's begin with OR_|write OR_1021"}},
		{"ANameForAFieldsUUID", uuid("Розмір"), []string{"3:26|\"Розмір\" is no uuid|it stands beside the field in KeyCRM's settings"}},
		{"ACardsFieldsUUID", card, []string{"4:26|\"1021\" is no uuid of a field; a card's begin with LD_|write LD_1021"}},
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
