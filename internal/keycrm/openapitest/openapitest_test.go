package openapitest

import (
	"errors"
	"io/fs"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"formrelay/internal/keycrm"
)

const vendorFile = "../../../../shared/keycrm/open-api.yml"

func TestFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		kind keycrm.Kind
		body string
		want []string
	}{
		{"whole", keycrm.KindOrder, `{"source_id":22,"buyer":{"full_name":"Олена"},"payments":[{"amount":1.5,"status":"paid"}]}`, nil},
		{
			"the two named differences", keycrm.KindOrder,
			`{"source_id":22,"buyer":{},"payments":[{"amount":1,"status":"refund"}],"custom_fields":[{"uuid":"OR_1","value":["a","b"]}]}`, nil,
		},
		{
			"missing", keycrm.KindOrder, `{"payments":[{"status":"paid"}]}`,
			[]string{"buyer: is missing", "payments.0.amount: is missing", "source_id: is missing"},
		},
		{"types", keycrm.KindOrder, `{"source_id":"22","buyer":[],"is_gift":"no","shipping_price":"1","products":{},"promocode":1}`, []string{
			"buyer: is []interface {}, want an object", "is_gift: is string, want a boolean", "products: is map[string]interface {}, want an array",
			"promocode: is 1 (json.Number), want a text", "shipping_price: is string, want a number", "source_id: is 22 (string), want an integer",
		}},
		{"a fraction as an id", keycrm.KindOrder, `{"source_id":2.5,"buyer":{}}`, []string{"source_id: is 2.5 (json.Number), want an integer"}},
		{"an unknown name", keycrm.KindCard, `{"contact":{"name":"x"},"marketing":{}}`, []string{"contact.name: is not in the file", "marketing: is not in the file"}},
		{
			"an unknown status", keycrm.KindCard, `{"contact":{},"payments":[{"amount":1,"status":"cancelled"}]}`,
			[]string{`payments.0.status: is "cancelled", want one of paid, not_paid, canceled, refund`},
		},
		{"null", keycrm.KindOrder, `{"source_id":null,"buyer":{"email":null}}`, []string{"source_id: is null"}},
		{
			"a list of numbers as a custom field's value", keycrm.KindCard, `{"contact":{},"custom_fields":[{"uuid":"LD_1","value":[1]}]}`,
			[]string{"custom_fields.0.value: is [1] ([]interface {}), want a text"},
		},
		{"no JSON", keycrm.KindCard, `{`, []string{"the body is no JSON: unexpected EOF"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := Faults(vendorFile, tt.kind, []byte(tt.body))
			if errors.Is(err, fs.ErrNotExist) {
				t.Skip("the vendor's file is not here")
			}
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(got)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFaultsWithoutAFile(t *testing.T) {
	t.Parallel()
	if _, err := Faults("no-such-file.yml", keycrm.KindOrder, []byte(`{}`)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want fs.ErrNotExist, which Check takes as leave to skip", err)
	}
}

// TestSchemaIsTheVendors holds the entities against the file field by field, in its order: none missing, none invented, none of
// another type.
func TestSchemaIsTheVendors(t *testing.T) {
	t.Parallel()
	for _, kind := range []keycrm.Kind{keycrm.KindOrder, keycrm.KindCard} {
		root, err := load(vendorFile, kind)
		if errors.Is(err, fs.ErrNotExist) {
			t.Skip("the vendor's file is not here")
		}
		if err != nil {
			t.Fatal(err)
		}
		compare(t, string(kind), root, keycrm.Schema(kind))
	}
}

func compare(t *testing.T, path string, n *node, typ *keycrm.Type) {
	t.Helper()
	types := map[keycrm.Word]string{
		keycrm.WordObject: "object", keycrm.WordList: "array", keycrm.WordInteger: "integer", keycrm.WordBoolean: "boolean",
		keycrm.WordNumber: "number", keycrm.WordAmount: "number",
	}
	want, ok := types[typ.Word]
	if !ok {
		want = "string"
	}
	if n.Type != want {
		t.Errorf("%s is %s here and %s in the file", path, typ.Word, n.Type)
	}
	if n.Type == "array" {
		n = n.Items
	}
	if len(n.Properties) != len(typ.Children) {
		t.Errorf("%s has %d fields here and %d in the file", path, len(typ.Children), len(n.Properties))
	}
	for name, field := range n.Properties {
		if child := typ.Child(name); child == nil {
			t.Errorf("%s.%s is missing here", path, name)
		} else {
			compare(t, path+"."+name, field, child)
		}
	}
}
