package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"formrelay/internal/form"
	"formrelay/internal/submission"
)

// encode makes the JSON columns of p.
func (p *pending) encode() error {
	p.text.pairs = encodePairs(p.sub.Pairs)
	p.text.visitor = encodeVisitor(p.sub.Visitor)
	var err error
	if len(p.sub.Faults) > 0 {
		p.text.faults, err = encodeJSON(p.sub.Faults)
	}
	return errors.Join(err, p.encodeGuard())
}

func encodeJSON(v any) (string, error) {
	text, err := json.Marshal(v)
	return string(text), err
}

// encodePairs writes [["name","value"],…]. It is written by hand because every submission passes here: encoding/json takes several
// times as long for the same text.
func encodePairs(pairs []form.Pair) string {
	size := 2
	for _, p := range pairs {
		size += len(p.Name) + len(p.Value) + len(`["",""],`)
	}
	var b strings.Builder
	b.Grow(size + size/8)
	b.WriteByte('[')
	for i, p := range pairs {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('[')
		quote(&b, p.Name)
		b.WriteByte(',')
		quote(&b, p.Value)
		b.WriteByte(']')
	}
	b.WriteByte(']')
	return b.String()
}

// decodePairs reads what encodePairs wrote.
func decodePairs(text string) ([]form.Pair, error) {
	var raw [][2]string
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		return nil, fmt.Errorf("the stored pairs cannot be read: %w", err)
	}
	pairs := make([]form.Pair, len(raw))
	for i, p := range raw {
		pairs[i] = form.Pair{Name: p[0], Value: p[1]}
	}
	return pairs, nil
}

// encodeVisitor writes what json.Marshal would, without reflection.
func encodeVisitor(v submission.Visitor) string {
	var b strings.Builder
	b.Grow(len(v.IP) + len(v.UserAgent) + len(v.Referrer) + len(v.Page) + len(v.Language) + 80)
	b.WriteByte('{')
	for _, m := range [...]struct{ name, value string }{
		{"ip", v.IP}, {"user_agent", v.UserAgent}, {"referrer", v.Referrer}, {"page", v.Page}, {"language", v.Language},
	} {
		if m.value == "" {
			continue
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		quote(&b, m.name)
		b.WriteByte(':')
		quote(&b, m.value)
	}
	b.WriteByte('}')
	return b.String()
}

// plain makes s a text that every database takes: bytes that are no UTF-8, and NUL, become U+FFFD.
func plain(s string) string {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return strings.ReplaceAll(s, "\x00", "\uFFFD")
}

// quote writes s as a JSON string. Bytes that are no UTF-8 become U+FFFD, as in encoding/json: not every database takes them.
func quote(b *strings.Builder, s string) {
	const hex = "0123456789abcdef"
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	b.WriteByte('"')
	start := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b.WriteString(s[start:i])
		start = i + 1
		switch c {
		case '"', '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case '\n':
			b.WriteString(`\n`)
		case '\r':
			b.WriteString(`\r`)
		case '\t':
			b.WriteString(`\t`)
		default:
			b.WriteString(`\u00`)
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	b.WriteString(s[start:])
	b.WriteByte('"')
}
