package intake

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5/middleware"

	"formrelay/internal/form"
	"formrelay/internal/httpd"
	"formrelay/internal/profile"
	"formrelay/internal/submission"
)

// Secret is what the intake needs of one of `secrets` in the server's configuration.
type Secret struct {
	Field  string                 // the form field that carries the key, or the captcha's answer
	Header string                 // the header that carries the key in place of a field
	Value  func() (string, error) // the key; nil: a captcha's, which is not the intake's to know
}

// flooded tells a sender who posts far too often to stop. It counts the post; over: it is to be held.
func (i *Intake) flooded(r *http.Request, p *profile.Profile) (over bool, err error) {
	over, wait := i.rates.take(p.Name, i.client(r), p.Guard, i.Now())
	if wait > 0 {
		return true, &httpd.Problem{
			Status: http.StatusTooManyRequests, Code: "TOO_MANY_REQUESTS", RetryAfter: wait, Lang: i.language(r, "", p),
		}
	}
	return over, nil
}

// client is the address that a post is counted for. A peer on this machine or in a private network that nobody has named a trusted
// proxy may be one all the same, and then all visitors have its address: it is never counted.
func (i *Intake) client(r *http.Request) netip.Addr {
	peer, trusted := httpd.Peer(r.RemoteAddr, i.TrustedProxies)
	if !trusted && isLocal(peer) {
		i.suspectProxy(r, peer)
		return netip.Addr{}
	}
	return middleware.GetClientIPAddr(r.Context())
}

// suspectProxy says once that a proxy seems to stand in front.
func (i *Intake) suspectProxy(r *http.Request, peer netip.Addr) {
	if r.Header.Get("X-Forwarded-For") == "" || !i.suspected.CompareAndSwap(false, true) {
		return
	}
	i.Log.Warn().Str("peer", peer.String()).
		Msg("a proxy seems to stand in front of the relay: name its address with --trusted-proxies, or every visitor has that address and guard.rate counts nobody")
}

// isLocal tells whether an address is this machine's or one of a private network.
func isLocal(a netip.Addr) bool { return a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() }

// inspect finds everything that speaks against a post, the cheapest first; nothing of it is told to the sender. over: it came too soon
// after others.
func (i *Intake) inspect(r *http.Request, p *profile.Profile, fields *form.Fields, over bool, now time.Time) []submission.Signal {
	var found []submission.Signal
	note := func(reason submission.Reason, text string) {
		if text != "" {
			found = append(found, submission.Signal{Reason: reason, Text: text})
		}
	}
	note(submission.ReasonSpam, trapped(p, fields.Pairs))
	if over {
		note(submission.ReasonRate, "more posts than guard.rate allows came from its address")
	}
	note(submission.ReasonTime, i.tooSoon(p, fields.Pairs, now))
	note(submission.ReasonSecret, i.withoutKey(r, p, fields.Pairs))
	note(submission.ReasonCaptcha, i.withoutAnswer(p, fields.Pairs))
	note(submission.ReasonBlock, blocked(p, middleware.GetClientIPAddr(r.Context()), fields.Pairs))
	return found
}

// trapped tells of a honeypot that was filled. One that is a box, in a form that a script posts as JSON, says false when nobody ticked it.
func trapped(p *profile.Profile, pairs []form.Pair) string {
	if value := last(pairs, p.Guard.Honeypot); value == "" || strings.EqualFold(value, "false") {
		return ""
	}
	return "the field " + p.Guard.Honeypot + ", which no person sees, was filled (guard.honeypot)"
}

// tooSoon tells of a form that was posted sooner than a person could. A post without a token is one from a page without a script, or
// from a page that could not reach the relay when it was opened; one with another thing under the name is from a site that has a field of
// its own called so, as Laravel's pages do. Whoever wants to get by without a token only has to leave it out.
func (i *Intake) tooSoon(p *profile.Profile, pairs []form.Pair, now time.Time) string {
	if p.Guard.MinTime == 0 {
		return ""
	}
	age, err := timeSince(i.Key, p.Name, last(pairs, tokenField), now)
	switch {
	case errors.Is(err, errNoToken):
	case err != nil:
		return err.Error() + " (guard.min_time)"
	case age < p.Guard.MinTime:
		return "posted " + age.Round(time.Millisecond).String() + " after the form was opened, and guard.min_time is " + p.Guard.MinTime.String()
	}
	return ""
}

// withoutKey tells of a sender who does not carry the profile's key. While the relay cannot read the key itself nobody does: those who
// know it are not told from those who do not, and held is not lost.
func (i *Intake) withoutKey(r *http.Request, p *profile.Profile, pairs []form.Pair) string {
	if p.Guard.Secret == "" {
		return ""
	}
	secret, known := i.Secrets[p.Guard.Secret]
	if !known || secret.Value == nil {
		return "the server knows no key " + p.Guard.Secret + " (guard.secret)"
	}
	want, err := secret.Value()
	if err != nil {
		i.keyUnread(p.Guard.Secret, err)
		return "the relay cannot read the key " + p.Guard.Secret + " itself: " + err.Error()
	}
	given, where := last(pairs, secret.Field), "the field "+secret.Field
	if secret.Header != "" {
		given, where = strings.TrimSpace(r.Header.Get(secret.Header)), "the header "+secret.Header
	}
	switch {
	case given == "":
		return where + " carries no key (guard.secret)"
	case !sameText(given, want):
		return where + " carries another key than " + p.Guard.Secret + " (guard.secret)"
	}
	return ""
}

// keyUnread says, once until the next start, that a key cannot be read.
func (i *Intake) keyUnread(name string, err error) {
	if _, said := i.unread.LoadOrStore(name, true); !said {
		i.Log.Error().Str("secret", name).Err(err).Msg("the key that senders must carry cannot be read: their submissions are held")
	}
}

// sameText compares in a time that tells nothing of what is the same, not even the length.
func sameText(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// blocked tells which word or address of the profile's list is found in a post.
func blocked(p *profile.Profile, ip netip.Addr, pairs []form.Pair) string {
	list := p.Guard.Block
	if list == nil {
		return ""
	}
	if entry := list.Address(ip); entry != "" {
		return "it came from " + entry + " (guard.block)"
	}
	for _, pair := range pairs {
		if entry := list.Pair(pair); entry != "" && !isAnswer(pair.Name) {
			return strconv.Quote(entry) + " is in the field " + pair.Name + " (guard.block)"
		}
	}
	return ""
}

// The bounds of a captcha's answer: what is longer than any provider's, or holds what none of theirs does, is not worth asking about,
// and could only make the provider stumble.
const maxAnswer = 8 << 10

// withoutAnswer tells of a captcha whose answer is missing, or cannot be one.
func (i *Intake) withoutAnswer(p *profile.Profile, pairs []form.Pair) string {
	secret, known := i.Secrets[p.Guard.Captcha]
	if p.Guard.Captcha == "" || !known { // not known: whoever verifies says so
		return ""
	}
	switch answer := last(pairs, secret.Field); {
	case answer == "":
		return "the captcha was not solved: " + secret.Field + " was not posted (guard.captcha)"
	case len(answer) > maxAnswer || strings.ContainsFunc(answer, func(c rune) bool { return c <= ' ' || c > '~' || strings.ContainsRune(`<>"'\`, c) }):
		return "what was posted as " + secret.Field + " is no captcha's answer (guard.captcha)"
	}
	return ""
}

// captcha is what is still to be verified of a post.
func (i *Intake) captcha(p *profile.Profile, pairs []form.Pair) submission.Captcha {
	if p.Guard.Captcha == "" {
		return submission.Captcha{}
	}
	return submission.Captcha{Secret: p.Guard.Captcha, Answer: last(pairs, i.Secrets[p.Guard.Captcha].Field)}
}

// isAnswer tells of a field that it is one in which a captcha's script posts. hCaptcha's posts in reCAPTCHA's as well.
func isAnswer(name string) bool {
	switch name {
	case "cf-turnstile-response", "h-captcha-response", "g-recaptcha-response":
		return true
	}
	return false
}

// last is the last value that was posted under a name, trimmed.
func last(pairs []form.Pair, name string) string {
	for _, pair := range slices.Backward(pairs) {
		if pair.Name == name {
			return strings.TrimSpace(pair.Value)
		}
	}
	return ""
}

// spoken is what was posted without what only the guard has use for.
func (i *Intake) spoken(p *profile.Profile, fields *form.Fields) *form.Fields {
	key := ""
	if secret := i.Secrets[p.Guard.Secret]; p.Guard.Secret != "" && secret.Header == "" {
		key = secret.Field
	}
	return Spoken(fields, key)
}

// Spoken is what was posted without the field that carries the profile's key ("" where none does) and without captchas' answers: these
// open doors, and nobody but the guard may read them, neither a mapping nor whoever looks at what is stored. fields itself is left as
// it is.
func Spoken(fields *form.Fields, key string) *form.Fields {
	hidden := func(pair form.Pair) bool { return isAnswer(pair.Name) || key != "" && pair.Name == key }
	if !slices.ContainsFunc(fields.Pairs, hidden) {
		return fields
	}
	kept := *fields
	kept.Pairs = nil
	for _, pair := range fields.Pairs {
		if !hidden(pair) {
			kept.Pairs = append(kept.Pairs, pair)
			continue
		}
		kept.Raw = masked(kept.Raw, pair.Value)
	}
	return &kept
}

// masked is a body with a value made unreadable, as it is and as a browser encodes it.
func masked(raw []byte, value string) []byte {
	for _, text := range []string{value, url.QueryEscape(value)} {
		if text != "" {
			raw = bytes.ReplaceAll(raw, []byte(text), bytes.Repeat([]byte("*"), len(text)))
		}
	}
	return raw
}

// countHeld tells for what a submission is held, if it is.
func (i *Intake) countHeld(s *submission.Submission) {
	if i.OnHeld == nil || s.State != submission.Held {
		return
	}
	if len(s.Signals) == 0 {
		i.OnHeld(s.Profile, s.Reason)
	}
	for n, signal := range s.Signals {
		if !slices.ContainsFunc(s.Signals[:n], func(before submission.Signal) bool { return before.Reason == signal.Reason }) {
			i.OnHeld(s.Profile, signal.Reason)
		}
	}
}
