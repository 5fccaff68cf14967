package scaffold

import (
	"html"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// every makes a profile of each form of a page, whatever it is, and holds it to what every one must keep.
func every(t *testing.T, page []byte) {
	p, err := Read(page)
	if err != nil {
		return
	}
	for _, f := range p.Forms {
		sound(t, f.Profile(Options{File: "page.html"}))
		for _, pair := range f.Sample() {
			if !utf8.ValidString(pair.Name + pair.Value) {
				t.Errorf("a sample that is no text: %q=%q", pair.Name, pair.Value)
			}
		}
		if f.String() == "" || strings.ContainsAny(f.String(), "\n\r\x1b") {
			t.Errorf("a form's line: %q", f)
		}
	}
}

// TestEveryPage: whatever stands in a page's attributes and texts, what is made of it is read clean, passes its test and sets no key.
func TestEveryPage(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		page := drawPage(r)
		if every(t, []byte(page)); t.Failed() {
			r.Fatalf("%s", page)
		}
	})
}

// nasty are texts that mean something to YAML, to expressions or to rules, and some that are usual.
func nasty() []string {
	return []string{
		"name", "phone", "email", "Телефон", "Ім'я", "products[0][sku]", "products[][price]", "colors[]", "a[b][c]", "price", "amount", "qty", "city", "utm_source",
		"${", "${name}", "$${x}", "a: b", "- x", "# y", " #y", "'", `"`, `\`, "{", "}", "[", "]", "[[[[", "]]]", ",", "|", "0x2C", "*a", "&a", "!!x", "%", "@", "`", "?", ": ",
		"yes", "null", "~", "true", "1e400", "NaN", "0501", "-1", "2147483648", "\n", "a\nmap: x", "\t", "\u00a0", "\u2028", "\u0085", "\ufeff", "\u202e", "\x00", "\x7f",
		"in", "form", "item", "not", "now", "_next", "_gotcha", "csrf", "g-recaptcha-response", "website", "honeypot", "file", "...", "---", "creates: card", "'a' 'b'", "it's a",
		"3,00", "від 100", "+380501112233", "050", "a@b.cd", "x@", "2026-13-45", "", " ", "required", "oneof=a b", "👍🏽", strings.Repeat("x", 300), strings.Repeat("[", 60),
	}
}

func drawPage(r *rapid.T) string {
	text := rapid.OneOf(rapid.SampledFrom(nasty()), rapid.Custom(func(r *rapid.T) string {
		return rapid.SampledFrom(nasty()).Draw(r, "a") + rapid.SampledFrom(nasty()).Draw(r, "b")
	}), rapid.StringN(0, 12, 40))
	var b strings.Builder
	b.WriteString("<html lang=" + rapid.SampledFrom([]string{"uk", "ru", "en", "pl", "de"}).Draw(r, "lang") + "><title>" + html.EscapeString(text.Draw(r, "title")) + "</title><form id=\"" +
		html.EscapeString(text.Draw(r, "id")) + "\" action=\"" + html.EscapeString(text.Draw(r, "action")) + "\" data-success-url=\"https://x.example/" + html.EscapeString(text.Draw(r, "next")) + "\">")
	for range rapid.IntRange(1, 8).Draw(r, "fields") {
		drawField(r, &b, text)
	}
	b.WriteString("<button>" + html.EscapeString(text.Draw(r, "button")) + "</button></form>")
	return b.String()
}

func drawField(r *rapid.T, b *strings.Builder, text *rapid.Generator[string]) {
	attributes := []string{
		"name", "id", "value", "placeholder", "autocomplete", "aria-label", "min", "max", "step", "pattern", "minlength", "maxlength", "accept", "title", "data-tilda-rule",
		"required", "multiple", "checked", "tabindex",
	}
	b.WriteString("<label>" + html.EscapeString(text.Draw(r, "label")))
	kind := rapid.SampledFrom([]string{
		"text", "hidden", "tel", "email", "number", "range", "date", "url", "color", "checkbox", "radio", "file", "password", "month", "select", "textarea", "submit",
	}).Draw(r, "kind")
	open := "<input type=" + kind
	if kind == "select" || kind == "textarea" {
		open = "<" + kind
	}
	b.WriteString(open + ` name="` + html.EscapeString(text.Draw(r, "name")) + `"`)
	for _, key := range rapid.SliceOfNDistinct(rapid.SampledFrom(attributes), 0, 6, rapid.ID[string]).Draw(r, "attributes") {
		b.WriteString(" " + key + `="` + html.EscapeString(text.Draw(r, key)) + `"`)
	}
	b.WriteString(">")
	switch kind {
	case "select":
		for range rapid.IntRange(0, 4).Draw(r, "options") {
			b.WriteString(`<option value="` + html.EscapeString(text.Draw(r, "option")) + `">x`)
		}
		b.WriteString("</select>")
	case "textarea":
		b.WriteString(html.EscapeString(text.Draw(r, "text")) + "</textarea>")
	}
	b.WriteString("</label>")
}

// FuzzScaffold: the same of any bytes at all.
func FuzzScaffold(f *testing.F) {
	landing, err := os.ReadFile(filepath.Join("testdata", "landing.html"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(landing)
	for _, tt := range pages() {
		f.Add([]byte(tt.page))
	}
	f.Add([]byte("\xef\xf0\xe8\xe2<form><input name=\xef>"))
	f.Fuzz(func(t *testing.T, page []byte) {
		if len(page) < 64<<10 {
			every(t, page)
		}
	})
}
