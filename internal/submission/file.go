package submission

import (
	"time"

	"formrelay/internal/keycrm"
)

// FileState is how far one file of a submission has come on its way into KeyCRM.
type FileState string

// The states of a file. A file begins to move when its submission is delivered: it needs the entity to be attached to.
const (
	FileWaiting  FileState = "waiting"  // KeyCRM does not have it
	FileUploaded FileState = "uploaded" // KeyCRM has its content under CRMFile, and no entity shows it yet
	FileAttached FileState = "attached" // the order or card in KeyCRM shows it
	FileRefused  FileState = "refused"  // KeyCRM will not have it, and Error says why; the order or card is there without it
)

// FileStates lists every state of a file. The caller owns the slice.
func FileStates() []FileState {
	return []FileState{FileWaiting, FileUploaded, FileAttached, FileRefused}
}

// Open tells whether something is still to be done about a file.
func (s FileState) Open() bool { return s == FileWaiting || s == FileUploaded }

// FileChunk is the most bytes of a file's content that are kept, and in memory, at a time: small enough that a post waits no longer for
// another visitor's photograph than for a batch, large enough that a photograph is a handful of commits.
const FileChunk = 256 << 10

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

// FileCall is the right to make one call for one file, taken together with a slot of the account's pace. Settling is fenced by the
// file's attempt. Call.ID is the submission's.
type FileCall struct {
	Call
	File   File
	Row    int64       // the store's
	Entity keycrm.Kind // what the file belongs to in KeyCRM
	CRMID  int64       // and its id there
}

// FileSettlement is what one call's answer makes of its file.
type FileSettlement struct {
	Answer   keycrm.Answer
	State    FileState
	CRMFile  int64 // KeyCRM's id of the content; 0: as it was
	Error    string
	Failures int           // the new value of File.Failures
	Wait     time.Duration // its next call is due this long after the database's now
	Doubt    Doubt
}

// Doubt says what a call did to the question whether the file is attached.
type Doubt int

// What a call may do to the doubt.
const (
	DoubtNone  Doubt = iota // it is known: File.BrokeAt is zero
	DoubtNow                // an attaching call broke just now
	DoubtStays              // File.BrokeAt stays as it is
)

// Step is which call a file needs next. Nothing that was done is done again: a content that KeyCRM has under an id is attached by it,
// and an attaching call whose answer was lost is looked up first.
func (f File) Step() AttemptKind {
	switch {
	case f.State == FileWaiting:
		return Upload
	case !f.BrokeAt.IsZero():
		return Confirm
	}
	return Attach
}

// AfterUpload decides what the answer to an upload makes of its file.
//
//	done                         uploaded, to be attached at once
//	rejected                     refused: too large, of a type that KeyCRM does not take
//	limited, unauthorised        waiting in its old place: the account waits
//	anything else                waiting, after a back-off. It is uploaded again: KeyCRM knows a content that it has, and where it did not,
//	                             the first one would be an upload that nothing shows
//
// A wrong address is among the last: whether the address is wrong the creates tell, and no file may stop them.
func AfterUpload(f File, a keycrm.Answer) FileSettlement {
	st := FileSettlement{Answer: a, State: FileWaiting, Error: sentence(a), Failures: f.Failures}
	switch {
	case a.Outcome == keycrm.Done && a.ID > 0:
		st.State, st.CRMFile, st.Error, st.Failures = FileUploaded, a.ID, "", 0
	case a.Outcome == keycrm.Rejected, a.Outcome == keycrm.Duplicate:
		st.State = FileRefused
	case a.Outcome == keycrm.Limited, a.Outcome == keycrm.Unauthorised:
	default:
		st.failed(f)
	}
	return st
}

// AfterAttach decides what the answer to an attaching call makes of its file, as AfterUpload does. An answer that was lost leaves a
// doubt, which Confirm settles: attached a second time the file might stand there twice.
func AfterAttach(f File, a keycrm.Answer) FileSettlement {
	st := FileSettlement{Answer: a, State: FileUploaded, Error: sentence(a), Failures: f.Failures}
	switch a.Outcome {
	case keycrm.Done:
		st.State, st.Error, st.Failures = FileAttached, "", 0
	case keycrm.Rejected, keycrm.Duplicate:
		st.State = FileRefused
	case keycrm.Limited, keycrm.Unauthorised:
	case keycrm.NotSent, keycrm.WrongAddress:
		st.failed(f)
	default:
		st.Doubt = DoubtNow
		st.failed(f)
		st.Wait = max(FirstLook, a.RetryAfter)
	}
	return st
}

// AfterConfirm decides what a list of the entity's files, which was asked for at began, makes of a file that may be attached.
//
//	it is there                       attached
//	it is not, and the list began     to be attached again
//	  settle after the call broke
//	it is not, and began earlier      asked again when settle has passed
//	refused for good                  to be attached again: without a list nothing can tell, and twice is better than never
//	anything else                     asked again, after a back-off: a list that failed proves nothing
func AfterConfirm(f File, began time.Time, settle time.Duration, a keycrm.Answer, there bool) FileSettlement {
	st := FileSettlement{Answer: a, State: FileUploaded, Error: f.Error, Failures: f.Failures, Doubt: DoubtStays}
	switch a.Outcome {
	case keycrm.Done:
		early := f.BrokeAt.Add(settle).Sub(began)
		switch {
		case there:
			st.State, st.Error, st.Failures, st.Doubt = FileAttached, "", 0, DoubtNone
		case early > 0:
			st.Wait = early + time.Millisecond
		default:
			st.Doubt = DoubtNone
		}
	case keycrm.Rejected, keycrm.Duplicate:
		st.Doubt = DoubtNone
	case keycrm.Limited, keycrm.Unauthorised:
	default:
		st.Error = sentence(a)
		st.failed(f)
	}
	return st
}

// failed counts a failure and makes the file wait for it, as a create that never connected waits. There is no count of failures after
// which a file is given up.
func (st *FileSettlement) failed(f File) {
	st.Failures++
	st.Wait = max(spread(backoff(st.Failures), Submission{ID: f.Upload, Attempt: f.Attempt}), st.Answer.RetryAfter)
}
