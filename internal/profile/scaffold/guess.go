package scaffold

import (
	"regexp"
	"slices"
	"strings"

	"formrelay/internal/form"
	"formrelay/internal/profile"
)

// role is what a field is about.
type role string

const (
	roleNone           role = ""
	roleName           role = "name" // the whole one, or the first where there is a last one
	roleLast           role = "last name"
	roleMiddle         role = "middle name"
	roleEmail          role = "email"
	rolePhone          role = "phone"
	roleComment        role = "comment"
	roleSubject        role = "subject"
	rolePromo          role = "promocode"
	roleGift           role = "gift message"
	roleCity           role = "city"
	roleRegion         role = "region"
	roleZip            role = "zip"
	roleCountry        role = "country"
	roleStreet         role = "street"
	roleBranch         role = "branch"
	roleDelivery       role = "delivery service"
	roleDeliveryDate   role = "delivery date"
	roleDeliveryPrice  role = "delivery price"
	roleRecipient      role = "recipient"
	roleRecipientPhone role = "recipient phone"
	rolePayment        role = "payment method"
	rolePaymentID      role = "payment method id"
	roleAmount         role = "amount"
	roleProduct        role = "product"
	roleSKU            role = "sku"
	rolePrice          role = "price"
	roleQuantity       role = "quantity"
	rolePicture        role = "picture"
	roleProperty       role = "property"
	roleUTM            role = "utm"
	roleClick          role = "click"   // an advertisement's id, the page the visitor came from
	roleConsent        role = "consent" // a box to be ticked
	roleOther          role = "other"   // known, and nothing of KeyCRM's
	roleSecret         role = "secret"  // a password
	roleFile           role = "file"
	roleTrap           role = "honeypot"
	roleMachine        role = "machine" // of the site builder, the form's script or a captcha
)

// entry is one line of the lexicon.
type entry struct {
	role role
	any  [][]string // one of them must be there, all of whose words are
}

// lexicon is how fields are called, what is special before what is general. Words are parted by a blank, alternatives by |, and a word
// with * is the beginning of one.
func lexicon() []entry {
	var all []entry
	for _, e := range []struct {
		role  role
		words string
	}{
		{roleClick, "gclid|fbclid|gbraid|wbraid|msclkid|ttclid|yclid|fbp|fbc|referrer|referer|landing|page url|page title|current url|roistat*|ga client*"},
		{roleOther, "form name|form id|page name|event name|campaign*|user name|username|login|company*|організац*|организац*|компан*|фірм*|фирм*|firma|firmy|organi*|єдрпоу|инн|nip|edrpou|birth*|народжен*|рожден*|urodz*|discount|знижк*|скидк*|rabat"},
		{roleRecipientPhone, "recipient* phone|recipient* tel|receiver phone|receive phone|отримувач* тел*|получател* тел*|odbiorc* tel*|receiver* tel"},
		{roleRecipient, "recipient*|receiver*|отримувач*|получател*|odbiorc*"},
		{roleDeliveryPrice, "delivery price|delivery cost|shipping price|shipping cost|достав* варт*|достав* стоим*|достав* цін*|достав* цен*|koszt* dostaw*"},
		{roleDeliveryDate, "delivery date|shipping date|дат* достав*|дат* отрим*|dat* dostaw*|коли надіслати|коли доставити|когда доставить"},
		{roleGift, "gift message|gift card text|листівк*|открытк*"},
		{rolePromo, "promo*|coupon*|voucher|промо*|купон*|kupon*|kod rabat*|discount code"},
		{roleSKU, "sku|article|артикул*|artykul*|product id|products id|item id|offer id|variant id|goods id|id товар*|код товар*|vendor code"},
		{rolePicture, "product url|product image|product picture|product photo|product img|picture url|image url"},
		{roleAmount, "amount|total*|sum|suma|сума*|сумма*|до сплати|к оплате|kwota|razem|разом|итого|order price|order sum"},
		{rolePrice, "price|prices|cena|ceny|cina|tsina|ціна|ціни|цена|цены|вартіст*|стоимост*|cost|koszt"},
		{roleQuantity, "quantity|qty|quantities|kolichestvo|kilkist|кількіст*|количеств*|ilosc*|ilość|ile sztuk|к сть|кол во|count|amount of"},
		{rolePayment, "payment*|pay|pay method|oplat*|оплат*|płatnoś*|platnos*|zapłat*|sposób płat*"},
		{roleEmail, "email*|e mail|mail|електронн* пошт*|электронн* почт*|имейл|імейл|емейл|pochta|poczta e*|adres e*"},
		{roleBranch, "місто відділен*|город отделен*|відділен*|отделен*|otdelen*|viddil*|поштомат*|почтомат*|paczkomat*|postomat|branch|warehouse*|склад|receive point|receive poin|pickup point|punkt odbioru|nova poshta|novaposhta|np|нова пошта|нової пошти|новой почты|новая почта"},
		{roleZip, "zip|zipcode|postcode|postal*|post code|індекс|индекс|kod pocztowy"},
		{roleCity, "city|town|misto|gorod|місто|міста|город|города|населен* пункт*|miasto|miejscowo*|locality|settlement"},
		{roleCountry, "country|країна|страна|kraj|kraina"},
		{roleRegion, "region|oblast|область|області|state|province|wojew*|район"},
		{roleStreet, "address*|adres*|адрес*|street*|вулиц*|улиц*|ulica|ulicy|ulitsa|vulytsia|будинок|house"},
		{roleDelivery, "delivery*|shipping*|dostavk*|достав*|dostaw*|wysyłk*|carrier"},
		{roleName, "full name|fullname|піб|фио|fio|pib|імя прізвищ*|имя фамил*|imię nazwisk*|imie nazwisk*|first last"},
		{roleProduct, "product*|tovar*|товар*|item|items|item name|goods|produkt*|model|модель|позиція"},
		{roleLast, "last name|lastname|surname|lname|family name|прізвищ*|фамил*|nazwisk*|prizvysh*|famili*"},
		{roleMiddle, "middle name|middlename|patronymic|по батькові|отчеств*"},
		{roleProperty, "color|colour|kolor|колір|цвет|size|розмір|розміри|размер|rozmiar"},
		{roleSubject, "subject|тема|temat|title"},
		{rolePhone, "phone*|telephone*|tel|telefon*|телефон*|mobile|cell|cellphone|моб*|komórk*|komork*|msisdn|номер тел*"},
		{roleName, "name|first name|firstname|fname|given name|imya|imia|імя|имя|imię|imie|client|клієнт|contact person|звертат*|обращат*|зват*|kontaktowa"},
		{roleEmail, "пошта|почта|poshta"},
		{roleComment, "comment*|message|messages|msg|note|notes|koment*|комент*|коммент*|повідомл*|сообщ*|wiadomo*|uwagi|побажан*|пожелан*|question*|питання|вопрос*|pytani*|povidoml*|soobsh*|description"},
	} {
		next := entry{role: e.role}
		for alternative := range strings.SplitSeq(e.words, "|") {
			next.any = append(next.any, strings.Fields(alternative))
		}
		all = append(all, next)
	}
	return all
}

// find is the first role whose words are in a text, "" when none is.
func find(words []entry, text string) role {
	in := folded(text)
	for _, e := range words {
		for _, alternative := range e.any {
			if holds(in, alternative) {
				return e.role
			}
		}
	}
	return roleNone
}

// holds tells whether all words are in a folded text.
func holds(in string, all []string) bool {
	for _, word := range all {
		beginning, open := strings.CutSuffix(word, "*")
		if open && !strings.Contains(in, " "+beginning) || !open && !strings.Contains(in, " "+word+" ") {
			return false
		}
	}
	return true
}

// understand gives every field of a form its role, and a name to those that have none.
func (r *reader) understand(f *Form) {
	for _, c := range f.fields {
		if c.role == roleNone {
			c.role, c.guessed = r.judge(c)
		}
	}
	for _, c := range f.fields {
		if c.unnamed {
			c.name = f.suggest(c)
		}
	}
	f.page.understandTraps(f)
	f.search = f.search || !f.asks() && slices.ContainsFunc(f.fields, func(c *field) bool {
		return c.kind == "search" || slices.Contains([]string{"q", "s", "search", "query"}, c.name)
	})
}

// understandTraps keeps one honeypot: a form that has several would have the relay guess which.
func (p *Page) understandTraps(f *Form) {
	found := false
	for _, c := range f.fields {
		switch {
		case c.role != roleTrap:
		case found:
			c.role = roleMachine
		default:
			found = true
		}
	}
}

// judge is what a field is about and, where its name and type do not say so, which words it was guessed from.
func (r *reader) judge(c *field) (role, string) {
	name := lastName(c.name)
	if found := machine(c); found != roleNone {
		return found, ""
	}
	choice := c.kind == "checkbox"
	if found := builders(c.builders); found != roleNone {
		return found, ""
	}
	if found := completes(c.complete); found != roleNone && !choice {
		return found, ""
	}
	if found := find(r.words, name); found != roleNone && fits(found, c) {
		return found, ""
	}
	if c.kind == "email" {
		return roleEmail, ""
	}
	if c.kind == "tel" {
		return rolePhone, ""
	}
	if c.kind == "hidden" {
		return roleOther, ""
	}
	for _, from := range []struct{ what, text string }{{"label", c.label}, {"placeholder", c.placeholder}, {"id", c.id}} {
		if found := r.guess(c, from.text); found != roleNone {
			return found, "its " + from.what + ", " + quote(clean(from.text))
		}
	}
	if c.kind == "textarea" {
		return roleComment, "its size: a text of several lines"
	}
	return roleNone, ""
}

// guess is the role that a text for people speaks of.
func (r *reader) guess(c *field, text string) role {
	if c.kind == "checkbox" {
		if len(c.options) == 1 && consents(text) {
			return roleConsent
		}
		if len(c.options) == 1 {
			return roleNone
		}
	}
	if found := find(r.words, text); fits(found, c) {
		return found
	}
	return roleNone
}

// fits tells whether a field can be what its words say: a box to be ticked is no name, a list no comment.
func fits(found role, c *field) bool {
	switch found {
	case roleName, roleLast, roleMiddle, roleEmail, rolePhone, roleRecipient, roleRecipientPhone, roleStreet, roleComment:
		return c.kind != "checkbox" && c.kind != "radio" && c.kind != "select" && c.kind != "number" && c.kind != "date"
	case rolePrice, roleAmount, roleDeliveryPrice:
		return c.kind != "checkbox" && c.kind != "textarea" && c.kind != "date"
	case roleQuantity:
		return c.kind != "checkbox" && c.kind != "textarea" && c.kind != "date"
	case roleDeliveryDate:
		return c.kind == "date" || c.kind == "text" || c.kind == "datetime-local"
	case roleNone:
		return false
	}
	return c.kind != "checkbox" || len(c.options) > 1
}

// consents tells the words of a box by which people agree.
func consents(text string) bool {
	in := folded(text)
	for _, word := range []string{
		" consent", " agree", " gdpr", " rodo", " terms", " policy", " privacy", " згод", " погодж", " соглас", " zgod", " akceptuj", " regulamin",
		" оферт", " персональн", " конфіденц", " конфиденц", " умов", " услов",
	} {
		if strings.Contains(in, word) {
			return true
		}
	}
	return false
}

// traps tells the names that honeypots go by.
var traps = regexp.MustCompile(`(?i)honey|^_gotcha$|^gotcha$|bot-?field|^hp[_-]|nospam|no_spam|antispam|anti-spam|leave.*(blank|empty)`)

// machines tells the names that site builders, frameworks and scripts post for themselves.
var machines = regexp.MustCompile(`(?i)^(tildaspec|formservices|form-spec|wpcf7|wp_|_wp|elementor|gform_|is_submit|state_\d|action$|form_?id$|form_?name$|formkey|post_id$|queried_id$|page_?id$|nonce|submit$|tranid$|access_key$|botcheck|data-|ac$|sid$|session)|csrf|xsrf|nonce$|authenticity_token|^_?token$|__viewstate|__eventvalidation`)

// machine finds what no person fills in, and what no profile maps.
func machine(c *field) role {
	lower := strings.ToLower(c.name)
	switch {
	case c.kind == "file":
		return roleFile
	case c.kind == "password":
		return roleSecret
	case traps.MatchString(c.name) && c.kind != "checkbox":
		return roleTrap
	case c.aside && c.hidden && !c.required && (c.kind == "text" || c.kind == "email" || c.kind == "url" || c.kind == "tel"):
		return roleTrap
	case form.IsCaptcha(c.name), strings.HasPrefix(c.name, "_"), machines.MatchString(c.name):
		return roleMachine
	case slices.Contains([]string{"utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"}, lower):
		return roleUTM
	case strings.HasPrefix(lower, "utm"):
		return roleClick
	case lower == "payment_method_id" || lower == "payment_id":
		return rolePaymentID
	case c.kind == "checkbox" && len(c.options) == 1 && consents(c.name):
		return roleConsent
	}
	return roleNone
}

// builders is the role that Tilda's own word for a field's kind says.
func builders(rule string) role {
	switch rule {
	case "name":
		return roleName
	case "email":
		return roleEmail
	case "phone":
		return rolePhone
	}
	return roleNone
}

// completes is the role that a word of autocomplete says, by the HTML standard.
func completes(word string) role {
	switch word {
	case "name", "given-name", "nickname":
		return roleName
	case "family-name":
		return roleLast
	case "additional-name":
		return roleMiddle
	case "email":
		return roleEmail
	case "tel", "tel-national":
		return rolePhone
	case "street-address", "address-line1":
		return roleStreet
	case "address-level2":
		return roleCity
	case "address-level1":
		return roleRegion
	case "postal-code":
		return roleZip
	case "country", "country-name":
		return roleCountry
	case "organization", "organization-title", "username", "bday", "off-topic":
		return roleOther
	case "current-password", "new-password", "cc-number", "cc-csc", "cc-exp":
		return roleSecret
	}
	return roleNone
}

// lastName is the part of a posted name that says what it is: sku of products[0][sku].
func lastName(name string) string {
	path := form.Path(name)
	for _, step := range slices.Backward(path) {
		if step != "" && strings.Trim(step, "0123456789") != "" {
			if len(path) > 1 && step != path[0] && (path[0] == "products" || path[0] == "items" || path[0] == "cart") && step == "name" {
				return "product_name"
			}
			return step
		}
	}
	return name
}

// suggest is a name for a field that the page gives none: without one it is not posted.
func (f *Form) suggest(c *field) string {
	base := strings.ReplaceAll(string(c.role), " ", "_")
	if base == "" || c.role == roleOther {
		base = "field"
	}
	if plainKey.MatchString(c.id) && len(c.id) <= maxLabel && c.role == roleNone && !strings.HasPrefix(c.id, "_") {
		base = c.id
	}
	name := base
	for n := 2; slices.ContainsFunc(f.fields, func(o *field) bool { return o != c && o.name == name }); n++ {
		name = base + "_" + itoa(n)
	}
	return name
}

// asks tells a form that asks who its visitor is.
func (f *Form) asks() bool {
	return f.first(roleName) != nil || f.first(rolePhone) != nil || f.first(roleEmail) != nil
}

// first is the first field of a role, nil when there is none.
func (f *Form) first(wanted role) *field {
	for _, c := range f.fields {
		if c.role == wanted {
			return c
		}
	}
	return nil
}

// sells tells a form that looks like an order: it names a product, a sum, a way to pay or a place to deliver to.
func (f *Form) sells() bool {
	place := 0
	for _, c := range f.fields {
		switch c.role {
		case roleProduct, roleSKU, rolePrice, roleAmount, rolePayment, rolePaymentID, roleBranch, roleDelivery, roleDeliveryDate:
			return true
		case roleCity, roleStreet, roleZip, roleQuantity:
			place++
		}
	}
	return place > 1
}

// traps is the name of the form's honeypot, "" when there is none or the relay's own.
func (f *Form) trap() string {
	if c := f.first(roleTrap); c != nil && !c.unnamed && c.name != profile.DefaultHoneypot {
		return c.name
	}
	return ""
}
