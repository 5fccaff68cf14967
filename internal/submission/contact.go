package submission

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"formrelay/internal/form"
)

// CorrectedWithin is how long after a refused submission a later post can be the one that answers it: whoever comes back tomorrow has
// come anew.
const CorrectedWithin = time.Hour

// minPhone and maxPhone bound the digits of what is taken for a phone number: fewer are a price or a post code, more a card's number.
const (
	minPhone = 9
	maxPhone = 15
)

// Contacts are the emails and phones by which two submissions are known to be one person's: those that the mapping found where there
// is an entity, else whatever among the posted values is nothing but an email or a phone. They are normalised only to be compared.
func (s Submission) Contacts() []string {
	if len(s.Entity) > 0 {
		return entityContacts(s.Entity)
	}
	return pairContacts(s.Pairs)
}

// entityContacts reads an order's buyer or a card's contact. Hidden fields of the shop's own are not among them.
func entityContacts(entity []byte) []string {
	type person struct{ Email, Phone string }
	var e struct{ Buyer, Contact person }
	if json.Unmarshal(entity, &e) != nil {
		return nil
	}
	var all []string
	for _, text := range []string{e.Buyer.Email, e.Buyer.Phone, e.Contact.Email, e.Contact.Phone} {
		if c, ok := contact(text); ok && !slices.Contains(all, c) {
			all = append(all, c)
		}
	}
	return all
}

func pairContacts(pairs []form.Pair) []string {
	var all []string
	for _, p := range pairs {
		if c, ok := contact(p.Value); ok && !slices.Contains(all, c) {
			all = append(all, c)
		}
	}
	return all
}

// contact normalises a text that is nothing but an email or a phone: an email to small letters, a phone to its digits without what
// stands for "from abroad" or "from another town". ok is false for any other text.
func contact(text string) (normal string, ok bool) {
	text = strings.TrimSpace(text)
	if local, host, found := strings.Cut(text, "@"); found {
		return strings.ToLower(text), local != "" && strings.Contains(host, ".") && !strings.ContainsAny(text, " \t\r\n,;<>")
	}
	if strings.Trim(text, phoneRunes) != "" {
		return "", false
	}
	digits := strings.TrimLeft(digitsOf(text), "0")
	return digits, len(digits) >= minPhone && len(digits) <= maxPhone
}

// phoneRunes is what stands between the digits of a phone number.
const phoneRunes = "0123456789+-–().\u00a0 /"

func digitsOf(text string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, text)
}

// SamePerson tells whether two lists of Contacts have one in common. Phones are the same when one ends with the other: "050 111 22 33",
// "8 (050) 111-22-33" and "+380501112233" have nine digits or more in common at their ends, which two people's numbers do not have.
func SamePerson(a, b []string) bool {
	return slices.ContainsFunc(a, func(x string) bool {
		return slices.ContainsFunc(b, func(y string) bool { return sameContact(x, y) })
	})
}

func sameContact(a, b string) bool {
	if strings.Contains(a, "@") || strings.Contains(b, "@") {
		return a == b
	}
	return strings.HasSuffix(a, b) || strings.HasSuffix(b, a)
}

// Person is one phone or one email, to find everything that somebody ever sent. The zero Person is nobody.
type Person struct{ contact string }

// NewPerson reads an email or a phone as ops write it. ok is false when the text is neither.
func NewPerson(text string) (p Person, ok bool) {
	c, ok := contact(text)
	return Person{contact: c}, ok
}

// In tells whether the person's phone or email stands anywhere in what was posted or what was made of it: as a value of its own,
// inside a comment, or in the entity.
func (p Person) In(s Submission) bool {
	return slices.ContainsFunc(s.Pairs, func(pair form.Pair) bool { return p.standsIn(pair.Value) || p.standsIn(pair.Name) }) ||
		p.standsIn(string(s.Entity)) || p.standsIn(string(s.Raw))
}

func (p Person) standsIn(text string) bool {
	if p.contact == "" {
		return false
	}
	if strings.Contains(p.contact, "@") {
		return hasWord(strings.ToLower(text), p.contact)
	}
	// The country's code and what follows a number (an extension, "after 18:00") may or may not be there: its end says whose it is.
	end := p.contact[max(0, len(p.contact)-minPhone):]
	return slices.ContainsFunc(phoneRuns(text), func(digits string) bool { return strings.Contains(digits, end) })
}

// hasWord finds an email that is not the end or the beginning of a longer one: an@b.example is not joan@b.example.
func hasWord(text, email string) bool {
	for from := 0; ; {
		i := strings.Index(text[from:], email)
		if i < 0 {
			return false
		}
		start, end := from+i, from+i+len(email)
		if !mailByte(text, start-1) && !mailByte(text, end) {
			return true
		}
		from = start + 1
	}
}

// mailByte tells whether the byte at i could belong to an email that goes on there. A dot behind one ends a sentence.
func mailByte(text string, i int) bool {
	if i < 0 || i >= len(text) {
		return false
	}
	c := text[i]
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '+'
}

// phoneRuns are the digits of every stretch of text that consists of what phone numbers consist of. A plus begins another one.
func phoneRuns(text string) []string {
	var runs []string
	for stretch := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '+' || !strings.ContainsRune(phoneRunes, r) }) {
		if digits := digitsOf(stretch); len(digits) >= minPhone {
			runs = append(runs, digits)
		}
	}
	return runs
}
