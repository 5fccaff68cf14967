package submission

import "time"

// KeyFor is how long a key counts: whoever posts the same key later has posted anew.
const KeyFor = 24 * time.Hour

// Signs are by what a post is known for one that came before. All are made by SHA-256, so that nothing of what a visitor sent, and no
// address, is written down a second time. The numbers are 64 bits of a sum, to be looked for by an index; Data is the whole of one, and
// a post is a repeat only when that is the same too. The zero Signs are of a post that is compared with no other.
type Signs struct {
	Data   []byte        // of what was posted
	Key    int64         // of profile and key; 0: it came without one
	Keyed  int64         // of profile, key and data; 0: it came without a key
	Sender int64         // of profile, address, user agent and data; 0: Window is
	Window time.Duration // guard.dedupe: for how long before a post without a key the same sender's same data makes it a repeat; not stored
}
