package scaffold

import (
	"errors"
	"os"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/charmap"

	"formrelay/internal/form"
	"formrelay/internal/profile"
)

// made reads a page and makes a profile of the form that is meant. What is made must hold.
func made(t *testing.T, page, which string) (*Form, *Result) {
	t.Helper()
	p, err := Read([]byte(page))
	if err != nil {
		t.Fatal(err)
	}
	f, err := p.Choose(which)
	if err != nil {
		t.Fatal(err)
	}
	r := f.Profile(Options{File: "page.html"})
	sound(t, r)
	return f, r
}

// sound holds a profile to what every one must keep: its reader has nothing against it, its test passes, nothing of the page stands
// where a key of the profile does, and every sentence is a line.
func sound(t *testing.T, r *Result) *profile.Profile {
	t.Helper()
	p, faults := profile.Parse("scaffold", "scaffold.yaml", r.Profile, profile.Options{})
	if p == nil {
		t.Fatalf("%s\n%s", faults, r.Profile)
	}
	if faults := p.RunTests(); len(faults) > 0 {
		t.Errorf("%s\n%s", faults, r.Profile)
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(string(r.Profile), "\n"), "\n") {
		if line == "" || line[0] == ' ' || line[0] == '#' {
			continue
		}
		key, _, _ := strings.Cut(line, ":")
		if !strings.Contains(" creates source_id form map rest rest_except guard answer tests ", " "+key+" ") {
			t.Errorf("a line that is none of the scaffold's: %q\n%s", line, r.Profile)
		}
	}
	if p.SourceID != 1 || p.Lang != "" || !p.Enabled || p.HoldInvalid && !strings.Contains(strings.Join(r.Changes, ""), "Tilda") {
		t.Errorf("the page changed the profile:\n%s", r.Profile)
	}
	for _, change := range r.Changes {
		if !utf8.ValidString(change) || strings.ContainsFunc(change, func(c rune) bool { return !unicode.IsPrint(c) }) {
			t.Errorf("a change that is no line of text: %q", change)
		}
	}
	return p
}

// TestLanding: a whole page, letter by letter.
func TestLanding(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("testdata/landing.html")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/landing.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p, err := Read(page)
	if err != nil {
		t.Fatal(err)
	}
	f, err := p.Choose("")
	if err != nil {
		t.Fatal(err)
	}
	r := f.Profile(Options{File: "sites/landing.html", Name: NameOf("sites/landing.html")})
	sound(t, r)
	if said := strings.Join(r.Changes, "\n"); r.Name != "landing" || !strings.Contains(said, `action="https://forms.your-shop.example/forms/landing"`) {
		t.Errorf("it is called %q, and the page is told\n%s", r.Name, said)
	}
	if diff := cmp.Diff(string(want), string(r.Profile)); diff != "" {
		t.Error(diff)
	}
}

// TestNameOf: a profile is called after the page's file, where that can be a name.
func TestNameOf(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{
		"landing.html": "landing", "sites/Landing.HTML": "landing", "Black Friday 2026.htm": "black-friday-2026", "a_b": "a_b", "page.v2.html": "page-v2",
		"лампи.html": "", "-.html": "", "": "", ".html": "", strings.Repeat("a", 65) + ".html": "", `C:\sites\x.html`: "", "../..": "", "a\nb.html": "",
	} {
		if got := NameOf(file); got != want {
			t.Errorf("%q: %q, want %q", file, got, want)
		}
	}
}

// TestGuesses: what fields are, from whatever says so, in four languages and as site builders write them.
func TestGuesses(t *testing.T) {
	t.Parallel()
	for name, tt := range pages() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, r := made(t, tt.page, tt.form)
			for _, want := range tt.want {
				if !strings.Contains(string(r.Profile), want) {
					t.Errorf("no %q in\n%s", want, r.Profile)
				}
			}
			for _, not := range tt.not {
				if strings.Contains(string(r.Profile), not) {
					t.Errorf("%q in\n%s", not, r.Profile)
				}
			}
			for _, want := range tt.changes {
				if !strings.Contains(strings.Join(r.Changes, "\n"), want) {
					t.Errorf("no %q in\n%s", want, strings.Join(r.Changes, "\n"))
				}
			}
		})
	}
}

type pageTest struct {
	page, form         string
	want, not, changes []string
}

func pages() map[string]pageTest {
	return map[string]pageTest{
		"ukrainian, by label alone": {
			page: `<html lang="uk"><form action="/x"><label>Ім'я<input name="f1"></label><label>Номер телефону<input name="f2"></label>
<label>Електронна пошта<input name="f3"></label><label>Ваше питання<textarea name="f4"></textarea></label><button>Надіслати</button></form>`,
			want: []string{
				"creates: card", "full_name: ${f1}   # guessed from its label, \"Ім'я\"", "phone: ${f2}", "email: ${f3}", "manager_comment: ${f4}",
				`f1: {label: {uk: "Ім'я"}}`, "rest: manager_comment",
			},
			changes: []string{`<form method="post" action="https://forms.your-shop.example/forms/lead" data-formrelay>`, "its method puts what visitors type into the address"},
		},
		"russian, by placeholder": {
			page: `<form method=post><input name=a placeholder="Имя и фамилия"><input name=b placeholder="Телефон"><input name=c placeholder="Город">
<input name=d placeholder="Улица, дом"><input name=e placeholder="Количество"><input name=g placeholder="Промокод"></form>`,
			want: []string{
				"creates: order", "full_name: ${a}", "phone: ${b}", "shipping_address_city: ${c}", "shipping_secondary_line: ${d}", "promocode: ${g}",
				`its placeholder, "Имя и фамилия"`, `"Елена Шевченко"`,
			},
		},
		"english, by autocomplete": {
			page: `<html lang=en><form method=post><input name=x1 autocomplete="shipping given-name"><input name=x2 autocomplete="family-name">
<input name=x3 autocomplete=tel><input name=x4 autocomplete="postal-code"><input name=x5 autocomplete="address-level2"><input name=x6 autocomplete=organization></form>`,
			want: []string{`full_name: '${join(" ", x1, x2)}'`, "phone: ${x3}", "shipping_address_zip: ${x4}", "shipping_address_city: ${x5}", `value: "${x6}"}`},
		},
		"polish, by the text before": {
			page: `<html lang="pl"><body><form method="post"><table><tr><td>Imię i nazwisko</td><td><input name="a"></td></tr><tr><td>Telefon</td><td>
<input name="b"></td></tr><tr><td>Paczkomat</td><td><input name="c"></td></tr></table><button>Wyślij</button></form>`,
			want: []string{"region: PL", "Europe/Warsaw", "full_name: ${a}", "phone: ${b}", "shipping_receive_point: ${c}", "a: {label: {pl: \"Imię i nazwisko\"}}"},
		},
		"a form in a table, as old pages have it": {
			page: `<table><form method=post action=/send><tr><td>Телефон<td><input name=phone></tr></form></table>`,
			want: []string{"phone: ${phone}"},
		},
		"fields that name their form": {
			page: `<input form=f name=phone><form id=f method=post></form><form id=g><input name=q></form>`,
			form: "f", want: []string{"phone: ${phone}"},
		},
		"what the page states": {
			page: `<html lang=en><form method=post><input name=name required minlength=2 maxlength=60><input type=email name=email required><input type=tel name=phone>
<input name=code pattern="[0-9]{5}"><input name=ref pattern="[A-Z]{2}-\d+"><input type=number name=age min=18 max=99><input type=number name=weight step=0.1 max=9.5>
<input type=date name=day min=2026-01-01><input type=url name=site><textarea name=message maxlength=200></textarea>
<select name=topic required><option value="">–<option>Sale<option value="it's">x</select><input type=radio name=when value="in the morning"><input type=radio name=when value=later></form>`,
			want: []string{
				`name: {validate: "required,min=2,max=60"}`, `email: {type: email, validate: "required"}`, "phone: {type: phone}", `code: {validate: "number,len=5"}`,
				"the page's pattern is not repeated, since no rule is equal to it: (A-Z)(2)-\\d+", `age: {type: int, validate: "min=18,max=99"}`,
				`weight: {type: number, validate: "max=9.5"}`, "day: {type: date}", "min=2026-01-01 is not repeated", `site: {validate: "url"}`, "maxlength=200 is not repeated",
				`topic: {validate: "required"}`, "the page's choices are not repeated", `when: {validate: "oneof='in the morning' later"}`,
			},
		},
		"rules that contradict": {
			page: `<form method=post><input name=phone><input name=a required minlength=9 maxlength=3><input type=number name=b min=9 max=3 required></form>`,
			want: []string{"phone: ${phone}", "neither is repeated", "tests:"},
		},
		"a list of products": {
			page: `<form method=post><input name=phone><input type=hidden name="products[0][sku]" value="A-1"><input name="products[0][quantity]" value=2>
<input type=hidden name="products[0][price]" value="450"><input type=hidden name="products[1][sku]" value="B-7"><input name="products[1][quantity]" value=1></form>`,
			want: []string{"- each: ${products}", "sku: ${item.sku}", "quantity: ${item.quantity}", "hidden field of the page", "tables.price[item.sku]", "- sku: \"B-7\""},
		},
		"products to be ticked": {
			page: `<form method=post><input name=phone><input type=checkbox name="product[]" value="Lamp"><input type=checkbox name="product[]" value="Cup"></form>`,
			want: []string{`- each: ${list(product)}`, "name: ${item}", `"product[]": {validate: "oneof=Lamp Cup"}`},
		},
		"boxes under a legend": {
			page: `<form method=post><input name=phone><fieldset><legend>Кольори</legend><label><input type=checkbox name="colors[]" value="білий" id=name> білий</label>
<label><input type=checkbox name="colors[]" value="чорний"> чорний</label></fieldset></form>`,
			want: []string{`"colors[]": {validate: "oneof=білий чорний", label: {uk: "Кольори"}}`, `# Кольори`},
			not:  []string{`label: {uk: "білий"}`},
		},
		"boxes whose first is like another field": {
			page: `<form method=post><input name=phone><fieldset><legend>Доставка</legend><label><input type=checkbox name="way[]" value="np"> Нова Пошта</label>
<label><input type=checkbox name="way[]" value="up"> Укрпошта</label></fieldset></form>`,
			want: []string{`label: {uk: "Доставка"}`, `shipping_service: '${join(", ", list(way))}'   # guessed from its label, "Доставка"`},
			not:  []string{"shipping_receive_point", "Нова Пошта"},
		},
		"boxes behind a line of text, and with none": {
			page: `<html lang=uk><form method=post><input name=phone><p>Що цікавить</p><label>Лампи <input type=checkbox name=a value=1></label><label>Свічки <input type=checkbox name=a value=2></label>
<label><input type=checkbox name=b value=1> Нова Пошта</label><label><input type=checkbox name=b value=2> Укрпошта</label></form>`,
			want: []string{`b: {validate: "oneof=1 2"}`},
			not:  []string{`label: {uk: "Лампи"}`, "Нова Пошта", "shipping"},
		},
		"single boxes": {
			page: `<html lang=uk><form method=post><input name=phone><label><input type=checkbox name=agree required> Погоджуюся</label><label><input type=checkbox name=gift value=1> На подарунок</label>
<label><input type=checkbox name=offer value="Приймаю оферту" required> Приймаю оферту</label><label><input type=checkbox name=news value="хочу"> Новини</label>
<label><input type=checkbox name=empty value="" required> Так</label><input type=hidden name=half value=0><label><input type=checkbox name=half value=1 required> Умови</label></form>`,
			want: []string{
				`agree: {type: bool, validate: "required", label: {uk: "Погоджуюся"}}`, `gift: {type: bool, label: {uk: "На подарунок"}}`,
				`offer: {validate: "required,oneof='Приймаю оферту'", label: {uk: "Приймаю оферту"}}`, `news: {label: {uk: "Новини"}}`,
				`empty: {label: {uk: "Так"}}`, "# Так: the page's required is not repeated", `half: {type: bool, validate: "required", label: {uk: "Умови"}}`,
				`value: '${gift == true ? "так" : nil}'`,
			},
		},
		"hidden fields, consent, a trap and files": {
			page: `<form method=post><input name=phone><input type=hidden name=utm_source><input type=hidden name=gclid><input type=hidden name=form_id value=7>
<input type=checkbox name=agree required><label><input type=checkbox name=news>Новини</label><input name=bot-field style="display:none"><input type=file name=photo accept=".jpg,image/png" multiple>
<input type=hidden name=amount value="1 299 грн"><input type=hidden name=payment_method_id value=2></form>`,
			want: []string{
				"utm_source: ${utm_source}", `agree: {type: bool, validate: "required"}`, `honeypot: "bot-field"`, "max: 10", `types: ["image/jpeg", "image/png"]`,
				`rest_except: ["form_id"]`, "payment_method_id: ${payment_method_id}", "amount: ${amount}", "look at the sum before you ship", `agree: "on"`,
			},
			changes: []string{`enctype="multipart/form-data"`, "without enctype no file is sent"},
		},
		"names missing": {
			page:    `<form method=post action=https://forms.shop.example/forms/callback><label>Телефон<input type=tel></label><input id=city placeholder=Місто><textarea></textarea></form>`,
			want:    []string{`phone: ${phone}   # TODO the page gives it no name: add name="phone" to it`, "profiles/callback.yaml", "manager_comment: ${comment}"},
			changes: []string{`"Телефон" has no name and is not posted: add name="phone"`, `"Місто" has no name`},
		},
		"nobody to call back": {
			page:    `<form method=post><textarea name=message></textarea></form>`,
			want:    []string{"phone: ${phone}   # TODO the page asks for no name"},
			changes: []string{`<input type="tel" name="phone"`},
		},
		"tilda": {
			page: `<form class="t-form js-form-proccess" data-success-url="https://shop.example/thanks"><input type="hidden" name="formservices[]" value="1"><input name="Name" data-tilda-rule="name">
<input name="Input_2" data-tilda-rule="phone" data-tilda-req="1"><input type="hidden" name="tildaspec-formid" value="x"><textarea name="Textarea"></textarea></form>`,
			want:    []string{"full_name: ${Name}", "phone: ${Input_2}", `Input_2: {validate: "required"}`, "invalid: hold", `"tildaspec-formid"`},
			not:     []string{"success:"},
			changes: []string{"Webhook"},
		},
		"webflow": {
			page: `<html data-wf-page="1"><form id="email-form" data-name="Email Form" method="get"><input name="Name-2" data-name="Name 2"><input name="Email-Form" type=email>
<input name="field" data-name="Phone number"></form>`,
			want:    []string{`full_name: '${form["Name-2"]}'`, `email: '${form["Email-Form"]}'`, "phone: ${field}"},
			changes: []string{"in Webflow"},
		},
		"weblium": {
			page:    `<meta name=generator content="Weblium"><form><input name="short_text" placeholder="Ім’я"><input name="contactForm_phoneNumber"></form>`,
			want:    []string{"full_name: ${short_text}", "phone: ${contactForm_phoneNumber}"},
			changes: []string{"weblium.yaml"},
		},
		"where the page leads": {
			page: `<form method=post data-redirect="https://shop.example/thanks?a=1"><input name=phone></form>`,
			want: []string{`success: "https://shop.example/thanks?a=1"`},
		},
		"contact form 7": {
			page: `<form method=post><input type=hidden name=_wpcf7 value=5><input name=your-name><input type=email name=your-email><textarea name=your-message></textarea></form>`,
			want: []string{`full_name: '${form["your-name"]}'`, `manager_comment: '${form["your-message"]}'`},
		},
		"no form element": {
			page:    `<div><input name=phone type=tel><button>OK</button></div>`,
			want:    []string{"phone: ${phone}"},
			changes: []string{"the fields stand in no form"},
		},
		"the page's words stay words": {
			page: `<title>a: "b" # c ${d} {e} [f] - 'g'</title><form id='x"]} # y' method=post><label>"x": 'y' # ${z} \<input name=phone></label>
<input name='a: b #c' value='${x}' required><input name="q'u" value="1"><input name='${form}'><input name="in" value="x: y # z"><input name="#"><input name="a]b[" required>
<select name=s required><option value="${a}">a<option value="[[">b</select><input name="name" value='"; \ &#10; - x'></form>`,
			want: []string{"phone: ${phone}", "tests:"},
		},
		"a value that its field cannot hold": {
			page: `<form method=post><input name=phone><input name=email value="none"><input type=hidden name=price value="від ста"><input name=product></form>`,
			want: []string{"phone: ${phone}", "(left out:", "tests:"},
		},
	}
}

// TestChoose: a form is found by number, id or name, by itself where one asks who its visitor is, and listed where not.
func TestChoose(t *testing.T) {
	t.Parallel()
	p, err := Read([]byte(`<form role=search><input name=q></form><form name=login><input name=email><input type=password name=p></form>
<form id=a><input name=phone></form><form id=b><input name=phone></form><form id=c><input name=email><input name=age></form>`))
	if err != nil {
		t.Fatal(err)
	}
	for which, want := range map[string]int{"3": 3, "#c": 5, "c": 5, "login": 2} {
		if f, err := p.Choose(which); err != nil || f.Number != want {
			t.Errorf("%s: %v, %v", which, f, err)
		}
	}
	for _, which := range []string{"", "0", "6", "z"} {
		if _, err := p.Choose(which); err == nil || !strings.Contains(err.Error(), "\n  form 5 (#c): email, age") {
			t.Errorf("%q: %v", which, err)
		}
	}
	p.Forms = p.Forms[:4]
	if f, err := p.Choose(""); err != nil || f.Number != 3 {
		t.Errorf("of two that are alike: %v, %v", f, err)
	}
}

// TestSample: what a browser would post, no more.
func TestSample(t *testing.T) {
	t.Parallel()
	f, _ := made(t, `<form><input name=phone type=tel><input><input type=hidden name=k value=v><input type=checkbox name=c><select name=s><option value="">-<option>one</select>
<input name=d disabled><input type=file name=f><input name=_gotcha><input name=v value=typed><input type=radio name=r value=1><input type=radio name=r value=2 checked></form>`, "")
	want := []form.Pair{{Name: "phone", Value: "050 111 22 33"}, {Name: "k", Value: "v"}, {Name: "s", Value: "one"}, {Name: "v", Value: "typed"}, {Name: "r", Value: "2"}}
	if diff := cmp.Diff(want, f.Sample()); diff != "" {
		t.Error(diff)
	}
	if got := f.Unnamed(); len(got) != 1 {
		t.Errorf("unnamed: %q", got)
	}
}

// TestBounds: each bound on both of its sides.
func TestBounds(t *testing.T) {
	t.Parallel()
	page := `<form><input name=phone></form>`
	if _, err := Read([]byte(page + strings.Repeat(" ", MaxFile-len(page)))); err != nil {
		t.Errorf("%d bytes: %v", MaxFile, err)
	}
	if _, err := Read([]byte(page + strings.Repeat(" ", MaxFile-len(page)+1))); !errors.Is(err, ErrTooLarge) {
		t.Errorf("one byte more: %v", err)
	}
	if _, err := Read([]byte(strings.Repeat("<div>", 400) + page)); err != nil {
		t.Errorf("400 deep: %v", err)
	}
	if _, err := Read([]byte(strings.Repeat("<div>", 100_000) + page)); !errors.Is(err, ErrNested) {
		t.Errorf("100,000 deep: %v", err)
	}
	for _, page := range []string{"", "words", "<form></form>", "<script>'<form><input name=a></form>'</script>", "<template><form><input name=a></form></template>"} {
		if _, err := Read([]byte(page)); !errors.Is(err, ErrNoForm) {
			t.Errorf("%q: %v", page, err)
		}
	}
	p, err := Read([]byte(strings.Repeat(page, maxForms+1)))
	if err != nil || len(p.Forms) != maxForms {
		t.Errorf("%d forms, %v", len(p.Forms), err)
	}
	var b strings.Builder
	for i := range maxFields + 2 {
		b.WriteString("<input required name=phone" + itoa(i) + ">")
	}
	f, r := made(t, "<form>"+b.String()+"</form>", "")
	if len(f.fields) != maxFields || f.more != 2 || !strings.Contains(strings.Join(r.Changes, "\n"), "2 more fields") {
		t.Errorf("%d fields and %d more", len(f.fields), f.more)
	}
}

// TestOptionBounds: a list that is too long for a rule is none, and says so.
func TestOptionBounds(t *testing.T) {
	t.Parallel()
	list := func(n int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString("<option>" + itoa(i))
		}
		return "<form method=post><input name=phone><select name=s>" + b.String() + "</select></form>"
	}
	if _, r := made(t, list(maxOptions), ""); !strings.Contains(string(r.Profile), " 98 99\"}") {
		t.Errorf("%s", r.Profile)
	}
	if _, r := made(t, list(maxOptions+1), ""); !strings.Contains(string(r.Profile), "too long to be repeated") {
		t.Errorf("%s", r.Profile)
	}
}

// TestEncodings: a page in the region's old encoding keeps its letters, declared or not, and is told to declare how it posts.
func TestEncodings(t *testing.T) {
	t.Parallel()
	for _, head := range []string{"", "<meta charset=windows-1251>"} {
		page, err := charmap.Windows1251.NewEncoder().String(head + "<form method=post action=/forms/x><label>Телефон<input name=a></label></form>")
		if err != nil {
			t.Fatal(err)
		}
		_, r := made(t, page, "")
		if !strings.Contains(string(r.Profile), `label: {uk: "Телефон"}`) || !strings.Contains(strings.Join(r.Changes, "\n"), `accept-charset="utf-8"`) {
			t.Errorf("%s\n%s", r.Profile, r.Changes)
		}
	}
}
