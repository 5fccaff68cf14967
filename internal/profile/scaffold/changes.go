package scaffold

import (
	"strings"
)

// server is where the relay answers, in the sentences that say what to change.
const server = "https://forms.your-shop.example"

// changes are what is to be changed in the page, the most needed first.
func (f *Form) changes(d *draft) []string {
	var all []string
	address := server + "/forms/" + d.suggested()
	switch f.page.builder {
	case "tilda":
		return append(all, "this is a Tilda form, which Tilda sends itself: leave the page as it is, add "+address+
			" as a Webhook in the site's settings (Forms) and tick it in the form's block; the whole recipe: deploy/recipes.md")
	case "weblium":
		return append(all, "this is a Weblium page, which sends its forms itself, as JSON: begin with deploy/profiles/weblium.yaml in place of this profile; the whole recipe: deploy/recipes.md")
	}
	if change := f.tagChange(address); change != "" {
		all = append(all, change)
	}
	all = append(all, f.nameChanges()...)
	if d.mapper.asking != "" {
		all = append(all, `ask for a phone, an email or a name: <input type="tel" name="`+d.mapper.asking+`" autocomplete="tel" required>; KeyCRM takes nobody without`)
	}
	if f.scripts {
		all = append(all, "the form has an onsubmit handler: take it away if it sends the form elsewhere")
	}
	if f.page.builder == "webflow" {
		all = append(all, "in Webflow: set the form's Action and Method (POST) in its settings; with an action of its own Webflow lets the browser post it; or by its webhook: deploy/recipes.md")
	}
	if f.page.captcha != "" {
		all = append(all, "the page has a captcha: name its secret under secrets: of --config and write guard: {captcha: …} into the profile, or take it from the page")
	}
	if f.first(roleSecret) != nil {
		all = append(all, "the form asks for a password or a payment card: neither goes to KeyCRM or into a comment; take the field out")
	}
	if f.more > 0 {
		all = append(all, "the form has "+itoa(f.more)+" more fields than scaffold looks at; what they post goes into the manager's comment")
	}
	return append(all, f.wishes()...)
}

// tagChange is how the form's own tag has to read, "" when it does.
func (f *Form) tagChange(address string) string {
	tag := `<form method="post" action="` + address + `"`
	if f.files() != nil {
		tag += ` enctype="multipart/form-data"`
	}
	if !f.page.utf8 {
		tag += ` accept-charset="utf-8"`
	}
	tag += " data-formrelay>"
	var why []string
	switch {
	case f.loose:
		return "the fields stand in no form: put " + tag + " before them and </form> behind the button"
	case f.action == "":
		why = append(why, "it has no action")
	case !ownAddress.MatchString(f.action):
		why = append(why, "its action is "+quote(clean(f.action)))
	}
	if f.method != "post" {
		why = append(why, "its method puts what visitors type into the address")
	}
	if f.files() != nil && f.enctype != "multipart/form-data" {
		why = append(why, "without enctype no file is sent")
	}
	if !f.page.utf8 {
		why = append(why, "the page is not UTF-8")
	}
	if len(why) == 0 {
		return ""
	}
	return "the form's tag: " + tag + "   (" + strings.Join(why, "; ") + ")"
}

// nameChanges are the fields whose names keep them from being posted, or from being read.
func (f *Form) nameChanges() []string {
	var all []string
	for _, c := range f.fields {
		switch {
		case c.unnamed:
			all = append(all, quote(c.called())+` has no name and is not posted: add name="`+c.name+`"`)
		case c.boxes > 1 && c.kind == "checkbox" && !strings.HasSuffix(c.name, "[]"), c.kind == "select" && c.multiple && !strings.HasSuffix(c.name, "[]"):
			all = append(all, quote(clean(c.name))+` can be chosen several times: name it `+quote(clean(c.name)+"[]")+` if PHP read it too; the relay reads all of them either way`)
		case !safe(c.name, maxName):
			all = append(all, quote(c.called())+" has a name that no profile can repeat and goes into the manager's comment: give it a plain name")
		}
	}
	return all
}

// wishes are what makes a page better and is not needed.
func (f *Form) wishes() []string {
	all := []string{
		`for errors beside the fields and no second post on a double click: <script src="` + server + `/relay.js" async></script> (data-formrelay in the form's tag is for it; without it the form works all the same)`,
	}
	if f.named("_next") == nil {
		all = append(all, `to come back to your own page: <input type="hidden" name="_next" value="/thanks"> with form.origins in the profile, or answer.success there`)
	}
	if f.first(roleTrap) == nil {
		all = append(all, `against bots: <div style="position:absolute;left:-9999px" aria-hidden="true"><input name="_gotcha" tabindex="-1" autocomplete="off"></div>`)
	}
	return all
}

func (f *Form) named(name string) *field {
	for _, c := range f.fields {
		if c.name == name {
			return c
		}
	}
	return nil
}
