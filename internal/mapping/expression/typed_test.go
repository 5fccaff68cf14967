package expression

import "testing"

func TestTyped(t *testing.T) {
	t.Parallel()
	l := testLanguage(t)
	for source, want := range map[string]bool{
		"price":                                   true,
		"item.price":                              true,
		`form["price"]`:                           true,
		"num(price) * quantity":                   true,
		"price ?? 450":                            true,
		"sku == \"A-1\" ? 450 : price":            true,
		"let p = price; num(p) + 1":               true,
		"sum(products, num(.price) * .quantity)":  true,
		"products[0].price":                       true,
		"tables.price[sku]":                       false,
		"tables.price[item.sku] ?? 10":            false,
		"sku == \"A-1\" ? 450 : 500":              false,
		"let p = tables.price[sku]; p":            false,
		"sum(products, tables.price[.sku] ?? 0)":  false,
		"450":                                     false,
		"price > 10":                              false,
		"tables.price[sku] * quantity":            false, // the shop's price, and a number of pieces
		"quantity * (tables.price[sku] ?? 10)":    false,
		"tables.price[sku] - discount":            true,
		"count(products, .quantity > 1)":          false,
		"now":                                     false,
		"sum(map(products, tables.price[.sku]))":  false,
		"sum(map(products, num(.price)))":         true,
		"reduce(products, #acc + num(.price), 0)": true,
	} {
		x, faults := l.Compile(source, Scope{Each: true})
		if faults != nil {
			t.Errorf("%s: %v", source, faults)
		} else if x.Typed != want {
			t.Errorf("%s: typed is %v", source, x.Typed)
		}
	}
}
