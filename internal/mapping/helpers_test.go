package mapping

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// told is a result as a line for each thing it says: the value at path (the whole entity for ""), or what is to be corrected and why it is held.
func told(res Result, path string) string {
	var lines []string
	for _, c := range res.Corrections {
		line := "correct " + c.Field + " " + c.Code
		if c.Tag != "" {
			line += " " + c.Tag + "=" + c.Param
		}
		lines = append(lines, line)
	}
	for _, p := range res.Problems {
		lines = append(lines, fmt.Sprintf("hold %s [%s] %s", p.Path, p.Field, p.Text))
	}
	if res.Entity != nil {
		lines = append(lines, member(string(res.Entity), path))
	}
	return strings.Join(lines, "\n")
}

// member is the JSON at a path, "" when there is none.
func member(entity, path string) string {
	raw := json.RawMessage(entity)
	for key := range strings.SplitSeq(path, ".") {
		if key == "" {
			break
		}
		if i, err := strconv.Atoi(key); err == nil {
			var items []json.RawMessage
			if json.Unmarshal(raw, &items) != nil || i >= len(items) {
				return ""
			}
			raw = items[i]
			continue
		}
		var object map[string]json.RawMessage
		if json.Unmarshal(raw, &object) != nil || object[key] == nil {
			return ""
		}
		raw = object[key]
	}
	return string(bytes.TrimSpace(raw))
}

// fits compares what was told with what was wanted, line by line. A wanted line may hold a `~`: what is before it begins the line, what is
// after it stands somewhere in it.
func fits(got, want string) bool {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	if len(g) != len(w) {
		return false
	}
	for i := range g {
		begin, part, partly := strings.Cut(w[i], "~")
		if !partly && g[i] != w[i] || partly && (!strings.HasPrefix(g[i], begin) || !strings.Contains(g[i], part)) {
			return false
		}
	}
	return true
}

// profileCase is one profile, one post and what came of it at one path of the entity.
type profileCase struct {
	Name, Profile string
	Form          []string
	Path, Want    string
}

// runCases runs a table, each case twice, since a Mapping's memory serves again.
func runCases(t *testing.T, cases []profileCase) {
	t.Helper()
	seen := map[string]bool{}
	for _, tt := range cases {
		if seen[tt.Name] {
			t.Errorf("two cases are named %s", tt.Name)
		}
		seen[tt.Name] = true
		t.Run(tt.Name, func(t *testing.T) {
			t.Parallel()
			m := mustCompile(t, tt.Profile)
			for range 2 {
				res := apply(m, post(tt.Form...))
				if got := told(res, tt.Path); !fits(got, tt.Want) {
					t.Fatalf("got\n%s\nwant\n%s", got, tt.Want)
				}
				if (res.Entity == nil) != (len(res.Corrections)+len(res.Problems) > 0) {
					t.Fatal("an entity and a fault, or neither")
				}
			}
		})
	}
}

// wordCase is one value of the map, of a field that KeyCRM reads as Word.
type wordCase struct {
	Name, Word, Value string
	Form              []string
	Want              string
}

// wordLine is the line of a map that puts a value into a field of a word, and the field's path.
func wordLine(word, value string) (line, path string) {
	q := strconv.Quote(value)
	switch word {
	case "text":
		return "  promocode: " + q, "promocode"
	case "amount":
		return "  taxes: " + q, "taxes"
	case "number":
		return "  discount_percent: " + q, "discount_percent"
	case "id":
		return "  manager_id: " + q, "manager_id"
	case "bool":
		return "  is_gift: " + q, "is_gift"
	case "time":
		return "  ordered_at: " + q, "ordered_at"
	case "day":
		return "  shipping: {shipping_date: " + q + "}", "shipping.shipping_date"
	case "phone":
		return "  shipping: {recipient_phone: " + q + "}", "shipping.recipient_phone"
	case "texts":
		return "  custom_fields: [{uuid: OR_1, value: " + q + "}]", "custom_fields.0.value"
	default:
		panic("no such word: " + word)
	}
}

// runWords runs a table of single values below the same form.fields and tables.
func runWords(t *testing.T, below string, cases []wordCase) {
	t.Helper()
	profiles := make([]profileCase, len(cases))
	for i, c := range cases {
		line, path := wordLine(c.Word, c.Value)
		profiles[i] = profileCase{c.Name, buyer + line + "\n" + below, c.Form, path, c.Want}
	}
	runCases(t, profiles)
}

// jsonText is the text that a JSON string holds.
func jsonText(t *testing.T, raw string) string {
	t.Helper()
	var text string
	if err := json.Unmarshal([]byte(raw), &text); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return text
}

// leaves are the values of an entity by their paths; a custom field's list is joined, under the path that lists have.
func leaves(entity string) map[string]string {
	found := map[string]string{}
	var walk func(v any, path string)
	walk = func(v any, path string) {
		switch v := v.(type) {
		case map[string]any:
			for key, child := range v {
				walk(child, join(path, key))
			}
		case []any:
			if texts, ok := strings.CutSuffix(path, ".value"); ok {
				found[texts+".values"] = strings.Trim(strings.Join(strings.Fields(fmt.Sprint(v)), ", "), "[]")
				return
			}
			for i, child := range v {
				walk(child, join(path, strconv.Itoa(i)))
			}
		default:
			found[path] = fmt.Sprint(v)
		}
	}
	d := json.NewDecoder(strings.NewReader(entity))
	d.UseNumber()
	var v any
	if d.Decode(&v) == nil {
		walk(v, "")
	}
	return found
}
