package form

import (
	"net/url"
	"strings"
	"testing"
)

// callback is a call-back form: 5 fields.
func callback() []Pair {
	return pairs("name", "Олена Петренко", "phone", "+38 (050) 111-22-33", "email", "olena@example.com", "comment", "Передзвоніть після 18:00, будь ласка", "utm_source", "google")
}

// order is a full order form: 35 fields, among them two product lines and a list.
func order() []Pair {
	all := append(callback(),
		pairs("address_city", "Київ", "address_street", "вул. Хрещатик, 1, кв. 5", "address_country", "Україна", "address_region", "Київська",
			"address_zip", "01001", "secondary_line", "під'їзд 2", "receive_point", "Відділення №12", "recipient_full_name", "Іван Петренко",
			"receive_phone", "0671112233", "warehouse_ref", "1ec09d88-e1c2-11e3-8c4a-0050568002cf", "date", "25.12.2026", "utm_medium", "cpc",
			"utm_campaign", "winter-2026", "utm_term", "лампа настільна", "utm_content", "banner-3", "payment_method_id", "2", "amount", "1 299,00",
			"description", "Оплата при отриманні", "payment_date", "", "gclid", strings.Repeat("Cj0KCQ", 15))...)
	return append(all, pairs("products[0][sku]", "A-1", "products[0][name]", "Лампа", "products[0][price]", "450", "products[0][quantity]", "2",
		"products[1][sku]", "B-7", "products[1][name]", "Світильник", "products[1][price]", "399", "products[1][quantity]", "1",
		"colors[]", "Space Gray", "colors[]", "Silver")...)
}

func urlencoded(all []Pair) string {
	var b strings.Builder
	for _, p := range all {
		b.WriteString(url.QueryEscape(p.Name) + "=" + url.QueryEscape(p.Value) + "&")
	}
	return strings.TrimSuffix(b.String(), "&")
}

var forms = []struct {
	name  string
	pairs func() []Pair
}{{"Callback5", callback}, {"Order35", order}}

func BenchmarkDecode(b *testing.B) {
	for _, form := range forms {
		for _, kind := range []struct{ name, contentType, body string }{
			{"urlencoded", urlencodedType, urlencoded(form.pairs())},
			{"multipart", multipartType, bodies[multipartType](form.pairs())},
			{"json", jsonType, bodies[jsonType](form.pairs())},
		} {
			b.Run(form.name+"/"+kind.name, func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(len(kind.body)))
				for b.Loop() {
					if _, err := Decode(kind.contentType, strings.NewReader(kind.body), Options{}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkValues(b *testing.B) {
	for _, form := range forms {
		b.Run(form.name, func(b *testing.B) {
			f := &Fields{Pairs: form.pairs()}
			b.ReportAllocs()
			for b.Loop() {
				f.Tree().Values()
			}
		})
	}
}

// BenchmarkParseQuery is the standard library on the same bodies, for comparison: it nests nothing and drops what it does not like.
func BenchmarkParseQuery(b *testing.B) {
	for _, form := range forms {
		body := urlencoded(form.pairs())
		b.Run(form.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				if _, err := url.ParseQuery(body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
