package expression

import (
	"encoding/json"
	"slices"
	"testing"
	"time"
)

// sampleEnv is the sample form as the decoder nests it.
func sampleEnv(l *Language) *Env {
	form := map[string]any{"products": []any{}, "colors": []any{}}
	line := map[string]any{}
	for _, pair := range Sample() {
		switch name, value := pair[0], pair[1]; name {
		case "colors[]":
			form["colors"] = append(form["colors"].([]any), value)
		case "products[0][sku]", "products[1][sku]":
			line = map[string]any{"sku": value}
		case "products[0][quantity]", "products[1][quantity]":
			line["quantity"] = value
			form["products"] = append(form["products"].([]any), line)
		default:
			if value != "" {
				form[name] = value
			}
		}
	}
	e := NewEnv(l)
	e.Reset(form, func(string) []any { return nil }, time.Date(2026, 11, 21, 16, 0, 0, 0, time.UTC), Visitor{})
	return e
}

// shown is a result as the reference writes it.
func shown(t *testing.T, l *Language, v any) string {
	t.Helper()
	if items, ok := v.([]any); ok {
		out, err := json.Marshal(items)
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	text, ok := l.Text(v)
	if !ok {
		t.Fatalf("%v is no text", v)
	}
	return text
}

// Every example comes to what the reference says.
func TestReferenceExamples(t *testing.T) {
	t.Parallel()
	l := New(Options{Region: "UA", Location: kyiv(t), Tables: map[string]*Table{
		"price": {Name: "price", Rows: map[string]any{"A-1": Decimal("450"), "B-7": Decimal("1200")}},
	}})
	for _, chapter := range Reference() {
		for _, doc := range chapter.Docs {
			if doc.Example == "" {
				continue
			}
			x, faults := l.Compile(doc.Example, Scope{})
			if faults != nil {
				t.Errorf("%s: ${%s}: %v", doc.Name, doc.Example, faults)
				continue
			}
			v, err := x.Eval(sampleEnv(l))
			if err != nil {
				t.Errorf("%s: ${%s}: %v", doc.Name, doc.Example, err)
			} else if got := shown(t, l, v); got != doc.Result {
				t.Errorf("%s: ${%s} is %s, and the reference says %s", doc.Name, doc.Example, got, doc.Result)
			}
		}
	}
}

// Every function is in the reference, and nothing there is no function.
func TestReferenceIsComplete(t *testing.T) {
	t.Parallel()
	var documented []string
	for _, chapter := range Reference()[2:] {
		for _, doc := range chapter.Docs {
			documented = append(documented, doc.Name)
		}
	}
	var all []string
	for name := range functions() {
		all = append(all, name)
	}
	for name := range predicates() {
		all = append(all, name)
	}
	slices.Sort(documented)
	slices.Sort(all)
	if !slices.Equal(documented, all) {
		t.Errorf("documented %v\nthere are  %v", documented, all)
	}
}
