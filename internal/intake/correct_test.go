package intake

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"formrelay/internal/form"
	"formrelay/internal/submission"
)

// order is a profile with a rule of each kind.
const order = `creates: order
source_id: 22
form:
  origins: ["https://shop.example"]
  fields:
    email: {type: email, label: {uk: Пошта, en: Email}}
    phone: {type: phone}
    count: {type: int, validate: "min=1,max=9"}
    sum: {type: number}
    when: {type: date}
    size: {validate: "required,oneof=S M 'extra large'"}
    agree: {type: bool, validate: required, label: {uk: Згода, en: I agree}}
    news: {type: bool}
    site: {validate: url}
    comment: {validate: "max=100"}
    colors[]: {validate: "max=5"}
    pin: {validate: "min=4"}
    password2: {validate: "min=20"}
map:
  buyer: {full_name: "${name}", email: "${email}", phone: "${phone}"}
rest: manager_comment
answer: {success: "/thanks?o={id}"}
`

// shownForm is the form on a page as a browser has it.
type shownForm struct {
	attrs  map[string]string
	inputs []shownInput
	labels map[string]string // by the id that they are for
	texts  map[string]string // of elements with an id
	links  []string
}

// shownInput is one of its inputs.
type shownInput struct {
	tag, value string
	attrs      map[string]string
	options    []string // the values of a select
}

// shown reads the form on a page.
func shown(t *testing.T, page string) shownForm {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	f := shownForm{labels: map[string]string{}, texts: map[string]string{}}
	for n := range root.Descendants() {
		attrs := map[string]string{}
		for _, a := range n.Attr {
			attrs[a.Key] = a.Val
		}
		if id := attrs["id"]; id != "" {
			if _, twice := f.texts[id]; twice {
				t.Errorf("the id %s is there twice", id)
			}
			f.texts[id] = text(n)
		}
		switch n.Data {
		case "form":
			f.attrs = attrs
		case "label":
			f.labels[attrs["for"]] = text(n)
		case "a":
			f.links = append(f.links, attrs["href"])
		case "input":
			f.inputs = append(f.inputs, shownInput{tag: n.Data, value: attrs["value"], attrs: attrs})
		case "textarea":
			f.inputs = append(f.inputs, shownInput{tag: n.Data, value: text(n), attrs: attrs})
		case "select":
			in := shownInput{tag: n.Data, attrs: attrs}
			for o := range n.Descendants() {
				for _, a := range o.Attr {
					if o.Data == "option" && a.Key == "value" {
						in.options = append(in.options, a.Val)
					}
					if a.Key == "selected" {
						in.value = in.options[len(in.options)-1]
					}
				}
			}
			f.inputs = append(f.inputs, in)
		}
	}
	return f
}

// text is what is written inside an element.
func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

// described is what is said of an input by its notes.
func (f shownForm) described(in shownInput) string {
	var all []string
	for id := range strings.FieldsSeq(in.attrs["aria-describedby"]) {
		all = append(all, f.texts[id])
	}
	return strings.Join(all, " | ")
}

// named are the inputs of a name.
func (f shownForm) named(name string) []shownInput {
	return slices.DeleteFunc(slices.Clone(f.inputs), func(in shownInput) bool { return in.attrs["name"] != name })
}

// sent is what a browser posts of the form, urlencoded.
func (f shownForm) sent(correct map[string]string) string {
	var pairs []string
	for _, in := range f.inputs {
		name, value := in.attrs["name"], in.value
		if in.attrs["type"] == "checkbox" || in.attrs["type"] == "file" {
			continue
		}
		if v, ok := correct[name]; ok && in.attrs["type"] != "hidden" {
			value = v
		}
		// A browser writes line ends as CRLF.
		value = strings.ReplaceAll(strings.ReplaceAll(value, "\r\n", "\n"), "\n", "\r\n")
		pairs = append(pairs, url.QueryEscape(name)+"="+url.QueryEscape(value))
	}
	return strings.Join(pairs, "&")
}

// refused posts a form that is refused and returns its page.
func refused(t *testing.T, b *bench, body string, headers ...string) shownForm {
	t.Helper()
	w := b.post("/forms/order", body, append([]string{"Accept-Language", "en", "Origin", home, "Referer", home + "/lamp?x=1"}, headers...)...)
	if w.Code != http.StatusUnprocessableEntity || b.store.last.State != submission.Refused {
		t.Fatalf("%d, %s\n%s", w.Code, b.store.last.State, w.Body)
	}
	for k, v := range map[string]string{"Cache-Control": "no-store", "Content-Security-Policy": formPolicy, "Referrer-Policy": "no-referrer"} {
		if w.Header().Get(k) != v {
			t.Errorf("%s: %q", k, w.Header().Get(k))
		}
	}
	for _, k := range []string{"Location", "Set-Cookie"} {
		if w.Header().Get(k) != "" {
			t.Errorf("%s: %q", k, w.Header().Get(k))
		}
	}
	return shown(t, w.Body.String())
}

// The page is the same form again: sending it with the faults mended is the post that the shop's page would have made.
func TestCorrectedFormIsTheSamePost(t *testing.T) {
	t.Parallel()
	b := setup(t, "order", order)
	pairs := []form.Pair{
		{Name: "name", Value: "Олена"},
		{Name: "email", Value: "olena@"},
		{Name: "colors[]", Value: "red"},
		{Name: "colors[]", Value: "lilac green"},
		{Name: "colors[]", Value: "blue"},
		{Name: `a"b'<c>&d`, Value: `"><script>alert(1)</script>`},
		{Name: "note", Value: "one\r\n\r\ntwo\r\n"},
		{Name: "blank", Value: ""},
		{Name: "twice", Value: "1"},
		{Name: "twice", Value: "2"},
		{Name: "products[0][sku]", Value: "A-1"},
		{Name: " spaced ", Value: " x "},
		{Name: "size", Value: "M"},
		{Name: "agree", Value: "on"},
		{Name: "_gotcha", Value: ""},
		{Name: "_lang", Value: "en"},
		{Name: "_next", Value: "/done?o={id}"},
		{Name: "_idempotency_key", Value: "k1"},
		{Name: "phone", Value: "12"},
		{Name: "tail", Value: "💡"},
	}
	var body []string
	for _, p := range pairs {
		body = append(body, url.QueryEscape(p.Name)+"="+url.QueryEscape(p.Value))
	}
	page := refused(t, b, strings.Join(body, "&"))
	if page.attrs["method"] != "post" || page.attrs["accept-charset"] != "utf-8" || page.attrs["action"] != "" || page.attrs["enctype"] != "" {
		t.Errorf("the form is %v", page.attrs)
	}
	// The browser says null: the page tells no referrer.
	w := b.post("/forms/order", page.sent(map[string]string{"email": "olena@example.test", "phone": "0501112233", "colors[]": "grey"}), "Origin", "null")
	s := b.store.last
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != home+"/done?o="+s.ID {
		t.Fatalf("%d %s", w.Code, w.Header().Get("Location"))
	}
	want := []form.Pair{{Name: "_charset_", Value: "utf-8"}, {Name: "_next", Value: home + "/done?o={id}"}, {Name: "_page", Value: home + "/lamp?x=1"}}
	for _, p := range pairs {
		switch p.Name {
		case "_next":
			continue
		case "email":
			p.Value = "olena@example.test"
		case "phone":
			p.Value = "0501112233"
		case "colors[]":
			p.Value = "grey"
		}
		want = append(want, p)
	}
	if diff := cmp.Diff(want, s.Pairs); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if s.Visitor.Page != home+"/lamp?x=1" {
		t.Errorf("the page is forgotten: %+v", s.Visitor)
	}
}

// Refused twice, the second page is as good as the first.
func TestCorrectedFormCanBeRefusedAgain(t *testing.T) {
	t.Parallel()
	b := setup(t, "order", order)
	page := refused(t, b, "name=Olena&phone=12&size=M&agree=1&note=x")
	again := refused(t, b, page.sent(map[string]string{"phone": "13"}), "Origin", "null", "Referer", "")
	if diff := cmp.Diff(page.sent(map[string]string{"phone": "13"}), again.sent(nil)); diff != "" {
		t.Errorf("(-first +second):\n%s", diff)
	}
	w := b.post("/forms/order", again.sent(map[string]string{"phone": "0501112233"}), "Origin", "null")
	if got := w.Header().Get("Location"); got != home+"/thanks?o="+b.store.last.ID {
		t.Errorf("the profile's path is lost: %d %q", w.Code, got)
	}
}

// Each fault gets the input that suits it, with its label, its message and the first one's focus.
func TestInputsSuitTheirRules(t *testing.T) {
	t.Parallel()
	b := setup(t, "order", order)
	long := strings.Repeat("довго ", 30)
	page := refused(t, b, url.Values{
		"email": {"x@"}, "phone": {"12"}, "count": {"70"}, "sum": {"many"}, "when": {"31.02.2026"}, "size": {"XS"}, "news": {"maybe"}, "site": {"my site"},
		"comment": {long}, "pin": {"1\n2"}, "password2": {marker},
	}.Encode())
	want := map[string]string{
		"email": "input email email  x@", "phone": "input tel tel  12", "count": "input text  numeric 70", "sum": "input text  decimal many",
		"when": "input text   31.02.2026", "site": "input text  url my site", "comment": "textarea    " + long, "pin": "textarea    1\n2",
		"size": "select     S M extra large", "news": "select     yes no", "agree": "input checkbox   on", "password2": "input password off  ",
	}
	focused := 0
	for name, want := range want {
		inputs := page.named(name)
		if len(inputs) != 1 {
			t.Errorf("%s: %d inputs", name, len(inputs))
			continue
		}
		in := inputs[0]
		got := strings.Join([]string{in.tag, in.attrs["type"], in.attrs["autocomplete"], in.attrs["inputmode"], in.value}, " ")
		if in.tag == "select" {
			got = "select    " + strings.Join(in.options, " ")
		}
		if got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
		id := in.attrs["id"]
		if strings.TrimSpace(page.labels[id]) == "" && in.attrs["type"] != "checkbox" || in.attrs["aria-invalid"] != "true" || page.texts[in.attrs["aria-describedby"]] == "" {
			t.Errorf("%s: label %q, %v", name, page.labels[id], in.attrs)
		}
		if !slices.Contains(page.links, "#"+id) {
			t.Errorf("%s: the summary does not lead to it: %v", name, page.links)
		}
		if _, has := in.attrs["autofocus"]; has {
			focused++
			if first := slices.IndexFunc(page.inputs, func(in shownInput) bool { return in.attrs["aria-invalid"] != "" }); page.inputs[first].attrs["id"] != id {
				t.Errorf("the focus is on %s", name)
			}
		}
	}
	if focused != 1 {
		t.Errorf("%d inputs want the focus", focused)
	}
	if !strings.Contains(page.labels[""], "I agree") {
		t.Errorf("the box has no label: %v", page.labels)
	}
}

// A box whose one value is a sentence is a box again, and sends that sentence.
func TestABoxOfOneValue(t *testing.T) {
	t.Parallel()
	b := setup(t, "order", strings.Replace(order, "agree: {type: bool, validate: required,", `agree: {validate: "required,oneof='I take it'",`, 1))
	page := refused(t, b, "name=Olena&size=M")
	in := page.named("agree")
	if len(in) != 1 || in[0].attrs["type"] != "checkbox" || in[0].value != "I take it" || page.described(in[0]) != "Please tick this box." {
		t.Errorf("the box is %+v", in)
	}
}

// Passwords are never sent back, files have to be chosen again, and both is said.
func TestPasswordsAndFiles(t *testing.T) {
	t.Parallel()
	b := setup(t, "order", order)
	b.shelf.good["order"].Limits.Files, b.shelf.good["order"].Limits.FileSize = 3, 1<<20
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	for _, pair := range [][2]string{{"name", "Olena"}, {"email", "x@"}, {"password", marker}, {"user[passwd]", marker}, {"card number", marker}, {"size", "M"}, {"agree", "1"}} {
		if err := m.WriteField(pair[0], pair[1]); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"one.jpg", "two\".jpg"} {
		part, err := m.CreateFormFile("photos", name)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = part.Write([]byte("content"))
	}
	_ = m.Close()
	page := refused(t, b, body.String(), "Content-Type", m.FormDataContentType())
	if page.attrs["enctype"] != "multipart/form-data" {
		t.Errorf("%v", page.attrs)
	}
	for _, name := range []string{"password", "user[passwd]", "card number"} {
		in := page.named(name)
		if len(in) != 1 || in[0].attrs["type"] != "password" || in[0].value != "" || !strings.Contains(page.described(in[0]), "type this again") {
			t.Errorf("%s: %v", name, in)
		}
	}
	files := page.named("photos")
	if len(files) != 1 || files[0].attrs["type"] != "file" || files[0].attrs["aria-invalid"] != "true" { // what is in it is no picture
		t.Fatalf("%v", files)
	}
	if told := page.described(files[0]); !strings.Contains(told, "one.jpg, two_.jpg") || strings.Count(told, "|") != 1 {
		t.Errorf("%q", told)
	}
	if _, several := files[0].attrs["multiple"]; !several {
		t.Error("only one can be chosen")
	}
}

// A page in another encoding is answered in UTF-8, and says so when it is sent again.
func TestEncodingOfTheCorrectedForm(t *testing.T) {
	t.Parallel()
	b := setup(t, "order", order)
	page := refused(t, b, "_charset_=windows-1251&name=%CE%EB%E5%ED%E0&email=x&size=M&agree=1") // Олена
	if in := page.named("_charset_"); len(in) != 1 || in[0].value != "utf-8" {
		t.Errorf("%v", in)
	}
	b.post("/forms/order", page.sent(map[string]string{"email": "o@example.test"}), "Origin", "null")
	if s := b.store.last; s.State != submission.Queued || !slices.Contains(s.Pairs, form.Pair{Name: "name", Value: "Олена"}) {
		t.Errorf("%s %v", s.State, s.Pairs)
	}
}

// Nobody else's site gets onto the page, and what nobody allowed is not carried on.
func TestCorrectedFormLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	b := setup(t, "order", order)
	page := refused(t, b, "_next=https://evil.example/&name=Olena&email=x&size=M&agree=1", "Origin", "null", "Referer", "")
	if in := page.named("_next"); len(in) != 0 {
		t.Errorf("%v", in)
	}
}

// The largest form that is taken can be shown again.
func TestLargeFormIsShownAgain(t *testing.T) {
	t.Parallel()
	b := setup(t, "order", order)
	var body strings.Builder
	body.WriteString("email=x&size=M&agree=1")
	for n := range 990 {
		body.WriteString("&f" + strings.Repeat("x", n%50) + "=" + strings.Repeat("%22", 300))
	}
	page := refused(t, b, body.String())
	if n := len(page.inputs); n != 990+3+3 { // and the relay's own: _charset_, _next, _page
		t.Errorf("%d inputs", n)
	}
}

// What the relay adds to a form that is to be corrected is not held against the profile's bounds.
func TestCorrectedFormKeepsTheBounds(t *testing.T) {
	t.Parallel()
	b := setup(t, "order", order+"guard: {max_pairs: 4}\n")
	page := refused(t, b, "name=Olena&email=x&size=M&agree=1")
	sent := page.sent(map[string]string{"email": "olena@shop.example"})
	if w := b.post("/forms/order", sent, "Origin", "null"); w.Code != http.StatusSeeOther {
		t.Errorf("%d: %s", w.Code, sent)
	}
	if w := b.post("/forms/order", sent+"&news=1", "Origin", "null"); w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("with a field too many: %d", w.Code)
	}
}

// A script gets the same faults as JSON, and none of what was typed.
func TestScriptsGetNoPage(t *testing.T) {
	t.Parallel()
	b := setup(t, "order", order)
	w := b.fetch("/f/order", "name="+marker+"&email=x", "Origin", home)
	if w.Code != http.StatusUnprocessableEntity || strings.Contains(w.Body.String(), marker) || len(decoded(t, w.Body)["errors"].([]any)) != 3 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
