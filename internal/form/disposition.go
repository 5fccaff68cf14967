package form

import "strings"

// disposition reads the value of a part's Content-Disposition: the input's name, and the file's
// name if the part is a file. Of a parameter given twice the first counts. `name*` and `filename*`
// (RFC 5987), which no browser sends but older HTTP libraries do, stand in where the plain ones are
// missing.
func disposition(s string) (name, file string, isFile bool) {
	var has [4]bool
	var got [4]string
	for s != "" {
		var key, value string
		key, value, s = dispositionParam(s)
		for i, known := range [4]string{"name", "filename", "name*", "filename*"} {
			if !has[i] && strings.EqualFold(key, known) {
				has[i], got[i] = true, value
			}
		}
	}
	name, file = got[0], got[1]
	if !has[0] {
		name = extended(got[2])
	}
	if !has[1] {
		file = extended(got[3])
	}
	return name, file, has[1] || has[3]
}

// dispositionParam cuts one parameter off the front of s. The type (`form-data`) comes out as a key
// without a value.
func dispositionParam(s string) (key, value, rest string) {
	s = strings.TrimLeft(s, "; \t")
	end := strings.IndexAny(s, "=;")
	if end < 0 || s[end] == ';' {
		_, rest, _ = strings.Cut(s, ";")
		return "", "", rest
	}
	key, s = strings.TrimSpace(s[:end]), strings.TrimLeft(s[end+1:], " \t")
	switch {
	case strings.HasPrefix(s, `"`):
		value, rest = quoted(s)
	case strings.HasPrefix(s, "'") && strings.Count(s, "'") > 1: // PHP takes these too
		value, rest, _ = strings.Cut(s[1:], "'")
	default:
		value, rest, _ = strings.Cut(s, ";")
		value = strings.TrimSpace(value)
	}
	return key, value, rest
}

// quoted reads a quoted value. The HTML standard writes a quote, CR and LF in it as %22, %0D and
// %0A and everything else, also a backslash, as it is; older writers (curl with --form-escape, old
// Firefox) put a backslash before a quote. So `\"` is a quote unless the value plainly ends there,
// and only where there is such a quote is `\\` one backslash.
func quoted(s string) (value, rest string) {
	end, escaped := 1, false
	for ; end < len(s) && s[end] != '"'; end++ {
		if s[end] == '\\' && end+1 < len(s) && s[end+1] == '"' && !ends(s[end+2:]) {
			escaped = true
			end++
		}
	}
	value = s[1:end]
	if end < len(s) {
		rest = s[end+1:]
	}
	if escaped {
		value = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(value)
	}
	return unpercent(value), rest
}

// ends tells whether s is what stands after a closing quote: nothing, or another parameter that a
// part's disposition has.
func ends(s string) bool {
	s = strings.TrimLeft(s, " \t")
	if s == "" {
		return true
	}
	if s[0] != ';' {
		return false
	}
	key, _, ok := strings.Cut(strings.TrimLeft(s[1:], " \t"), "=")
	key = strings.TrimSuffix(key, "*")
	return key == "" || ok && (strings.EqualFold(key, "filename") || strings.EqualFold(key, "name"))
}

// unpercent undoes what browsers encode in a part's names, and only that: a %41 that somebody wrote
// is no A.
func unpercent(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	return strings.NewReplacer("%22", `"`, "%0D", "\r", "%0d", "\r", "%0A", "\n", "%0a", "\n").Replace(s)
}

// extended reads charset'language'text. The bytes come out; their charset is found together with
// the whole body's.
func extended(s string) string {
	_, s, _ = strings.Cut(s, "'")
	_, s, _ = strings.Cut(s, "'")
	return string(percentDecoded(nil, []byte(strings.ReplaceAll(s, "+", "%2B"))))
}
