package intake

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"formrelay/internal/mapping"
	"formrelay/internal/mapping/value"
	"formrelay/web"
)

func texts(t *testing.T) web.Messages {
	t.Helper()
	m, err := web.LoadMessages()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// codes are all that a Correction can have.
func codes() []string {
	return []string{
		mapping.CodeMissing, mapping.CodeEmpty, mapping.CodeEmail, mapping.CodeNumeric, mapping.CodeText, mapping.CodePhone,
		mapping.CodeDate, mapping.CodeBool, mapping.CodeNoContact, mapping.CodeFile,
	}
}

func TestEveryCorrectionHasASentence(t *testing.T) {
	t.Parallel()
	for lang, text := range texts(t) {
		for _, code := range codes() {
			if got := sentence(text, mapping.Correction{Field: "f", Code: code}); got == "" || got == text["rule.other"] {
				t.Errorf("%s: %s has no sentence of its own: %q", lang, code, got)
			}
		}
		for _, tag := range value.Tags() {
			for _, c := range []mapping.Correction{{Param: "7"}, {Param: "7", Type: "text"}, {Param: "7", Type: "int"}, {Type: "date"}} {
				c.Code, c.Tag = mapping.CodeRule, tag
				if got := sentence(text, c); got == "" || got == text["rule.other"] || strings.Contains(got, "{") || strings.Contains(got, tag+"=") {
					t.Errorf("%s: the rule %s: %q", lang, tag, got)
				}
			}
		}
	}
}

func TestCommonRulesHaveTheirOwnSentence(t *testing.T) {
	t.Parallel()
	for _, tag := range []string{
		"required", "min", "max", "len", "gte", "lte", "gt", "lt", "email", "url", "numeric", "number", "oneof",
		"e164", "alpha", "alphanum", "eq", "ne", "contains", "startswith", "endswith", "boolean", "datetime",
	} {
		if ruleKey(tag) == "" {
			t.Errorf("%s is told as \"check this field\"", tag)
		}
	}
}

func TestSentence(t *testing.T) {
	t.Parallel()
	en := texts(t)["en"]
	tests := []struct {
		name string
		c    mapping.Correction
		want string
	}{
		{"characters", mapping.Correction{Code: "RULE", Tag: "max", Param: "120", Type: "text"}, "This is too long. Maximum number of characters: 120."},
		{"an amount", mapping.Correction{Code: "RULE", Tag: "max", Param: "99", Type: "int"}, "This must be 99 or less."},
		{"choices", mapping.Correction{Code: "RULE", Tag: "oneof", Param: "red 'dark blue'  green", Type: "text"}, "Please choose one of: red, dark blue, green."},
		{"a date to come", mapping.Correction{Code: "RULE", Tag: "gt", Type: "date"}, "Please choose a date in the future."},
		{"a date from today on", mapping.Correction{Code: "RULE", Tag: "gte"}, "Please choose today or a later date."},
		{"one or the other", mapping.Correction{Code: "RULE", Tag: "email|e164", Type: "text"}, "Please enter an email address or a phone number with the country code."},
		{"a rule that has a code of its own", mapping.Correction{Code: mapping.CodeDate, Tag: "datetime", Param: "2006-01-02", Type: "text"}, "Please enter a date in the format that the form asks for."},
		{"a value that is none of its type", mapping.Correction{Code: mapping.CodeDate}, "Please enter a date such as 31.12.2026."},
		{"no whole number", mapping.Correction{Code: mapping.CodeNumeric, Type: "int"}, "Please enter a whole number, such as 2."},
		{"no number", mapping.Correction{Code: mapping.CodeNumeric, Type: "number"}, "Please enter a number."},
		{"one of some characters", mapping.Correction{Code: "RULE", Tag: "containsany", Param: "!?", Type: "text"}, "This must contain at least one of these characters: !?"},
		{"none of some characters", mapping.Correction{Code: "RULE", Tag: "excludesall", Param: "<>", Type: "text"}, "This must contain none of these characters: <>"},
		{"alternatives of one rule", mapping.Correction{Code: "RULE", Tag: "len|len", Param: "3|5", Type: "text"}, "Required number of characters: 3 / 5."},
		{"alternatives of several", mapping.Correction{Code: "RULE", Tag: "len|email", Param: "3|", Type: "text"}, "Please check this field."},
		{"a sign between alternatives", mapping.Correction{Code: "RULE", Tag: "contains", Param: "|", Type: "text"}, "This must contain: |."},
		{"an open quote", mapping.Correction{Code: "RULE", Tag: "oneof", Param: "'dark blue"}, "Please choose one of: dark blue."},
		{"a kind of text", mapping.Correction{Code: "RULE", Tag: "isbn13"}, "Please enter the number of the book or magazine (ISBN or ISSN)."},
		{"a rule nobody thought of", mapping.Correction{Code: "RULE", Tag: "new"}, "Please check this field."},
		{"a code nobody thought of", mapping.Correction{Code: "NEW"}, "Please check this field."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := sentence(en, tt.c); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// Every sentence is one that something can tell: either its key stands in this package's source, or it belongs to a family that is
// put together from a code, a rule or a status.
func TestNoSentenceIsUnused(t *testing.T) {
	t.Parallel()
	used := source(t)
	var families []string
	for _, code := range codes() {
		families = append(families, "field."+code)
	}
	for _, tag := range append(value.Tags(), "email|e164") {
		key := "rule." + ruleKey(tag)
		families = append(families, key, key+".text", key+".date")
	}
	for _, status := range []int{400, 403, 404, 405, 408, 410, 413, 415, 422, 429, 500, 503} {
		families = append(families, strconv.Itoa(status)+".title", strconv.Itoa(status)+".text")
	}
	for _, limit := range []string{"max_body", "max_pairs", "max_name", "max_value", "max_depth", "NO_FILE_UPLOADS", "TOO_MANY_FILES", "FILES_TOO_BIG", "files.title"} {
		families = append(families, "413."+limit)
	}
	families = append(families, "field."+mapping.CodeNumeric+".int", "404.FORM_NOT_FOUND", "404.SUBMISSION_NOT_FOUND", "405.elsewhere.title", "405.elsewhere.text")
	for _, name := range []string{"name", "email", "phone", "message", "comment", "city", "address", "quantity", "password"} {
		families = append(families, "label."+name)
	}
	for key := range texts(t)["en"] {
		known := strings.Contains(used, `"`+key+`"`)
		for _, f := range families {
			known = known || f == key
		}
		if !known {
			t.Errorf("nothing tells %q", key)
		}
	}
}

// source is this package's source without its tests.
func source(t *testing.T) string {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil || len(names) == 0 {
		t.Fatalf("%v: %d files", err, len(names))
	}
	var all strings.Builder
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}
