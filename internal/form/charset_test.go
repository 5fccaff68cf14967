package form

import (
	"strings"
	"testing"
)

// The word Олена in three encodings, percent-encoded.
const (
	utf8Olena = "%D0%9E%D0%BB%D0%B5%D0%BD%D0%B0"
	cp1251    = "%CE%EB%E5%ED%E0"
	koi8u     = "%EF%CC%C5%CE%C1"
)

func TestCharset(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, contentType, body, profile string
		charset, value                   string // of the pair `n`
		raw                              bool
	}{
		{"none declared, UTF-8", "", utf8Olena, "", "utf-8", "Олена", false},
		{"none declared, ASCII", "", "Olena", "", "utf-8", "Olena", false},
		{"none declared, windows-1251", "", cp1251, "", "windows-1251", "Олена", false},
		{"judged as a whole", "", cp1251 + "&m=" + utf8Olena, "", "windows-1251", "Олена", false},
		{"a byte that windows-1251 lacks", "", cp1251 + "%98", "", "windows-1251", "Олена\uFFFD", true},
		{"UTF-8 with a scratch is no windows-1251", "", utf8Olena + utf8Olena + "%D0", "", "utf-8", "ОленаОлена\uFFFD", true},
		{"U+FFFD that was typed is no loss", "", "%EF%BF%BD", "", "utf-8", "\uFFFD", false},
		{"content type", "; charset=windows-1251", cp1251, "koi8-u", "windows-1251", "Олена", false},
		{"content type before _charset_", "; charset=windows-1251", cp1251 + "&_charset_=koi8-u", "", "windows-1251", "Олена", false},
		{"_charset_", "", koi8u + "&_charset_=KOI8-U", "windows-1251", "koi8-u", "Олена", false},
		{"_charset_ in capitals, label with blanks", "", koi8u + "&_CHARSET_=+koi8-u+", "", "koi8-u", "Олена", false},
		{"_charset_ that no script filled in", "", cp1251 + "&_charset_=", "", "windows-1251", "Олена", false},
		{"the profile's", "", koi8u, "koi8-u", "koi8-u", "Олена", false},
		{"unknown labels fall through", "; charset=klingon", koi8u + "&_charset_=elvish", "koi8-u", "koi8-u", "Олена", false},
		{"UTF-16 is no form's charset", "; charset=utf-16le", utf8Olena, "", "utf-8", "Олена", false},
		{"UTF-8 declared, broken", "; charset=UTF-8", cp1251, "", "utf-8", strings.Repeat("\uFFFD", 5), true},
		{"UTF-8 declared by the profile, broken", "", "%CE", "utf-8", "utf-8", "\uFFFD", true},
		{"declared, with a byte it lacks", "; charset=windows-1251", "%98", "", "windows-1251", "\uFFFD", true},
		{"two bytes a letter", "; charset=gbk", "%C4%E3", "", "gbk", "你", false},
		{"a charset that redefines ASCII", "; charset=iso-2022-jp", "%1B$B4A%1B(B", "", "iso-2022-jp", "漢", false},
		{"an alias", "; charset=cp1251", cp1251, "", "windows-1251", "Олена", false},
		{"in quotes", `; Charset="windows-1251"`, cp1251, "", "windows-1251", "Олена", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			body := "n=" + c.body
			f := mustDecodeWith(t, urlencodedType+c.contentType, body, Options{Charset: c.profile})
			if f.Charset != c.charset || f.Pairs[0].Value != c.value {
				t.Errorf("charset %q value %q, want %q %q", f.Charset, f.Pairs[0].Value, c.charset, c.value)
			}
			if c.raw && string(f.Raw) != body || !c.raw && f.Raw != nil {
				t.Errorf("raw = %q, want it kept: %v", f.Raw, c.raw)
			}
		})
	}
}

func TestCharsetOfNamesAndFiles(t *testing.T) {
	t.Parallel()
	name := "\xce\xeb\xe5\xed\xe0" // windows-1251
	f, files := mustFiles(t, multipartType, part(`name="`+name+`"`, name)+part(`name="f"; filename="`+name+`.txt"`, "\xff\x00")+"--XX--\r\n", Limits{})
	wantPairs(t, f, pairs("Олена", "Олена"))
	if got := files[0]; got.Name != "Олена.txt" || got.Content != "\xff\x00" {
		t.Errorf("file = %+v, want the name decoded and the content untouched", got)
	}
}

func TestCharsetKnown(t *testing.T) {
	t.Parallel()
	for label, want := range map[string]bool{
		"utf-8": true, "UTF8": true, " cp1251 ": true, "koi8-u": true, "shift_jis": true, "latin1": true,
		"": false, "utf-16": false, "UTF-16BE": false, "iso-2022-kr": false, "klingon": false, "utf-7": false,
	} {
		if got := CharsetKnown(label); got != want {
			t.Errorf("CharsetKnown(%q) = %v", label, got)
		}
	}
}
