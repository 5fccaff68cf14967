package submission

import (
	"crypto/rand"
	"strings"
	"time"
)

// idLength is the number of characters of an id: 26 of 5 bits each.
const idLength = 26

// idClock is how many of them, the first ones, say when the id was made, in units of 1/64 second, beginning anew every 194 days. The
// other 20 are 100 random bits, so that nobody guesses an id and no two meet, whatever the clock says.
//
// They are there for the database: ids made together stand together in its index, so that a batch changes one or two pages of it and
// not one for every row.
const idClock = 6

// idTick is idClock's unit.
const idTick = time.Second / 64

// crockford is the alphabet of Crockford's base32: no I, L, O or U, so that an id read out over the phone is written down right.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// NewID makes the id of a new submission: 26 characters of Crockford base32 in upper case, of which 100 bits are from the system's random
// source. It stands in URLs, in source_uuid and in a card's mark.
func NewID() string {
	var id [idLength]byte
	rand.Read(id[:]) // never fails: crypto/rand ends the process rather than return an error
	ticks := time.Now().UnixNano() / int64(idTick)
	for i := idClock - 1; i >= 0; i-- {
		id[i] = byte(ticks) // the line below takes the last five bits
		ticks >>= 5
	}
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
