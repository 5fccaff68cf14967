package web

import (
	"bytes"
	"html/template"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jba/templatecheck"
)

func messages(t *testing.T) Messages {
	t.Helper()
	m, err := LoadMessages()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestEveryLanguageHasEverySentence(t *testing.T) {
	t.Parallel()
	m := messages(t)
	want := slices.Sorted(maps.Keys(m[Languages()[0]]))
	for _, lang := range Languages() {
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(m[lang]))); diff != "" {
			t.Errorf("%s (-%s +%s):\n%s", lang, Languages()[0], lang, diff)
		}
	}
}

func TestMissingSentenceIsAnError(t *testing.T) {
	t.Parallel()
	m := messages(t)
	delete(m["pl"], "thanks.title")
	if err := m.complete(); err == nil || !strings.Contains(err.Error(), `"thanks.title"`) || !strings.Contains(err.Error(), "pl") {
		t.Errorf("error %v", err)
	}
}

// A visitor must not meet a program's words, in any language.
var (
	programWords = regexp.MustCompile(`(?i)\b(nil|null|struct|string|int64|float|regexp?|json: |validator|tag|panic|runtime|http:|handler|schema|invalid|undefined|ERR_|exception)\b`)
	placeholder  = regexp.MustCompile(`\{[^}]*\}`)
)

func TestSentencesAreForPeople(t *testing.T) {
	t.Parallel()
	for lang, sentences := range messages(t) {
		for key, s := range sentences {
			if w := programWords.FindString(s); w != "" {
				t.Errorf("%s %s says %q: %s", lang, key, w, s)
			}
			if s != strings.TrimSpace(s) || strings.ContainsAny(s, "<>") {
				t.Errorf("%s %s has stray blanks or markup: %q", lang, key, s)
			}
			for _, p := range placeholder.FindAllString(s, -1) {
				filled := p == "{param}" && (strings.HasPrefix(key, "rule.") || key == "422.file") || p == "{n}" && strings.HasPrefix(key, "size.") ||
					p == "{max}" && key == "413.TOO_MANY_FILES" || p == "{size}" && key == "413.FILES_TOO_BIG"
				if !filled {
					t.Errorf("%s %s has a placeholder that nothing fills: %s", lang, key, p)
				}
			}
		}
	}
}

func TestPlaceholdersAgree(t *testing.T) {
	t.Parallel()
	m := messages(t)
	for key, s := range m["en"] {
		for _, lang := range Languages() {
			if in, is := placeholder.FindAllString(s, -1), placeholder.FindAllString(m[lang][key], -1); strings.Join(in, "") != strings.Join(is, "") {
				t.Errorf("%s: the placeholders are %v in English and %v in %s", key, in, is, lang)
			}
		}
	}
}

// A text in the wrong alphabet is a sentence that somebody forgot to translate.
func TestSentencesAreInTheirLanguage(t *testing.T) {
	t.Parallel()
	cyrillic := regexp.MustCompile(`\p{Cyrillic}`)
	foreign := map[string]*regexp.Regexp{ // letters that the other of the two has
		"uk": regexp.MustCompile(`[ыэъёЫЭЪЁ]`),
		"ru": regexp.MustCompile(`[іїєґІЇЄҐ]`),
	}
	for lang, sentences := range messages(t) {
		slavic := lang == "uk" || lang == "ru"
		for key, s := range sentences {
			if cyrillic.MatchString(s) != slavic {
				t.Errorf("%s %s is not in its alphabet: %s", lang, key, s)
			}
			if f := foreign[lang]; f != nil && f.MatchString(s) {
				t.Errorf("%s %s has a letter of the other language: %s", lang, key, s)
			}
		}
	}
}

func pages(t *testing.T) *Pages {
	t.Helper()
	p, err := ParsePages()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestTemplatesFitTheirStructs(t *testing.T) {
	t.Parallel()
	p := pages(t)
	for name, check := range map[string]struct {
		page *template.Template
		data any
	}{
		"thanks": {p.Thanks, Thanks{}}, "problem": {p.Problem, Problem{}}, "hint": {p.Hint, Hint{}}, "correct": {p.Correct, Correct{}},
	} {
		if err := templatecheck.CheckHTMLStrict(check.page, check.data); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPagesEscapeEverything(t *testing.T) {
	t.Parallel()
	const evil = `"><script>alert(1)</script><img src=x onerror=alert(1)>'{{.}}`
	base := Page{Lang: evil, Title: evil, Style: "/static/relay.css?v=1"}
	p := pages(t)
	for name, page := range map[string]struct {
		t    *template.Template
		data any
	}{
		"thanks": {p.Thanks, Thanks{Page: base, Text: evil, NumberLabel: evil, Number: evil, Close: evil}},
		"problem": {p.Problem, Problem{
			Page: base, Text: evil, Back: evil, Limit: evil, RequestLabel: evil, Request: evil,
		}},
		"correct": {p.Correct, Correct{
			Page: base, Text: evil, Summary: []Link{{evil, evil, evil}}, Multipart: true, Kept: evil, Send: evil, RequestLabel: evil, Request: evil,
			Inputs: evilInputs(evil),
		}},
		"hint": {p.Hint, Hint{
			Page: base, Text: evil, Developer: evil, How: evil, Action: evil, Name: evil, Phone: evil, Send: evil, Script: evil,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			if err := page.t.Execute(&b, page.data); err != nil {
				t.Fatal(err)
			}
			if s := b.String(); strings.Contains(s, "<script") || strings.Contains(s, "<img") || strings.Contains(s, `"><`+"s") {
				t.Errorf("unescaped:\n%s", s)
			}
		})
	}
}

// evilInputs is an input of each kind, every text of it evil.
func evilInputs(evil string) []Input {
	var all []Input
	for _, kind := range []InputKind{HiddenInput, TextInput, AreaInput, ChoiceInput, BoxInput, FileInput} {
		all = append(all, Input{
			Kind: kind, Type: evil, ID: evil, Name: evil, Value: evil, Label: evil, Hint: evil, Message: evil, MessageID: evil, Refers: evil,
			Mode: evil, Complete: evil, Options: []Option{{evil, evil, true}}, Multiple: true, Faulty: true, Focus: true,
		})
	}
	return all
}

func TestPagesHoldWhatTheirPolicyForbids(t *testing.T) {
	t.Parallel()
	// The pages are served with default-src 'none': an inline style, a script or an image would silently not work.
	forbidden := regexp.MustCompile(`(?i)style=|<script|<style|<img|\son[a-z]+=`)
	entries, err := files.ReadDir("templates")
	if err != nil || len(entries) != 5 {
		t.Fatalf("%v: %d templates", err, len(entries))
	}
	for _, e := range entries {
		text, err := files.ReadFile("templates/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		if f := forbidden.Find(text); f != nil {
			t.Errorf("%s holds %q", e.Name(), f)
		}
	}
}

func TestStyle(t *testing.T) {
	t.Parallel()
	css, sum := Style()
	if len(css) == 0 || len(sum) != 12 {
		t.Errorf("%d bytes, checksum %q", len(css), sum)
	}
	if bytes.Contains(css, []byte("url(")) || bytes.Contains(css, []byte("@import")) {
		t.Error("the style sheet loads something else, which the pages' policy forbids")
	}
}
