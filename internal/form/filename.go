package form

import (
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const (
	mostFileName  = 200 // bytes: file systems allow 255, and whoever keeps the file may put something before it
	mostExtension = 16  // bytes of it that are kept when a name is cut
	noFileName    = "file"
)

// FileName makes a file's name as a browser sent it fit to be shown, stored and written by any system: its last element only,
// without control characters and those that turn the direction of writing, without what Windows or a shell reads in a way of its own,
// of 200 bytes at most with its extension kept. Letters of every script stay, composed where a Mac sent them apart. It never is
// empty, and cleaning a clean name changes nothing.
func FileName(sent string) string {
	if i := strings.LastIndexAny(sent, `/\`); i >= 0 {
		sent = sent[i+1:]
	}
	name := norm.NFC.String(strings.ToValidUTF8(sent, ""))
	name = strings.Map(fileNameRune, name)
	name = trimFileName(strings.Join(strings.Fields(name), " "))
	if len(name) > mostFileName {
		extension := path.Ext(name)
		if len(extension) > mostExtension {
			extension = ""
		}
		name = trimFileName(cutRunes(strings.TrimSuffix(name, extension), mostFileName-len(extension))) + extension
	}
	switch {
	case name == "":
		return noFileName
	case strings.HasPrefix(name, "-"), reservedFileName(name):
		return cutRunes("_"+name, mostFileName)
	}
	return name
}

// fileNameRune is what stands for one letter of a name; -1 for none.
func fileNameRune(r rune) rune {
	switch {
	case unicode.IsSpace(r): // line breaks too
		return ' '
	case r == utf8.RuneError, !unicode.IsPrint(r): // also what cannot be seen: zero widths, and marks of direction
		return -1
	case strings.ContainsRune(`<>:"|?*`, r):
		return '_'
	}
	return r
}

// trimFileName takes off what hides a file or what Windows would take off itself.
func trimFileName(name string) string { return strings.Trim(name, ". ") }

// cutRunes cuts a text to so many bytes without breaking a letter.
func cutRunes(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}

// reservedFileName tells whether Windows takes the name for a device, whatever its extension.
func reservedFileName(name string) bool {
	stem, _, _ := strings.Cut(name, ".")
	stem = strings.ToUpper(strings.TrimRight(stem, " "))
	if len(stem) == 4 && (strings.HasPrefix(stem, "COM") || strings.HasPrefix(stem, "LPT")) {
		return stem[3] >= '0' && stem[3] <= '9'
	}
	return slices.Contains([]string{"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"}, stem)
}
