package value

import (
	"regexp"
	"strings"
	"testing"

	"github.com/go-playground/validator/v10"
)

func TestEmail(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"olena@example.com", "o@e.ua", "olena.k+shop@mail.example.co.uk", "OLENA@EXAMPLE.COM", "o'neil@example.com", "a_b-c@example.com",
		"1@example.com", "a@1.com", "a@xn--80a1acny.xn--j1amh", "!#$%&'*+/=?^_`{|}~-@example.com", "a@a-b.c-d.com",
		strings.Repeat("a", 64) + "@example.com", "a@" + strings.Repeat("b", 63) + ".com",
	} {
		if !Email(text) {
			t.Errorf("%q is refused", text)
		}
	}
	for _, text := range []string{
		"", "@", "olena", "olena@", "@example.com", "olena@example", "olena@localhost", "olena@example.", "olena@.com", "olena@example..com",
		"olena@@example.com", "a@b@example.com", "ole na@example.com", "olena@exam ple.com", " olena@example.com", "olena@example.com ",
		"olena.@example.com", ".olena@example.com", "o..lena@example.com", "олена@example.com", "olena@пошта.укр", "olena@example,com",
		"olena@example.com,second@example.com", "Olena <olena@example.com>", `"olena k"@example.com`, "olena@[127.0.0.1]", "olena@127.0.0.1",
		"olena@-example.com", "olena@example-.com", "olena@example.c-", "olena@exam_ple.com", "olena@example.com.", "mailto:olena@example.com",
		"olena@example.com\x00", "olena(k)@example.com", "olena;k@example.com", "olena@example.1om", "olena@example.co1",
		strings.Repeat("a", 65) + "@example.com", "a@" + strings.Repeat("b", 64) + ".com", "a@" + strings.Repeat("b.", 130) + "com",
	} {
		if Email(text) {
			t.Errorf("%q is taken", text)
		}
	}
}

// whatwg is the expression in the HTML standard's section on input type=email.
var whatwg = regexp.MustCompile("^[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?" +
	"(?:\\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$")

// Email must say what the standard and validator say together, but for the two bounds on length and a last label that begins with a
// digit, which validator lets through behind another label that begins with a letter.
func FuzzEmail(f *testing.F) {
	for _, s := range []string{"olena@example.com", "a.b@c.d", "a..b@c.de", "a@b", "a@b.c-d", "a@b.1c", "\"a\"@b.cd", "a@b.c.", "a@xn--80a.com"} {
		f.Add(s)
	}
	v := validator.New()
	f.Fuzz(func(t *testing.T, text string) {
		at := strings.IndexByte(text, '@')
		top := text[strings.LastIndexByte(text, '.')+1:]
		want := whatwg.MatchString(text) && v.Var(text, "email") == nil && len(text) <= maxEmail && at <= maxEmailLocal &&
			!isDigit(top[0])
		if got := Email(text); got != want {
			t.Fatalf("Email(%q) = %v; the rule says %v", text, got, want)
		}
	})
}
