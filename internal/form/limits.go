package form

import (
	"fmt"
	"math"
	"math/bits"
)

// Limits bounds one post. A post that goes beyond any of them is an [Error] of kind TooLarge that
// names the limit; nothing of it is kept. Every limit is inclusive: a value of exactly Value bytes
// is taken. Bytes are counted percent-decoded and before the charset is converted, which is how a
// browser counts what it sends (UTF-8 from windows-1251 is up to twice as long).
type Limits struct {
	Body     int64 // bytes of all names and values together
	Pairs    int   // pairs of name and value, but for the first 40 whose names begin with _
	Name     int   // bytes of one name
	Value    int   // bytes of one value
	Depth    int   // how deep a name nests: "a" is 1, "a[b]" is 2
	Files    int   // files that hold at least one byte, 0 for none at all; a named empty one counts as a pair
	FileSize int64 // bytes of one file
}

// DefaultLimits is what a profile without a guard gets: 1 MB of fields, 1,000 pairs, names of 1,000
// bytes, values of 256 KB, depth 32, three files of 5 MB.
func DefaultLimits() Limits {
	return Limits{Body: 1 << 20, Pairs: 1000, Name: 1000, Value: 256 << 10, Depth: 32, Files: 3, FileSize: 5 << 20}
}

// ownPairs is how many pairs Limits.Pairs leaves uncounted whose names begin with _. They are for the relay, which adds some itself to a
// form that is to be corrected, as its script does to every form: who bounds a form counts the fields that stand in it.
const ownPairs = 40

const (
	encodedByte = 3                            // bytes that percent-encoding makes of one
	partFraming = 512                          // a part's delimiter and headers without its name, generously; also covers a pair's "&" and "="
	bodySlack   = 4<<10 + ownPairs*partFraming // preamble, blanks, a byte order mark; and the pairs that no limit counts
)

// Total bounds the whole request body in bytes: three times Body (a text that is percent-encoded
// throughout, as every Cyrillic one is), Files × FileSize, and 512 bytes of framing for each pair
// and file. A body within Limits is never longer, so a server may cut the connection there.
func (l Limits) Total() int64 {
	return sum(l.text(), product(int64(l.Files), l.FileSize))
}

// text bounds what a body may hold beside the contents of files: all that Decode ever buffers of it
// at once.
func (l Limits) text() int64 {
	parts := sum(int64(l.Pairs), int64(l.Files))
	return sum(sum(product(l.Body, encodedByte), product(parts, partFraming)), bodySlack)
}

// sum is a + b, or the largest integer where that is more: a limit that somebody set to "as much as
// possible" must not turn negative. A negative number counts as none.
func sum(a, b int64) int64 {
	a, b = max(a, 0), max(b, 0)
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// product is a × b, or the largest integer where that is more.
func product(a, b int64) int64 {
	high, low := bits.Mul64(uint64(max(a, 0)), uint64(max(b, 0)))
	if high != 0 || low > math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(low)
}

// size writes a number of bytes as the profile would: 1 MB, 256 KB, 1000 bytes.
func size(n int64) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}
