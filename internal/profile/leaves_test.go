package profile

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"formrelay/internal/mapping"
)

// leafLines writes leaves as a line each: path, the values with their places, what else is known.
func leafLines(leaves []mapping.Leaf) []string {
	var lines []string
	values := func(all []mapping.Value) string {
		var texts []string
		for _, v := range all {
			text := fmt.Sprintf("%s@%d:%d", v.Text, v.Pos.Line, v.Pos.Column)
			if v.Table != "" {
				text += " of " + v.Table
			}
			if v.Chosen {
				text += " (chosen)"
			}
			texts = append(texts, text)
		}
		return strings.Join(texts, ", ")
	}
	for _, l := range leaves {
		line := fmt.Sprintf("%s#%d: %s", l.Path, l.Item, values(l.Values))
		if l.Open {
			line += " open"
		}
		if l.Many {
			line += " many"
		}
		if l.Keys != nil {
			line += " keys " + values(l.Keys)
		}
		lines = append(lines, strings.ReplaceAll(line, ":  ", ": "))
	}
	return lines
}

func TestLeaves(t *testing.T) {
	t.Parallel()
	const text = `creates: order
source_id: 22
map:
  buyer: {phone: "${phone}"}
  manager_id: ${tables.ids.boss}
  manager_comment: "tel. ${phone}"
  shipping:
    delivery_service_id: "${ref != nil ? tables.ids['np'] : 3}"
  products:
    - each: ${lines}
      sku: ${item.sku}
      price: ${tables.price[item.sku] * 2}
      purchased_price: ${tables.cost.kyiv[item.sku]}
      name: ${tables.price[item.name]}
    - {sku: ${tables.codes[lamp] ?? "A-1"}, quantity: 1}
  payments:
    - {amount: 5, payment_method_id: "${let x = how; tables.ids[x]}"}
  custom_fields:
    - {uuid: OR_1, value: [Red, "${list('Blue')}", "${other}"]}
    - {uuid: "${tables.uuids.two}", value: "${list(colours)}"}
    - {uuid: OR_3, value: "${split(colours, ',')}"}
    - {uuid: OR_4, value: "${[a, 'Green']}"}
tables:
  ids: {boss: 7, np: 1, deep: {er: 2}}
  uuids: {two: OR_2}
  price: {A-1: 450, B-7: 1200}
  cost: {kyiv: {C-3: 9}}
  codes: {x: [A-1, B-7], y: C-3}
`
	p, faults := Parse("landing", "landing.yaml", []byte(strings.Replace(text, `{sku: ${tables.codes[lamp] ?? "A-1"}, quantity: 1}`,
		`{sku: '${tables.codes[lamp] ?? "A-1"}', quantity: 1}`, 1)), Options{})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	want := []string{
		"source_id#0: 22@2:12",
		"buyer.phone#0: open",
		"manager_id#0: 7@24:15 of tables.ids",
		"manager_comment#0: open",
		"shipping.delivery_service_id#0: 1@24:22 of tables.ids, 3@8:61",
		"products[].sku#1: open keys A-1@26:11 of tables.price (chosen), B-7@26:21 of tables.price (chosen), C-3@27:17 of tables.cost.kyiv (chosen)",
		"products[].price#1: open",
		"products[].purchased_price#1: 9@27:22 of tables.cost.kyiv (chosen)",
		"products[].name#1: 450@26:16 of tables.price (chosen), 1200@26:26 of tables.price (chosen)",
		"products[].sku#2: A-1@28:15 of tables.codes (chosen), B-7@28:20 of tables.codes (chosen), C-3@28:29 of tables.codes (chosen), A-1@15:38",
		"products[].quantity#2: 1@15:57",
		"payments[].amount#3: 5@17:16",
		"payments[].payment_method_id#3: 7@24:15 of tables.ids (chosen), 1@24:22 of tables.ids (chosen)",
		"custom_fields[].uuid#4: OR_1@19:14",
		"custom_fields[].value#4: Red@19:28, Blue@19:41 open many",
		"custom_fields[].uuid#5: OR_2@25:16 of tables.uuids",
		"custom_fields[].value#5: open many",
		"custom_fields[].uuid#6: OR_3@21:14",
		"custom_fields[].value#6: open many",
		"custom_fields[].uuid#7: OR_4@22:14",
		"custom_fields[].value#7: Green@22:34 open many",
	}
	if diff := cmp.Diff(want, leafLines(p.Leaves())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := p.Place(PlaceMap); got != (mapping.Pos{Line: 3, Column: 1}) {
		t.Errorf("map stands at %v", got)
	}
}

// A card's mark is a custom field like any other; without one nothing is there.
func TestLeavesOfAMark(t *testing.T) {
	t.Parallel()
	for mark, want := range map[string][]string{"LD_7": {"mark#0: LD_7@2:7", "contact.phone#0: open"}, "none": {"contact.phone#0: open"}} {
		p, faults := Parse("card", "card.yaml", []byte("creates: card\nmark: "+mark+"\nmap: {contact: {phone: \"${phone}\"}}\n"), Options{})
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		if diff := cmp.Diff(want, leafLines(p.Leaves())); diff != "" {
			t.Errorf("%s (-want +got):\n%s", mark, diff)
		}
	}
}

func TestFindingsAreBounded(t *testing.T) {
	t.Parallel()
	p, faults := Parse("card", "card.yaml", []byte("creates: card\nmap: {contact: {phone: \"${phone}\"}}\n"), Options{})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	for _, warning := range []bool{true, false} {
		var found []Finding
		for i := range maxFaults + 5 {
			found = append(found, Finding{Pos: mapping.Pos{Line: 1, Column: i + 1}, What: "x", Warning: warning})
		}
		got := p.Findings(found)
		if len(got) != maxFaults+1 || got[maxFaults].Warning != warning || got[0].Source != "creates: card" {
			t.Errorf("%d findings, the last %v", len(got), got[len(got)-1])
		}
	}
}
