package intake

import (
	"cmp"
	"slices"
	"strings"

	"formrelay/internal/mapping"
	"formrelay/web"
)

// Sentence is what a visitor is told to correct, in a language that the relay speaks; an empty one is Ukrainian. It is for those who
// try a profile out; the error is only for a program that lacks its own texts.
func Sentence(lang string, c mapping.Correction) (string, error) {
	texts, err := web.LoadMessages()
	if err != nil {
		return "", err
	}
	return sentence(texts[cmp.Or(lang, "uk")], c), nil
}

// sentence says to a visitor what to correct, in the shop's words and not the validator's. A code or a rule without a sentence of
// its own is told as "check this field": a visitor must never read a program's word.
func sentence(text map[string]string, c mapping.Correction) string {
	switch c.Code {
	case mapping.CodeMissing, mapping.CodeEmpty, mapping.CodeNoContact:
		if c.Type == "bool" || len(c.Choices) == 1 {
			return text["rule.required.box"]
		}
		return text["field."+c.Code]
	}
	c.Tag, c.Param = alike(c.Tag, c.Param)
	key := ruleKey(c.Tag)
	if key == "" { // the value is none of the field's type
		return cmp.Or(text["field."+c.Code+"."+c.Type], text["field."+c.Code], text["rule.other"])
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
	case "url", "http_url", "https_url", "uri", "origin":
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
	case "latitude", "longitude":
		return "coordinate"
	case "multibyte", "duration":
		return tag
	default:
		return kindKey(tag)
	}
}

// kindKey is the sentence of a tag that asks for a certain kind of text; "" for a tag that is none of validator's.
func kindKey(tag string) string {
	for _, kind := range []struct{ key, tags string }{
		{"color", "iscolor hexcolor rgb rgba hsl hsla cmyk"},
		{"country", "country_code eu_country_code iso3166_1_alpha2 iso3166_1_alpha2_eu iso3166_1_alpha3 iso3166_1_alpha3_eu iso3166_1_alpha_numeric iso3166_1_alpha_numeric_eu"},
		{"region", "iso3166_2"},
		{"currency", "iso4217 iso4217_numeric"},
		{"tongue", "bcp47_language_tag bcp47_strict_language_tag"},
		{"network", "fqdn hostname hostname_port hostname_rfc1123 hostname_label dns_rfc1035_label ip ipv4 ipv6 cidr cidrv4 cidrv6 mac port"},
		{"checked", "credit_card luhn_checksum"},
		{"book", "isbn isbn10 isbn13 issn"},
		{"code", `hexadecimal base32 base64 base64rawurl base64url urn_rfc2141 urn_rfc8141 datauri uuid uuid3 uuid3_rfc4122 uuid4 uuid4_rfc4122 uuid5
			uuid5_rfc4122 uuid7 uuid_rfc4122 ulid md4 md5 ripemd128 ripemd160 sha256 sha384 sha512 tiger128 tiger160 tiger192 cron semver json jwt html
			html_encoded url_encoded bic bic_iso_9362_2014 ssn ein btc_addr btc_addr_bech32 eth_addr eth_addr_checksum cve mongodb
			mongodb_connection_string spicedb`},
	} {
		if slices.Contains(strings.Fields(kind.tags), tag) {
			return kind.key
		}
	}
	return ""
}

// choices is a rule's parameter as a person reads it: the words of a oneof, which validator separates by blanks and quotes by ', as a
// list; any other as it stands.
func choices(tag, param string) string {
	if key := ruleKey(tag); key != "oneof" && key != "noneof" {
		return param
	}
	return strings.Join(mapping.Words(param), ", ")
}
