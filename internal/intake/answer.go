package intake

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"

	"github.com/go-chi/chi/v5"

	"formrelay/internal/httpd"
	"formrelay/internal/profile"
	"formrelay/internal/submission"
	"formrelay/web"
)

// success is the body that the client scripts of the popular form services all take for success: some look at ok, some at success,
// Formspree's wants a text in next, Formspring's reads redirect.
type success struct {
	OK       bool    `json:"ok"`
	Success  bool    `json:"success"`
	ID       string  `json:"id"`
	Status   string  `json:"status"`
	Message  string  `json:"message"`
	Next     string  `json:"next"`             // always a page to go to
	CRMID    int64   `json:"crm_id,omitempty"` // KeyCRM's id, when the answer waited for it
	Redirect *string `json:"redirect"`         // the page that the form or its profile names; null when neither does
}

// taken is what there is to tell of a post that was taken.
type taken struct {
	id, lang string
	crmID    int64 // KeyCRM's, where it was waited for and is known; else 0
	to       destination
}

// answer tells a visitor that the post was taken. To the visitor a held submission is one like any other.
func (i *Intake) answer(w http.ResponseWriter, r *http.Request, p *profile.Profile, t taken) error {
	next := receiptAddress(p, t.id, t.lang)
	if t.to.address != "" {
		next = filled(t.to.address, t.id, t.crmID)
	}
	if !wantsJSON(r) && !isMachine(r, p) {
		// This is the way that nearly every post takes: no template, no buffer, and the headers set without canonicalising their names.
		// 303: the browser fetches the next page with a GET, and reloading that page never posts again.
		w.Header()["Location"] = []string{next}
		w.Header()["Cache-Control"] = []string{"no-store"}
		w.WriteHeader(http.StatusSeeOther)
		return nil
	}
	body := success{OK: true, Success: true, ID: t.id, Status: submission.Queued.Public(), Message: i.texts[t.lang]["received"], Next: next}
	if t.to.address != "" {
		body.Redirect = &body.Next
	} else {
		// A script on the shop's page would take a bare path for one of the shop's. What names no host is no browser, and gets the path.
		body.Next = httpd.BaseURL(r, i.TrustedProxies) + next
	}
	status := http.StatusAccepted
	if t.crmID != 0 {
		body.Status, body.CRMID, status = submission.Delivered.Public(), t.crmID, http.StatusCreated
	}
	if p.HoldInvalid { // a page builder takes nothing else for success
		status = http.StatusOK
	}
	return writeJSON(w, status, body)
}

// receiptAddress is the relay's own thank-you page.
func receiptAddress(p *profile.Profile, id, lang string) string {
	return "/forms/" + p.Name + "/" + id + "?lang=" + lang
}

// receipt serves a submission's address: the thank-you page for whoever asks for a page, else its status. It tells nothing of what
// was posted, because an address gets about.
func (i *Intake) receipt(w http.ResponseWriter, r *http.Request) error {
	s, err := i.find(r)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Add("Vary", "Accept, Accept-Language")
	if a := readAccept(r.Header); !a.namesHTML() || a.prefersJSON() {
		return writeJSON(w, http.StatusOK, receipt{ID: s.ID, Status: s.State.Public(), CRMID: i.shownCRMID(s)})
	}
	// The receipt outlives its form: a profile may be closed or taken away while its visitor still reads the page.
	p, _ := i.Profiles.Get(s.Profile) // gone since: nil, and its language with it
	return i.thank(w, i.language(r, r.URL.Query().Get("lang"), p), s, i.backTo(r, p, s.Visitor.Page))
}

// receipt is a submission's status for a program.
type receipt struct {
	ID     string `json:"id"`
	Status string `json:"status"`
	CRMID  int64  `json:"crm_id,omitempty"`
}

// find looks a submission up by its address. Another profile's is as unknown as none: an id must not tell which form it belongs to.
func (i *Intake) find(r *http.Request) (submission.Submission, error) {
	id, name := chi.URLParam(r, "id"), chi.URLParam(r, "profile")
	if !submission.ValidID(id) {
		return submission.Submission{}, notFound("SUBMISSION_NOT_FOUND")
	}
	s, err := i.Store.Submission(r.Context(), id)
	switch {
	case errors.Is(err, submission.ErrNotFound) || err == nil && s.Profile != name:
		return submission.Submission{}, notFound("SUBMISSION_NOT_FOUND")
	case err != nil:
		return submission.Submission{}, unavailable(retryStore, fmt.Errorf("reading submission %s: %w", id, err))
	}
	return s, nil
}

// thank writes the page after a form, with a link back to where the visitor came from when that is known.
func (i *Intake) thank(w http.ResponseWriter, lang string, s submission.Submission, back string) error {
	text := i.texts[lang]
	page := web.Thanks{
		Page: i.page(lang, text["thanks.title"]), Good: true, Text: text["thanks.text"], Close: text["thanks.close"],
		NumberLabel: text["thanks.number"], Number: s.ID, Back: back, BackText: text["thanks.back"],
	}
	if back != "" {
		page.Close = "" // the link says it
	}
	if s.State == submission.Refused { // no link leads here, but a script that ignored the 422 may
		page.Page, page.Good, page.Text, page.Close = i.page(lang, text["refused.title"]), false, text["refused.text"], ""
	}
	return writePage(w, http.StatusOK, i.pages.Thanks, page)
}

// page is what every page has.
func (i *Intake) page(lang, title string) web.Page {
	return web.Page{Lang: lang, Title: title, Style: i.style.address}
}

// The pages' policies: everything is forbidden that a page has no need of. A form's page may send to where it came from and, because
// Chromium holds the redirects that follow to the same rule, to wherever the shop's pages lead from there.
const (
	pagePolicy = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	formPolicy = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self' https: http:; frame-ancestors 'none'"
)

// writePage sends a page without a form.
func writePage(w http.ResponseWriter, status int, t *template.Template, page any) error {
	return writePageWith(w, status, pagePolicy, t, page)
}

// writePageWith executes a page into a buffer first, so that a fault of a template never leaves half a page behind, and sends it.
func writePageWith(w http.ResponseWriter, status int, policy string, t *template.Template, page any) error {
	var b bytes.Buffer
	if err := t.Execute(&b, page); err != nil {
		return fmt.Errorf("the page %s: %w", t.Name(), err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer") // the address holds the submission's id
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the visitor may be gone: nobody is left to tell
	return nil
}

// writeJSON sends a body of ours, which always marshals.
func writeJSON(w http.ResponseWriter, status int, body any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("the answer's JSON: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) // the visitor may be gone: nobody is left to tell
	return nil
}
