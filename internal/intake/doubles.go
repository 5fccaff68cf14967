package intake

import (
	"crypto/sha256"
	"encoding/binary"
	"net/http"
	"strings"

	"formrelay/internal/form"
	"formrelay/internal/profile"
	"formrelay/internal/submission"
)

// signs is by what a post is known for one that came before, which the store decides. The key is the header Idempotency-Key, else the
// field that the profile names, else the field _idempotency_key, else Tilda's tranid. However long it is, only its sum is kept.
//
// What is set apart is no first of what is not, nor the other way round: whoever tries a form out and then posts it in earnest has
// posted two things, and so has who was turned away on another site and then came to the right one.
func signs(p *profile.Profile, h http.Header, c controls, s *submission.Submission) submission.Signs {
	key := strings.TrimSpace(h.Get("Idempotency-Key"))
	if key == "" && p.Guard.IdempotencyKey != "" {
		key = last(s.Pairs, p.Guard.IdempotencyKey)
	}
	if key == "" {
		key = c.key
	}
	if key == "" && p.Dedupe == 0 {
		return submission.Signs{}
	}
	data := fingerprint(s, c.test || s.Reason == submission.ReasonOrigin)
	out := submission.Signs{Data: data, Window: p.Dedupe}
	if key != "" {
		out.Key = number("key", p.Name, key)
		out.Keyed = number("keyed", p.Name, key, string(data))
	}
	if p.Dedupe > 0 {
		out.Sender = number("sender", p.Name, s.Visitor.IP, s.Visitor.UserAgent, string(data))
	}
	return out
}

// fingerprint is the SHA-256 of what a post holds: its pairs in order and its files' own sums. Names for the relay, answers of captchas
// and Tilda's tranid are left out, because they differ between posts of the same data; but _replyto is what a visitor typed. Where pairs lost bytes to U+FFFD the body itself
// is taken in: two different texts must not look alike.
func fingerprint(s *submission.Submission, apart bool) []byte {
	var room [1 << 10]byte // what most forms post is shorter, and so is never copied to the heap
	text := appendParts(room[:0], string(s.Raw))
	if apart {
		text = append(text, 1)
	}
	for _, pair := range s.Pairs {
		if strings.HasPrefix(pair.Name, "_") && pair.Name != "_replyto" || isTranID(pair.Name) || form.IsCaptcha(pair.Name) {
			continue
		}
		text = appendParts(text, pair.Name, pair.Value)
	}
	for _, f := range s.Files {
		text = appendParts(text, "file", f.Field, f.SHA256)
	}
	sum := sha256.Sum256(text)
	return sum[:]
}

// isTranID tells whether a field is the number that Tilda gives to each post, which is the same when it posts again.
func isTranID(name string) bool { return strings.EqualFold(name, "tranid") }

// number is 64 bits of the parts' SHA-256, never 0, which means that there is none.
func number(parts ...string) int64 {
	var room [256]byte
	sum := sha256.Sum256(appendParts(room[:0], parts...))
	return int64(binary.BigEndian.Uint64(sum[:]) | 1)
}

// appendParts writes texts so that no two lists of them look alike: each behind its length.
func appendParts(to []byte, parts ...string) []byte {
	for _, part := range parts {
		to = binary.AppendUvarint(to, uint64(len(part)))
		to = append(to, part...)
	}
	return to
}
