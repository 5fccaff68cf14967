package value

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers"
)

// Bounds of the search for a number in a text.
const (
	maxPhoneText   = 250 // bytes that are looked at, as many as the library would
	maxPhoneDigits = 20  // of one number with its international prefix: E.164 has 15, Germany 17
	minPhoneDigits = 5
	maxPhoneTries  = 12 // questions to the library for one text: each costs some 20 µs
)

// ukraine is the region whose numbers most forms get; see [ukrainian].
const ukraine = "UA"

// Telephone is what a telephone number's text means.
type Telephone struct {
	Text  string // E.164 ("+380501112233") when Valid, else the text as it was typed, trimmed
	Valid bool   // a number that its country's numbering plan has; whether anybody answers it nobody can know
	Rest  string // with Valid: what was typed beside the number, "" when there was nothing
}

// Phone reads the telephone number in a text. region is the country (ISO 3166-1 alpha-2, "UA") whose local numbers are understood; with
// "" only international ones are.
//
// Digits may stand with blanks, dashes, dots, slashes and brackets. The international form may begin with +, 00 or, in its own country,
// with neither. In Ukraine the former long-distance prefix 8 is understood before 0: "8 (050) 111-22-33". Before anything else it is
// another country's ("8-800-555-35-35"), and which one is not known. An extension is never part of the number. When digits follow that do not belong to it, the longest valid beginning is the number; of two numbers it is the first.
// What was typed before and after goes to Rest ("після 18:00", "вн. 12", the second number), but for a mere "тел."
//
// Text in which no valid number is found comes back as typed: never a reason to lose a lead.
func Phone(text, region string) Telephone {
	typed := trim(text)
	s := search{text: clip(typed, maxPhoneText), region: region, tries: maxPhoneTries}
	for start := s.next(0); start >= 0; start = s.next(max(s.skip(start), s.passed)) {
		if e164, end := s.at(start); end > 0 {
			return Telephone{Text: e164, Valid: true, Rest: rest(typed[:start], typed[end:])}
		}
	}
	return Telephone{Text: typed}
}

// Regions lists the countries whose local numbers [Phone] can read, sorted.
func Regions() []string {
	var all []string
	for region := range phonenumbers.GetSupportedRegions() {
		all = append(all, region)
	}
	slices.Sort(all)
	return all
}

// search looks for one number in a text.
type search struct {
	text   string
	region string
	tries  int // how often the library may still be asked
	passed int // where a number of another country ends, in which no other is looked for
}

// next is where a number could begin, at from or after it: at a plus or the first of some digits; -1 when there is no such place or the
// tries are used up.
func (s *search) next(from int) int {
	if s.tries <= 0 {
		return -1
	}
	for i, r := range s.text[from:] {
		if isPlus(r) || digit(r) >= 0 {
			return from + i
		}
	}
	return -1
}

// skip is the end of the plus or the run of digits at start.
func (s *search) skip(start int) int {
	for i, r := range s.text[start:] {
		if digit(r) < 0 && i > 0 {
			return start + i
		}
	}
	return len(s.text)
}

// at tries the text from start, the longest run of digits first. end is 0 when there is no number here, else where it ends.
func (s *search) at(start int) (e164 string, end int) {
	c := collect(s.text[start:])
	if n := c.foreign(); n > 0 && s.region == ukraine {
		s.passed = start + n
		return "", 0
	}
	for g := c.groups - 1; g >= 0 && s.tries > 0; g-- {
		digits := c.digits[:c.counts[g]]
		if len(digits) < minPhoneDigits {
			break
		}
		if number, ok := s.read(string(digits), c.plus); ok {
			return number, start + c.ends[g]
		}
	}
	return "", 0
}

// read asks whether the digits are a number.
func (s *search) read(digits string, plus bool) (string, bool) {
	plus = plus && digits[0] != '0' // no country's code begins with 0: "+050…" is a slip for "050…"
	if s.region == ukraine {
		if number, ok := ukrainian(digits, plus); ok {
			return number, true
		}
		if !plus && len(digits) == 11 && strings.HasPrefix(digits, "80") {
			digits = digits[1:]
		}
	}
	s.tries--
	if plus {
		digits = "+" + digits
	}
	n, err := phonenumbers.Parse(digits, s.region)
	if err != nil || !phonenumbers.IsValidNumber(n) {
		return "", false
	}
	return phonenumbers.Format(n, phonenumbers.E164), true
}

// ukrainian is the short way for the numbers that most forms get: geographic and mobile ones of Ukraine, in the usual forms. It never
// says more than the library would: false means that the library has to be asked. A test holds it against the library for every
// operator's prefix and every form, so a new edition of the library that withdraws a prefix shows.
func ukrainian(digits string, plus bool) (string, bool) {
	national := ""
	switch n := len(digits); {
	case n == 12 && digits[:3] == "380":
		national = digits[3:]
	case plus:
		return "", false
	case n == 9:
		national = digits
	case n == 10 && digits[0] == '0':
		national = digits[1:]
	case n == 11 && digits[:2] == "80":
		national = digits[2:]
	case n == 14 && digits[:5] == "00380":
		national = digits[5:]
	}
	if national == "" || !ukrainianArea(national[0], national[1]) {
		return "", false
	}
	return "+380" + national, true
}

// ukrainianArea knows the first two digits of Ukraine's areas and mobile operators, as the library's plan has them.
func ukrainianArea(a, b byte) bool {
	switch a {
	case '3', '6', '9':
		return b >= '1'
	case '4':
		return b == '1' || b >= '3' && b <= '8'
	case '5':
		return b >= '0' && b <= '7'
	case '7':
		return b >= '1' && b <= '3' || b == '5' || b == '7'
	}
	return false
}

// candidate is the run of digits and punctuation that a text begins with. A number can end at the end of any group of digits.
type candidate struct {
	plus   bool
	digits []byte
	groups int
	counts [maxPhoneDigits]int // digits up to the group's end
	ends   [maxPhoneDigits]int // the offset of that end in the text
}

// collect reads a candidate. It stops at what no number holds, at a second plus, and at too many digits.
func collect(text string) candidate {
	c := candidate{digits: make([]byte, 0, maxPhoneDigits)}
	inGroup := false
	for i, r := range text {
		d := digit(r)
		switch {
		case i == 0 && isPlus(r):
			c.plus = true
		case d >= 0 && len(c.digits) == maxPhoneDigits:
			if inGroup {
				c.groups-- // a number cannot end inside a group
			}
			return c
		case d >= 0:
			if !inGroup {
				c.groups++
			}
			inGroup = true
			c.digits = append(c.digits, byte('0'+d))
			c.counts[c.groups-1], c.ends[c.groups-1] = len(c.digits), i+utf8.RuneLen(r)
		case !isPunctuation(r):
			return c
		default:
			inGroup = false
		}
	}
	return c
}

// foreign is where a number ends that begins with the prefix 8 and goes on with no 0, as they are written in Russia and Kazakhstan; 0
// when there is none. Ukraine's numbers never stand so, but without their first digits some of these would be valid there.
func (c *candidate) foreign() int {
	if c.plus || len(c.digits) < 2 || c.digits[0] != '8' || c.digits[1] == '0' {
		return 0
	}
	for g := range c.groups {
		if n := c.counts[g]; n == 10 || n == 11 {
			return c.ends[g]
		}
	}
	return 0
}

// rest joins what stands before and after the number, without the punctuation in between.
func rest(before, after string) string {
	before = strings.TrimRightFunc(before, func(r rune) bool { return isPunctuation(r) && r != ')' && r != ']' || isJoint(r) })
	after = strings.TrimLeftFunc(after, func(r rune) bool { return isPunctuation(r) && r != '(' && r != '[' || isJoint(r) })
	if isLabel(before) {
		before = ""
	}
	if before != "" && after != "" {
		return before + " " + after
	}
	return before + after
}

// isLabel knows the words that say no more than that a telephone number follows.
func isLabel(text string) bool {
	switch strings.ToLower(text) {
	case "тел", "телефон", "т", "моб", "tel", "telefon", "phone", "mob", "mobile":
		return true
	}
	return false
}

// isPunctuation holds for what may stand between a number's digits.
func isPunctuation(r rune) bool {
	switch r {
	case '(', ')', '[', ']', '.', '/', '−':
		return true
	}
	return isBlank(r) || unicode.Is(unicode.Pd, r)
}

// isJoint holds for what separates a number from other text and is not worth keeping.
func isJoint(r rune) bool { return r == ',' || r == ';' || r == ':' || r == '|' }

func isPlus(r rune) bool { return r == '+' || r == '＋' }

// digit is the value of a digit, also of the wide ones of East Asian keyboards; -1 for anything else.
func digit(r rune) int {
	switch {
	case r >= '0' && r <= '9':
		return int(r - '0')
	case r >= '０' && r <= '９':
		return int(r - '０')
	}
	return -1
}

// clip cuts a text to at most limit bytes, between two characters.
func clip(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit]
}
