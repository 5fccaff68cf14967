package keycrm

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"
)

// MaxRetryAfter is the longest wait that Answer.RetryAfter gives. What KeyCRM asks for is obeyed in full; the bound is only against
// nonsense, such as a proxy's slip that would stop an account for a year.
const MaxRetryAfter = 7 * 24 * time.Hour

// What is kept of a refusal. Answers lie in the store with their submission and stand on a page for people to read: an answer of a
// megabyte must not fill either.
const (
	maxMessages    = 50
	maxMessagePath = 200 // characters, as of maxMessageText
	maxMessageText = 500
)

// readCreated says what the reply to a creating call means.
func readCreated(r reply, kind Kind) Answer {
	if r.status < 200 || r.status > 299 {
		return readRefusal(r)
	}
	a := Answer{Outcome: Uncertain, Status: r.status}
	id := createdID(r.body)
	switch {
	case r.page:
		a.Text = pageText(r.status) + fmt.Sprintf(" KeyCRM may have the %s.", kind)
	case r.status != http.StatusCreated:
		a.Text = fmt.Sprintf("KeyCRM answered %d where a new %s is a 201; it may have it.", r.status, kind)
	case !r.whole:
		a.Text = fmt.Sprintf("KeyCRM's answer broke off before it was whole; it may have the %s.", kind)
	case id == 0:
		a.Text = fmt.Sprintf("KeyCRM answered 201 without a readable id; it may have the %s.", kind)
	default:
		a.Outcome, a.ID, a.Text = Done, id, fmt.Sprintf("KeyCRM made %s %d.", kind, id)
	}
	return a
}

// createdID reads the new entity's id, bare as KeyCRM writes it or inside "data" as its lists do; 0 when there is none.
func createdID(body []byte) int64 {
	var entity, data row
	if json.Unmarshal(body, &entity) != nil {
		return 0
	}
	if id := entity.id(); id != 0 {
		return id
	}
	if json.Unmarshal(entity["data"], &data) != nil {
		return 0
	}
	return data.id()
}

// positive reads a whole number from 1 up; anything else is 0.
func positive(n json.Number) int64 {
	id, err := strconv.ParseInt(n.String(), 10, 64)
	if err != nil || id < 0 {
		return 0
	}
	return id
}

// readRefusal says what a status outside the 2xx means, for creating and for reading calls alike.
func readRefusal(r reply) Answer {
	a := Answer{Outcome: Uncertain, Status: r.status}
	said := readLaravel(r)
	switch s := r.status; {
	case s == http.StatusTooManyRequests:
		a.Outcome, a.RetryAfter = Limited, r.retryAfter
		a.Text = "KeyCRM's limit of calls is reached (429); nothing happened."
	case s == http.StatusUnauthorized:
		a.Outcome = Unauthorised
		a.Text = "KeyCRM does not take the token (401): copy it anew from KeyCRM, Settings, General, API key."
	case s >= 300 && s < 400:
		a.Text = fmt.Sprintf("What answered points elsewhere (%d), which is not followed: look at --keycrm-url.", s)
	case s >= 500 || s < 300 || s == http.StatusRequestTimeout:
		a.RetryAfter = r.retryAfter
		a.Text = fmt.Sprintf("KeyCRM answered %d, which says nothing about whether it took the call.", s)
	case !r.whole:
		a.Text = fmt.Sprintf("KeyCRM's answer (%d) broke off before it was whole.", s)
	case s == http.StatusMethodNotAllowed, s == http.StatusNotFound && (!said.isKeyCRM || said.noRoute):
		return wrongAddress(s)
	case s == http.StatusUnprocessableEntity && said.namesSourceUUID:
		a.Outcome, a.Messages = Duplicate, said.messages
		a.Text = "KeyCRM has a complaint about source_uuid (422): it may have this order already."
	case r.page:
		// A refusal all the same: most likely a firewall before KeyCRM that minds something in it, and would mind it again.
		a.Outcome, a.Text = Rejected, pageText(s)
	default:
		a.Outcome, a.Messages = Rejected, said.messages
		a.Text = fmt.Sprintf("KeyCRM refused it for good (%d).", s)
	}
	return a
}

// wrongAddress is the answer of what is not KeyCRM's API, or KeyCRM's at another path. A wrong address is nobody's fault but the
// configuration's, so nothing is lost by it: an account waits, while Rejected would put each submission aside for good.
func wrongAddress(status int) Answer {
	return Answer{
		Outcome: WrongAddress, Status: status,
		Text: fmt.Sprintf("There is no KeyCRM API at this address (%d): look at --keycrm-url, it ends with /v1.", status),
	}
}

// pageText is about an answer that is a web page: a proxy's, a firewall's, or another site's at that address.
func pageText(status int) string {
	return fmt.Sprintf("A web page came back (%d) where KeyCRM answers with data: look at --keycrm-url, and at what stands between here and KeyCRM.", status)
}

// laravel is an error body in the shape KeyCRM's framework gives it: {"message": "…", "errors": {"path.0": ["…"]}}.
type laravel struct {
	isKeyCRM        bool // it is of that shape
	noRoute         bool // of a 404: it speaks of the address and not of a record
	namesSourceUUID bool
	messages        []Message
}

// readLaravel reads an error body; one of any other shape gives nothing, so that no page of HTML gets into a message.
func readLaravel(r reply) laravel {
	var body struct {
		Message *string
		Errors  map[string]json.RawMessage
	}
	// An unexpected type beside "message" takes nothing from it; what is no JSON at all leaves it nil.
	_ = json.Unmarshal(r.body, &body)
	if !r.whole || body.Message == nil {
		return laravel{}
	}
	l := laravel{isKeyCRM: true, noRoute: saysNoRoute(*body.Message), namesSourceUUID: saysSourceUUID(*body.Message)}
	for path, raw := range body.Errors {
		l.namesSourceUUID = l.namesSourceUUID || saysSourceUUID(path)
		for _, text := range texts(raw) {
			l.messages = append(l.messages, Message{Path: clip(path, maxMessagePath), Text: clip(text, maxMessageText)})
		}
	}
	slices.SortFunc(l.messages, func(a, b Message) int {
		return strings.Compare(a.Path+"\x00"+a.Text, b.Path+"\x00"+b.Text)
	})
	// "message" repeats the first of the errors; it only counts where there are none.
	if text := clip(*body.Message, maxMessageText); len(l.messages) == 0 && text != "" {
		l.messages = []Message{{Text: text}}
	}
	l.messages = l.messages[:min(len(l.messages), maxMessages)]
	return l
}

// saysNoRoute tells a 404 of the framework's router from one of a record. The router writes "The route v1/x could not be found.", in older
// versions nothing at all; a gateway before it speaks of its routes as well. A record's 404 names the record or says "not found".
func saysNoRoute(message string) bool {
	words := strings.Fields(strings.ToLower(message))
	return len(words) == 0 || slices.Contains(words, "route")
}

// saysSourceUUID finds the field's name in a path or in a sentence, where the framework may write it with blanks.
func saysSourceUUID(s string) bool {
	s = strings.ToLower(strings.ReplaceAll(s, " ", "_"))
	return strings.Contains(s, "source_uuid")
}

// texts reads a text or a list of texts; anything else is none.
func texts(raw json.RawMessage) []string {
	var one string
	if json.Unmarshal(raw, &one) == nil && one != "" {
		return []string{one}
	}
	var many []string
	if json.Unmarshal(raw, &many) != nil {
		return nil
	}
	return many
}

// clip makes foreign text fit to be stored and shown: one line, bounded, and with nothing a browser would take for a tag.
func clip(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '<':
			return '‹'
		case r == '>':
			return '›'
		case unicode.IsControl(r) || r == unicode.ReplacementChar:
			return ' '
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > limit {
		s = string(runes[:limit-1]) + "…"
	}
	return s
}

// sentence clips an error's text and ends it with a full stop.
func sentence(s string) string { return strings.TrimRight(clip(s, maxMessageText), ".") + "." }

// capitalised begins a text with a capital.
func capitalised(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[size:]
}

// retryAfter reads a Retry-After header, seconds or an HTTP date, at the moment now. A date is compared with the answer's own
// Date, when it has one, since the two come from one clock. What is negative or unreadable is 0; what is beyond MaxRetryAfter is that.
func retryAfter(header, date string, now time.Time) time.Duration {
	header = strings.TrimSpace(header)
	if allDigits(header) {
		seconds, err := strconv.ParseInt(header, 10, 32)
		if err != nil {
			return MaxRetryAfter // more digits than any delay has
		}
		return min(time.Duration(seconds)*time.Second, MaxRetryAfter)
	}
	at, err := http.ParseTime(header)
	if err != nil {
		return 0
	}
	if from, err := http.ParseTime(date); err == nil {
		now = from
	}
	return min(max(at.Sub(now), 0), MaxRetryAfter)
}

// unsent is the answer of a call of which no byte of the body left this machine, for the reason err.
func unsent(host string, err error) Answer {
	return Answer{Outcome: NotSent, Text: "Nothing was sent: " + reason(host, err)}
}

// broken is the answer of a call that went out and had no answer.
func broken(host string, err error) Answer {
	if timedOut(err) {
		return Answer{Outcome: Uncertain, Text: "No answer came from " + host + " in time; KeyCRM may have taken the call."}
	}
	if errors.Is(err, context.Canceled) {
		return Answer{Outcome: Uncertain, Text: "The call was cut off here while it waited for an answer; KeyCRM may have taken it."}
	}
	return Answer{Outcome: Uncertain, Text: "The connection to " + host + " broke before an answer was there; KeyCRM may have taken the call."}
}

// reason says in our own words why no connection came about: the errors of net/http quote addresses and headers.
func reason(host string, err error) string {
	var (
		dns         *net.DNSError
		certificate *tls.CertificateVerificationError
		record      tls.RecordHeaderError
		alert       tls.AlertError
	)
	switch {
	case errors.Is(err, errLate):
		return "the call's time was up before it could go out."
	case errors.As(err, &dns):
		return "the name of " + host + " cannot be found (DNS)."
	case errors.As(err, &certificate):
		return "the certificate of " + host + " does not hold: it is not for this name, has run out, or is signed by nobody known here."
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &record), errors.As(err, &alert):
		return host + " does not speak TLS as KeyCRM does; look at the base URL."
	case errors.Is(err, syscall.ECONNREFUSED):
		return host + " refused the connection."
	case timedOut(err):
		return "no connection to " + host + " came about in time."
	case errors.Is(err, context.Canceled):
		return "the call was called off before a connection came about."
	default:
		return "no connection to " + host + " came about."
	}
}

// timedOut says whether err is a deadline of ours or of the network, which read alike for whoever waits.
func timedOut(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}
