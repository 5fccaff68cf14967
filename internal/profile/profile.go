// Package profile reads profiles: the YAML files in which ops say how a form's fields become
// an order or a card in KeyCRM.
//
// [Parse] reads one file and tells everything wrong with it at once, each fault with its line
// and column, in words that need no knowledge of YAML or Go. [LoadDir] reads a folder of them
// into a [Set]. What a profile may say is written where it is read: the types of language.go,
// one field a key, are the language's reference.
//
// A profile's time zone is looked up in the machine's time zone database; a program that may
// run where there is none (an image made from scratch) imports time/tzdata.
package profile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"formrelay/internal/form"
	"formrelay/internal/keycrm"
	"formrelay/internal/mapping"
)

// MaxFile is the most bytes a profile's file may have. Real ones have some thousand; the room
// is for tables of prices.
const MaxFile = 256 << 10

// maxName is the most bytes a profile's name may have.
const maxName = 64

// Profile is one form's configuration, read and checked. It is never changed after Parse and
// safe for concurrent use.
type Profile struct {
	Name        string
	File        string // where it was read from, for messages
	Text        []byte // the file as it is
	Hash        string // lower-case hexadecimal SHA-256 of Text: the revision's identity
	Creates     keycrm.Kind
	SourceID    int64  // 0: none, which only a card may have
	Account     string // a name of Options.Accounts when those were given; "" when they were not and the file names none
	Enabled     bool
	Limits      form.Limits
	FileTypes   []string // the media types of files that are taken, for form.FileTypeListed
	Charset     string   // "": what the post declares, else UTF-8
	Origins     Origins
	Success     string        // absolute URL or path ([IsPath]) in ASCII, {id} and {crm_id} still in it; "": the relay's own thank-you page
	Failure     string        // absolute URL or path in ASCII; "": the relay's own page of what went wrong
	Wait        time.Duration // how long the answer waits for KeyCRM to have the submission; 0: not at all
	Dedupe      time.Duration // for how long the same post without a key is the same submission; 0: never
	HoldInvalid bool          // what a visitor could correct is held for ops instead
	Lang        string        // uk, ru, en or pl; "": the visitor's own
	Guard       Guard
	Mapping     *mapping.Mapping
	Tests       []Test

	places map[string]mapping.Pos // of what stands beside the map and is held against an account
	mark   string
}

// Options is what the server's configuration adds to a file's meaning.
type Options struct {
	Accounts []string // the accounts there are; nil: an account is not checked
	Captchas []string // the secrets that verify a captcha; nil: not checked
	Keys     []string // the secrets that a sender carries; nil: not checked
}

// ValidName tells whether name can be a profile's: [a-z0-9][a-z0-9_-]{0,63}, which needs no
// escaping in a URL or a file system.
func ValidName(name string) bool {
	if name == "" || len(name) > maxName {
		return false
	}
	for i := range len(name) {
		c := name[i]
		letter := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		if !letter && (i == 0 || c != '_' && c != '-') {
			return false
		}
	}
	return true
}

// Parse reads one profile. Name is the profile's name, file what its faults call it. It
// returns either a profile or at least one fault, never both, whatever the bytes are; text may
// be reused by the caller afterwards.
func Parse(name, file string, text []byte, o Options) (p *Profile, faults Faults) {
	c := &collector{file: file}
	// The YAML reader, the expression compiler and the validator are other people's code that
	// meets odd input here first. A fault of theirs must cost one profile, never the server that
	// serves the others.
	defer func() {
		if v := recover(); v != nil {
			p = nil
			c.add(mapping.Pos{}, "the relay itself failed while reading this file ("+cut(fmt.Sprint(v), maxQuote)+")",
				"that is the relay's fault: please report it with the file; until then take out the lines changed last")
			faults = c.sorted()
		}
	}()
	if !ValidName(name) {
		c.add(mapping.Pos{}, quote(name)+" cannot be a profile's name",
			"a name has 1 to 64 small Latin letters, digits, _ and -, and begins with a letter or a digit")
	}
	if root := readYAML(c, text); root != nil {
		p = readDocument(c, root, o)
	}
	if len(c.faults) > 0 {
		return nil, c.sorted()
	}
	p.Name, p.File, p.Text, p.Hash = name, file, bytes.Clone(text), hash(text)
	return p, nil
}

// hash is what identifies a revision.
func hash(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
