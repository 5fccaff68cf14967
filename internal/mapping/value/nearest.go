package value

import (
	"strings"
	"unicode"
)

// maxNearWord bounds the words that [Nearest] compares, in runes: a longer one is near nothing.
const maxNearWord = 64

// Nearest finds the word of among that word was most likely meant to be, "" when none is near. Capitals, underscores, hyphens and blanks
// make no difference ("fullName" finds "full_name"); beyond that one slip for every three letters is forgiven, and one in shorter words:
// a letter too many, one missing, a wrong one, or two that changed places. Of equally near words the first of among is taken. The word
// itself is never the answer.
func Nearest(word string, among []string) string {
	if near := AllNearest(word, among); len(near) > 0 {
		return near[0]
	}
	return ""
}

// AllNearest finds every word that [Nearest] could have taken: those that are equally near and nearer than all others, in the order of
// among.
func AllNearest(word string, among []string) []string {
	w := []rune(fold(word))
	if len(w) == 0 || len(w) > maxNearWord {
		return nil
	}
	var best []string
	least := max(1, len(w)/3)
	for _, a := range among {
		if a == word {
			continue
		}
		switch d := distance(w, []rune(fold(a)), least+1); {
		case d < least:
			best, least = []string{a}, d
		case d == least:
			best = append(best, a)
		}
	}
	return best
}

// fold takes out what a spelling can differ in without being another word.
func fold(word string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r == ' ' {
			return -1
		}
		return unicode.ToLower(r)
	}, word)
}

// distance is the optimal string alignment distance: Damerau and Levenshtein's, no letter moved twice. From limit on it need not be
// exact.
func distance(a, b []rune, limit int) int {
	if len(b) > maxNearWord || len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	var rows [3][maxNearWord + 1]int
	before, above, here := &rows[0], &rows[1], &rows[2]
	for j := range len(b) + 1 {
		above[j] = j
	}
	for i := range a {
		here[0] = i + 1
		for j := range b {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			here[j+1] = min(above[j+1]+1, here[j]+1, above[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				here[j+1] = min(here[j+1], before[j-1]+1)
			}
		}
		before, above, here = above, here, before
	}
	return above[len(b)]
}
