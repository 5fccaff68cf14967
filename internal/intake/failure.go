package intake

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"formrelay/internal/httpd"
	"formrelay/internal/mapping"
	"formrelay/internal/profile"
	"formrelay/web"
)

// A Problem made in this package has no Message: in which language it is told is known only when it is rendered, and then status,
// bound and code find its sentence.

// codeNoForm is the code of an address that is a form's, but of no profile.
const codeNoForm = "FORM_NOT_FOUND"

// notFound is an address that means nothing.
func notFound(code string) *httpd.Problem {
	return &httpd.Problem{Status: http.StatusNotFound, Code: code}
}

// notAllowed is a method that the address does not know.
func notAllowed(allow string) *httpd.Problem {
	return &httpd.Problem{Status: http.StatusMethodNotAllowed, Code: "METHOD_NOT_ALLOWED", Allow: allow}
}

// unavailable is a fault of the relay's that passes: never a 4xx, so that no sender gives up on it.
func unavailable(retry time.Duration, cause error) *httpd.Problem {
	return &httpd.Problem{Status: http.StatusServiceUnavailable, Code: "UNAVAILABLE", RetryAfter: retry, Cause: cause}
}

// refusal tells the visitor what to correct in what was typed.
func (i *Intake) refusal(id, lang, profileLang string, t *typed) *httpd.Problem {
	p := &httpd.Problem{Status: http.StatusUnprocessableEntity, Code: "INVALID", Lang: lang, ID: id, Data: t}
	for _, c := range t.corrections {
		label := i.label(lang, profileLang, c)
		p.Fields = append(p.Fields, httpd.Field{Name: c.Field, Label: label, Code: c.Code, Message: sentence(i.texts[lang], c)})
	}
	return p
}

// label is what a field is called on a visitor's page: the profile's label, in the visitor's language or the next best; else ours, where
// the field's name is one that everybody uses; else, for a missing contact, ours for what the field is mapped to; else the name itself.
func (i *Intake) label(lang, profileLang string, c mapping.Correction) string {
	text := i.texts[lang]
	if label := cmp.Or(c.Label[lang], mapping.Label(c.Label, profileLang), commonLabel(text, c.Field)); label != "" {
		return label
	}
	if c.Code == mapping.CodeNoContact {
		switch c.Path[strings.LastIndexByte(c.Path, '.')+1:] {
		case "full_name":
			return text["label.name"]
		case "phone":
			return text["label.phone"]
		case "email":
			return text["label.email"]
		}
	}
	return c.Field
}

// commonLabel is what a field is called whose name is one that everybody uses, also inside another: user[email]; "" for any other name.
func commonLabel(text map[string]string, name string) string {
	if begin := strings.LastIndexByte(name, '['); begin >= 0 && strings.HasSuffix(name, "]") {
		name = name[begin+1 : len(name)-1]
	}
	name = strings.ToLower(name)
	if name == "_replyto" { // which stands for email
		name = "email"
	}
	return text["label."+name]
}

// failure is the body of everything that is not success. Error and Message are the same sentence, because some client scripts show
// the one and some the other, and both must be a text.
type failure struct {
	OK        bool         `json:"ok"`
	Success   bool         `json:"success"`
	Error     string       `json:"error"`
	Message   string       `json:"message"`
	Errors    []fieldError `json:"errors"`               // never empty: an entry without field is about the whole
	ID        *string      `json:"id"`                   // the refused submission's; null when nothing was stored
	Limit     string       `json:"limit,omitempty"`      // with a 413: the bound's name in the profile
	Detail    string       `json:"detail,omitempty"`     // English, for whoever built the form
	RequestID string       `json:"request_id,omitempty"` // what to ask the relay's log for
}

// fieldError is one thing wrong, in Formspree's shape.
type fieldError struct {
	Field   string `json:"field,omitempty"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// render is the one place where a problem becomes an answer.
func (i *Intake) render(w http.ResponseWriter, r *http.Request, p *httpd.Problem) {
	lang := cmp.Or(p.Lang, i.language(r, "", nil))
	w.Header().Add("Vary", "Accept, Accept-Language")
	if p.Limit != "" { // what the page's code is looked up for
		httpd.Annotate(r.Context(), "limit", p.Limit)
	}
	var err error
	switch elsewhere := i.elsewhere(r, p); {
	case wantsJSON(r) || isReceipt(r) && !readAccept(r.Header).namesHTML():
		err = writeJSON(w, p.Status, i.failure(r, lang, p))
	case elsewhere != "":
		w.Header().Set("Location", elsewhere)
		w.WriteHeader(http.StatusSeeOther)
	case p.Status == http.StatusMethodNotAllowed && takesForms(p) && isRead(r.Method):
		err = writePage(w, p.Status, i.pages.Hint, i.hint(r, lang))
	default:
		err = i.writeProblem(w, r, lang, p)
	}
	if err != nil { // a template that cannot be executed; a test executes each
		i.Log.Error().Err(err).Str("request_id", httpd.ID(r.Context())).Msg("the problem's page cannot be shown")
		http.Error(w, http.StatusText(p.Status), p.Status)
	}
}

// elsewhere is the page of the shop's own that a post's problem is told on, "" when the relay's is.
func (i *Intake) elsewhere(r *http.Request, p *httpd.Problem) string {
	if r.Method != http.MethodPost {
		return ""
	}
	profile, _ := i.Profiles.Get(chi.URLParam(r, "profile"))
	if profile == nil { // none, or gone since
		return ""
	}
	return failurePage(r, profile, p.Status, p.Code)
}

// takesForms tells of a 405 whether its address is one that forms are sent to.
func takesForms(p *httpd.Problem) bool { return strings.Contains(p.Allow, http.MethodPost) }

// isReceipt tells whether a submission's status is asked for, which is JSON unless a page is asked for by name.
func isReceipt(r *http.Request) bool { return isRead(r.Method) && chi.URLParam(r, "id") != "" }

// isRead tells whether a person may be looking.
func isRead(method string) bool { return method == http.MethodGet || method == http.MethodHead }

// failure is the problem as JSON.
func (i *Intake) failure(r *http.Request, lang string, p *httpd.Problem) failure {
	text := i.text(lang, p)
	if p.Status == http.StatusUnprocessableEntity && len(p.Fields) > 0 {
		// Scripts of the simpler kind show this one text and nothing else: it has to name the fields.
		text = i.texts[lang]["422.title"] + ". " + inOneLine(p.Fields)
	}
	f := failure{Error: text, Message: text, Limit: p.Limit, Detail: p.Detail, RequestID: httpd.ID(r.Context())}
	if p.ID != "" {
		f.ID = &p.ID
	}
	for _, field := range p.Fields {
		f.Errors = append(f.Errors, fieldError{field.Name, field.Code, field.Message})
	}
	if f.Errors == nil {
		f.Errors = []fieldError{{Code: p.Code, Message: text}}
	}
	return f
}

// writeProblem writes the problem's page: the form again where there is one to correct.
func (i *Intake) writeProblem(w http.ResponseWriter, r *http.Request, lang string, p *httpd.Problem) error {
	t, ok := p.Data.(*typed)
	if !ok || len(p.Fields) == 0 {
		return writePage(w, p.Status, i.pages.Problem, i.problem(r, lang, p))
	}
	page := correct(i.page(lang, i.title(lang, p)), i.texts[lang], p, t)
	page.RequestLabel, page.Request = i.texts[lang]["page.request"], httpd.ID(r.Context())
	return writePageWith(w, p.Status, formPolicy, i.pages.Correct, page)
}

// problem is the problem as a page.
func (i *Intake) problem(r *http.Request, lang string, p *httpd.Problem) web.Problem {
	text, back := i.texts[lang], ""
	if r.Method == http.MethodPost {
		served, _ := i.Profiles.Get(chi.URLParam(r, "profile"))
		back = i.backTo(r, served, bounded(page(r.Header.Get("Origin"), r.Header.Get("Referer"))))
	}
	page := web.Problem{
		Page: i.page(lang, i.title(lang, p)), Text: i.text(lang, p), Limit: p.Limit,
		RequestLabel: text["page.request"], Request: httpd.ID(r.Context()), Link: back, LinkText: text["thanks.back"],
	}
	switch {
	case p.Status == http.StatusUnprocessableEntity:
		page.Back = text["422.back"]
	case p.Status == http.StatusRequestEntityTooLarge && !ownersFault(p.Limit):
		page.Back = text["413.back"]
	}
	if p.Limit == "files" { // the sentence says all of it
		page.Limit = ""
	}
	return page
}

// ownersFault tells the bounds that a form is over because of how it is built: no visitor can shorten that.
func ownersFault(limit string) bool {
	return limit == "max_pairs" || limit == "max_name" || limit == "max_depth"
}

// hint is the page for a developer who opens a form's address.
func (i *Intake) hint(r *http.Request, lang string) web.Hint {
	text := i.texts[lang]
	name := chi.URLParam(r, "profile")
	if !profile.ValidName(name) {
		name = "" // cannot be: only a profile's address has this page
	}
	return web.Hint{
		Page: i.page(lang, text["405.title"]), Text: text["405.text"],
		Developer: text["hint.title"], How: text["hint.text"], Script: text["hint.script"],
		Action: httpd.BaseURL(r, i.TrustedProxies) + "/forms/" + name,
		Name:   text["label.name"], Phone: text["label.phone"], Send: text["hint.send"],
	}
}

// text is the problem's sentence: its own, else its bound's, else its code's, else its status's. A status that nobody wrote a sentence
// for is told in general words: a visitor never gets an empty page.
func (i *Intake) text(lang string, p *httpd.Problem) string {
	text, subject := i.texts[lang], subject(p)
	return cmp.Or(p.Message, text[subject+"."+p.Limit], text[subject+"."+p.Code], text[subject+".text"], text["other.text"])
}

// title is a page's heading.
func (i *Intake) title(lang string, p *httpd.Problem) string {
	return cmp.Or(i.texts[lang][subject(p)+"."+p.Limit+".title"], i.texts[lang][subject(p)+".title"], i.texts[lang]["other.title"])
}

// subject is under which word a problem's sentences are found: its status, but that a 405 says "forms are sent here" only where they are.
func subject(p *httpd.Problem) string {
	if p.Status == http.StatusMethodNotAllowed && !takesForms(p) {
		return "405.elsewhere"
	}
	return strconv.Itoa(p.Status)
}

// inOneLine is every field's label and sentence, for scripts that show one message.
func inOneLine(fields []httpd.Field) string {
	var lines []string
	for _, f := range joined(fields) {
		lines = append(lines, f.Label+": "+f.Message)
	}
	return strings.Join(lines, " ")
}

// joined puts the fields into one entry that are told together that there is no contact at all, so that a person reads the sentence
// once.
func joined(fields []httpd.Field) []httpd.Field {
	var out []httpd.Field
	for _, f := range fields {
		if n := len(out); n > 0 && f.Code == mapping.CodeNoContact && out[n-1].Code == f.Code {
			out[n-1].Label += ", " + f.Label
			continue
		}
		out = append(out, f)
	}
	return out
}
