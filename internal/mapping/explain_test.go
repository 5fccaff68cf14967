package mapping

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// routes are a result's routes, a line each: path|line:column|expression|fields|from|to. What the relay adds is left out.
func routes(t *testing.T, profile string, pairs ...string) []string {
	t.Helper()
	m := mustCompile(t, profile)
	res := m.Apply(Input{ID: testID, Now: testNow(), Fields: post(pairs...), Explain: true})
	var lines []string
	for _, r := range res.Routes {
		if r.Expression == "" || r.Path == "buyer.phone" && r.Expression == "+380501112233" {
			continue
		}
		lines = append(lines, fmt.Sprintf("%s|%d:%d|%s|%s|%s|%s", r.Path, r.Pos.Line, r.Pos.Column, r.Expression, strings.Join(r.Fields, ","), r.From, r.To))
	}
	return lines
}

// Explain says of every value of the map where it came from, what it was and what it became.
func TestRoutes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		Name, Lines string
		Form        []string
		Want        []string
	}{
		{"Text", "  promocode: ${a}\n", []string{"a=x"}, []string{"promocode|3:14|${a}|a|x|x"}},
		{"Absent", "  promocode: ${a}\n", nil, []string{"promocode|3:14|${a}|a||"}},
		{"NameAsPosted", "  promocode: ${your_name}\n", []string{"your-name=x"}, []string{"promocode|3:14|${your_name}|your-name|x|x"}},
		{"NameAsAskedFor", "  promocode: ${user.name}\n", nil, []string{"promocode|3:14|${user.name}|user[name]||"}},
		{"Literal", "  promocode: x\n", nil, []string{"promocode|3:14|x||x|x"}},
		{"Normalised", "  taxes: ${a}\n", []string{"a=1 299,00 грн"}, []string{"taxes|3:10|${a}|a|1 299,00 грн|1299.00"}},
		{"Phone", "  shipping: {recipient_phone: \"${a}\"}\n", []string{"a=067 111 22 33"}, []string{"shipping.recipient_phone|3:31|${a}|a|067 111 22 33|+380671112233"}},
		{"Time", "  ordered_at: ${a}\n", []string{"a=21.11.2026 10:00"}, []string{"ordered_at|3:15|${a}|a|21.11.2026 10:00|2026-11-21 08:00:00"}},
		{"SeveralFields", "  promocode: ${a ?? b}-${c}\n", []string{"b=x", "c=y"}, []string{"promocode|3:14|${a ?? b}-${c}|a,b,c|x-y|x-y"}},
		{"FieldOnce", "  promocode: ${a}${a}\n", []string{"a=x"}, []string{"promocode|3:14|${a}${a}|a|xx|xx"}},
		{"Condition", "  shipping: {when: \"${a}\", tracking_code: \"${b}\"}\n", []string{"a=no", "b=x"}, nil},
		{"List", "  custom_fields: [{uuid: OR_1, value: \"${a}\"}]\n", []string{"a[]=x", "a[]=y"}, []string{"custom_fields.0.uuid|3:26|OR_1||OR_1|OR_1", "custom_fields.0.values|3:39|${a}|a[]|x, y|x, y"}},
		{"LeftOutWithItsItem", "  custom_fields: [{uuid: OR_1, value: \"${a}\"}]\n", nil, []string{"custom_fields.0.uuid|3:26|OR_1||OR_1|", "custom_fields.0.value|3:39|${a}|a||"}},
		{"RecipientWhoIsTheBuyer", "  shipping: {recipient_phone: \"${a}\"}\n", []string{"a=050 111 22 33"}, []string{"shipping.recipient_phone|3:31|${a}|a|050 111 22 33|"}},
		{
			"Lines", "  products: [{each: \"${p}\", sku: \"${item.s}\"}]\n",
			[]string{"p[3][s]=A", "p[9][s]=B"},
			[]string{"products.0.sku|3:34|${item.s}|p[3][s]|A|A", "products.1.sku|3:34|${item.s}|p[9][s]|B|B"},
		},
		{"LinesOfAFilter", "  products: [{each: \"${filter(p, .s)}\", sku: \"${item.s}\"}]\n", []string{"p[3][s]=", "p[9][s]=B"}, []string{"products.0.sku|3:46|${item.s}|p[9][s]|B|B"}},
		{
			"LinesOfAMap", "  products: [{each: \"${map(p, .s)}\", sku: \"${item}\"}]\n",
			[]string{"p[3][s]=A", "p[9][s]=B"},
			[]string{"products.0.sku|3:43|${item}|p[9][s]|A|A", "products.1.sku|3:43|${item}|p[9][s]|B|B"},
		},
		{"Table", "  taxes: ${tables.t[a]}\ntables: {t: {A: 1.50}}\n", []string{"a=A"}, []string{"taxes|3:10|${tables.t[a]}|a|1.50|1.50"}},
		{"Position", "  promocode: ${p[0].s}\n", []string{"p[7][s]=A"}, []string{"promocode|3:14|${p[0].s}|p[7][s]|A|A"}},
		{"OfNoField", "  promocode: ${now}\n", nil, []string{"promocode|3:14|${now}||2026-11-21 18:30:00|2026-11-21 18:30:00"}},
		{"ReplyTo", "  promocode: ${email}\n", []string{"_replyto=o@example.test"}, []string{"promocode|3:14|${email}|_replyto|o@example.test|o@example.test"}},
	} {
		t.Run(tt.Name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.Want, routes(t, buyer+tt.Lines, tt.Form...)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// Every value of the entity has a route, also those that the relay adds; without Explain there are none.
func TestRoutesAreComplete(t *testing.T) {
	t.Parallel()
	for _, profile := range []string{orderProfile + "rest: manager_comment\n", cardProfile, cardProfile + "mark: LD_9\n"} {
		m := mustCompile(t, profile)
		in := Input{ID: testID, Now: testNow(), Fields: post("name=O", "phone=050 111 22 33 вн. 5", "product_name=x", "amount=5", "payment_method=c", "status=paid", "value=v", "colors[]=a", "more=m"), Explain: true}
		res := m.Apply(in)
		to := map[string]string{}
		for _, r := range res.Routes {
			to[r.Path] = r.To
		}
		for path, value := range leaves(string(res.Entity)) {
			if got, ok := to[path]; !ok || got != value {
				t.Errorf("%s: route to %q, value %q", path, got, value)
			}
		}
		in.Explain = false
		if plain := m.Apply(in); plain.Routes != nil || string(plain.Entity) != string(res.Entity) {
			t.Errorf("explaining changes the entity:\n%s\n%s", plain.Entity, res.Entity)
		}
	}
}
