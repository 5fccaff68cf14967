package submission

import (
	"crypto/rand"
	"strings"
)

// idLength is the number of characters of an id: 26 of 5 bits each are 130 random bits, so that nobody guesses one and no two meet.
const idLength = 26

// crockford is the alphabet of Crockford's base32: no I, L, O or U, so that an id read out over the phone is written down right.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// NewID makes the id of a new submission: 26 characters of Crockford base32 in upper case, 130 bits from the system's random source.
// It stands in URLs, in source_uuid and in a card's mark.
func NewID() string {
	var id [idLength]byte
	rand.Read(id[:]) // never fails: crypto/rand ends the process rather than return an error
	for i, b := range id {
		id[i] = crockford[b&31] // 32 divides 256, so every character is equally likely
	}
	return string(id[:])
}

// ValidID tells whether s is an id exactly as NewID writes it. Lower case and the letters that Crockford would forgive are not taken:
// an id is compared byte for byte everywhere (in the database, in KeyCRM), so there is one spelling.
func ValidID(s string) bool {
	if len(s) != idLength {
		return false
	}
	for i := range len(s) {
		if strings.IndexByte(crockford, s[i]) < 0 {
			return false
		}
	}
	return true
}
