package value

import "strings"

// Bounds of an email address, of RFC 5321.
const (
	maxEmail      = 254
	maxEmailLocal = 64
	maxLabel      = 63
)

// Email tells whether a text is one email address: what a browser's input of type email lets through (the WHATWG HTML standard's rule:
// ASCII letters, digits and .!#$%&'*+/=?^_`{|}~- before the @, host labels of at most 63 letters, digits and inner hyphens after it), and
// besides what a mail server and KeyCRM want: no dot at either end of the local part nor two in a row, at least two labels, the last of
// them beginning and ending in a letter, at most 64 bytes before the @ and 254 in all.
//
// So there is no display name, no quoted part, no blank, no address literal and no dotless host. A host in Cyrillic is written by
// browsers as xn--…; typed raw it is no address.
func Email(text string) bool {
	at := strings.IndexByte(text, '@')
	if at < 1 || at > maxEmailLocal || len(text) > maxEmail {
		return false
	}
	return localPart(text[:at]) && host(text[at+1:])
}

// localPart judges what stands before the @; it is not empty.
func localPart(s string) bool {
	if s[0] == '.' || s[len(s)-1] == '.' || strings.Contains(s, "..") {
		return false
	}
	for i := range len(s) {
		if !isAlnum(s[i]) && strings.IndexByte(".!#$%&'*+/=?^_`{|}~-", s[i]) < 0 {
			return false
		}
	}
	return true
}

// host judges what stands behind the @, also a second @ in it.
func host(s string) bool {
	labels := 0
	for label := range strings.SplitSeq(s, ".") {
		if !hostLabel(label) {
			return false
		}
		labels++
	}
	top := s[strings.LastIndexByte(s, '.')+1:]
	return labels >= 2 && isLetter(top[0]) && isLetter(top[len(top)-1])
}

// hostLabel judges one label: the standard's rule, which is RFC 1034's.
func hostLabel(s string) bool {
	if s == "" || len(s) > maxLabel || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := range len(s) {
		if !isAlnum(s[i]) && s[i] != '-' {
			return false
		}
	}
	return true
}

func isAlnum(c byte) bool  { return isLetter(c) || isDigit(c) }
func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
