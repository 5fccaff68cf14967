package profile

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tested is a profile with one test.
func tested(form, expect string) string {
	return `creates: order
source_id: 22
form: {fields: {email: {type: email}}}
map:
  buyer: {full_name: "${name}", email: "${email}", phone: "${phone}"}
  is_gift: ${gift}
  products:
    - {each: "${products}", sku: "${item.sku}", price: "${tables.price[item.sku]}", quantity: "${item.quantity}"}
  custom_fields: [{uuid: OR_1, value: "${list(colors)}"}]
tables: {price: {A-1: 450, B-7: 1200.50}}
tests:
  - name: one lamp
    form: ` + form + `
    expect: ` + expect + `
`
}

// Each case is a test's form, what it expects, and what is told, without file and place.
func TestRunTests(t *testing.T) {
	t.Parallel()
	const lamp = `{name: Олена, phone: 050 111 22 33, "products[0][sku]": A-1, "products[0][quantity]": 2, "colors[]": [red, blue], gift: "1"}`
	for _, c := range []struct{ name, form, expect, want string }{
		{"holds", lamp, `{buyer: {full_name: Олена, phone: "+380501112233"}, products: [{price: 450.00, quantity: 2}], is_gift: true, custom_fields: [{value: [red, blue]}]}`, ""},
		{"nothing expected", lamp, ``, ""},
		{"must not be sent", lamp, `{buyer: {email: }, payments: }`, ""},
		{"is sent all the same", lamp, `{buyer: {phone: }}`, `14:28: the test "one lamp" expects no buyer.phone, and it is "+380501112233"`},
		{"another text", lamp, `{buyer: {full_name: Olena}}`, `14:33: the test "one lamp" expects buyer.full_name to be "Olena", and it is "Олена"`},
		{"another number", lamp, `{products: [{price: 500}]}`, `14:33: the test "one lamp" expects products.0.price to be 500, and it is 450`},
		{"not sent", lamp, `{buyer: {email: a@b.ua}}`, `14:22: the test "one lamp" expects buyer.email, and it is not sent; what is sent there: full_name, phone`},
		{"more lines", lamp, `{products: [{sku: A-1}, {sku: B-7}]}`, `14:24: the test "one lamp" expects products to have 2, and it has 1: [{"price":450,"quantity":2,"sku":"A-1"}]`},
		{"an object for a value", lamp, `{source_id: {a: b}}`, `14:25: the test "one lamp" expects source_id to have fields, and it is 22`},
		{"a list for a value", lamp, `{source_id: [22]}`, `14:25: the test "one lamp" expects source_id to be a list, and it is 22`},
		{"the visitor is told", `{name: Олена, email: nobody}`, `{}`, `12:5: the test "one lamp": the visitor would be told to correct "email" (type email)`},
		{"it would be held", `{name: Олена, "products[0][sku]": C-9}`, `{}`, `8:56: the test "one lamp": the submission would be held: products.0.price: `},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, faults := Parse("p", "p.yaml", []byte(tested(c.form, c.expect)), Options{})
			if faults != nil {
				t.Fatal(faults)
			}
			var got []string
			for _, f := range p.RunTests() {
				got = append(got, fmt.Sprintf("%d:%d: %s", f.Line, f.Column, f.What))
				if f.Do == "" || f.Source == "" {
					t.Errorf("%v says not what to do, or has no line", f)
				}
			}
			text := strings.Join(got, "\n")
			if c.want == "" && text != "" || !strings.HasPrefix(text, c.want) {
				t.Error(cmp.Diff(c.want, text))
			}
		})
	}
}

// A file may have as many tests as are worth waiting for.
func TestTooManyTests(t *testing.T) {
	t.Parallel()
	for count, want := range map[int]int{maxTests: 0, maxTests + 1: 1} {
		text := "creates: order\nsource_id: 22\nmap: {buyer: {full_name: \"${name}\"}}\ntests:\n" + strings.Repeat("  - form: {name: Olena}\n", count)
		p, faults := Parse("p", "p.yaml", []byte(text), Options{})
		if faults != nil {
			t.Fatal(faults)
		}
		if got := p.RunTests(); len(got) != want {
			t.Errorf("%d tests: %v", count, got)
		}
	}
}

// What goes wrong in shops is said, at its place; what is right is left alone.
func TestWarnings(t *testing.T) {
	t.Parallel()
	const head = "creates: order\nsource_id: 22\nmap:\n  buyer: {phone: \"${phone}\"}\n"
	for text, want := range map[string]string{
		head: "",
		strings.Replace(head, "${phone}", "+380441234567", 1):                                                                               "every order gets this same phone",
		head + "  shipping: {delivery_service_id: 1, warehouse_ref: \"${ref}\"}\n":                                                          "warehouse_ref stands without the address",
		head + "  shipping: {delivery_service_id: 1, warehouse_ref: \"${ref}\", shipping_receive_point: \"${branch}\"}\n":                   "",
		head + "  products: [{sku: \"${sku}\", price: \"${price}\"}]\n":                                                                     "price comes from the form",
		head + "  products: [{sku: \"${sku}\", price: \"${tables.price[sku]}\"}]\ntables: {price: {A-1: 4}}\n":                              "",
		head + "  products: [{name: \"${product}\"}]\n":                                                                                     "this product has no sku",
		head + "  discount_percent: ${discount}\n":                                                                                          "discount_percent comes from the form",
		head + "  manager_id: ${manager}\n":                                                                                                 "manager_id comes from the form",
		head + "  payments: [{payment_method_id: 1, amount: \"${tables.price[sku]}\", status: \"${status}\"}]\ntables: {price: {A-1: 4}}\n": "the payment's status comes from the form",
		head + "  payments: [{payment_method_id: 1, amount: 5, status: refund}]\n":                                                          "the status refund stands in",
		"form: {fields: {phnoe: {validate: required}}}\n" + head:                                                                            "form.fields names \"phnoe\", which nothing under map reads",
		"form: {fields: {agree: {validate: required}}}\n" + head + "tests: [{form: {phone: 050 111 22 33, agree: 1}}]\n":                    "",
		head + "  products: [{sku: \"${sku}\", quantity: 1}]\n":                                                                             "a post without a product makes a line",
		"creates: card\nmap: {contact: {phone: \"${phone}\"}}\n":                                                                            "the card has no pipeline_id",
		"creates: card\nmap: {contact: {phone: \"${phone}\"}, pipeline_id: 3}\n":                                                            "",
		"creates: card\nmap: {contact: {phone: \"${phone}\"}, pipeline_id: \"${p}\"}\n":                                                     "pipeline_id comes from the form",
	} {
		p, faults := Parse("p", "p.yaml", []byte(text), Options{})
		if faults != nil {
			t.Fatalf("%s: %v", text, faults)
		}
		warnings := p.Warnings()
		if want == "" && len(warnings) > 0 || want != "" && (len(warnings) != 1 || !strings.HasPrefix(warnings[0].What, want)) {
			t.Errorf("%s\nwarned of %v\nwant      %s", text, warnings, want)
		}
		for _, w := range warnings {
			if !w.Warning || w.Do == "" || w.Line == 0 {
				t.Errorf("%v is no warning with a place and a way out", w)
			}
		}
	}
}
