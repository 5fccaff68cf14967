package reference

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"formrelay/internal/profile"
)

// compiled is the schema in a validator of other people's, as an editor would have it.
func compiled(t testing.TB) *jsonschema.Schema {
	t.Helper()
	text, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("profile.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("profile.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// judged are the words of the schema about a profile, nil when it takes it.
func judged(t testing.TB, schema *jsonschema.Schema, text string) error {
	t.Helper()
	var document any
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		return err
	}
	return schema.Validate(plainKeys(document))
}

// plainKeys gives an object text keys, as JSON has them.
func plainKeys(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			v[key] = plainKeys(value)
		}
	case []any:
		for i, value := range v {
			v[i] = plainKeys(value)
		}
	case uint64:
		return float64(v)
	case int64:
		return float64(v)
	}
	return v
}

// What the loader takes the schema takes: the shipped profiles, the reference's example, and the forms that a value can have.
func TestSchemaTakesWhatTheLoaderTakes(t *testing.T) {
	t.Parallel()
	schema := compiled(t)
	profiles := map[string]string{"the example": Example}
	files, err := filepath.Glob(filepath.Join("..", "..", "..", "deploy", "profiles", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatal("the shipped profiles are not there", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		profiles[filepath.Base(file)] = string(text)
	}
	maps.Copy(profiles, forms())
	for name, text := range profiles {
		if _, faults := profile.Parse("p", "p.yaml", []byte(text), profile.Options{}); len(faults) > 0 {
			t.Errorf("%s: the loader refuses it: %v", name, faults)
		}
		if err := judged(t, schema, text); err != nil {
			t.Errorf("%s: the schema refuses it: %v", name, err)
		}
	}
}

// least is the least profile.
const least = "creates: order\nsource_id: 22\nmap:\n  buyer: {phone: \"${phone}\"}\n"

// forms are profiles that write the same things in other ways.
func forms() map[string]string {
	return map[string]string{
		"the least":          least,
		"nothing behind it":  least + "account:\nenabled:\nform:\nanswer:\nguard:\ntables:\nrest_except:\n",
		"quoted numbers":     strings.Replace(least, "22", `"22"`, 1) + "guard: {max_pairs: \"10\", max_body: 4096, max_value: 2 KB}\n",
		"truth in capitals":  least + "enabled: TRUE\n",
		"one name":           least + "rest: manager_comment\nrest_except: agree\n",
		"texts":              least + "  custom_fields: [{uuid: OR_1, value: [red, 5, true, \"${x}\"]}]\n",
		"literals":           least + "  is_gift: true\n  discount_percent: 12.5\n  payments: [{payment_method: Cash, amount: 10, status: paid, when: true}]\n",
		"a computed status":  least + "  payments: [{payment_method_id: \"${m}\", amount: \"${a}\", status: \"${s ?? 'not_paid'}\"}]\n",
		"empty lists":        least + "  products: []\n  custom_fields:\n",
		"odd table keys":     least + "tables:\n  price: {0501: 7, A-1: {low: 1, high: [1, 2]}}\n",
		"a card by itself":   "creates: card\nmap: {contact: {phone: \"${phone}\"}}\n",
		"defaults":           least + "form:\n  fields:\n    a: {type: int, default: 1}\n    b[]: {default: [x, y]}\n    c:\n",
		"labels":             least + "form: {fields: {a: {label: {uk: Ім'я, en: 5}}}}\n",
		"tests":              least + "tests:\n  - {name: a, form: {phone: \"050\", \"b[]\": [1, x], c: }, expect: {buyer: {phone: }}}\n  - {}\n",
		"a word with blanks": least + "answer: {lang: \" uk \"}\n",
	}
}

// The structural mistakes that an editor must show while a profile is being written; the loader refuses each of them too.
func TestSchemaFindsMistakes(t *testing.T) {
	t.Parallel()
	schema := compiled(t)
	for name, text := range map[string]string{
		"no creates":               strings.Replace(least, "creates: order\n", "", 1),
		"no map":                   "creates: order\nsource_id: 22\n",
		"no source_id":             strings.Replace(least, "source_id: 22\n", "", 1),
		"a word that is none":      strings.Replace(least, "order", "lead", 1),
		"a key that is none":       least + "sorce_id: 22\n",
		"a key in a wrong block":   least + "region: UA\n",
		"an expression for source": strings.Replace(least, "22", `"${source}"`, 1),
		"no buyer":                 "creates: order\nsource_id: 22\nmap: {buyer_comment: x}\n",
		"a card with a buyer":      "creates: card\nmap: {buyer: {phone: \"${phone}\"}}\n",
		"an order with a contact":  "creates: order\nsource_id: 22\nmap: {contact: {phone: \"${phone}\"}}\n",
		"a field KeyCRM lacks":     least + "  adress: x\n",
		"price beside the lines":   least + "  price: 10\n",
		"an object for a text":     least + "  buyer_comment: {a: b}\n",
		"one product, no list":     least + "  products: {sku: A-1}\n",
		"text for an object":       least + "  shipping: Kyiv\n",
		"a list for a text":        least + "  manager_comment: [a, b]\n",
		"no uuid":                  least + "  custom_fields: [{value: x}]\n",
		"no value":                 least + "  custom_fields: [{uuid: OR_1}]\n",
		"no amount":                least + "  payments: [{payment_method_id: 1}]\n",
		"no payment method":        least + "  payments: [{amount: 1}]\n",
		"a status that is none":    least + "  payments: [{amount: 1, payment_method_id: 1, status: payed}]\n",
		"an unknown language":      least + "answer: {lang: de}\n",
		"an unknown label":         least + "form: {fields: {a: {label: {ua: Ім'я}}}}\n",
		"an unknown type":          least + "form: {fields: {a: {type: string}}}\n",
		"yes for true":             least + "enabled: yes please\n",
		"a size in words":          least + "guard: {max_body: 1 megabyte}\n",
		"each that is a list":      least + "  products: [{each: [a], sku: A-1}]\n",
		"a list at the top":        "- creates: order\n",
		"tables that are a list":   least + "tables: [1, 2]\n",
		"a test of nothing":        least + "tests: [{name: a, posts: {}}]\n",
		"a property without value": least + "  products: [{sku: A-1, properties: [{name: Color}]}]\n",
	} {
		if err := judged(t, schema, text); err == nil {
			t.Errorf("%s: the schema takes it:\n%s", name, text)
		}
		if _, faults := profile.Parse("p", "p.yaml", []byte(text), profile.Options{}); len(faults) == 0 {
			t.Errorf("%s: the loader takes it:\n%s", name, text)
		}
	}
}

// An editor shows a meaning for everything that it offers.
func TestSchemaDescribesEverything(t *testing.T) {
	t.Parallel()
	text, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		object, ok := v.(map[string]any)
		if !ok {
			return
		}
		properties, _ := object["properties"].(map[string]any)
		for name, p := range properties {
			described, _ := p.(map[string]any)
			if path != "/if" && !strings.HasSuffix(path, "label") && described["description"] == nil && name != "map" {
				t.Errorf("%s/%s has no description", path, name)
			}
			walk(path+"/"+name, p)
		}
		for _, key := range []string{"then", "else", "items", "additionalProperties"} {
			walk(path+"/"+key, object[key])
		}
	}
	walk("", document)
}

// Whatever the loader takes the schema takes.
func FuzzSchema(f *testing.F) {
	f.Add(Example)
	for _, text := range forms() {
		f.Add(text)
	}
	schema := compiled(f)
	f.Fuzz(func(t *testing.T, text string) {
		if _, faults := profile.Parse("p", "p.yaml", []byte(text), profile.Options{}); len(faults) > 0 {
			return
		}
		if err := judged(t, schema, text); err != nil {
			t.Errorf("the loader takes it and the schema does not: %v\n%s", err, text)
		}
	})
}
