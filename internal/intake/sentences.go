package intake

import (
	"cmp"
	"strings"

	"formrelay/internal/mapping"
)

// sentence says to a visitor what to correct, in the shop's words and not the validator's. A code or a rule without a sentence of
// its own is told as "check this field": a visitor must never read a program's word.
func sentence(text map[string]string, c mapping.Correction) string {
	switch c.Code {
	case mapping.CodeMissing, mapping.CodeEmpty, mapping.CodeNoContact:
		return text["field."+c.Code]
	}
	c.Tag, c.Param = alike(c.Tag, c.Param)
	key := ruleKey(c.Tag)
	if key == "" { // the value is none of the field's type
		return cmp.Or(text["field."+c.Code], text["rule.other"])
	}
	s := cmp.Or(text["rule."+key+"."+unit(c)], text["rule."+key])
	return strings.ReplaceAll(s, "{param}", choices(c.Tag, c.Param))
}

// alike reads alternatives of one rule, len|len with 3|5, as that rule with all its parameters: "3 / 5". Any other stays as it is.
func alike(tag, param string) (string, string) {
	tags, params := strings.Split(tag, "|"), strings.Split(param, "|")
	if len(tags) != len(params) {
		return tag, param
	}
	for _, other := range tags {
		if other != tags[0] {
			return tag, param
		}
	}
	return tags[0], strings.Join(params, " / ")
}

// unit is what a rule like min=3 counts in the field: characters of a text, or the distance of a date from today (its rules have no
// parameter). Everything else is an amount.
func unit(c mapping.Correction) string {
	switch {
	case c.Type == "date" || c.Param == "":
		return "date"
	case c.Type == "text" || c.Type == "phone" || c.Type == "email":
		return "text"
	default:
		return "amount"
	}
}

// ruleKey is the sentence of a validator tag; "" for a tag that has none of its own.
//
//nolint:gocyclo,cyclop // a table: one case a sentence
func ruleKey(tag string) string {
	switch tag {
	case "min", "gte":
		return "min"
	case "max", "lte":
		return "max"
	case "required", "len", "gt", "lt", "email", "e164", "number", "boolean", "datetime", "lowercase", "uppercase",
		"startswith", "endswith", "startsnotwith", "endsnotwith", "containsany", "excludesall":
		return tag
	case "email|e164", "e164|email": // the rule of a field that takes the one or the other
		return "contact"
	case "eq", "eq_ignore_case":
		return "eq"
	case "ne", "ne_ignore_case":
		return "ne"
	case "oneof", "oneofci":
		return "oneof"
	case "noneof", "noneofci":
		return "noneof"
	case "url", "http_url", "https_url", "uri":
		return "url"
	case "numeric":
		return "number"
	case "alpha", "alphaunicode", "alphaspace":
		return "letters"
	case "alphanum", "alphanumunicode", "alphanumspace":
		return "alphanumeric"
	case "ascii", "printascii":
		return "ascii"
	case "contains", "containsrune":
		return "contains"
	case "excludes", "excludesrune":
		return "excludes"
	case "postcode_iso3166_alpha2":
		return "postcode"
	default:
		return ""
	}
}

// choices is a rule's parameter as a person reads it: the words of a oneof, which validator separates by blanks and quotes by ', as a
// list; any other as it stands.
func choices(tag, param string) string {
	if key := ruleKey(tag); key != "oneof" && key != "noneof" {
		return param
	}
	var words []string
	for param = strings.TrimSpace(param); param != ""; param = strings.TrimSpace(param) {
		end := " "
		if param[0] == '\'' {
			param, end = param[1:], "'"
		}
		var word string
		word, param, _ = strings.Cut(param, end)
		words = append(words, word)
	}
	return strings.Join(words, ", ")
}
