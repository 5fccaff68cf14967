package value

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// use is what a tag needs beside its name.
type use int

const (
	usePlain    use = iota // no parameter
	useSize                // a count of characters for text, a number for numbers, none for dates
	useValue               // something of the field's own type
	useWords               // values with blanks between them
	useText                // any text
	useRune                // one character
	useCountry             // a country's code
	useRequired            // no parameter; about absence
	useOmit                // no parameter; changes nothing here
)

// tagSpec is one of validator's tags that a profile may use.
type tagSpec struct {
	use   use
	types []Type // that it can judge
	alone bool   // cannot stand among alternatives
}

// find looks a tag up. The table below is the whole list: a tag of validator's that is not in it looks at other fields, at lists, at files
// or at the network, and can say nothing about one posted value.
func find(name string) (tagSpec, bool) {
	for _, group := range tagGroups() {
		if slices.Contains(strings.Fields(group.names), name) {
			return group.tagSpec, true
		}
	}
	return tagSpec{}, false
}

// tagGroup is some tags that are used in the same way.
type tagGroup struct {
	names string // separated by blanks
	tagSpec
}

// tagGroups is the whole table. It is made anew for each question, which only a profile's load asks, so that nobody can change it.
func tagGroups() []tagGroup {
	var (
		all    = Types()
		text   = []Type{TypeText, TypePhone, TypeEmail}
		sized  = []Type{TypeText, TypePhone, TypeEmail, TypeInt, TypeNumber}
		listed = []Type{TypeText, TypePhone, TypeEmail, TypeInt}
		equal  = []Type{TypeText, TypePhone, TypeEmail, TypeInt, TypeNumber, TypeBool}
		sorted = []Type{TypeText, TypePhone, TypeEmail, TypeInt, TypeNumber, TypeDate}
	)
	return []tagGroup{
		{"required", tagSpec{useRequired, all, true}},
		{"omitempty omitnil omitzero", tagSpec{useOmit, all, true}},
		{"len min max", tagSpec{useSize, sized, false}},
		{"gt gte lt lte", tagSpec{useSize, sorted, false}},
		{"eq ne", tagSpec{useValue, equal, false}},
		{"eq_ignore_case ne_ignore_case", tagSpec{useText, text, false}},
		{"oneof noneof", tagSpec{useWords, listed, false}},
		{"oneofci noneofci", tagSpec{useWords, text, false}},
		{"contains containsany excludes excludesall startswith startsnotwith endswith endsnotwith", tagSpec{useText, text, false}},
		{"datetime", tagSpec{useText, text, false}},
		{"containsrune excludesrune", tagSpec{useRune, text, false}},
		{"numeric number latitude longitude", tagSpec{usePlain, sized, false}},
		{"boolean", tagSpec{usePlain, append(text, TypeBool), false}},
		{"port iso4217_numeric", tagSpec{usePlain, []Type{TypeInt}, false}},
		{"postcode_iso3166_alpha2", tagSpec{useCountry, text, false}},
		{"iscolor country_code eu_country_code", tagSpec{usePlain, text, true}}, // validator's aliases of several alternatives
		{plainTags, tagSpec{usePlain, text, false}},
	}
}

// plainTags judge a text and take no parameter.
const plainTags = `
	alpha alphanum alphanumspace alphanumunicode alphaspace alphaunicode ascii multibyte printascii lowercase uppercase
	hexadecimal base32 base64 base64rawurl base64url
	email e164 url http_url https_url uri origin urn_rfc2141 urn_rfc8141 datauri
	fqdn hostname hostname_port hostname_rfc1123 hostname_label dns_rfc1035_label ip ipv4 ipv6 cidr cidrv4 cidrv6 mac
	uuid uuid3 uuid3_rfc4122 uuid4 uuid4_rfc4122 uuid5 uuid5_rfc4122 uuid7 uuid_rfc4122 ulid
	md4 md5 ripemd128 ripemd160 sha256 sha384 sha512 tiger128 tiger160 tiger192
	hexcolor rgb rgba hsl hsla cmyk duration cron semver json jwt html html_encoded url_encoded
	isbn isbn10 isbn13 issn credit_card luhn_checksum bic bic_iso_9362_2014 ssn ein
	iso3166_1_alpha2 iso3166_1_alpha2_eu iso3166_1_alpha3 iso3166_1_alpha3_eu iso3166_1_alpha_numeric iso3166_1_alpha_numeric_eu
	iso3166_2 iso4217 bcp47_language_tag bcp47_strict_language_tag
	btc_addr btc_addr_bech32 eth_addr eth_addr_checksum cve mongodb mongodb_connection_string spicedb`

// Tags lists every tag that [Rule.Check] can name as the one that failed, sorted; alternatives are named by several of them. Each needs a
// sentence for the visitor.
func Tags() []string {
	return names(func(t tagSpec) bool { return t.use != useOmit })
}

// names lists the tags that are wanted, sorted.
func names(wanted func(tagSpec) bool) []string {
	var all []string
	for _, group := range tagGroups() {
		if wanted(group.tagSpec) {
			all = append(all, strings.Fields(group.names)...)
		}
	}
	slices.Sort(all)
	return all
}

// used is one tag as a profile's rule writes it.
type used struct {
	tagSpec
	known bool
	name  string
	param string
	given bool // there is a = after the name
}

// parseUsed takes one tag apart and looks it up.
func parseUsed(written string) used {
	var u used
	u.name, u.param, u.given = strings.Cut(written, "=")
	u.name = trim(u.name)
	u.tagSpec, u.known = find(u.name)
	if u.use != useText && u.use != useRune { // a text that is looked for may be a blank
		u.param = trim(u.param)
	}
	return u
}

// text is the tag as validator takes it.
func (u used) text() string {
	if u.given {
		return u.name + "=" + u.param
	}
	return u.name
}

// suits holds a tag and its parameter against the rule's type. The parameter is checked more strictly than validator does, which takes
// what it does not understand for a value that never fits.
func (r *Rule) suits(u used, alternative bool) error {
	switch {
	case !u.known:
		return r.unknown(u.name)
	case !slices.Contains(u.types, r.of):
		return &RuleError{What: fmt.Sprintf("%s cannot judge a field of type %s", u.name, r.of), Do: u.otherTypes()}
	case alternative && u.alone:
		return &RuleError{What: u.name + " cannot stand beside |", Do: "write it as a rule of its own, after a comma"}
	case r.fits(u):
		return nil
	}
	if want := r.wants(u.use); want != "" {
		return &RuleError{What: fmt.Sprintf("%s needs %s", u.name, want), Do: "write " + u.name + "=…"}
	}
	return &RuleError{What: u.name + " takes no value here", Do: "write " + u.name + " alone"}
}

// unknown says what to write instead of a tag that is none, or none that can be used here.
func (r *Rule) unknown(name string) error {
	if name == "" {
		return &RuleError{What: "a rule is empty", Do: "take out the comma or | that is too many"}
	}
	if utf8.RuneCountInString(name) > maxNearWord {
		name = clip(name, maxNearWord) + "…"
	}
	if why := unusable(name); why != "" {
		return &RuleError{What: fmt.Sprintf("%s %s, and a field's rule sees only its own value", name, why), Do: "leave it out"}
	}
	suited := names(func(t tagSpec) bool { return slices.Contains(t.types, r.of) })
	near := cmp.Or(Nearest(name, suited), beginning(name, suited))
	if near == "" {
		return &RuleError{What: name + " is no rule", Do: "use one of validator's tags, such as required, min=2 or max=100"}
	}
	return &RuleError{What: name + " is no rule", Do: "write " + near}
}

// beginning is the longest tag that a longer word begins with, "" when there is none: people who write maximum or maxlength mean max.
func beginning(word string, tags []string) (longest string) {
	const least = 3 // letters: what begins with fewer is chance
	for _, tag := range tags {
		if len(tag) >= least && len(tag) > len(longest) && strings.HasPrefix(strings.ToLower(word), tag) {
			longest = tag
		}
	}
	return longest
}

// unusable tells why a tag of validator's means nothing for one posted value; "" for a word that is no tag at all.
func unusable(name string) string {
	switch name {
	case "dive", "keys", "endkeys", "unique", "structonly", "nostructlevel", "validateFn", "isdefault", "-":
		return "judges other things than a form's value"
	case "file", "filepath", "dir", "dirpath", "image", "mimetype", "uds_exists", "unix_addr", "timezone":
		return "looks at the server's files"
	case "tcp_addr", "tcp4_addr", "tcp6_addr", "udp_addr", "udp4_addr", "udp6_addr", "ip_addr", "ip4_addr", "ip6_addr":
		return "asks the network"
	case "eqfield", "nefield", "gtfield", "gtefield", "ltfield", "ltefield", "eqcsfield", "necsfield", "gtcsfield", "gtecsfield",
		"ltcsfield", "ltecsfield", "fieldcontains", "fieldexcludes", "postcode_iso3166_alpha2_field", "skip_unless",
		"required_if", "required_unless", "required_with", "required_with_all", "required_without", "required_without_all",
		"excluded_if", "excluded_unless", "excluded_with", "excluded_with_all", "excluded_without", "excluded_without_all":
		return "compares fields"
	}
	return ""
}

// otherTypes says for which types a tag is.
func (t tagSpec) otherTypes() string {
	words := make([]string, len(t.types))
	for i, u := range t.types {
		words[i] = string(u)
	}
	return "leave it out, or give the field one of the types " + strings.Join(words, ", ")
}

// wants says what parameter a tag takes; "" is none.
func (r *Rule) wants(u use) string {
	switch {
	case u == useText, u == useValue && r.textual():
		return "a text after ="
	case u == useRune:
		return "one character after ="
	case u == useWords && r.textual():
		return "values after =, with blanks between them"
	case u == useWords:
		return "whole numbers after =, with blanks between them"
	case u == useCountry:
		return "a country's two capital letters after ="
	case u == useValue && r.of == TypeBool:
		return "true or false after ="
	case (u == useSize || u == useValue) && r.of == TypeNumber:
		return "a number after ="
	case (u == useSize || u == useValue) && r.of != TypeDate:
		return "a whole number after ="
	}
	return ""
}

// textual holds for the types whose values are strings.
func (r *Rule) textual() bool { return r.of == TypeText || r.of == TypePhone || r.of == TypeEmail }

// fits tells whether a parameter is what the tag wants.
func (r *Rule) fits(u used) bool {
	switch u.use {
	case usePlain, useRequired, useOmit:
		return !u.given
	case useSize:
		return r.of == TypeDate && !u.given || r.of != TypeDate && r.size(u.param)
	case useValue:
		return r.textual() && u.param != "" || !r.textual() && r.size(u.param)
	case useWords:
		return r.words(u.param)
	case useRune:
		return utf8.RuneCountInString(unescape(u.param)) == 1
	case useCountry:
		return len(u.param) == 2 && strings.ToUpper(u.param) == u.param
	default:
		return u.param != ""
	}
}

// size tells whether a parameter is a number that a value of the type can be compared with.
func (r *Rule) size(param string) bool {
	switch r.of {
	case TypeNumber:
		f, err := strconv.ParseFloat(param, 64)
		return err == nil && !math.IsInf(f, 0) && !math.IsNaN(f)
	case TypeBool:
		return param == "true" || param == "false"
	case TypeInt:
		_, ok := decimal(param)
		return ok
	default: // a count of characters
		n, ok := decimal(param)
		return ok && n >= 0 && n <= math.MaxInt32
	}
}

// decimal reads a whole number as people do. To validator 010 is eight, so such spellings are refused rather than misread.
func decimal(text string) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && strconv.FormatInt(n, 10) == text
}

// words tells whether a parameter is a list of values of the type.
func (r *Rule) words(param string) bool {
	words := strings.Fields(unescape(param))
	for _, w := range words {
		if _, ok := decimal(w); !ok && r.of == TypeInt {
			return false
		}
	}
	return len(words) > 0
}
