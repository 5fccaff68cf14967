package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/mail"
	"slices"
	"strings"
	"time"

	"formrelay/internal/keycrm"
)

// maxDigits bounds a number's text, so that no "1e999999999" is ever reckoned with.
const maxDigits = 40

// readObject reads a request's JSON object; what is none gets KeyCRM's answer to an empty body, a complaint about each required
// field.
func readObject(r *http.Request) (raw json.RawMessage, body map[string]any) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, nil
	}
	return raw, parseObject(raw)
}

// parseObject reads one JSON object and nothing after it, its numbers as they stand; nil is anything else.
func parseObject(raw []byte) map[string]any {
	var body map[string]any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if d.Decode(&body) != nil || d.More() {
		return nil
	}
	return body
}

// checkEntity finds the faults of a new order or card. path is "" or, in an import, "orders.7.".
func checkEntity(kind keycrm.Kind, body map[string]any, path string, c *complaints) {
	checkFields(keycrm.Schema(kind).Children, body, path, true, c)
	for i, p := range objects(body["payments"]) {
		checkPayment(p, fmt.Sprintf("%spayments.%d.", path, i), c)
	}
	// Tags are no field of the vendor's file, yet KeyCRM takes them, as ids, and one that it does not have fails the whole order.
	for i, id := range whole(body["tags"]) {
		if !slices.ContainsFunc(tags(), func(t map[string]any) bool { return t["id"] == id }) {
			at := fmt.Sprintf("%stags.%d", path, i)
			c.add(at, "The selected %s is invalid.", at)
		}
	}
	who := map[keycrm.Kind]string{keycrm.KindOrder: "buyer", keycrm.KindCard: "contact"}[kind]
	if person := object(body[who]); person != nil && blank(person["full_name"]) && blank(person["email"]) && blank(person["phone"]) && person["client_id"] == nil {
		at := path + who
		c.add(at+".full_name", "The %s.full_name field is required when none of %s.email / %s.phone are present.", at, at, at)
	}
}

// checkPayment finds what the types do not say: one of the two names of the method is needed.
func checkPayment(p map[string]any, path string, c *complaints) {
	if p["payment_method_id"] == nil && blank(p["payment_method"]) {
		c.add(path+"payment_method_id", "The %spayment_method_id field is required when %spayment_method is not present.", path, path)
	}
}

// checkFields compares an object with the fields it may have. Names that KeyCRM does not know are ignored, as KeyCRM does; null
// is as good as absent.
func checkFields(fields []*keycrm.Type, body map[string]any, path string, required bool, c *complaints) {
	for _, f := range fields {
		v, at := body[f.Name], path+f.Name
		switch {
		case v != nil:
			checkValue(f, v, at, c)
		case f.Required && required:
			c.add(at, "The %s field is required.", at)
		}
	}
}

// checkValue compares a value with the type that the vendor's file gives it. It is as strict as the file: a number in quotes, which
// KeyCRM may let pass, is a slip of the sender that should show here.
func checkValue(f *keycrm.Type, v any, at string, c *complaints) {
	switch f.Word {
	case keycrm.WordObject:
		o := object(v)
		if o == nil {
			c.add(at, "The %s must be an object.", at)
			return
		}
		checkFields(f.Children, o, at+".", true, c)
	case keycrm.WordList:
		checkList(f, v, at, c)
	case keycrm.WordInteger:
		if n, ok := v.(json.Number); !ok || !isWhole(n) {
			c.add(at, "The %s must be an integer.", at)
		}
	case keycrm.WordNumber, keycrm.WordAmount:
		if n, ok := v.(json.Number); !ok || len(n) > maxDigits || strings.ContainsAny(n.String(), "eE") {
			c.add(at, "The %s must be a number.", at)
		}
	case keycrm.WordBoolean:
		if _, ok := v.(bool); !ok {
			c.add(at, "The %s field must be true or false.", at)
		}
	case keycrm.WordTexts:
		if !isTexts(v) {
			c.add(at, "The %s must be a string or an array of strings.", at)
		}
	default:
		checkText(f, v, at, c)
	}
}

// checkList checks each item at its own path, so that the answer names the line at fault.
func checkList(f *keycrm.Type, v any, at string, c *complaints) {
	list, ok := v.([]any)
	if !ok {
		c.add(at, "The %s must be an array.", at)
		return
	}
	for i, item := range list {
		where := fmt.Sprintf("%s.%d", at, i)
		if o := object(item); o != nil {
			checkFields(f.Children, o, where+".", true, c)
		} else {
			c.add(where, "The %s must be an object.", where)
		}
	}
}

// checkText checks the words whose JSON type is a text.
func checkText(f *keycrm.Type, v any, at string, c *complaints) {
	text, ok := v.(string)
	switch {
	case !ok:
		c.add(at, "The %s must be a string.", at)
	case len(f.Enum) > 0 && !slices.Contains(f.Enum, text):
		c.add(at, "The selected %s is invalid.", at)
	case f.Word == keycrm.WordEmail && !isEmail(text):
		c.add(at, "The %s must be a valid email address.", at)
	case f.Word == keycrm.WordTime && !isTime(text, time.DateTime):
		c.add(at, "The %s does not match the format Y-m-d H:i:s.", at)
	case f.Word == keycrm.WordDay && !isTime(text, time.DateOnly):
		c.add(at, "The %s does not match the format Y-m-d.", at)
	}
}

// isWhole says whether the number is a whole one that fits an id.
func isWhole(n json.Number) bool {
	_, err := n.Int64()
	return err == nil
}

// isTexts takes a text or a list of nothing but texts: a list field wants the list, though the vendor's file speaks of a text.
func isTexts(v any) bool {
	if list, ok := v.([]any); ok {
		return !slices.ContainsFunc(list, func(item any) bool { _, ok := item.(string); return !ok })
	}
	_, ok := v.(string)
	return ok
}

// isEmail takes a bare address and no "Name <address>".
func isEmail(text string) bool {
	a, err := mail.ParseAddress(text)
	return err == nil && a.Address == text
}

// isTime says whether the text is a time in KeyCRM's layout, and a day that the calendar has.
func isTime(text, layout string) bool {
	_, err := time.Parse(layout, text)
	return err == nil
}

// blank says whether there is nothing to read: null, absent, or a text of blanks.
func blank(v any) bool {
	text, ok := v.(string)
	return v == nil || ok && strings.TrimSpace(text) == ""
}
