package mapping

import "testing"

// A name that nothing knows is most often one with a slip in it.
func TestKnows(t *testing.T) {
	t.Parallel()
	m := mustCompile(t, buyer+"  gift_message: ${email}\n  products: [{each: \"${products}\", sku: \"${item.sku}\"}]\n  promocode: ${form[\"your code\"]}\nfields: {age: {type: int}}\n")
	posted := []string{"Колір", "size[eu]"}
	for name, near := range map[string]string{"emial": "email", "product[0][sku]": "products", "розмір": "", "your_code": "your code", "": "", "_lang": ""} {
		if known, got := m.Knows(name, posted); known || got != near {
			t.Errorf("%q: known %t, near %q", name, known, got)
		}
	}
	for _, name := range []string{"email", "products[0][sku]", "your code", "age", "Колір", "size", "size[us]", "_replyto"} {
		if known, _ := m.Knows(name, posted); !known {
			t.Errorf("%q is not known", name)
		}
	}
	all := mustCompile(t, buyer+"  promocode: ${form[which]}\n")
	if known, _ := all.Knows("anything", nil); !known {
		t.Error("a mapping that reads a field whose name is posted reads any")
	}
	// With rest a line of the comment comes of every field, so only a name that is near another is a slip.
	rest := mustCompile(t, buyer+"  gift_message: ${email}\nrest: manager_comment\nrest_except: [secret]\n")
	for name, want := range map[string]bool{"Передзвонити": true, "emial": false, "_lang": false, "secret": false} {
		if known, _ := rest.Knows(name, posted); known != want {
			t.Errorf("with rest: %q is known: %t", name, known)
		}
	}
}
