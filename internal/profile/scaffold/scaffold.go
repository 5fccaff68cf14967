// Package scaffold makes a profile of a page's form.
//
// [Read] finds the forms of a page and what each field says of itself: its name, type, autocomplete, label, placeholder, the text
// around it, in Ukrainian, Russian, English and Polish. [Page.Choose] picks the form that is meant, [Form.Sample] fills it in as a
// visitor might, and [Form.Profile] writes the profile: a mapping, the rules that the HTML states, comments where it guessed, and a
// test made from the sample.
//
// The words of the page are a stranger's. They get into the profile only in quotes or in comments and never with a sign that means
// something there, and the profile is read by [profile.Parse], and its test tried, before anybody sees it: a line with a fault becomes
// a comment. Nothing of the page is run, and nothing that it names is fetched.
package scaffold

import (
	"errors"
	"fmt"

	"formrelay/internal/keycrm"
)

// MaxFile is the most bytes a page may have. The pages of site builders have some hundred thousand.
const MaxFile = 4 << 20

// The bounds of what is read of one page. A profile may have 10,000 lines and a post 1,000 fields; a form that people fill in has
// some ten.
const (
	maxForms    = 100     // of a page; what comes behind is not looked at
	maxFields   = 300     // of a form; the others go into the manager's comment unnamed
	maxOptions  = 100     // of a list; a longer one is no rule
	maxName     = 200     // bytes of a field's name; a post's default bound is 1,000
	maxValue    = 500     // bytes of a value that is repeated in the profile
	maxLabel    = 80      // characters of a label
	maxRule     = 1500    // bytes of a list as a rule
	maxLabels   = 5000    // labels of a page that stand elsewhere than around their field
	maxControls = 20_000  // fields and buttons of a page
	maxSeen     = 8 << 10 // bytes of text by which the page's language is told
	maxNodes    = 1000    // elements looked through for one label
	maxRounds   = 400     // of taking out what a profile refuses
)

// ErrTooLarge says that a page is larger than [MaxFile].
var ErrTooLarge = fmt.Errorf("the page has more than %d bytes", MaxFile)

// ErrNested says that a page nests deeper than any that a browser has to show.
var ErrNested = errors.New("the page nests too deep to be read: save it again from the browser")

// ErrNoForm says that a page has no form and no field outside of one.
var ErrNoForm = errors.New("there is no form in this page: if a script or a frame makes it, save the page from the browser when the form is shown, or open the frame's own page")

// Options says how the profile is to be written.
type Options struct {
	File string // what the profile's comments call the page
	Name string // what the profile is to be called, such as [NameOf] says; "": by what it creates
}

// Result is a form as a profile.
type Result struct {
	Name    string // under which the profile's own comments, and Changes, have it saved
	Profile []byte // YAML that the profile's reader accepts and whose test passes
	Creates keycrm.Kind
	Mapped  int // fields that go into a field of KeyCRM's
	Rest    int // fields that go into the manager's comment
	Guessed int // fields whose meaning was guessed from words beside them
	// Changes says what is to be changed in the page, each a sentence, without which posts come out otherwise than the profile says.
	Changes []string
}
