// Package intake is the visitor's part of the relay: a form's post comes in, is decoded, mapped and stored, and is answered. Nothing
// here calls KeyCRM or anyone else, so that a visitor never waits for more than the disk.
//
// What must hold: the answer leaves only after the store has the submission; a fault of the relay's is never told as one of the
// visitor's; every post that fits the bounds and can be decoded becomes a row, also one that is refused; and no value that a visitor
// typed gets into a log line, an address or a header.
package intake

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/rs/zerolog"

	"formrelay/internal/httpd"
	"formrelay/internal/profile"
	"formrelay/internal/submission"
	"formrelay/web"
)

// Profiles is the live set of profiles.
type Profiles interface {
	// Get returns the revision that serves.
	Get(name string) (*profile.Profile, bool)
	// IsBroken tells whether the name has a file, but no revision of it that could serve.
	IsBroken(name string) bool
	// Names lists the profiles that serve.
	Names() []string
}

// Store keeps submissions.
type Store interface {
	// Accept returns nil after the commit that holds the submission. It may turn a queued one into a held one.
	Accept(ctx context.Context, s *submission.Submission, r submission.Revision) error
	// KeepChunk stores a piece of a file's content, numbered from 0, of submission.FileChunk bytes at most. It must not keep content.
	KeepChunk(ctx context.Context, upload string, number int, content []byte) error
	// DropUploads removes contents that no Accept was told of.
	DropUploads(ctx context.Context, uploads []string) error
	// Submission returns submission.ErrNotFound for an id it does not know.
	Submission(ctx context.Context, id string) (submission.Submission, error)
}

// Config is what an Intake needs. Profiles and Store are required.
type Config struct {
	Profiles       Profiles
	Store          Store
	Waiter         Waiter         // for profiles with `answer.wait`; nil: nobody waits
	TrustedProxies []netip.Prefix // whose X-Forwarded-… is believed; empty: nobody's
	Log            zerolog.Logger
	Now            func() time.Time // nil: time.Now
	BodyRate       httpd.BodyRate   // the least rate of a body; zero: httpd.DefaultBodyRate
	// OnAnswer is told of every post's answer: the profile, or "(no such profile)" for every name that is none, and the status. It must
	// return at once. May be nil.
	OnAnswer func(profile string, status int)
	// OnHeld is told of each reason for which a submission to a profile is held. It must return at once. May be nil.
	OnHeld func(profile string, reason submission.Reason)

	Key     []byte            // signs time tokens; nil: one of this process alone
	Secrets map[string]Secret // the keys and captchas that profiles name
}

// Intake serves the forms. It is safe for concurrent use.
type Intake struct {
	Config
	pages     *web.Pages
	texts     web.Messages
	languages *languages
	style     stylesheet
	script    script
	turned    turned
	stopping  context.Context //nolint:containedctx // ends when the server stops, and with it whoever waits
	stop      context.CancelFunc
	strangers strangers
	strays    strays
	rates     rates
	suspected atomic.Bool // that a proxy stands in front was said
	unread    sync.Map    // the names of keys that could not be read, and of which that was said
	responder *httpd.Responder
}

// New reads the pages and the sentences and makes an Intake.
func New(c Config) (*Intake, error) {
	if c.Profiles == nil || c.Store == nil {
		return nil, errors.New("intake: Config.Profiles and Config.Store are required")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.BodyRate == (httpd.BodyRate{}) {
		c.BodyRate = httpd.DefaultBodyRate()
	}
	if c.Key == nil {
		c.Key = make([]byte, sha256.Size)
		_, _ = rand.Read(c.Key) // never fails
	}
	pages, err := web.ParsePages()
	if err != nil {
		return nil, err
	}
	texts, err := web.LoadMessages()
	if err != nil {
		return nil, err
	}
	i := &Intake{Config: c, pages: pages, texts: texts, languages: newLanguages(), style: newStylesheet(), script: newScript()}
	i.stopping, i.stop = context.WithCancel(context.Background())
	i.responder = httpd.NewResponder(c.Log, i.render)
	return i, nil
}

// Routes mounts the forms on all, and what answers a path, or a method, that nothing else on all knows.
//
// all.Get("/forms/{profile}/…") beside them is possible: chi prefers a fixed word to {id}.
func (i *Intake) Routes(all chi.Router) {
	all.Group(func(r chi.Router) {
		// Observe is the outermost, so that it sees whatever the others answer; the client's address must be known before the handlers
		// ask for it; the body's rate stands next to the handlers that read.
		r.Use(i.responder.Observe, anyOrigin, httpd.ClientIP(i.TrustedProxies), i.BodyRate.Enforce)
		post, receipt := i.responder.Handle(i.form), i.responder.Handle(i.receipt)
		// What an address knows is what is mounted here, and nothing else says so: a preflight and a 405 ask the router.
		options := func(w http.ResponseWriter, q *http.Request) { preflight(w, q, httpd.Allow(all, q)) }
		// /f/ is how Formspree's clients build an address. The slash at the end is how people write one.
		for _, path := range []string{"/forms/{profile}", "/forms/{profile}/", "/f/{profile}", "/f/{profile}/"} {
			r.Post(path, post)
			r.Options(path, options)
		}
		token := i.responder.Handle(i.token)
		r.Get(tokenPath, token)
		r.Head(tokenPath, token)
		r.Options(tokenPath, options)
		r.Get(receiptPath, receipt)
		r.Head(receiptPath, receipt)
		r.Options(receiptPath, options)
		r.Get(stylePath, i.style.serve)
		r.Head(stylePath, i.style.serve)
		r.Get(scriptPath, i.script.serve)
		r.Head(scriptPath, i.script.serve)
		r.Options(scriptPath, options)
		r.NotFound(i.responder.Handle(func(http.ResponseWriter, *http.Request) error { return notFound("NOT_FOUND") }))
		r.MethodNotAllowed(i.responder.Handle(func(_ http.ResponseWriter, q *http.Request) error {
			return i.wrongMethod(q, httpd.Allow(all, q))
		}))
	})
}

// receiptPath is a submission's address, tokenPath where a form's time token is fetched: no submission's id is that word.
const (
	receiptPath = "/forms/{profile}/{id}"
	tokenPath   = "/forms/{profile}/token"
)

// wrongMethod is what is wrong with a request whose method its address does not know. At the address of a form that is not there, or is
// closed, that is what its reader has to know.
func (i *Intake) wrongMethod(r *http.Request, allow string) error {
	if allow == "" { // a method that the router does not know, and an address that it does not know either
		return notFound("NOT_FOUND")
	}
	p := notAllowed(allow)
	if takesForms(p) && chi.URLParam(r, "profile") != "" {
		if _, err := i.serving(r); err != nil {
			return err
		}
	}
	return p
}

// Handler is a router with nothing but [Intake.Routes].
func (i *Intake) Handler() http.Handler {
	r := chi.NewRouter()
	i.Routes(r)
	return r
}

// anyOrigin lets every page read every answer: there are no cookies here that another site could ride on, and a page that cannot
// read an error can only tell its visitor "failed to fetch". The two headers that say what to do next are named on every answer, also on
// those that have none: a browser writes an error to the page's console when a script as much as asks for one that is not named.
func anyOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Expose-Headers", "Retry-After, X-Request-Id")
		next.ServeHTTP(w, r)
	})
}
