package keycrm

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/schema"
)

func newDecoder() *schema.Decoder {
	d := schema.NewDecoder()
	d.MaxSize(1000)
	return d
}

// samples are a text of each kind of field as the mapping hands it over, and the JSON that KeyCRM gets.
var samples = map[Word][2]string{
	WordText:    {`Lamp "A" <b>`, `"Lamp \"A\" \u003cb\u003e"`},
	WordTexts:   {"plain", `"plain"`},
	WordInteger: {"22", "22"},
	WordNumber:  {"0.50", "0.50"},
	WordAmount:  {"1299.00", "1299.00"},
	WordBoolean: {"false", "false"},
	WordTime:    {"2026-03-04 09:15:00", `"2026-03-04 09:15:00"`},
	WordDay:     {"2026-03-05", `"2026-03-05"`},
	WordPhone:   {"+380501112233", `"+380501112233"`},
	WordEmail:   {"olena@example.test", `"olena@example.test"`},
}

// leaves gives a path and its type for every field of an entity, lists with one item.
func leaves(t *Type, path string) map[string]*Type {
	all := map[string]*Type{}
	for _, c := range t.Children {
		at := path + c.Name
		switch c.Word {
		case WordObject:
			addAll(all, leaves(c, at+"."))
		case WordList:
			addAll(all, leaves(c, at+".0."))
		default:
			all[at] = c
		}
	}
	return all
}

func addAll(into, from map[string]*Type) {
	maps.Copy(into, from)
}

// at follows a dotted path into decoded JSON.
func at(v any, path string) any {
	for name := range strings.SplitSeq(path, ".") {
		switch inner := v.(type) {
		case map[string]any:
			v = inner[name]
		case []any:
			v = inner[0]
		default:
			return nil
		}
	}
	return v
}

// TestEveryFieldThroughSchema decodes every field of both entities from path=value pairs and finds each in the JSON as KeyCRM's
// type.
func TestEveryFieldThroughSchema(t *testing.T) {
	t.Parallel()
	for kind, entity := range map[Kind]any{KindOrder: &Order{}, KindCard: &Card{}} {
		fields := leaves(Schema(kind), "")
		pairs := map[string][]string{}
		for path, f := range fields {
			pairs[path] = []string{samples[f.Word][0]}
			if len(f.Enum) > 0 {
				pairs[path] = f.Enum[:1]
			}
		}
		if err := newDecoder().Decode(entity, pairs); err != nil {
			t.Fatal(err)
		}
		if err := NewValidator().Struct(entity); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		body, err := json.Marshal(entity)
		if err != nil {
			t.Fatal(err)
		}
		var got any
		d := json.NewDecoder(strings.NewReader(string(body)))
		d.UseNumber()
		if err := d.Decode(&got); err != nil {
			t.Fatal(err)
		}
		for path, f := range fields {
			want := samples[f.Word][1]
			if len(f.Enum) > 0 {
				want = `"` + f.Enum[0] + `"`
			}
			text, err := json.Marshal(at(got, path))
			if err != nil || string(text) != want {
				t.Errorf("%s %s = %s (%v), want %s", kind, path, text, err, want)
			}
		}
	}
}

func TestDecodeAndMarshal(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		pairs map[string][]string
		want  string
	}{
		{"nothing", nil, `{}`},
		{"what nobody mapped is left out", map[string][]string{"buyer.phone": {"+380501112233"}}, `{"buyer":{"phone":"+380501112233"}}`},
		{
			"a number that is 0 is sent",
			map[string][]string{"products.0.price": {"0"}, "shipping_price": {"0.00"}},
			`{"shipping_price":0.00,"products":[{"price":0}]}`,
		},
		{"a boolean that is false is sent", map[string][]string{"is_gift": {"false"}, "gift_wrap": {"on"}}, `{"is_gift":false,"gift_wrap":true}`},
		{"an empty text is absent", map[string][]string{"buyer.email": {""}, "discount_amount": {""}, "manager_id": {""}, "is_gift": {""}}, `{}`},
		{
			"items keep their places",
			map[string][]string{"products.1.name": {"B"}, "products.0.name": {"A"}, "products.2.sku": {"C"}},
			`{"products":[{"name":"A"},{"name":"B"},{"sku":"C"}]}`,
		},
		{
			"properties inside a line",
			map[string][]string{"products.0.properties.1.name": {"Size"}, "products.0.properties.0.value": {"Red"}},
			`{"products":[{"properties":[{"value":"Red"},{"name":"Size"}]}]}`,
		},
		{
			"a list of values",
			map[string][]string{"custom_fields.0.uuid": {"OR_1"}, "custom_fields.0.values": {"a", "b, c", "<i>"}},
			`{"custom_fields":[{"uuid":"OR_1","value":["a","b, c","\u003ci\u003e"]}]}`,
		},
		{
			"a list of one value stays a list",
			map[string][]string{"custom_fields.0.uuid": {"OR_1"}, "custom_fields.0.values": {"a"}},
			`{"custom_fields":[{"uuid":"OR_1","value":["a"]}]}`,
		},
		{
			"a text value",
			map[string][]string{"custom_fields.0.uuid": {"OR_1"}, "custom_fields.0.value": {"a, b"}},
			`{"custom_fields":[{"uuid":"OR_1","value":"a, b"}]}`,
		},
		{"a field without a value", map[string][]string{"custom_fields.0.uuid": {"OR_1"}}, `{"custom_fields":[{"uuid":"OR_1"}]}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var o Order
			if err := newDecoder().Decode(&o, tt.pairs); err != nil {
				t.Fatal(err)
			}
			got, err := json.Marshal(&o)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct{ path, value string }{
		{"source_id", "0"},
		{"source_id", "-1"},
		{"source_id", "1.5"},
		{"source_id", "+7"},
		{"source_id", "0x10"},
		{"source_id", "99999999999999999999"},
		{"products.0.price", "NaN"},
		{"products.0.price", "Inf"},
		{"products.0.price", "1e5"},
		{"products.0.price", "0x10"},
		{"products.0.price", "1,5"},
		{"products.0.price", "1 000"},
		{"is_gift", "maybe"},
		{"buyer.name", "x"},
		{"products.1001.name", "x"},
		{"products.x.name", "x"},
	}
	for _, tt := range tests {
		var o Order
		err := newDecoder().Decode(&o, map[string][]string{tt.path: {tt.value}})
		var multi schema.MultiError
		if !errors.As(err, &multi) || multi[tt.path] == nil {
			t.Errorf("%s=%s: got %v, want an error of that path", tt.path, tt.value, err)
		}
	}
}

func TestDecimal(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in   string
		want string // the JSON; empty: refused
	}{
		{"0", "0"},
		{"-0", "0"},
		{"-0.00", "0.00"},
		{"007", "7"},
		{"000", "0"},
		{"00.50", "0.50"},
		{"-12.30", "-12.30"},
		{"999999999999999.999999999999999", "999999999999999.999999999999999"},
		{"0.1", "0.1"},
		{"", "null"},
		{"1000000000000000", ""},
		{"0.1234567890123456", ""},
		{strings.Repeat("9", 1<<16), ""},
		{".5", ""},
		{"5.", ""},
		{"+5", ""},
		{"--5", ""},
		{"5-", ""},
		{"1.2.3", ""},
		{"٥", ""},
		{" 5", ""},
		{"1_000", ""},
	}
	for _, tt := range tests {
		var d Decimal
		if err := d.UnmarshalText([]byte(tt.in)); (err == nil) != (tt.want != "") {
			t.Errorf("%.20q: error %v", tt.in, err)
			continue
		}
		if tt.want == "" {
			continue
		}
		got, err := json.Marshal(d)
		if err != nil || string(got) != tt.want {
			t.Errorf("%q becomes %s (%v), want %s", tt.in, got, err, tt.want)
		}
	}
}

// FuzzDecimal: whatever is taken is a JSON number, and reading it again changes nothing.
func FuzzDecimal(f *testing.F) {
	for _, s := range []string{"0", "-0.0", "007.50", "1e5", "NaN", "9999999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var d, again Decimal
		if d.UnmarshalText([]byte(s)) != nil || d == "" {
			return
		}
		if err := again.UnmarshalText([]byte(d)); err != nil || again != d {
			t.Errorf("%q becomes %q, then %q (%v)", s, d, again, err)
		}
		var n float64
		if err := json.Unmarshal([]byte(d), &n); err != nil {
			t.Errorf("%q becomes %q, which is no JSON number: %v", s, d, err)
		}
	})
}

func TestScalarsAsJSON(t *testing.T) {
	t.Parallel()
	if _, err := json.Marshal(Order{Taxes: "1e5"}); err == nil {
		t.Error("a Decimal that is no decimal was written")
	}
	if _, err := json.Marshal(Order{IsGift: "perhaps"}); err == nil {
		t.Error("a Bool that is neither was written")
	}
	var o Order
	in := `{"source_id":22,"manager_id":null,"taxes":0.10,"wrap_price":null,"is_gift":false,"gift_wrap":null}`
	if err := json.Unmarshal([]byte(in), &o); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Order{SourceID: 22, Taxes: "0.10", IsGift: False}, o); diff != "" {
		t.Error(diff)
	}
	for _, in := range []string{`{"source_id":0}`, `{"taxes":"1"}`, `{"is_gift":"x"}`} {
		if err := json.Unmarshal([]byte(in), &o); err == nil {
			t.Errorf("%s was taken", in)
		}
	}
}

func TestSchemaTypes(t *testing.T) {
	t.Parallel()
	order, card := leaves(Schema(KindOrder), ""), leaves(Schema(KindCard), "")
	want := map[string]Word{
		"buyer.phone": WordPhone, "shipping.recipient_phone": WordPhone, "buyer.email": WordEmail,
		"ordered_at": WordTime, "payments.0.payment_date": WordTime, "shipping.shipping_date": WordDay,
		"payments.0.amount": WordAmount, "products.0.price": WordAmount, "products.0.purchased_price": WordAmount,
		"discount_amount": WordAmount, "products.0.discount_amount": WordAmount, "shipping_price": WordAmount, "wrap_price": WordAmount, "taxes": WordAmount,
		"products.0.quantity": WordNumber, "discount_percent": WordNumber, "products.0.discount_percent": WordNumber,
		"source_id": WordInteger, "manager_id": WordInteger, "shipping.delivery_service_id": WordInteger, "payments.0.payment_method_id": WordInteger,
		"is_gift": WordBoolean, "gift_wrap": WordBoolean, "custom_fields.0.value": WordTexts, "buyer.full_name": WordText,
	}
	for path, word := range want {
		if order[path] == nil || order[path].Word != word {
			t.Errorf("order %s: %+v, want %s", path, order[path], word)
		}
	}
	for path, word := range map[string]Word{"contact.phone": WordPhone, "communicate_at": WordTime, "contact.client_id": WordInteger, "pipeline_id": WordInteger} {
		if card[path] == nil || card[path].Word != word {
			t.Errorf("card %s: %+v, want %s", path, card[path], word)
		}
	}
	for path, f := range order {
		if samples[f.Word][0] == "" || !strings.HasSuffix(f.Doc, ".") {
			t.Errorf("order %s: word %q, doc %q", path, f.Word, f.Doc)
		}
	}
	if diff := cmp.Diff([]string{"paid", "not_paid", "canceled", "refund"}, order["payments.0.status"].Enum); diff != "" {
		t.Error(diff)
	}
	root := Schema(KindOrder)
	if !root.Child("source_id").Required || !root.Child("buyer").Required || root.Child("shipping").Required || root.Child("nothing") != nil {
		t.Error("the order's required fields are not source_id and buyer")
	}
	if got := order["custom_fields.0.value"].List; got != "values" {
		t.Errorf("a list goes to %q, want values", got)
	}
	if Schema("lead") != nil {
		t.Error("there is a schema of a kind that is none")
	}
}

func BenchmarkDecode(b *testing.B) {
	full := map[string][]string{}
	for path, f := range leaves(Schema(KindOrder), "") {
		full[path] = []string{samples[f.Word][0]}
	}
	callback := map[string][]string{
		"source_id": {"22"}, "source_uuid": {"01JABC"}, "ordered_at": {"2026-03-04 09:15:00"},
		"buyer.full_name": {"Олена"}, "buyer.phone": {"+380501112233"}, "buyer_comment": {"call me"},
	}
	d, v := newDecoder(), NewValidator()
	for name, pairs := range map[string]map[string][]string{"full": full, "callback": callback} {
		b.Run(fmt.Sprintf("%s/%d_paths", name, len(pairs)), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var o Order
				if err := d.Decode(&o, pairs); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/validate_and_marshal", func(b *testing.B) {
			var o Order
			if err := d.Decode(&o, pairs); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				_ = v.Struct(&o)
				if _, err := json.Marshal(&o); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
