package submission

import "slices"

// The reasons of the guard.
const (
	ReasonSpam    Reason = "spam"    // a field that no person sees was filled
	ReasonTime    Reason = "time"    // posted faster than a person types, or with a time token that is none
	ReasonRate    Reason = "rate"    // too many posts from one address
	ReasonBlock   Reason = "block"   // a word or an address that the profile blocks
	ReasonSecret  Reason = "secret"  // its sender did not carry the key that the profile asks for
	ReasonCaptcha Reason = "captcha" // the captcha's answer is missing or wrong; with a submission that was sent: nobody could tell
)

// Signal is one thing that speaks against a submission, or that could not be told about it. A submission is held for the first of its
// signals and keeps all of them, also when ops release it. What was sent although its captcha could not be verified has one too.
type Signal struct {
	Reason Reason `json:"reason"`
	Text   string `json:"text"` // one English sentence for ops, without what a visitor typed
}

// HeldAsTest tells whether it is held as a test, whatever else it is held for. One that ops let go is none any more.
func (s Submission) HeldAsTest() bool {
	return s.State == Held &&
		(s.Reason == ReasonTest || slices.ContainsFunc(s.Signals, func(found Signal) bool { return found.Reason == ReasonTest }))
}

// Captcha is the answer of a captcha that is still to be verified. It is kept until its provider was asked, and no longer.
type Captcha struct {
	Secret string `json:"secret"` // the name under `secrets` in the server's configuration
	Answer string `json:"answer"`
	Asked  bool   `json:"asked,omitempty"` // its provider may have been asked already, by somebody who did not live to write the verdict
}

// Pending tells whether there is something to verify before the submission may be sent.
func (c Captcha) Pending() bool { return c != Captcha{} }

// Verdict is what asking about a captcha came to. The zero Verdict lets the submission go as if there had been none.
type Verdict struct {
	Hold   bool   // the answer is bad: the submission is held for Signal.Reason
	Signal Signal // what is kept of it; zero: nothing
}
