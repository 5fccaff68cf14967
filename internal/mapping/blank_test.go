package mapping

import "testing"

// The map of the README's first profile, whose products have a part that no form fills in.
const shopProfile = `map:
  buyer: {full_name: "${name}", email: "${email}", phone: "${phone}"}
  marketing: {utm_source: "${utm_source}"}
  products:
    - each: ${products}
      sku: ${item.sku}
      name: ${item.name}
      picture: ${item.picture}
      price: ${tables.price[item.sku]}
      quantity: ${item.quantity}
      properties: [{name: Color, value: Space Gray}]
  payments:
    - when: ${amount}
      payment_method_id: 2
      amount: ${amount}
      status: not_paid
  custom_fields:
    - {uuid: OR_1021, value: "${value}"}
    - {uuid: OR_1022, value: "${list(colors)}"}
tables:
  price: {A-1: 450, B-7: 1200}
rest: manager_comment
fields:
  name: {validate: "required,max=120", label: {uk: Ім'я, en: Name}}
  email: {type: email}
  products[][quantity]: {type: int, validate: "min=1,max=99", default: 1}
`

// A row that was left blank all the way down is no line, whatever else the item has.
func TestBlankLines(t *testing.T) {
	t.Parallel()
	const lamp = `{"sku":"A-1","price":450,"quantity":1,"properties":[{"name":"Color","value":"Space Gray"}]}`
	shop := func(pairs ...string) []string { return append([]string{"name=Olena", "phone=050 111 22 33"}, pairs...) }
	line := func(each, item string) string {
		return buyer + "  products: [{each: \"" + each + "\", " + item + "}]\n"
	}
	runCases(t, []profileCase{
		{"ASpareRow", shopProfile, shop("products[0][sku]=A-1", "products[1][sku]=", "products[1][quantity]="), "products", "[" + lamp + "]"},
		{"ASpareRowFirst", shopProfile, shop("products[0][sku]= ", "products[0][quantity]=\u00a0", "products[4][sku]=A-1"), "products", "[" + lamp + "]"},
		{"OnlySpareRows", shopProfile, shop("products[0][sku]=", "products[1][sku]="), "products", ""},
		{"ASpareRowWithChoices", shopProfile, shop("products[0][sku]=A-1", "products[1][sku]=", "products[1][options][]=", "products[1][o][x]="), "products", "[" + lamp + "]"},
		{"ARowWithAQuantityAlone", shopProfile, shop("products[0][quantity]=2"), "products.0.quantity", "2"},
		{"ADoubledSeparator", line("${split(cart, ';')}", "sku: \"${item}\", quantity: 1"), []string{"cart=a;;b; "}, "products", `[{"sku":"a","quantity":1},{"sku":"b","quantity":1}]`},
		{"ListsOfBlanks", line("${p}", "sku: x"), []string{"p[0][]=", "p[1][]=", "p[1][]=A"}, "products", `[{"sku":"x"}]`},
		{"BlanksOfJSON", line("${fromJSON(cart)}", "sku: x"), []string{`cart=[{}, {"a": ""}, [], [null, " "], {"a": 0}, false]`}, "products", `[{"sku":"x"},{"sku":"x"}]`},
		{"AnObjectsBlankMember", line("${p}", "sku: \"${index}\""), []string{"p[a][n]=", "p[b][n]=1"}, "products", `[{"sku":"b"}]`},
		{"ANumberOfNothingIsSomething", line("${p}", "sku: x"), []string{"p[]=0"}, "products", `[{"sku":"x"}]`},
	})
}

// A property without a name is KeyCRM's to ignore, so it is ops' to know.
func TestPropertyWithoutName(t *testing.T) {
	t.Parallel()
	line := buyer + "  products: [{sku: A, properties: [{name: \"${n}\", value: \"${v}\"}]}]\n"
	runCases(t, []profileCase{
		{"Both", line, []string{"n=Size", "v=L"}, "products.0.properties", `[{"name":"Size","value":"L"}]`},
		{"NoName", line, []string{"n=", "v=L"}, "", "hold products.0.properties.0.name [n] it is needed~"},
		{"NoValue", line, []string{"n=Size", "v="}, "products", `[{"sku":"A"}]`},
		{"Neither", line, nil, "products", `[{"sku":"A"}]`},
		{"ANameThatFails", buyer + "  products: [{sku: A, properties: [{name: \"${n.x}\", value: \"${v}\"}]}]\n", []string{"n=a", "v=L"}, "", "hold products.0.properties.0.name [n] ~has no \"x\""},
		{
			"OfALine", buyer + "  products: [{each: \"${p}\", sku: \"${item.s}\", properties: [{each: \"${item.o}\", name: \"${item.n}\", value: \"${item.v}\"}]}]\n",
			[]string{"p[4][s]=A", "p[4][o][7][n]=", "p[4][o][7][v]=L"},
			"", "hold products.0.properties.0.name [p[4][o][7][n]] it is needed~",
		},
	})
}

// A card's contact may be a client that KeyCRM knows; without the id, what is missing is said in those words.
func TestContactOfAClientAlone(t *testing.T) {
	t.Parallel()
	const card = "creates: card\nmap:\n  contact: {client_id: \"${c}\"}\n"
	runCases(t, []profileCase{
		{"Posted", card, []string{"c=7"}, "contact", `{"client_id":7}`},
		{"Blank", card, []string{"c="}, "", "hold contact.client_id [c] it is empty~map full_name, email or phone beside it"},
		{"Absent", card, nil, "", "hold contact.client_id [c] it is empty~map full_name, email or phone beside it"},
		{"Unreadable", card, []string{"c=x"}, "", "hold contact.client_id [c] ~no whole number"},
		{"BesideAPhone", "creates: card\nmap:\n  contact: {client_id: \"${c}\", phone: \"${p}\"}\n", []string{"c="}, "", "correct p NO_CONTACT"},
	})
}

// A number that is made for a line may be its price, wherever it is made.
func TestMoneyOfLines(t *testing.T) {
	t.Parallel()
	line := func(each, item string) string {
		return buyer + "  products: [{each: \"" + each + "\", " + item + "}]\n"
	}
	const item = "sku: \"${item.s}\", price: \"${item.price}\""
	posted := func(price string) []string { return []string{"p[0][s]=A", "p[0][price]=" + price} }
	runCases(t, []profileCase{
		{"Ambiguous", line("${map(p, {{'s': .s, 'price': num(.price)}})}", item), posted("1,299"), "", "hold products [p[0][s]] ~a comma before three digits"},
		{"AmbiguousAndCalculated", line("${map(p, {{'s': .s, 'price': num(.price) * 2}})}", item), posted("1,299"), "", "hold products [p[0][s]] ~a comma before three digits"},
		{"AmbiguousInALiteral", line("${[{'s': s, 'price': num(price)}]}", item), []string{"s=A", "price=1,299"}, "", "hold products [s] ~a comma before three digits"},
		{"AmbiguousSum", line("${map(p, {{'s': .s, 'price': sum(.parts, num(#))}})}", item), []string{"p[0][s]=A", "p[0][parts][]=1,299"}, "", "hold products [p[0][s]] ~a comma before three digits"},
		{"Certain", line("${map(p, {{'s': .s, 'price': num(.price)}})}", item), posted("1 299,50"), "products", `[{"sku":"A","price":1299.5}]`},
		{"WhatOnlyChoosesIsNoPrice", line("${filter(p, num(.n) > 1)}", "sku: \"${item.s}\""), []string{"p[0][s]=A", "p[0][n]=1,299"}, "products", `[{"sku":"A"}]`},
		{"LinesWithoutMoney", buyer + "  custom_fields: [{each: \"${map(p, {{'v': num(.n)}})}\", uuid: OR_1, value: \"${item.v}\"}]\n", []string{"p[0][n]=1,299"}, "custom_fields.0.value", `"1.299"`},
	})
}

// A fault is told at the field that was filled in, not at one beside it that was left blank; and its sentence does not begin with the path
// that stands before it.
func TestFaultsOfOneOfTwoFields(t *testing.T) {
	t.Parallel()
	email := func(value string) string {
		return "map:\n  buyer: {phone: \"+380501112233\", email: \"" + value + "\"}\n"
	}
	runCases(t, []profileCase{
		{"Fallback", email("${mail ?? email}"), []string{"mail=", "email=bad"}, "", "correct email TYPE_EMAIL email="},
		{"FallbackTheOtherWay", email("${email ?? mail}"), []string{"mail=bad", "email="}, "", "correct mail TYPE_EMAIL email="},
		{"TwoInAText", email("${mail}${email}"), []string{"mail=", "email=bad"}, "", "correct email TYPE_EMAIL email="},
		{"TwoInATextBothFilled", email("${mail}${email}"), []string{"mail=x", "email=bad"}, "", "correct mail TYPE_EMAIL email="},
		{"Choice", email("${mail ? mail : email}"), []string{"mail= ", "email=bad"}, "", "correct email TYPE_EMAIL email="},
		{"AmountOfTwo", buyer + "  payments: [{payment_method: x, amount: \"${a}${b}\", status: paid}]\n", []string{"a=", "b=much"}, "", "hold payments.0.amount [b] ~no number"},
		{"NeededIsToldOnce", buyer + "  payments: [{payment_method: x, amount: \"${a}\", status: paid}]\n", []string{"a="}, "", "hold payments.0.amount [a] it is needed and has no value"},
	})
}
