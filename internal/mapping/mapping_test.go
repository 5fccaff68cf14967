package mapping

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"formrelay/internal/form"
	"formrelay/internal/keycrm"
)

// testID is an id as submissions have them.
const testID = "01JD3V8Y4K6M2Q9T5W7X0ZABCD"

// testNow is when every test's post was received: 18:30 in Kyiv.
func testNow() time.Time { return time.Date(2026, 11, 21, 16, 30, 0, 0, time.UTC) }

func kyiv(t testing.TB) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation("Europe/Kyiv")
	if err != nil {
		t.Skip("no time zone database here: ", err)
	}
	return loc
}

// specOf reads a profile's keys that are the mapping's.
func specOf(t testing.TB, text string) Spec {
	t.Helper()
	doc := parseNode(t, text)
	s := Spec{Kind: keycrm.KindOrder, SourceID: 22, Region: "UA", Location: kyiv(t), MapPos: Pos{1, 1}}
	for _, e := range doc.Entries {
		switch e.Key {
		case "creates":
			s.Kind = keycrm.Kind(e.Value.Text)
		case "map":
			s.Map, s.MapPos = e.Value, e.Pos
		case "tables":
			for _, table := range e.Value.Entries {
				s.Tables = append(s.Tables, Table{Name: table.Key, Pos: table.Pos, Rows: table.Value.Entries})
			}
		case "fields":
			s.Fields = fieldsOf(e.Value)
		case "rest":
			s.Rest, s.RestPos = e.Value.Text, e.Value.Pos
		case "rest_except":
			for _, n := range e.Value.Items {
				s.RestExcept = append(s.RestExcept, n.Text)
			}
		case "mark":
			s.Mark, s.MarkPos = e.Value.Text, e.Value.Pos
		case "lang":
			s.Lang = e.Value.Text
		default:
			t.Fatalf("the test's profile has an unknown key %q", e.Key)
		}
	}
	return s
}

func fieldsOf(n *Node) []FieldSpec {
	var specs []FieldSpec
	for _, e := range n.Entries {
		f := FieldSpec{Name: e.Key, Pos: e.Pos}
		for _, p := range e.Value.Entries {
			switch p.Key {
			case "type":
				f.Type, f.TypePos = p.Value.Text, p.Value.Pos
			case "validate":
				f.Validate, f.ValidatePos = p.Value.Text, p.Value.Pos
			case "default":
				f.Default = p.Value
			case "label":
				f.Label = map[string]string{}
				for _, l := range p.Value.Entries {
					f.Label[l.Key] = l.Value.Text
				}
			}
		}
		specs = append(specs, f)
	}
	return specs
}

func mustCompile(t testing.TB, text string) *Mapping {
	t.Helper()
	m, faults := Compile(specOf(t, text))
	if faults != nil {
		t.Fatalf("faults: %s", tell(faults))
	}
	return m
}

func tell(faults []Fault) string {
	var b strings.Builder
	for _, f := range faults {
		fmt.Fprintf(&b, "%d:%d: %s; %s\n", f.Pos.Line, f.Pos.Column, f.What, f.Do)
	}
	return b.String()
}

// post makes the fields of name=value pairs joined by &, as a browser encodes them.
func post(pairs ...string) *form.Fields {
	f := &form.Fields{Charset: "utf-8"}
	for _, p := range pairs {
		name, value, _ := strings.Cut(p, "=")
		f.Pairs = append(f.Pairs, form.Pair{Name: name, Value: value})
	}
	return f
}

func apply(m *Mapping, f *form.Fields) Result {
	return m.Apply(Input{ID: testID, Now: testNow(), Fields: f, Visitor: Visitor{IP: "192.0.2.7", Page: "https://shop.example/a"}})
}

// orderWith is what an order's entity holds beside the parts that a test is about.
func orderWith(parts string) string {
	return `{"source_id":22,"source_uuid":"` + testID + `",` + strings.Replace(parts, "…", `"ordered_at":"2026-11-21 16:30:00","buyer":{"phone":"+380501112233"}`, 1) + `}`
}

const buyer = "map:\n  buyer: {phone: \"+380501112233\"}\n"

func TestApply(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, profile string
		form          []string
		want          string
	}{
		{"values keep their type, text makes a text, nothing is left out", buyer + `  buyer_comment: "${a}, ${b}!"
  promocode: ${a}
  gift_message: "${c}${d}"
  is_gift: ${gift}
  gift_wrap: false
  taxes: ${zero}
  shipping: {tracking_code: "${c}"}
`, []string{"a=x", "c= ", "gift=on", "zero=0"}, orderWith(`"buyer_comment":"x, !","promocode":"x","is_gift":true,"gift_wrap":false,"taxes":0,…`)},
		{"a dollar doubled is literal", buyer + "  promocode: \"$${a}\"\n", nil, orderWith(`"promocode":"${a}",…`)},
		{
			"money", buyer + `  taxes: "${a}"
  wrap_price: "${b}"
  shipping_price: "${c}"
  discount_amount: 1 299,5
  discount_percent: "${d}"
`,
			[]string{"a=1 299,00 грн", "b=1,299.00", "c=450", "d=7,5"},
			orderWith(`"discount_percent":7.5,"discount_amount":1299.5,"shipping_price":450,"wrap_price":1299.00,"taxes":1299.00,…`),
		},
		{"ids", buyer + "  manager_id: ${m}\n", []string{"m=7.0"}, orderWith(`"manager_id":7,…`)},
		{
			"times become UTC, a day stays", `map:
  buyer: {phone: "+380501112233"}
  ordered_at: ${at}
  shipping: {shipping_date: "${day}"}
`,
			[]string{"at=21.11.2026 10:00", "day=01/12/2026"},
			`{"source_id":22,"source_uuid":"` + testID + `","ordered_at":"2026-11-21 08:00:00","buyer":{"phone":"+380501112233"},"shipping":{"shipping_date":"2026-12-01"}}`,
		},
		{
			"now and date", buyer + "  promocode: \"${now}\"\n  shipping: {shipping_date: \"${now + duration('24h')}\"}\n", nil,
			orderWith(`"promocode":"2026-11-21 18:30:00",…,"shipping":{"shipping_date":"2026-11-22"}`),
		},
		{
			"a phone that is none goes as typed, what follows one is kept", `map:
  buyer: {full_name: "${name}", phone: "${phone}"}
  shipping: {recipient_phone: "${other}"}
  manager_comment: from the site
`,
			[]string{"name=O", "phone=12", "other=050 111-22-33, call after six"},
			`{"source_id":22,"source_uuid":"` + testID + `","manager_comment":"from the site\ncall after six","ordered_at":"2026-11-21 16:30:00",` +
				`"buyer":{"full_name":"O","phone":"12"},"shipping":{"recipient_phone":"+380501112233"}}`,
		},
		{
			"what follows a phone that was converted is kept too", "map:\n  buyer: {phone: \"${phone}\"}\nfields: {phone: {type: phone}}\n",
			[]string{"phone=050 111-22-33, call after six"},
			`{"source_id":22,"source_uuid":"` + testID + `","manager_comment":"call after six","ordered_at":"2026-11-21 16:30:00","buyer":{"phone":"+380501112233"}}`,
		},
		{
			"lines in posted order, empty ones renumbered", buyer + `  products:
    - each: ${products}
      when: ${item.on ?? "yes"}
      sku: ${item.sku}
      quantity: ${item.quantity}
      comment: "${index}"
    - {name: Gift, price: 0}
`,
			[]string{"products[5][sku]=B", "products[5][quantity]=2", "products[1][sku]=", "products[1][quantity]= ", "products[2][sku]=A", "products[3][sku]=C", "products[3][on]=no"},
			orderWith(`…,"products":[{"sku":"B","quantity":2,"comment":"0"},{"sku":"A","comment":"2"},{"price":0,"name":"Gift"}]`),
		},
		{
			"each over an object, over one value, over nothing", buyer + `  products:
    - {each: "${qty}", sku: "${index}", quantity: "${item}"}
    - {each: "${one}", sku: "${item}", comment: "${index}"}
    - {each: "${none}", sku: x}
    - {each: "${list(many)}", sku: "${item}"}
`,
			[]string{"qty[B-7]=1", "qty[A-1]=2", "qty[C]=", "one=X", "many=p", "many=q"},
			orderWith(`…,"products":[{"sku":"B-7","quantity":1},{"sku":"A-1","quantity":2},{"sku":"X","comment":"0"},{"sku":"p"},{"sku":"q"}]`),
		},
		{
			"each in each", buyer + `  products:
    - each: ${products}
      sku: ${item.sku}
      properties: [{each: "${item.options}", name: "${index}", value: "${item}"}]
      comment: ${item.note}
`,
			[]string{"products[0][sku]=A", "products[0][options][Color]=red", "products[0][options][Size]=", "products[0][note]=n", "products[1][sku]=B"},
			orderWith(`…,"products":[{"sku":"A","comment":"n","properties":[{"name":"Color","value":"red"}]},{"sku":"B"}]`),
		},
		{
			"tables", buyer + `  products:
    - {each: "${products}", sku: "${item.sku}", price: "${tables.price[item.sku]}", name: "${tables.name[item.sku] ?? item.sku}"}
tables:
  price: {A-1: 450.10, 0501: 7}
  name: {0501: "007"}
`,
			[]string{"products[0][sku]=A-1", "products[1][sku]=0501", "products[2][sku]="},
			orderWith(`…,"products":[{"sku":"A-1","price":450.10,"name":"A-1"},{"sku":"0501","price":7,"name":"007"}]`),
		},
		{
			"a converted number finds the key that was written", buyer + "  promocode: ${tables.code[n]}\nfields: {n: {type: int}}\ntables: {code: {12: ok}}\n",
			[]string{"n=12,00"},
			orderWith(`"promocode":"ok",…`),
		},
		{
			"custom fields: a text, a list, nothing", buyer + `  custom_fields:
    - {uuid: OR_1, value: "${a}"}
    - {uuid: OR_2, value: "${list(a)}"}
    - {uuid: OR_3, value: "${none}"}
    - {uuid: OR_4, value: "${colors}"}
    - {uuid: OR_5, value: [x, "${a}", "${none}", "${colors}"]}
    - {uuid: OR_6, value: "${list(none)}"}
    - {uuid: OR_7, value: 0501}
`,
			[]string{"a=1", "a=2,3", "colors[]=red", "colors[]=", "colors[]=blue"},
			orderWith(`…,"custom_fields":[{"uuid":"OR_1","value":"2,3"},{"uuid":"OR_2","value":["1","2,3"]},{"uuid":"OR_4","value":["red","blue"]},` +
				`{"uuid":"OR_5","value":["x","2,3","red","blue"]},{"uuid":"OR_7","value":"0501"}]`),
		},
		{
			"a list in a text is joined", buyer + "  buyer_comment: ${colors}\n  promocode: \"(${colors})\"\n",
			[]string{"colors[]=red", "colors[]=blue"},
			orderWith(`"buyer_comment":"red, blue","promocode":"(red, blue)",…`),
		},
		{
			"payments", buyer + `  payments:
    - {when: "${amount}", payment_method_id: 2, amount: "${amount}"}
    - {when: "${zero}", payment_method_id: 3, amount: 5}
    - {payment_method: cash, amount: 1, status: paid}
    - {payment_method: card, amount: 2, status: paid, payment_date: 2026-11-20 12:00}
`,
			[]string{"amount=930", "zero=0,00"},
			orderWith(`…,"payments":[{"payment_method_id":2,"amount":930,"status":"not_paid"},` +
				`{"payment_method":"cash","amount":1,"payment_date":"2026-11-21 16:30:00","status":"paid"},` +
				`{"payment_method":"card","amount":2,"payment_date":"2026-11-20 10:00:00","status":"paid"}]`),
		},
		{
			"a recipient who is the buyer is left out", `map:
  buyer: {full_name: "${name}", phone: "${phone}"}
  shipping: {recipient_full_name: "${name}", recipient_phone: "${phone2}", shipping_address_city: Lviv}
`,
			[]string{"name=O", "phone=050 111 22 33", "phone2=+38(050)1112233"},
			`{"source_id":22,"source_uuid":"` + testID + `","ordered_at":"2026-11-21 16:30:00","buyer":{"full_name":"O","phone":"+380501112233"},"shipping":{"shipping_address_city":"Lviv"}}`,
		},
		{
			"a mapped source_uuid", buyer + "  source_uuid: \"shop-${n}\"\n",
			[]string{"n=7", "source_id=99"},
			`{"source_id":22,"source_uuid":"shop-7","ordered_at":"2026-11-21 16:30:00","buyer":{"phone":"+380501112233"}}`,
		},
		{
			"names: raw, PHP's, an identifier's", buyer + "  promocode: \"${form['First Name']} ${First_Name} ${your_name} ${form['your-name']}\"\n",
			[]string{"First Name=A", "your-name=B"},
			orderWith(`"promocode":"A A B B",…`),
		},
		{
			"an email under the name of the form services", "map:\n  buyer: {email: \"${email}\"}\n",
			[]string{"_replyto=o@example.test"},
			`{"source_id":22,"source_uuid":"` + testID + `","ordered_at":"2026-11-21 16:30:00","buyer":{"email":"o@example.test"}}`,
		},
		{
			"the visitor", buyer + "  promocode: ${visitor.ip}\n  gift_message: ${visitor.referrer}\n  buyer_comment: ${visitor.page}\n", nil,
			orderWith(`"buyer_comment":"https://shop.example/a","promocode":"192.0.2.7",…`),
		},
		{"rest", buyer + `  manager_comment: "first ${note}"
  products:
    - {each: "${products}", when: "${item.on}", sku: "${item.sku}"}
  promocode: "${flag ? yes : no}"
  shipping: {when: "${flag}", shipping_address_city: "${town}"}
rest: manager_comment
rest_except: [hidden, "products[][secret]", third_name]
fields:
  more: {label: {uk: Ще, en: More}}
  products[][size]: {label: {en: Size}}
`, []string{
			"note=n", "town=Lviv", "more=text", "products[0][sku]=A", "products[0][on]=1", "products[0][size]=L", "products[1][sku]=B", "products[1][on]=0", "products[1][secret]=s",
			"yes=y", "no=n", "_next=/x", "g-recaptcha-response=r", "smart-token=s", "password=p", "passport=AB", "user[pass]=p", "tranid=1", "COOKIES=c", "hidden=h",
			"third-name=t", "blank= ", "twice=1", "twice=2",
		}, orderWith(`"manager_comment":"first n\ntown: Lviv\nЩе: text\nSize: L\nproducts[1][sku]: B\npassport: AB\ntwice: 1\ntwice: 2","promocode":"n",…,"products":[{"sku":"A"}]`)},
		{
			"rest after a filter, into the buyer's comment", buyer + `  products: [{each: "${filter(products, num(.n) > 1)}", sku: "${item.sku}"}]
rest: buyer_comment
lang: en
`,
			[]string{"products[3][sku]=A", "products[3][n]=2", "products[3][x]=y", "products[4][sku]=B", "products[4][n]=1"},
			orderWith(`"buyer_comment":"products[3][x]: y\nproducts[4][sku]: B",…,"products":[{"sku":"A"}]`),
		},
		{
			"types, defaults and rules", buyer + `  products: [{each: "${products}", sku: "${item.sku}", quantity: "${item.quantity}"}]
  is_gift: ${gift}
  promocode: ${code}
fields:
  products[][quantity]: {type: int, validate: "min=1,max=99", default: 1}
  gift: {type: bool}
  code: {default: NONE}
`,
			[]string{"products[0][sku]=A", "products[0][quantity]=", "products[1][sku]=B", "products[2][sku]=C", "products[2][quantity]=3.00", "products[3][sku]=", "products[3][quantity]=", "gift=так"},
			orderWith(`"promocode":"NONE","is_gift":true,…,"products":[{"sku":"A","quantity":1},{"sku":"B","quantity":1},{"sku":"C","quantity":3}]`),
		},
		{
			"a fallback for a key given twice", buyer + "  shipping: {shipping_receive_point: \"${receive_poin ?? address_street}\"}\n",
			[]string{"address_street=S", "receive_poin="},
			orderWith(`…,"shipping":{"shipping_receive_point":"S"}`),
		},
		{"nothing is escaped for HTML", buyer + "  promocode: \"<a> & b\"\n", nil, orderWith(`"promocode":"<a> & b",…`)},
		{
			"a card", `creates: card
map:
  title: "Call: ${name}"
  contact: {full_name: "${name}", phone: "${phone}"}
  utm_source: ${utm_source}
  manager_comment: ${note}
`,
			[]string{"name=O", "phone=0501112233", "note=n"},
			`{"title":"Call: O","source_id":22,"manager_comment":"[formrelay ` + testID + `]\nn","contact":{"full_name":"O","phone":"+380501112233"}}`,
		},
		{
			"a card with its mark in a field", "creates: card\nmark: LD_9\nmap:\n  contact: {phone: \"${phone}\"}\n  custom_fields: [{uuid: LD_1, value: \"${a}\"}, {uuid: LD_2, value: \"${b}\"}]\n",
			[]string{"phone=0501112233", "b=2"},
			`{"source_id":22,"contact":{"phone":"+380501112233"},"custom_fields":[{"uuid":"LD_2","value":"2"},{"uuid":"LD_9","value":"[formrelay ` + testID + `]"}]}`,
		},
		{
			"a card without a mark", "creates: card\nmark: none\nmap:\n  contact: {phone: \"${phone}\"}\n",
			[]string{"phone=0501112233"},
			`{"source_id":22,"contact":{"phone":"+380501112233"}}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := mustCompile(t, tt.profile)
			res := apply(m, post(tt.form...))
			if len(res.Corrections) > 0 || len(res.Problems) > 0 {
				t.Fatalf("corrections %+v\nproblems %+v", res.Corrections, res.Problems)
			}
			if diff := cmp.Diff(tt.want, string(res.Entity)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if again := apply(m, post(tt.form...)); string(again.Entity) != string(res.Entity) {
				t.Errorf("the same post gave another entity:\n%s\n%s", res.Entity, again.Entity)
			}
		})
	}
}

func TestMarkOfResult(t *testing.T) {
	t.Parallel()
	card := "creates: card\nmap:\n  contact: {phone: \"${phone}\"}\n"
	for _, tt := range []struct{ profile, mark, field, uuid string }{
		{card, "[formrelay " + testID + "]", "", ""},
		{card + "mark: LD_5\n", "[formrelay " + testID + "]", "LD_5", ""},
		{card + "mark: none\n", "", "", ""},
		{"map:\n  buyer: {phone: \"${phone}\"}\n", "", "", testID},
	} {
		res := apply(mustCompile(t, tt.profile), post("phone=0501112233"))
		if res.Mark != tt.mark || res.MarkField != tt.field || res.SourceUUID != tt.uuid {
			t.Errorf("%s: mark %q in %q, source_uuid %q", tt.profile, res.Mark, res.MarkField, res.SourceUUID)
		}
	}
}

func TestCorrections(t *testing.T) {
	t.Parallel()
	const shop = `map:
  buyer: {full_name: "${name}", email: "${email ?? mail}", phone: "${phone}"}
  products: [{each: "${products}", sku: "${item.sku}", quantity: "${item.quantity}"}]
  taxes: ${sum}
fields:
  name: {validate: "required,max=5", label: {uk: Ім'я}}
  products[][quantity]: {type: int, validate: "min=1,max=99"}
  sum: {type: number}
  day: {type: date}
  tel: {type: phone}
  yes: {type: bool}
  mail2: {type: email}
  link: {validate: url}
`
	tests := []struct {
		name, profile string
		form          []string
		want          []string // field|path|code|tag|param
	}{
		{"missing", shop, []string{"phone=0501112233"}, []string{"name||REQUIRED_FIELD_MISSING|required|"}},
		{"blank", shop, []string{"phone=0501112233", "name= "}, []string{"name||REQUIRED_FIELD_EMPTY|required|"}},
		{"too long", shop, []string{"name=Oleksandra"}, []string{"name||RULE|max|5"}},
		{"types", shop, []string{"name=O", "sum=x", "day=x", "tel=x", "yes=x", "mail2=x", "link=x"}, []string{
			"sum||TYPE_NUMERIC||", "day||TYPE_DATE||", "tel||TYPE_PHONE||", "yes||TYPE_BOOL||", "mail2||TYPE_EMAIL||", "link||RULE|url|",
		}},
		{
			"in a list, by the form's own name", shop,
			[]string{"name=O", "products[0][quantity]=1", "products[7][quantity]=100", "products[8][quantity]=two"},
			[]string{"products[7][quantity]||RULE|max|99", "products[8][quantity]||TYPE_NUMERIC||"},
		},
		{"an email", shop, []string{"name=O", "email=o@"}, []string{"email|buyer.email|TYPE_EMAIL|email|"}},
		{"an email, of several fields the one posted", shop, []string{"name=O", "mail=o@"}, []string{"mail|buyer.email|TYPE_EMAIL|email|"}},
		{"an email under another name", "map:\n  buyer: {email: \"${email}\"}\n", []string{"_replyto=o@"}, []string{"_replyto|buyer.email|TYPE_EMAIL|email|"}},
		{"a typed email is told once", "map:\n  buyer: {email: \"${email}\"}\nfields: {email: {type: email}}\n", []string{"email=o@"}, []string{"email||TYPE_EMAIL||"}},
		{
			"no contact", "map:\n  buyer: {full_name: \"${name}\", email: \"${email ?? mail}\", phone: \"${form['your-phone']}\"}\n",
			[]string{"your-phone= ", "mail="},
			[]string{"name|buyer.full_name|NO_CONTACT||", "email|buyer.full_name|NO_CONTACT||", "mail|buyer.email|NO_CONTACT||", "your-phone|buyer.phone|NO_CONTACT||"},
		},
		{"no contact of a card", "creates: card\nmap:\n  contact: {phone: \"${phone}\"}\n", nil, []string{"phone|contact.phone|NO_CONTACT||"}},
		{
			"rules in the form's order, then the mapping's", "map:\n  buyer: {email: \"${email}\"}\nfields: {b: {validate: required}, a: {validate: required}}\n",
			[]string{"email=x"},
			[]string{"b||REQUIRED_FIELD_MISSING|required|", "a||REQUIRED_FIELD_MISSING|required|", "email|buyer.email|TYPE_EMAIL|email|"},
		},
		{"a field under another spelling", "map:\n  buyer: {phone: \"${your_phone}\"}\nfields: {your_phone: {type: phone}}\n", []string{"your-phone=x"}, []string{"your-phone||TYPE_PHONE||"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			res := apply(mustCompile(t, tt.profile), post(tt.form...))
			var got []string
			for _, c := range res.Corrections {
				got = append(got, strings.Join([]string{c.Field, c.Path, c.Code, c.Tag, c.Param}, "|"))
			}
			if tt.name == "no contact" { // the path of the second field depends on which leaf names it first
				for i := range got {
					got[i] = strings.Replace(got[i], "email|buyer.email", "email|buyer.full_name", 1)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if len(res.Problems) > 0 || res.Entity != nil {
				t.Errorf("problems %+v, entity %s", res.Problems, res.Entity)
			}
		})
	}
}

func TestLabelOfCorrection(t *testing.T) {
	t.Parallel()
	res := apply(mustCompile(t, "map:\n  buyer: {email: \"${email}\"}\nfields: {email: {label: {en: Email}}}\n"), post("email=x"))
	if len(res.Corrections) != 1 || res.Corrections[0].Label["en"] != "Email" {
		t.Errorf("got %+v", res.Corrections)
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, profile string
		form          []string
		want          []string // path|line:column|expression|field|part of the text
	}{
		{
			"a status that KeyCRM does not have", buyer + "  payments:\n    - {payment_method_id: 2, amount: 1, status: \"${status}\"}\n",
			[]string{"status=done"},
			[]string{`payments.0.status|4:49|${status}|status|"done" and must be one of paid, not_paid, canceled, refund`},
		},
		{
			"a payment without amount", buyer + "  payments:\n    - {payment_method_id: 2, amount: \"${amount}\"}\n", nil,
			[]string{"payments.0.amount|4:38|${amount}|amount|needed"},
		},
		{
			"a payment without method", buyer + "  payments:\n    - {payment_method: \"${m}\", amount: 1}\n",
			[]string{"m="},
			[]string{"payments.0.payment_method_id|0:0|||both came out blank"},
		},
		{
			"a number that is none", buyer + "  products: [{each: \"${products}\", sku: \"${item.sku}\", quantity: \"${item.n}\"}]\n",
			[]string{"products[4][sku]=A", "products[4][n]=many"},
			[]string{`products.0.quantity|3:66|${item.n}|products[4][n]|"many"`},
		},
		{
			"an amount in two readings", buyer + "  taxes: ${sum}\n  wrap_price: ${num(sum)}\n",
			[]string{"sum=1,299"},
			[]string{"taxes|3:10|${sum}|sum|thousands", "wrap_price|4:15|${num(sum)}|sum|thousands"},
		},
		{
			"an amount in two readings, converted", buyer + "  taxes: ${sum}\nfields: {sum: {type: number}}\n",
			[]string{"sum=1,299"},
			[]string{"taxes|3:10|${sum}|sum|thousands"},
		},
		{
			"a key that a table lacks", buyer + "  taxes: ${tables.price[sku]}\ntables: {price: {A: 1}}\n",
			[]string{"sku=B"},
			[]string{`taxes|3:10|${tables.price[sku]}|sku|the table price has no key "B"`},
		},
		{
			"below zero", buyer + "  products: [{sku: A, price: \"${p}\", quantity: \"${q}\"}]\n",
			[]string{"p=-1", "q=0"},
			[]string{"products.0.price|3:30|${p}|p|0 or more", "products.0.quantity|3:48|${q}|q|more than 0"},
		},
		{
			"a warehouse without its service", buyer + "  shipping: {warehouse_ref: \"${w}\", delivery_service_id: \"${d}\"}\n",
			[]string{"w=x"},
			[]string{"shipping.delivery_service_id|3:58|${d}|d|needed beside"},
		},
		{
			"an expression that fails", buyer + "  promocode: ${name.first}\n  gift_message: \"a ${name * 2}\"\n",
			[]string{"name=O"},
			[]string{"promocode|3:14|${name.first}|name|has no", "gift_message|4:17|a ${name * 2}|name|num(…)"},
		},
		{"an object where a text belongs", buyer + "  promocode: ${a}\n", []string{"a[b]=c"}, []string{"promocode|3:14|${a}|a[b]|an object"}},
		{"no finite number", buyer + "  taxes: ${num(a) / num(b)}\n", []string{"a=1", "b=0"}, []string{"taxes|3:10|${num(a) / num(b)}|a|finite"}},
		{"a number with too many digits", buyer + "  taxes: ${a}\n", []string{"a=1234567890123456.5"}, []string{"taxes|3:10|${a}|a|15 digits"}},
		{"an id that is none", buyer + "  manager_id: ${a}\n", []string{"a=0"}, []string{"manager_id|3:15|${a}|a|from 1 up"}},
		{"a comma in source_uuid", buyer + "  source_uuid: ${a}\n", []string{"a=1,2"}, []string{"source_uuid|3:16|${a}|a|separator"}},
		{"a condition that fails", buyer + "  products: [{when: \"${a.b}\", sku: x}]\n", []string{"a=1"}, []string{"products.0|3:21|${a.b}|a|has no"}},
		{"a literal email is not the visitor's", "map:\n  buyer: {email: \"${'x'}\", phone: \"1\"}\n", nil, []string{"buyer.email|2:18|${'x'}||no email"}},
		{"a contact from nowhere", "map:\n  buyer: {phone: \"${nil}\"}\n", nil, []string{"buyer|0:0|||reads no field"}},
		{"a contact that failed is not the visitor's fault", "map:\n  buyer: {phone: \"${phone.x}\"}\n", []string{"phone=1"}, []string{"buyer.phone|2:18|${phone.x}|phone|has no"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			res := apply(mustCompile(t, tt.profile), post(tt.form...))
			if len(res.Corrections) > 0 || res.Entity != nil {
				t.Errorf("corrections %+v, entity %s", res.Corrections, res.Entity)
			}
			if len(res.Problems) != len(tt.want) {
				t.Fatalf("got %+v", res.Problems)
			}
			for i, p := range res.Problems {
				want := strings.SplitN(tt.want[i], "|", 5)
				got := []string{p.Path, fmt.Sprintf("%d:%d", p.Pos.Line, p.Pos.Column), p.Expression, p.Field}
				if diff := cmp.Diff(want[:4], got); diff != "" || !strings.Contains(p.Text, want[4]) {
					t.Errorf("-want +got:\n%s\ntext: %s", diff, p.Text)
				}
			}
		})
	}
}

// A JSON body nests as a form's names do, and a cart in a hidden field can be read as one.
func TestJSON(t *testing.T) {
	t.Parallel()
	const profile = `map:
  buyer: {phone: "${contact.phone}"}
  products:
    - {each: "${items}", sku: "${item.sku}", price: "${item.price}"}
    - {each: "${fromJSON(cart)}", sku: "${item.id}", price: "${item.price}", quantity: "${item.n * 2}"}
rest: buyer_comment
`
	body := `{"contact":{"phone":"0501112233"},"items":[{"sku":"A","price":450.10},{"sku":"B","gift":true}],"cart":"[{\"id\":\"0501\",\"price\":7.50,\"n\":2}]"}`
	f, err := form.Decode("application/json", strings.NewReader(body), form.Options{Limits: form.DefaultLimits()})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"source_id":22,"source_uuid":"` + testID + `","buyer_comment":"items[1][gift]: true","ordered_at":"2026-11-21 16:30:00","buyer":{"phone":"+380501112233"},` +
		`"products":[{"sku":"A","price":450.10},{"sku":"B"},{"sku":"0501","price":7.50,"quantity":4}]}`
	res := apply(mustCompile(t, profile), f)
	if diff := cmp.Diff(want, string(res.Entity)); diff != "" {
		t.Errorf("problems %+v\n-want +got:\n%s", res.Problems, diff)
	}
}

// One Mapping serves many posts at a time, and no post sees another's values.
func TestApplyConcurrently(t *testing.T) {
	t.Parallel()
	m := mustCompile(t, buyer+"  promocode: \"${upper(code)} ${item_code}\"\n  products: [{each: \"${products}\", sku: \"${item.sku}\"}]\nrest: buyer_comment\nfields: {n: {type: int, default: 1}}\n")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 50 {
				word := fmt.Sprintf("w%d-%d", i, n)
				pairs := []string{"code=" + word, "more=" + word}
				for range n % 4 {
					pairs = append(pairs, "products[]["+"sku]="+word)
				}
				res := apply(m, post(pairs...))
				if got := strings.Count(strings.ToLower(string(res.Entity)), word+`"`) + strings.Count(string(res.Entity), strings.ToUpper(word)+" "); got < 2 || strings.Count(string(res.Entity), `"sku"`) != n%4 {
					t.Errorf("%s: %s", word, res.Entity)
				}
			}
		})
	}
	wg.Wait()
}

// A fault of the relay's own holds the post instead of ending the process.
func TestApplySurvivesItself(t *testing.T) {
	t.Parallel()
	res := mustCompile(t, orderProfile).Apply(Input{ID: testID, Now: testNow()})
	if len(res.Problems) != 1 || res.Entity != nil || !strings.Contains(res.Problems[0].Text, "report it") || strings.Contains(res.Problems[0].Text, "nil pointer") {
		t.Errorf("got %+v", res)
	}
}

func TestRestLeavesOut(t *testing.T) {
	t.Parallel()
	s := &rest{except: map[string]bool{"a": true, "b[x]": true, "c[][d]": true, "e_f": true}}
	for name, out := range map[string]bool{
		"_next": true, "__VIEWSTATE": true, "g-recaptcha-response": true, "h-captcha-response": true, "cf-turnstile-response": true, "smart-token": true, "Password": true,
		"user[password]": true, "pass": true, "user_pass": true, "pwd2": true, "new-passwd": true, "tranid": true, "COOKIES": true, "a": true, "a[0]": true, "b[x]": true, "b[y]": false,
		"c[3][d]": true, "c[3][e]": false, "e-f": true, "passport": false, "compass": false, "passenger": false, "message": false, "token": false,
	} {
		if got := s.leavesOut(name); got != out {
			t.Errorf("leavesOut(%q) = %v", name, got)
		}
	}
}

func TestLabelLanguage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		label      map[string]string
		lang, want string
	}{
		{map[string]string{"uk": "У", "en": "E"}, "en", "E"},
		{map[string]string{"uk": "У", "en": "E"}, "pl", "У"},
		{map[string]string{"ru": "Р", "pl": "P"}, "", "Р"},
		{map[string]string{"xx": "X", "de": "D"}, "uk", "D"},
		{nil, "uk", ""},
	} {
		if got := pick(tt.label, tt.lang); got != tt.want {
			t.Errorf("pick(%v, %s) = %q", tt.label, tt.lang, got)
		}
	}
	lines := map[string]bool{}
	for _, lang := range []string{"uk", "en", "ru", "pl"} {
		lines[cutLine(lang)] = true
	}
	if len(lines) != 4 || cutLine("") != cutLine("uk") {
		t.Errorf("the last lines of a cut comment: %v", lines)
	}
}

func TestCommentIsCut(t *testing.T) {
	t.Parallel()
	m := mustCompile(t, "creates: card\nrest: manager_comment\nmap:\n  contact: {phone: \"${phone}\"}\n")
	res := apply(m, post("phone=0501112233", "text="+strings.Repeat("є", 6000)))
	_, comment, _ := strings.Cut(string(res.Entity), `"manager_comment":"`)
	comment, _, _ = strings.Cut(comment, `"`)
	comment = strings.ReplaceAll(comment, `\n`, "\n")
	if n := len([]rune(comment)); n != maxComment || !strings.HasPrefix(comment, "[formrelay "+testID+"]\ntext: є") || !strings.HasSuffix(comment, cutLine("uk")) {
		t.Errorf("%d characters: %.80s … %s", n, comment, comment[len(comment)-120:])
	}
}

func TestTooManyLines(t *testing.T) {
	t.Parallel()
	m := mustCompile(t, buyer+"  products: [{each: \"${list(sku)}\", sku: \"${item}\"}]\n")
	pairs := make([]string, maxLines+1)
	for i := range pairs {
		pairs[i] = "sku=" + strconv.Itoa(i)
	}
	if res := apply(m, post(pairs[:maxLines]...)); res.Entity == nil {
		t.Errorf("%d lines: %+v", maxLines, res.Problems)
	}
	if res := apply(m, post(pairs...)); len(res.Problems) != 1 || !strings.Contains(res.Problems[0].Text, "items") {
		t.Errorf("%d lines: %+v", len(pairs), res.Problems)
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	m := mustCompile(t, buyer+`  promocode: "${a} ${b}"
  gift_message: ${none}
  products: [{each: "${products}", sku: "${item.sku}", price: "${item.p}"}]
  custom_fields: [{uuid: OR_1, value: ["${a}", x]}]
`)
	in := Input{ID: testID, Now: testNow(), Fields: post("a=1", "b=2", "products[3][sku]=A", "products[3][p]=1 299,00"), Explain: true}
	var got []string
	for _, r := range m.Apply(in).Routes {
		got = append(got, fmt.Sprintf("%s|%d:%d|%s|%s|%s|%s", r.Path, r.Pos.Line, r.Pos.Column, r.Expression, strings.Join(r.Fields, ","), r.From, r.To))
	}
	want := []string{
		"buyer.phone|2:18|+380501112233||+380501112233|+380501112233",
		"promocode|3:14|${a} ${b}|a,b|1 2|1 2",
		"gift_message|4:17|${none}|none||",
		"products.0.sku|5:41|${item.sku}|products[3][sku]|A|A",
		"products.0.price|5:63|${item.p}|products[3][p]|1 299,00|1299.00",
		"custom_fields.0.uuid|6:26|OR_1||OR_1|OR_1",
		"custom_fields.0.values|6:39|${a}, x|a|1, x|1, x",
		"source_id|0:0||||22",
		"source_uuid|0:0||||" + testID,
		"ordered_at|0:0||||2026-11-21 16:30:00",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// The JSON that urlencoded bodies make is the same as that of the pairs themselves: the tests' shorthand posts what a browser would.
func TestPostIsWhatABrowserSends(t *testing.T) {
	t.Parallel()
	pairs := []string{"products[0][sku]=A-1", "name=Олена"}
	var body []string
	for _, p := range pairs {
		name, value, _ := strings.Cut(p, "=")
		body = append(body, url.QueryEscape(name)+"="+url.QueryEscape(value))
	}
	f, err := form.Decode("application/x-www-form-urlencoded", strings.NewReader(strings.Join(body, "&")), form.Options{Limits: form.DefaultLimits()})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(post(pairs...).Pairs, f.Pairs); diff != "" {
		t.Error(diff)
	}
}
