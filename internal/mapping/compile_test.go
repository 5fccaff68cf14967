package mapping

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"formrelay/internal/form"
	"formrelay/internal/keycrm"
)

func TestFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, profile string
		want          []string // line:column|part of what|part of do
	}{
		{"no map", "lang: uk\n", []string{"1:1|says nothing|buyer"}},
		{"an empty map", "map:\n", []string{"1:1|says nothing|buyer"}},
		{"a map that is a text", "map: x\n", []string{"1:6|says nothing|buyer"}},
		{"no buyer", "map:\n  promocode: x\n", []string{"1:1|the order has no buyer|full_name, email or phone"}},
		{"no contact", "creates: card\nmap:\n  title: x\n", []string{"2:1|the card has no contact|full_name"}},
		{"a buyer without any of three", "map:\n  buyer: {email: }\n", []string{"2:10|no full_name, email or phone|add"}},
		{"a contact by its id", "creates: card\nmap:\n  contact: {client_id: 5}\n", nil},
		{"a slip in a name", buyer + "  promocod: x\n", []string{"3:3|no field \"promocod\" here|write promocode"}},
		{"a slip below", "map:\n  buyer: {fullName: x, phone: x}\n", []string{"2:11|\"fullName\" in buyer|write full_name"}},
		{"nothing near", buyer + "  zzz: x\n", []string{"3:3|\"zzz\"|write one of source_uuid"}},
		{"a campaign at the top of an order", buyer + "  utm_source: x\n", []string{"3:3|utm_source|under marketing"}},
		{"a campaign below marketing of a card", "creates: card\nmap:\n  contact: {phone: x}\n  marketing: {utm_source: x}\n", []string{"4:3|marketing|utm_source and its like at the top"}},
		{"the price of shipping inside it", buyer + "  shipping: {shipping_price: 5}\n", []string{"3:14|shipping_price|at the top"}},
		{"the address at the top", buyer + "  shipping_address_city: x\n", []string{"3:3|city|under shipping"}},
		{"the other entity's person", "map:\n  contact: {phone: x}\n", []string{"1:1|no buyer|add", "2:3|contact|person is buyer"}},
		{"the other entity's person, of a card", "creates: card\nmap:\n  buyer: {phone: x}\n", []string{"2:1|no contact|", "3:3|buyer|person is contact"}},
		{"a comment in the buyer", "map:\n  buyer: {phone: x, buyer_comment: y}\n", []string{"2:21|buyer_comment|at the top"}},
		{"the order's number in a card", "creates: card\nmap:\n  contact: {phone: x}\n  source_uuid: x\n", []string{"4:3|source_uuid|marks it"}},
		{"source_id in map", buyer + "  source_id: 5\n", []string{"3:3|source_id stands in|top level of the profile"}},
		{"an object where a list belongs", buyer + "  products: {sku: x}\n", []string{"3:13|products is a list in KeyCRM, and here an object|begin each"}},
		{"a list where an object belongs", "map:\n  buyer: [{phone: x}]\n", []string{"2:10|buyer is an object in KeyCRM, and here a list|full_name"}},
		{"an expression where an object belongs", buyer + "  shipping: ${x}\n", []string{"3:13|shipping is an object|"}},
		{"an object where a value belongs", buyer + "  promocode: {a: b}\n", []string{"3:14|promocode is a text in KeyCRM, and here an object|one value"}},
		{"a list where a value belongs", buyer + "  promocode: [a]\n", []string{"3:14|promocode is a text|"}},
		{"an item that is a value", buyer + "  products: [\"${x}\"]\n", []string{"3:14|an item of products is an object|- {sku: …}"}},
		{"a literal number", buyer + "  taxes: abc\n", []string{"3:10|taxes is an amount of money in KeyCRM, and \"abc\" is not|1299.50"}},
		{"a literal amount in two readings", buyer + "  taxes: 1,299\n", []string{"3:10|\"1,299\" is not|number"}},
		{"a literal id", buyer + "  manager_id: boss\n", []string{"3:15|is a number in KeyCRM, and \"boss\" is none|the manager's id"}},
		{"a literal yes", buyer + "  is_gift: perhaps\n", []string{"3:12|true or false|"}},
		{"a literal time", buyer + "  ordered_at: soon\n", []string{"3:15|a date|"}},
		{"a literal email", "map:\n  buyer: {email: x}\n", []string{"2:18|an email address|"}},
		{"a literal status", buyer + "  payments: [{payment_method: x, amount: 1, status: piad}]\n", []string{"3:53|no payments.status \"piad\"|write one of not_paid, paid"}},
		{"a status as no word", buyer + "  payments: [{payment_method: x, amount: 1, status: zzz}]\n", []string{"3:53|\"zzz\"|not_paid, paid, canceled, refund"}},
		{"refund is a status", buyer + "  payments: [{payment_method: x, amount: 1, status: refund}]\n", nil},
		{"a payment without what it needs", buyer + "  payments: [{status: paid}]\n", []string{"3:14|no amount|", "3:14|payment_method_id or payment_method|"}},
		{"a custom field without value", buyer + "  custom_fields: [{uuid: OR_1}]\n", []string{"3:19|no value|"}},
		{"a custom field without uuid", buyer + "  custom_fields: [{value: x}]\n", []string{"3:19|no uuid|"}},
		{"a card's field in an order", buyer + "  custom_fields: [{uuid: LD_1, value: x}]\n", []string{"3:26|LD_1 is a card's field|uuid of an order's own field; it begins with OR_"}},
		{"an order's field in a card", "creates: card\nmap:\n  contact: {phone: x}\n  custom_fields: [{uuid: OR_1, value: x}]\n", []string{"4:26|OR_1 is an order's field|uuid of a card's own field; it begins with LD_"}},
		{"a property without value", buyer + "  products: [{properties: [{name: x}]}]\n", []string{"3:28|no value|"}},
		{"a warehouse without service", buyer + "  shipping: {warehouse_ref: x}\n", []string{"3:13|no delivery_service_id|"}},
		{"a key twice", buyer + "  promocode: a\n  taxes: 1\n  promocode: b\n", []string{"5:3|promocode is there twice|??"}},
		{"each that is no expression", buyer + "  products: [{each: products, sku: x}]\n", []string{"3:21|`each` is no expression|each: ${products}"}},
		{"each with text around", buyer + "  products: [{each: \"a ${b}\", sku: x}]\n", []string{"3:21|no expression|"}},
		{"each outside a list", buyer + "  shipping: {each: \"${a}\"}\n", []string{"3:14|outside a list|"}},
		{"when that is a list", buyer + "  products: [{when: [a], sku: x}]\n", []string{"3:15|`when` is a list|"}},
		{"when over everything", buyer + "  when: ${a}\n", []string{"3:3|`when` stands at the top|"}},
		{"item outside each", buyer + "  promocode: \"x ${item.a}\"\n", []string{"3:19|`item`|each"}},
		{
			"several expressions, each where it stands", buyer + "  promocode: \"a ${uper(x)} ${your-name} ${tables.prise[x]}\"\ntables: {price: {A: 1}}\n",
			[]string{"3:19|no function `uper`|write upper", "3:30|`your-name` would subtract|your_name or form[\"your-name\"]", "3:50|no table \"prise\"|write price"},
		},
		{"a syntax error where it is", buyer + "  promocode: ${a + }\n", []string{"3:19|unexpected end|"}},
		{"a brace that is not closed", buyer + "  promocode: \"№ ${a\"\n", []string{"3:17|no closing|$${"}},
		{"an empty expression", buyer + "  promocode: ${}\n", []string{"3:16|no expression|"}},
		{"in a text of two lines the line", buyer + "  promocode: |\n    a\n    ${uper(x)}\n", []string{"|no function|"}},
		{"a field's type", buyer + "fields: {a: {type: integer}}\n", []string{"3:20|no type \"integer\"|"}},
		{"a field's rule", buyer + "fields: {a: {validate: \"requird\"}}\n", []string{"3:24|requird|required"}},
		{"a default of another type", buyer + "fields: {a: {type: int, default: x}}\n", []string{"3:34|the default of a, \"x\", is no int|"}},
		{"a default against its rule", buyer + "fields: {a: {type: int, validate: \"min=2\", default: 1}}\n", []string{"3:53|breaks its own rule min|"}},
		{"a default that is an object", buyer + "fields: {a: {default: {b: c}}}\n", []string{"3:23|the default of a is an object|"}},
		{"a table's key twice", buyer + "tables: {t: {a: 1, \"a\": 2}}\n", []string{"|the key \"a\" twice|"}},
		{"rest into nothing", buyer + "rest: comment\n", []string{"3:7|rest cannot go into \"comment\"|buyer_comment or manager_comment"}},
		{"rest into a number", buyer + "rest: taxes\n", []string{"3:7|rest cannot|"}},
		{"rest into a list", buyer + "rest: products.comment\n", []string{"3:7|rest cannot|"}},
		{"mark of an order", buyer + "mark: none\n", []string{"3:7|an order has no `mark`|source_uuid"}},
		{"mark as something else", "creates: card\nmark: x\nmap:\n  contact: {phone: x}\n", []string{"2:7|`mark` cannot be \"x\"|LD_"}},
		{"mark that is mapped", "creates: card\nmark: LD_1\nmap:\n  contact: {phone: x}\n  custom_fields: [{uuid: LD_1, value: x}]\n", []string{"2:7|mapped already|"}},
		{"an entity that is none", "creates: deal\nmap:\n  contact: {phone: x}\n", []string{"2:1|\"deal\" is no entity|order"}},
		{
			"all at once, in the file's order", "map:\n  buyr: {phone: x}\n  taxes: x\n  shipping: {cty: y}\nrest: zzz\n",
			[]string{"1:1|no buyer|", "2:3|buyr|write buyer", "3:10|taxes|", "4:14|cty|", "5:7|rest|"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m, faults := Compile(specOf(t, tt.profile))
			if (m == nil) != (len(tt.want) > 0) || len(faults) != len(tt.want) {
				t.Fatalf("want %d faults, got:\n%s", len(tt.want), tell(faults))
			}
			for i, f := range faults {
				want := strings.SplitN(tt.want[i], "|", 3)
				at := fmt.Sprintf("%d:%d", f.Pos.Line, f.Pos.Column)
				if want[0] != "" && want[0] != at || !strings.Contains(f.What, want[1]) || !strings.Contains(f.Do, want[2]) || f.Do == "" {
					t.Errorf("want %q, got %s: %s; %s", tt.want[i], at, f.What, f.Do)
				}
			}
		})
	}
}

// orderProfile is the second of the user's scripts as a profile, every field of it.
const orderProfile = `map:
  buyer: {full_name: "${name}", email: "${email}", phone: "${phone}"}
  shipping:
    shipping_address_city: ${address_city}
    shipping_receive_point: ${receive_poin ?? address_street}
    shipping_address_country: ${address_country}
    shipping_address_region: ${address_region}
    shipping_address_zip: ${address_zip}
    shipping_secondary_line: ${secondary_line}
    recipient_full_name: ${recipient_full_name}
    recipient_phone: ${receive_phone}
    delivery_service_id: ${delivery_service_id}
    warehouse_ref: ${warehouse_ref}
    shipping_date: ${date}
  marketing:
    utm_source: ${utm_source}
    utm_medium: ${utm_medium}
    utm_campaign: ${utm_campaign}
    utm_term: ${utm_term}
    utm_content: ${utm_content}
  products:
    - price: ${product_price}
      quantity: 1
      name: ${product_name}
      picture: ${product_url}
      properties: [{name: Color, value: Space Gray}]
  payments:
    - when: ${amount}
      payment_method_id: ${payment_method_id}
      payment_method: ${payment_method}
      amount: ${amount}
      description: ${description}
      payment_date: ${payment_date}
      status: not_paid
  custom_fields:
    - {uuid: OR_1021, value: "${value}"}
    - {uuid: OR_1022, value: "${list(colors)}"}
`

func orderPost() *form.Fields {
	return post("name=Олена Тест", "email=olena@example.test", "phone=050 111 22 33", "address_city=Київ", "address_street=вул. Хрещатик, 1", "address_country=Україна",
		"address_region=Київська", "address_zip=01001", "secondary_line=кв. 5", "receive_poin=Відділення №5", "recipient_full_name=Іван Тест", "receive_phone=067 222 33 44",
		"delivery_service_id=1", "warehouse_ref=1ec09d88-e1c2-11e3-8c4a-0050568002cf", "date=24.11.2026", "utm_source=fb", "utm_medium=cpc", "utm_campaign=autumn",
		"utm_term=lamp", "utm_content=v2", "product_price=1 299,00", "product_name=Лампа", "product_url=https://shop.example/lamp.jpg", "payment_method_id=2",
		"payment_method=Картка", "amount=1299.00", "description=передплата", "payment_date=2026-11-21 10:00", "value=ввечері", "colors=red", "colors=blue")
}

// cardProfile is the first of the user's scripts as a profile, every field of it.
const cardProfile = `creates: card
map:
  title: ${title}
  manager_comment: ${manager_comment}
  manager_id: 1
  pipeline_id: ${pipeline_id}
  contact: {full_name: "${name}", email: "${email}", phone: "${phone}"}
  utm_source: ${utm_source}
  utm_medium: ${utm_medium}
  utm_campaign: ${utm_campaign}
  utm_term: ${utm_term}
  utm_content: ${utm_content}
  products:
    - {name: "${product_name}", sku: "${product_sku}", quantity: "${product_quantity}", price: "${product_price}", picture: "${product_url}"}
  payments:
    - {when: "${amount}", payment_method_id: "${payment_method_id}", payment_method: "${payment_method}", amount: "${amount}",
       description: "${description}", payment_date: "${payment_date}", status: "${status}"}
  custom_fields:
    - {uuid: LD_1021, value: "${value}"}
    - {uuid: LD_1022, value: "${list(value_1)}"}
`

func TestBothScripts(t *testing.T) {
	t.Parallel()
	const order = `{"source_id":22,"source_uuid":"` + testID + `","ordered_at":"2026-11-21 16:30:00",` +
		`"buyer":{"full_name":"Олена Тест","email":"olena@example.test","phone":"+380501112233"},` +
		`"shipping":{"delivery_service_id":1,"shipping_address_city":"Київ","shipping_address_country":"Україна","shipping_address_region":"Київська",` +
		`"shipping_address_zip":"01001","shipping_secondary_line":"кв. 5","shipping_receive_point":"Відділення №5","recipient_full_name":"Іван Тест",` +
		`"recipient_phone":"+380672223344","warehouse_ref":"1ec09d88-e1c2-11e3-8c4a-0050568002cf","shipping_date":"2026-11-24"},` +
		`"marketing":{"utm_source":"fb","utm_medium":"cpc","utm_campaign":"autumn","utm_term":"lamp","utm_content":"v2"},` +
		`"products":[{"price":1299.00,"quantity":1,"name":"Лампа","picture":"https://shop.example/lamp.jpg","properties":[{"name":"Color","value":"Space Gray"}]}],` +
		`"payments":[{"payment_method_id":2,"payment_method":"Картка","amount":1299.00,"description":"передплата","payment_date":"2026-11-21 08:00:00","status":"not_paid"}],` +
		`"custom_fields":[{"uuid":"OR_1021","value":"ввечері"},{"uuid":"OR_1022","value":["red","blue"]}]}`
	if res := apply(mustCompile(t, orderProfile), orderPost()); string(res.Entity) != order {
		t.Errorf("corrections %+v, problems %+v\n%s\nwant\n%s", res.Corrections, res.Problems, res.Entity, order)
	}
	const card = `{"title":"Дзвінок","source_id":22,"manager_comment":"[formrelay ` + testID + `]\nтерміново","manager_id":1,"pipeline_id":3,` +
		`"contact":{"full_name":"Олена","email":"olena@example.test","phone":"+380501112233"},"utm_source":"fb","utm_medium":"cpc","utm_campaign":"c","utm_term":"t","utm_content":"v",` +
		`"products":[{"sku":"A-1","price":450,"quantity":2,"name":"Лампа","picture":"https://shop.example/lamp.jpg"}],` +
		`"payments":[{"payment_method_id":2,"payment_method":"Картка","amount":900,"description":"d","payment_date":"2026-11-21 08:00:00","status":"paid"}],` +
		`"custom_fields":[{"uuid":"LD_1021","value":"x"},{"uuid":"LD_1022","value":["1","2","3"]}]}`
	full := post("title=Дзвінок", "source_id=5", "manager_comment=терміново", "manager_id=9", "pipeline_id=3", "name=Олена", "email=olena@example.test", "phone=+380501112233",
		"utm_source=fb", "utm_medium=cpc", "utm_campaign=c", "utm_term=t", "utm_content=v", "product_name=Лампа", "product_sku=A-1", "product_quantity=2", "product_price=450",
		"product_url=https://shop.example/lamp.jpg", "payment_method_id=2", "payment_method=Картка", "amount=900", "description=d", "payment_date=21.11.2026 10:00", "status=paid",
		"value=x", "value 1=1", "value 1=2", "value 1=3")
	if res := apply(mustCompile(t, cardProfile), full); string(res.Entity) != card {
		t.Errorf("corrections %+v, problems %+v\n%s\nwant\n%s", res.Corrections, res.Problems, res.Entity, card)
	}
}

// Apply ends for every form in exactly one of: an entity, or something to correct or to mend. The same form ends the same.
func TestApplyIsTotal(t *testing.T) {
	t.Parallel()
	profiles := []*Mapping{
		mustCompile(t, orderProfile+"rest: manager_comment\nfields:\n  amount: {type: number}\n  products[][quantity]: {type: int, default: 1}\n"),
		mustCompile(t, cardProfile),
		mustCompile(t, buyer+`  products:
    - {each: "${products}", when: "${item.on ?? 1}", sku: "${item.sku}", quantity: "${num(item.quantity) * 2}", properties: [{each: "${item.p}", name: "${index}", value: "${item}"}]}
    - {each: "${filter(products, .sku)}", sku: "${item.sku}", price: "${tables.price[item.sku]}"}
tables: {price: {A: 1}}
rest: buyer_comment
fields: {"products[][sku]": {validate: "max=3"}, "products[][p][]": {type: number}}
`),
	}
	name := rapid.SampledFrom([]string{
		"name", "email", "phone", "amount", "products", "products[][sku]", "products[0][sku]", "products[0][quantity]", "products[1][p][a]", "products[1][p][]", "products[x]",
		"products[][]", "product_price", "date", "payment_date", "value", "value 1", "colors", "colors[]", "_next", "a[b", "]", "", " ", "[", "products[0]", "on", "your-name", "Ім'я",
		"products[0][p][x][y]", "email[]", "phone[x]", "amount[]",
	})
	value := rapid.OneOf(rapid.SampledFrom([]string{
		"", " ", "0", "1", "-1", "1,299", "1 299,00", "NaN", "1e9", "x", "o@example.test", "o@", "050 111 22 33", "050 111 22 33 call", "2026-11-21", "31.02.2026", "on", "\xff", "\x00", "${name}",
		"99999999999999999999", "А-1", "A", strings.Repeat("є", 3000),
	}), rapid.String())
	rapid.Check(t, func(t *rapid.T) {
		m := rapid.SampledFrom(profiles).Draw(t, "profile")
		f := &form.Fields{}
		for range rapid.IntRange(0, 12).Draw(t, "pairs") {
			f.Pairs = append(f.Pairs, form.Pair{Name: name.Draw(t, "name"), Value: value.Draw(t, "value")})
		}
		in := Input{ID: testID, Now: testNow(), Fields: f, Explain: rapid.Bool().Draw(t, "explain")}
		res := m.Apply(in)
		if (res.Entity == nil) != (len(res.Corrections)+len(res.Problems) > 0) {
			t.Fatalf("an entity and a fault, or neither: %+v", res)
		}
		for _, p := range res.Problems {
			if strings.Contains(p.Text, "the relay itself failed") {
				t.Fatal(p.Text)
			}
		}
		if again := m.Apply(in); fmt.Sprintf("%+v", again) != fmt.Sprintf("%+v", res) {
			t.Fatalf("the same form, another result:\n%+v\n%+v", res, again)
		}
	})
}

// Whatever a profile's value holds, Compile ends, in a fault with a place or in a mapping that Apply can use.
func FuzzCompile(f *testing.F) {
	for _, s := range []string{"${name}", "a ${b ?? c} d", "${", "$${x}", "${list(products)}", "${item.x}", "${tables.t[a]}", "1 299,00", "paid", "2026-11-21"} {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, text string, quoted bool) {
		scalar := func() *Node { return &Node{Kind: Scalar, Pos: Pos{2, 3}, Text: text, Quoted: quoted} }
		object := func(entries ...Entry) *Node { return &Node{Kind: Map, Pos: Pos{2, 1}, Entries: entries} }
		line := object(Entry{Key: "each", Value: scalar()}, Entry{Key: "sku", Value: scalar()}, Entry{Key: "price", Value: scalar()})
		s := Spec{
			Kind: keycrm.KindOrder, Location: time.UTC, Map: object(
				Entry{Key: "buyer", Value: object(Entry{Key: "phone", Value: scalar()}, Entry{Key: "email", Value: scalar()})},
				Entry{Key: "products", Value: &Node{Kind: List, Items: []*Node{line}}},
			),
			Tables: []Table{{Name: "t", Rows: []Entry{{Key: text, Value: scalar()}}}},
			Fields: []FieldSpec{{Name: text, Default: scalar()}},
			Rest:   "manager_comment",
		}
		m, faults := Compile(s)
		if (m == nil) == (faults == nil) {
			t.Fatal("a mapping and faults, or neither")
		}
		for _, f := range faults {
			if f.What == "" || f.Do == "" {
				t.Fatalf("a fault that says nothing: %+v", f)
			}
		}
		if m != nil {
			for _, p := range apply(m, post("name=a", text+"=b", "products[0][x]="+text)).Problems {
				if strings.Contains(p.Text, "the relay itself failed") {
					t.Fatal(p.Text)
				}
			}
		}
	})
}

func BenchmarkCompile(b *testing.B) {
	s := specOf(b, orderProfile)
	b.ReportAllocs()
	for b.Loop() {
		Compile(s)
	}
}

func BenchmarkApply(b *testing.B) {
	call := "creates: card\nmap:\n  title: \"Call: ${name}\"\n  contact: {full_name: \"${name}\", phone: \"${phone}\", email: \"${email}\"}\n  manager_comment: ${comment}\n  utm_source: ${utm_source}\n"
	fields := post("name=Олена", "phone=050 111 22 33", "email=olena@example.test", "comment=після шостої", "utm_source=fb")
	for _, bb := range []struct {
		name, profile string
		fields        *form.Fields
	}{
		{"call-back/5", call, fields},
		{"call-back/5 with rest", call + "rest: manager_comment\n", fields},
		{"order/31", orderProfile, orderPost()},
	} {
		b.Run(bb.name, func(b *testing.B) {
			m := mustCompile(b, bb.profile)
			b.ReportAllocs()
			for b.Loop() {
				if apply(m, bb.fields).Entity == nil {
					b.Fatal("no entity")
				}
			}
		})
	}
}
