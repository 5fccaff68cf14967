package online

import (
	"fmt"
	"strings"
)

// The bounds of what a sentence repeats of the account or the profile.
const (
	maxListed = 12 // entries of a list
	maxWord   = 60 // characters of one
)

// listed names what there is, as much of it as a person reads.
func listed(labels []string) string {
	var b strings.Builder
	for i, label := range labels[:min(len(labels), maxListed)] {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(cut(label))
	}
	if more := len(labels) - maxListed; more > 0 {
		fmt.Fprintf(&b, " and %d more", more)
	}
	return b.String()
}

// quoted puts a word of the profile or of the account into quotes.
func quoted(s string) string { return `"` + cut(s) + `"` }

// cut shortens a word to maxWord characters.
func cut(s string) string {
	runes := []rune(s)
	if len(runes) <= maxWord {
		return s
	}
	return string(runes[:maxWord-1]) + "…"
}

// lastName is the field's own name of a path.
func lastName(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }
