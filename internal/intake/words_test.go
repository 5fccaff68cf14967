package intake

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"formrelay/internal/mapping/value"
	"formrelay/web"
)

// ruled is a profile with one rule on the field "field", which has a label in each language.
func ruled(typ, rule string) string {
	return `creates: order
source_id: 22
form:
  fields:
    field: {type: ` + typ + `, validate: "` + rule + `", label: {uk: Мітка, ru: Метка, en: The label, pl: Etykieta}}
map:
  buyer: {full_name: "${name}"}
rest: manager_comment
`
}

// compiled finds a parameter with which a profile may use a tag on a type of field; "" when there is none.
func compiled(tag string, typ value.Type) string {
	for _, param := range []string{"", "=3", "=3 5", "=a b", "=abc", "=x", "=UA", "=true", "=2006-01-02"} {
		if _, err := value.CompileRule(tag+param, typ); err == nil {
			return tag + param
		}
	}
	return ""
}

// breaking is what visitors type; whatever a rule asks for, one of these is something else. The empty text stands for a field that was
// not posted.
func breaking(tag string) []string {
	if tag == "required" {
		return []string{""}
	}
	return []string{
		"~", "x", "ї", "3", "5", "a", "abc", "UA", "-7", "0", "999999", "12.5", "так", "ні", "01.01.2020", "01.01.2029", "0501112233", "olena@shop.example",
		"\"", "<a>b", "A b", "АБВ", "x3", "%zz", "https://shop.example",
	}
}

// TestEveryRuleSpeaksToPeople posts, for every rule that a profile may use and every type of field that it can judge, a value that breaks
// it, and reads what a visitor is told in each language.
func TestEveryRuleSpeaksToPeople(t *testing.T) {
	t.Parallel()
	b := setup(t)
	languages := web.Languages()
	for _, tag := range value.Tags() {
		judged := 0
		for _, typ := range value.Types() {
			rule := compiled(tag, typ)
			if rule == "" || (typ == value.TypePhone || typ == value.TypeEmail) && compiled(tag, value.TypeText) == rule { // these are texts too
				continue
			}
			judged++
			b.profile("rule", ruled(string(typ), rule))
			broken := false
			for _, typed := range breaking(tag) {
				body := "name=Olena"
				if tag != "required" {
					body += "&field=" + url.QueryEscape(typed)
				}
				if w := b.fetch("/f/rule", body, "Accept-Language", "en"); w.Code != http.StatusUnprocessableEntity || typ != value.TypeText && isOfType(b, w.Body.String()) {
					continue
				}
				broken = true
				told := map[string]string{}
				for _, lang := range languages {
					m := decoded(t, b.fetch("/f/rule", body+"&_lang="+lang).Body)
					told[lang], _ = m["errors"].([]any)[0].(map[string]any)["message"].(string)
					checkWords(t, lang, rule, told[lang], b.intake.texts[lang])
					if label := []string{"Мітка: ", "Метка: ", "The label: ", "Etykieta: "}[indexOf(languages, lang)]; !strings.Contains(m["message"].(string), label+told[lang]) {
						t.Errorf("%s, %s: without the label: %v", rule, lang, m["message"])
					}
				}
				if told["uk"] == told["ru"] || told["en"] == told["pl"] {
					t.Errorf("%s: two languages say the same: %v", rule, told)
				}
				break
			}
			if !broken && (typ == value.TypeText || typ == value.TypeDate) {
				t.Errorf("%s on a field of type %s: nothing breaks it", rule, typ)
			}
		}
		if judged == 0 {
			t.Errorf("no profile can use %s", tag)
		}
	}
}

// isOfType tells that a value is none of the field's type, which is told before any rule is asked.
func isOfType(b *bench, body string) bool {
	for _, code := range []string{"TYPE_NUMERIC", "TYPE_DATE", "TYPE_PHONE", "TYPE_EMAIL", "TYPE_BOOL"} {
		if strings.Contains(body, b.intake.texts["en"]["field."+code]) {
			return true
		}
	}
	return false
}

func indexOf(all []string, one string) int {
	for n, s := range all {
		if s == one {
			return n
		}
	}
	return -1
}

// checkWords looks for what no visitor should read: no sentence at all, the sentence for what nobody thought of, a program's word.
func checkWords(t *testing.T, lang, rule, told string, text map[string]string) {
	t.Helper()
	tag, param, _ := strings.Cut(rule, "=")
	switch {
	case told == "":
		t.Errorf("%s: nothing is said in %s", rule, lang)
	case told == text["rule.other"]:
		t.Errorf("%s has no sentence of its own in %s", rule, lang)
	case strings.ContainsAny(told, "{}_|=\\") || strings.Contains(told, tag+"="):
		t.Errorf("%s in %s: %q", rule, lang, told)
	}
	words := `validat\w*|strconv|pars\w+|invalid|syntax|tag|nil|null|json|bool\w*|float\w*|int\d*|string|regexp?|failed|struct|slice|runes?|utf-?8|oneof|field`
	if lang != "en" { // there these are words that people use
		words += `|error|email|number|characters?|value|must|required|please`
	}
	program := regexp.MustCompile(`(?i)\b(` + words + `)\b`)
	plain := strings.NewReplacer(
		"this field", "", "e-mail", "", "ISBN", "", "ISSN", "", "UAH", "", "UA-32", "", "UA", "", "name@example.com", "", "https://example.com", "", "example.com", "",
		"+380501112233", "", "#ff8800", "", "1h30m", "", " uk.", "", strings.TrimSpace(param), "", "3 / 5", "", "a, b", "", "3, 5", "",
	).Replace(told)
	if word := program.FindString(plain); word != "" {
		t.Errorf("%s in %s holds a program's word %q: %q", rule, lang, word, told)
	}
	if latin := regexp.MustCompile(`[A-Za-z]+`).FindString(plain); (lang == "uk" || lang == "ru") && latin != "" {
		t.Errorf("%s in %s holds %q: %q", rule, lang, latin, told)
	}
}
