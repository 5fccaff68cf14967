package intake

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"formrelay/internal/form"
	"formrelay/internal/httpd"
	"formrelay/internal/mapping"
	"formrelay/internal/profile"
	"formrelay/internal/submission"
)

const (
	// storeWithin bounds how long a visitor waits for the disk. Tilda gives its answer 5 s, then posts again.
	storeWithin = 4 * time.Second
	// retryStore is when a visitor may try again after the store could not take a post; retryProfile, when a form may work again
	// whose file ops have broken: they have to notice and mend it.
	retryStore   = 10 * time.Second
	retryProfile = time.Minute
	// drainMost and drainWithin bound what is read of a post that is turned away, in bytes and in time. A telephone's photographs are
	// within them.
	drainMost   = 32 << 20
	drainWithin = 30 * time.Second
	drainBlock  = 32 << 10
)

// form takes a post to a form's address.
func (i *Intake) form(w http.ResponseWriter, r *http.Request) (err error) {
	if i.OnAnswer != nil {
		watch := &watched{ResponseWriter: w}
		w = watch
		defer func() { i.OnAnswer(i.counted(r), watch.answered(err)) }()
	}
	err = i.submit(w, r)
	// Both here, because not every way out of submit knows that it is one.
	i.countTurned(r, err)
	if p, ok := errors.AsType[*httpd.Problem](err); ok && !p.Close {
		p.Close = !drain(r)
	}
	return err
}

// drain reads what is left of a body and throws it away, and tells whether nothing is left: a browser that is still sending when the
// connection ends shows a broken connection in place of the answer. A body that is announced as longer than is worth reading is not
// read at all.
func drain(r *http.Request) bool {
	if r.Body == nil || r.ContentLength == 0 {
		return true
	}
	if r.ContentLength > drainMost {
		return false
	}
	end := time.Now().Add(drainWithin)
	for read := 0; read < drainMost && time.Now().Before(end); read += drainBlock {
		if _, err := io.CopyN(io.Discard, r.Body, drainBlock); err != nil {
			return errors.Is(err, io.EOF)
		}
	}
	return false
}

// countTurned counts a post that left no row behind. A refused one did: its Problem names the row.
func (i *Intake) countTurned(r *http.Request, err error) {
	p, ok := errors.AsType[*httpd.Problem](err)
	if !ok || p.ID != "" {
		return
	}
	i.turned.add(i.counted(r), p.Status)
	if p.Code == codeNoForm {
		i.stray(r)
	}
}

// counted is the name under which a request's profile is counted.
func (i *Intake) counted(r *http.Request) string {
	name := chi.URLParam(r, "profile")
	if _, known := i.Profiles.Get(name); !known && !i.Profiles.IsBroken(name) {
		return nobody
	}
	return name
}

// serving finds the profile that the address names.
func (i *Intake) serving(r *http.Request) (*profile.Profile, error) {
	// The name is looked up as it stands in the address, escapes and all: a profile's name needs none, so that nothing that has any
	// can be one.
	name := chi.URLParam(r, "profile")
	p, ok := i.Profiles.Get(name)
	switch {
	case !ok && i.Profiles.IsBroken(name):
		httpd.Annotate(r.Context(), "profile", name)
		return nil, unavailable(retryProfile, fmt.Errorf("the profile %s is broken and has no good revision", name))
	case !ok:
		return nil, notFound(codeNoForm)
	}
	httpd.Annotate(r.Context(), "profile", p.Name)
	if !p.Enabled {
		return nil, &httpd.Problem{Status: http.StatusGone, Code: "INACTIVE", Lang: i.language(r, "", p)}
	}
	return p, nil
}

// language is the language of the answer to a request. Asked is what the form or the address asks for; p may be nil.
func (i *Intake) language(r *http.Request, asked string, p *profile.Profile) string {
	of := ""
	if p != nil {
		of = p.Lang
	}
	return i.languages.choose(asked, r.Header.Get("Accept-Language"), of)
}

// submit takes one post: decode, map, decide, store, answer. The order matters: what can be told without reading the body is told
// first, nothing is answered before it is stored, and the answer is chosen by what the store made of the row.
func (i *Intake) submit(w http.ResponseWriter, r *http.Request) error {
	p, err := i.serving(r)
	if err != nil {
		return err
	}
	over, err := i.flooded(r, p)
	if err != nil {
		return err
	}
	isStrange := i.isStrange(r, p)
	if isStrange && i.strangers.full(p.Name, i.Now()) {
		return strange("", i.language(r, "", p))
	}
	sent := i.newUploads(r, p)
	fields, err := decode(r, p, sent)
	if err != nil {
		i.dropped(r, sent)
		return i.turnedAway(err, p, i.language(r, "", p))
	}
	if isProbe(fields) {
		return answerProbe(w)
	}
	c := readControls(fields.Pairs)
	lang := i.language(r, c.lang, p)
	c.over = over
	s, corrections := i.prepare(r, p, fields, sent, c, lang)
	if isStrange {
		if !i.strangers.take(p.Name, s.ReceivedAt) {
			i.dropped(r, sent)
			return strange("", lang)
		}
		hold(s, r.Header.Get("Origin"))
	} else { // what comes from a strange site neither repeats a post of the shop's nor stands for one
		s.Signs = signs(p, r.Header, c, s)
	}
	own := s.ID
	if err := i.store(r.Context(), s, p); err != nil {
		return inLanguage(err, lang)
	}
	if s.ID != own { // it repeats an earlier one, which s is from here on, and its files are there already
		i.dropped(r, sent)
	} else {
		i.countHeld(s)
	}
	httpd.Annotate(r.Context(), "submission", s.ID)
	switch {
	case isStrange:
		return strange(s.ID, lang)
	case s.State == submission.Refused:
		return i.refusal(s.ID, lang, p.Lang, &typed{fields.Pairs, fields.Files, s.Visitor, destined(r, p, c.next), corrections})
	}
	return i.answer(w, r, p, taken{id: s.ID, crmID: i.await(r, p, s, c.hasty), lang: lang, to: destined(r, p, c.next)})
}

// dropped takes back the files of a post that is turned away.
func (i *Intake) dropped(r *http.Request, sent *uploads) {
	if err := sent.drop(); err != nil {
		i.Log.Warn().Err(err).Str("request_id", httpd.ID(r.Context())).Msg("the files of a post that was turned away could not be removed; they are swept later")
	}
}

// decode reads the whole body within the profile's bounds, and its files into sent. Its errors are Problems.
//
// A body that is announced as too large is refused unread, unless it is one that can hold files: what is too large in that one is mostly a
// file, and its first bytes tell.
func decode(r *http.Request, p *profile.Profile, sent *uploads) (*form.Fields, error) {
	if err := encoded(r.Header); err != nil {
		return nil, err
	}
	total, contentType := p.Limits.Total(), r.Header.Get("Content-Type")
	if r.ContentLength > total && !isMultipart(contentType) {
		return nil, tooLarge("max_body")
	}
	// Without a ResponseWriter: the connection is closed by the Problem, which also the log and the tests can see. One byte more than is
	// taken, so that the decoder is the first to see that there is too much: it can say of what.
	body := http.MaxBytesReader(nil, r.Body, total+1)
	options := form.Options{Limits: p.Limits, Charset: p.Charset, Size: r.ContentLength, Files: sent.open}
	refused := r.ContentLength > total
	if refused {
		options.Files = nil // nothing of it gets to the disk: it is read only to tell what is too large
	}
	fields, err := form.Decode(contentType, body, options)
	switch {
	case err != nil:
		return nil, bodyProblem(err)
	case refused && len(fields.Files) > 0: // the form is whole, and is followed by more than there may be
		return nil, tooLarge("max_body")
	}
	_, _ = io.Copy(io.Discard, body) // what may follow a form's last part: without it the connection could not be used again
	return fields, nil
}

// encoded refuses a compressed body: no browser sends one, and read as it is it would be a form full of rubbish.
func encoded(h http.Header) error {
	for _, coding := range h.Values("Content-Encoding") {
		if coding = strings.TrimSpace(coding); coding != "" && !strings.EqualFold(coding, "identity") {
			return &httpd.Problem{
				Status: http.StatusUnsupportedMediaType, Code: "UNSUPPORTED_ENCODING",
				Detail: "the request's body is compressed, as its Content-Encoding says: send it as it is, without that header",
			}
		}
	}
	return nil
}

// isMultipart tells whether a media type can hold files.
func isMultipart(mediaType string) bool {
	const kind = "multipart/"
	mediaType = strings.TrimSpace(mediaType)
	return len(mediaType) > len(kind) && strings.EqualFold(mediaType[:len(kind)], kind)
}

// bodyProblem is what an error of the decoder means. The decoder hands on the reader's own errors, wrapped; they come first, because a
// connection that fails says nothing about the form.
func bodyProblem(err error) *httpd.Problem {
	if errors.Is(err, httpd.ErrSlowBody) {
		return &httpd.Problem{Status: http.StatusRequestTimeout, Code: "TIMEOUT", Close: true, Cause: err}
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLarge("max_body")
	}
	if _, ok := errors.AsType[*form.SinkError](err); ok {
		p := unavailable(retryStore, err)
		p.Close = true
		return p
	}
	fault, ok := errors.AsType[*form.Error](err)
	if !ok { // the body ended before its announced end, or its chunks are none
		return &httpd.Problem{Status: http.StatusBadRequest, Code: "MALFORMED", Close: true, Cause: err}
	}
	problem := &httpd.Problem{Status: http.StatusBadRequest, Code: "MALFORMED", Detail: fault.Text, Cause: err}
	switch fault.Kind {
	case form.TooLarge:
		problem.Status, problem.Code, problem.Limit = http.StatusRequestEntityTooLarge, codeOf(fault.Limit), fault.Limit
	case form.Unsupported:
		problem.Status, problem.Code = http.StatusUnsupportedMediaType, "UNSUPPORTED_TYPE"
	case form.Malformed:
	}
	return problem
}

// tooLarge is a body beyond all that its fields may have together.
func tooLarge(limit string) *httpd.Problem {
	return &httpd.Problem{
		Status: http.StatusRequestEntityTooLarge, Code: codeOf(limit), Limit: limit,
		Detail: "the request's body is longer than the profile's bounds allow for all fields together",
	}
}

// codeOf is the code for a program of an exceeded bound; turnedAway has those of files.
func codeOf(limit string) string {
	return "TOO_LARGE_" + strings.ToUpper(strings.TrimPrefix(limit, "max_"))
}

// inLanguage gives a Problem the language of its visitor; any other error goes as it is.
func inLanguage(err error, lang string) error {
	if p, ok := errors.AsType[*httpd.Problem](err); ok {
		p.Lang = lang
	}
	return err
}

// isProbe recognises the post that Tilda makes when a webhook is connected: test=test and nothing else. Taken for a form it would be
// refused for want of a contact, and Tilda would not connect.
func isProbe(f *form.Fields) bool {
	return len(f.Pairs) == 1 && f.Pairs[0] == form.Pair{Name: "test", Value: "test"} && len(f.Files) == 0
}

// answerProbe says to a page builder what it waits for.
func answerProbe(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = io.WriteString(w, "ok") // the builder may be gone: nobody is left to tell
	return nil
}

// controls are the fields of a post that are for the relay.
type controls struct {
	lang string
	next string // _next, else _redirect
	test bool
	key  string // by which a post made again is known: _idempotency_key, else Tilda's tranid

	hasty bool // a page builder sent it that posts again when the answer takes more than 5 s

	over bool // this one is of the relay's own: it came too soon after others from the same address

	page, referrer string // what a script on the page told of itself
	told           bool   // a script told anything
}

// readControls finds them. _test is a person's word, and a checkbox sends "on": whatever does not say no is a test. is_test is what
// Google Ads sets on the lead that its "send test data" button posts, and a name that a shop's own form may have: only its own words count.
func readControls(pairs []form.Pair) controls {
	var c controls
	var next, redirect, tranID string
	for _, pair := range pairs {
		switch pair.Name {
		case "_lang":
			c.lang = strings.TrimSpace(pair.Value)
		case "_next":
			next = pair.Value
		case "_redirect":
			redirect = pair.Value
		case "_test":
			c.test = c.test || !saysNo(pair.Value)
		case "_idempotency_key":
			c.key = strings.TrimSpace(pair.Value)
		case "_page":
			c.page, c.told = strings.TrimSpace(pair.Value), true
		case "_referrer":
			c.referrer, c.told = strings.TrimSpace(pair.Value), true
		case "is_test":
			value := strings.TrimSpace(pair.Value)
			c.test = c.test || value == "1" || strings.EqualFold(value, "true")
		default:
			if isTranID(pair.Name) {
				tranID = strings.TrimSpace(pair.Value)
			}
		}
	}
	c.next = cmp.Or(strings.TrimSpace(next), strings.TrimSpace(redirect))
	c.key, c.hasty = cmp.Or(c.key, tranID), tranID != ""
	return c
}

// saysNo tells whether a field's value says no, or nothing.
func saysNo(value string) bool {
	switch strings.ToLower(strings.TrimSpace(value)) {
	case "", "0", "false", "no", "off":
		return true
	default:
		return false
	}
}

// prepare makes the submission that is stored, and what its visitor is to correct when it is refused.
func (i *Intake) prepare(r *http.Request, p *profile.Profile, fields *form.Fields, sent *uploads, c controls, lang string,
) (*submission.Submission, []mapping.Correction) {
	// The store keeps milliseconds: the mapping must see the time that a later preview of the same submission sees.
	now := i.Now().UTC().Truncate(time.Millisecond)
	found, captcha := i.inspect(r, p, fields, c.over, now), i.captcha(p, fields.Pairs)
	fields = i.spoken(p, fields)
	s := &submission.Submission{
		ID:         submission.NewID(),
		Profile:    p.Name,
		Account:    p.Account,
		Revision:   p.Hash,
		ReceivedAt: now,
		Pairs:      fields.Pairs,
		Charset:    fields.Charset,
		Raw:        fields.Raw,
		Visitor:    visitor(r, c, lang),
		Kind:       p.Creates,
		SourceID:   p.SourceID,
		DueAt:      now,
	}
	var wrong []mapping.Correction
	s.Files, wrong = sent.files(fields, p.Mapping.Label)
	result := apply(p.Mapping, mapping.Input{ID: s.ID, Now: now, Fields: fields, Visitor: mapping.Visitor(s.Visitor)})
	result.Corrections = append(result.Corrections, wrong...)
	// Whom the guard suspects is told nothing but success: neither what is wrong with a field nor what gave them away.
	decide(s, result, p.HoldInvalid || len(found) > 0, c.test)
	suspect(s, found...)
	if s.State == submission.Queued {
		s.Captcha = captcha
	}
	return s, result.Corrections
}

// store keeps the submission. A visitor who hangs up takes nothing back: what was posted whole is stored.
func (i *Intake) store(ctx context.Context, s *submission.Submission, p *profile.Profile) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeWithin)
	defer cancel()
	// A row whose commit was under way at the deadline may be stored all the same; every other one is not. The visitor is asked to post
	// again in both cases: twice rather than never.
	err := i.Store.Accept(ctx, s, submission.Revision{Hash: p.Hash, Profile: p.Name, Text: p.Text})
	if err != nil {
		return unavailable(retryStore, fmt.Errorf("storing a submission to %s: %w", p.Name, err))
	}
	return nil
}
