package submission

import "time"

// FileState is how far one file of a submission has come on its way into KeyCRM.
type FileState string

// The states of a file. A file begins to move when its submission is delivered: it needs the entity to be attached to.
const (
	FileWaiting  FileState = "waiting"  // KeyCRM does not have it
	FileUploaded FileState = "uploaded" // KeyCRM has its content under CRMFile, and no entity shows it yet
	FileAttached FileState = "attached" // the order or card in KeyCRM shows it
	FileRefused  FileState = "refused"  // KeyCRM will not have it, and Error says why; the order or card is there without it
)

// FileStates lists the states, in the order of a file's way.
func FileStates() []FileState {
	return []FileState{FileWaiting, FileUploaded, FileAttached, FileRefused}
}

// Open tells whether something is still to be done about a file.
func (s FileState) Open() bool { return s == FileWaiting || s == FileUploaded }

// File is one file that a visitor sent with a form, and its fate. Its content is in the store, never in memory as a whole.
type File struct {
	Number int    // its place among its submission's files, from 1
	Field  string // the form's own name of the input
	Name   string // cleaned: no path, no control character, and what follows the last dot fits the content
	Type   string // the media type that its content says, without parameters
	Size   int64  // bytes
	SHA256 string // of the content, in lower-case hexadecimal
	Upload string // under which name the store keeps the content

	State     FileState
	CRMFile   int64     // KeyCRM's id of the content, once it is uploaded
	Error     string    // one English sentence for ops: why it is refused, or waits
	Attempt   int       // calls begun for it: the fence that lets only the newest call settle
	Failures  int       // calls that broke or never connected since one was answered: what its back-off grows with
	DueAt     time.Time // when its next call may begin; while one is under way, when that is over at the latest
	BrokeAt   time.Time // when an attaching call broke, or is over at the latest; zero: there is no doubt whether it is attached
	SettledAt time.Time // when it was attached or refused
}
