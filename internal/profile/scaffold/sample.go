package scaffold

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"formrelay/internal/form"
)

// Sample fills the form in as a visitor might: with the values that the page gives, the first choice of each list, and plausible ones
// for the rest. It has what a browser would post: no field without a name, no file, no box that may stay empty.
func (f *Form) Sample() []form.Pair {
	return f.fill(func(c *field) bool { return !c.unnamed }, nil)
}

// Unnamed are the fields that the page gives no name, so that no browser posts them, as people call them.
func (f *Form) Unnamed() []string {
	var found []string
	for _, c := range f.fields {
		if c.unnamed {
			found = append(found, c.called())
		}
	}
	return found
}

// fill makes the pairs of the wanted fields. For those in plain the page's own values are not taken.
func (f *Form) fill(wanted func(*field) bool, plain map[*field]bool) []form.Pair {
	var pairs []form.Pair
	for _, c := range f.fields {
		if !wanted(c) {
			continue
		}
		for _, value := range f.values(c, plain[c]) {
			pairs = append(pairs, form.Pair{Name: c.name, Value: value})
		}
	}
	return pairs
}

// values are what is posted of one field.
func (f *Form) values(c *field, plain bool) []string {
	switch {
	case c.kind == "submit":
		return []string{c.value}
	case c.kind == "file" || c.role == roleTrap || form.IsCaptcha(c.name):
		return nil
	case c.kind == "hidden":
		return f.concealed(c, plain)
	case c.kind == "checkbox" || c.kind == "radio" || c.kind == "select":
		return f.chosen(c, plain)
	case !plain && strings.TrimSpace(c.value) != "":
		return []string{c.value}
	}
	return []string{f.plausible(c)}
}

// concealed is a hidden field's value. Where a script fills it in, a campaign's is made up, so that it shows where it goes.
func (f *Form) concealed(c *field, plain bool) []string {
	switch {
	case c.value != "" && !plain:
		return []string{c.value}
	case c.role == roleUTM, c.role != roleOther && c.role != roleMachine && c.role != roleClick:
		return []string{f.plausible(c)}
	}
	return nil
}

// chosen are the choices that a page has made, else the first where one must be made or most people make one.
func (f *Form) chosen(c *field, plain bool) []string {
	var found []string
	for _, o := range c.options {
		if o.chosen && strings.TrimSpace(o.value) != "" {
			found = append(found, o.value)
		}
	}
	several := c.kind == "checkbox" || c.multiple
	if len(found) > 1 && !several {
		found = found[:1]
	}
	if len(found) > 0 && !plain {
		return found
	}
	if c.kind == "checkbox" && len(c.options) == 1 && !c.required && c.role != roleConsent {
		return nil
	}
	for _, o := range c.options {
		if strings.TrimSpace(o.value) != "" && (!plain || safe(o.value, maxValue)) {
			return []string{o.value}
		}
	}
	return []string{f.plausible(c)}
}

// plausible makes a value up, of the length that the page asks for.
func (f *Form) plausible(c *field) string {
	text := f.invent(c)
	shortest, longest := c.lengths()
	if m := digitsOnly.FindStringSubmatch(bare(c.pattern)); m != nil && c.kind != "tel" {
		least, _ := strconv.Atoi(m[1])
		shortest, text = max(shortest, least), "12345"
		longest = max(longest, shortest)
		if least > 0 && m[2] == "" {
			longest = least
		}
	}
	if m := lengthOnly.FindStringSubmatch(bare(c.pattern)); m != nil {
		least, _ := strconv.Atoi(m[1])
		shortest = max(shortest, least)
	}
	return fitted(text, shortest, longest, c.kind == "tel" || c.role == rolePhone)
}

// fitted makes a text as long as it has to be, and a whole one no shorter than it is.
func fitted(text string, shortest, longest int, whole bool) string {
	n := utf8.RuneCountInString(text)
	if n < shortest && n > 0 && shortest <= maxValue {
		long := []rune(strings.Repeat(text, shortest/n+1))[:shortest]
		if long[shortest-1] == ' ' {
			long[shortest-1] = long[0]
		}
		text = string(long)
	}
	if longest > 0 && n > longest && !whole {
		text = strings.TrimSpace(string([]rune(text)[:longest]))
	}
	return text
}

// invent makes a value up by what the field is.
func (f *Form) invent(c *field) string {
	switch c.kind {
	case "date":
		return "2026-03-05"
	case "datetime-local":
		return "2026-03-05T12:00"
	case "time":
		return "12:00"
	case "month":
		return "2026-03"
	case "week":
		return "2026-W10"
	case "color":
		return "#1f6feb"
	case "url":
		return "https://shop.example/"
	case "number", "range":
		return c.number()
	}
	switch c.role {
	case roleRecipientPhone:
		return "+380 67 222 33 44"
	case rolePhone:
		return f.phone()
	case roleEmail:
		return "olena@example.com"
	case rolePrice, roleAmount, roleDeliveryPrice:
		return "450"
	case roleQuantity, rolePaymentID:
		return "1"
	case roleDeliveryDate:
		return "2026-03-05"
	case roleUTM:
		return "spring"
	case roleSKU:
		return "A-1"
	case roleZip:
		return "01001"
	case rolePicture:
		return "https://shop.example/lamp.jpg"
	case rolePromo:
		return "SPRING"
	}
	if c.kind == "tel" {
		return f.phone()
	}
	return f.page.words(c.role)
}

// phone is a number as people of the page's country type it.
func (f *Form) phone() string {
	if f.region() == "PL" {
		return "512 345 678"
	}
	return "050 111 22 33"
}

// region is the country whose local phone numbers the page's visitors type, as far as the page shows it.
func (f *Form) region() string {
	for _, c := range f.fields {
		if c.role == rolePhone && strings.Contains(c.placeholder+c.value, "+48") {
			return "PL"
		}
		if c.role == rolePhone && strings.Contains(c.placeholder+c.value, "+38") {
			return "UA"
		}
	}
	if f.page.lang == "pl" {
		return "PL"
	}
	return "UA"
}

// words is a text that people of the page's language might type.
func (p *Page) words(r role) string {
	at := slices.Index([]string{"uk", "ru", "en", "pl"}, p.lang)
	for _, w := range []struct {
		role  role
		words [4]string
	}{
		{roleName, [4]string{"Олена Шевченко", "Елена Шевченко", "Olena Shevchenko", "Anna Kowalska"}},
		{roleRecipient, [4]string{"Ірина Коваль", "Ирина Коваль", "Iryna Koval", "Jan Nowak"}},
		{roleLast, [4]string{"Шевченко", "Шевченко", "Shevchenko", "Kowalska"}},
		{roleMiddle, [4]string{"Іванівна", "Ивановна", "Ivanivna", "Maria"}},
		{roleComment, [4]string{"Зателефонуйте після 18:00", "Позвоните после 18:00", "Please call after 6 pm", "Proszę dzwonić po 18:00"}},
		{roleCity, [4]string{"Київ", "Киев", "Kyiv", "Warszawa"}},
		{roleRegion, [4]string{"Київська", "Киевская", "Kyiv", "mazowieckie"}},
		{roleCountry, [4]string{"Україна", "Украина", "Ukraine", "Polska"}},
		{roleStreet, [4]string{"вул. Хрещатик, 1", "ул. Крещатик, 1", "1 Khreshchatyk St", "ul. Prosta 1"}},
		{roleBranch, [4]string{"Відділення №5", "Отделение №5", "Branch 5", "Paczkomat WAW01A"}},
		{roleDelivery, [4]string{"Нова пошта", "Новая почта", "Nova Poshta", "InPost"}},
		{rolePayment, [4]string{"Готівка", "Наличные", "Cash", "Gotówka"}},
		{roleProduct, [4]string{"Лампа", "Лампа", "Lamp", "Lampa"}},
		{roleProperty, [4]string{"білий", "белый", "white", "biały"}},
		{roleNone, [4]string{"приклад", "пример", "example", "przykład"}},
	} {
		if w.role == r || w.role == roleNone {
			return w.words[max(at, 0)]
		}
	}
	return ""
}

// yes is the word by which people of the page's language agree.
func (p *Page) yes() string {
	switch p.lang {
	case "ru":
		return "да"
	case "en":
		return "yes"
	case "pl":
		return "tak"
	}
	return "так"
}

// number is one that the page's bounds allow.
func (c *field) number() string {
	n := 1.0
	if c.role == rolePrice || c.role == roleAmount {
		n = 450
	}
	if least, ok := decimal(c.min); ok {
		n = max(n, least)
		if c.step != "" && c.step != "1" {
			n = least
		}
	}
	if most, ok := decimal(c.max); ok {
		n = min(n, most)
	}
	return strconv.FormatFloat(n, 'f', -1, 64)
}
