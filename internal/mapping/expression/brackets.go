package expression

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

var (
	// identifier is a name that can stand bare.
	identifier = regexp.MustCompile(`^[\pL_][\pL\pN_]*$`)
	// bracketed is a form's name up to its empty brackets: products[0][colours].
	bracketed = regexp.MustCompile(`[\pL_][\pL\pN_]*(?:\.[\pL_][\pL\pN_]*|\[[^\[\]]+\])*\s*\[\s*$`)
	// bareKey is a key in brackets that a form writes without quotes, and an expression behind a dot.
	bareKey = regexp.MustCompile(`\[\s*([\pL_][\pL\pN_]*)\s*\]`)
	// below is what follows the empty brackets: a member of every line, and perhaps more.
	below = regexp.MustCompile(`^(?:\[\s*([^\[\]]*?)\s*\]|\.([\pL_][\pL\pN_]*))((?:\[[^\[\]]*\])*)`)
)

// emptyBrackets tells a form's name that is written with its empty brackets, as a form has it: colours[]. offset is where expr gave up,
// at the bracket that closes them. It is false when the slip is another one.
func emptyBrackets(source string, offset int) (Fault, bool) {
	text := []rune(source)
	if offset >= len(text) || text[offset] != ']' {
		return Fault{}, false
	}
	before, after := string(text[:offset]), string(text[offset+1:])
	at := bracketed.FindStringIndex(before)
	if at == nil {
		return Fault{}, false
	}
	f := Fault{Offset: runes(before[:at[0]])}
	posted := strings.TrimRightFunc(strings.TrimSuffix(strings.TrimRightFunc(before[at[0]:], unicode.IsSpace), "["), unicode.IsSpace)
	here := bareKey.ReplaceAllString(posted, ".$1")
	if tail := below.FindStringSubmatch(after); tail != nil {
		f.What = fmt.Sprintf("a field named %s[]%s has a value in each line of %s", posted, tail[0], here)
		f.Do = lines(here, tail)
		return f, true
	}
	f.What = fmt.Sprintf("a field named %s[] is written %s here", posted, here)
	f.Do = "leave the empty brackets out"
	return f, true
}

// lines says how a field of every line is read. tail is what [below] found of its name.
func lines(list string, tail []string) string {
	do := fmt.Sprintf("put each: ${%s} into the item", list)
	key := tail[1] + tail[2]
	if key == "" || tail[3] != "" {
		return do + " and read what lies below with item"
	}
	if identifier.MatchString(key) {
		return do + fmt.Sprintf(" and write ${item.%s} in it, or map(%s, .%s) for all of them at once", key, list, key)
	}
	return do + fmt.Sprintf(" and write ${item[%s]} in it", quote(strings.Trim(key, `"'`)))
}
