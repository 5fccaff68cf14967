package intake

import (
	"fmt"
	"slices"
	"strings"

	"formrelay/internal/mapping"
	"formrelay/internal/submission"
)

// maxTold bounds how many faults a submission's one-sentence error names; all of them are in its Faults.
const maxTold = 5

// apply maps a post. Should the mapping fail in a way that nobody foresaw, the post is kept for ops: that is a fault like any other of
// the relay's, and none of them may lose a lead.
func apply(m *mapping.Mapping, in mapping.Input) (result mapping.Result) {
	defer func() {
		if v := recover(); v != nil {
			// The panic's type and not its value, which may hold what the visitor typed.
			result = mapping.Result{Problems: []mapping.Problem{{Text: fmt.Sprintf(
				"the relay itself failed while mapping this submission (%T); please report it with the profile", v)}}}
		}
	}()
	return m.Apply(in)
}

// decide is what becomes of a post that was decoded and mapped: what its visitor can correct comes first, then what only ops can,
// then that it is a test. Anything else is queued.
func decide(s *submission.Submission, result mapping.Result, holdInvalid, test bool) {
	// The entity is made once, here: every send and every resend sends these bytes. A test has one too, so that ops see what it would
	// have been.
	s.Entity, s.SourceUUID, s.Mark, s.MarkField = result.Entity, result.SourceUUID, result.Mark, result.MarkField
	switch {
	case len(result.Corrections) > 0:
		s.Faults = append(correctionFaults(result.Corrections), problemFaults(result.Problems)...)
		told := "needs a correction: " + list(s.Faults)
		if holdInvalid {
			s.State, s.Reason, s.Error = submission.Held, submission.ReasonInvalid, told
			return
		}
		s.State, s.Error = submission.Refused, "the visitor was told that it "+told
	case len(result.Problems) > 0: // before test: whoever tests a form wants to know that its mapping fails
		s.Faults = problemFaults(result.Problems)
		s.State, s.Reason, s.Error = submission.Held, submission.ReasonMapping, "the mapping failed: "+list(s.Faults)
	case test:
		s.State, s.Reason, s.Error = submission.Held, submission.ReasonTest, aTest
	default:
		s.State = submission.Queued
	}
	if test && s.State == submission.Held && s.Reason != submission.ReasonTest {
		s.Signals = []submission.Signal{{Reason: s.Reason, Text: s.Error}, {Reason: submission.ReasonTest, Text: aTest}}
	}
}

// aTest is why a test is held.
const aTest = "a test: it is kept and not sent"

// suspect holds a submission for what was found about it, whatever else is to be said of it. All of that is kept, what was found first
// before what it was held for already.
func suspect(s *submission.Submission, found ...submission.Signal) {
	if len(found) == 0 {
		return
	}
	if len(s.Signals) == 0 && s.State == submission.Held {
		s.Signals = []submission.Signal{{Reason: s.Reason, Text: s.Error}}
	}
	s.Signals = append(found, s.Signals...)
	texts := make([]string, len(s.Signals))
	for n, signal := range s.Signals {
		texts[n] = signal.Text
	}
	s.State, s.Reason, s.Error = submission.Held, s.Signals[0].Reason, strings.Join(texts, "; ")
}

// correctionFaults is what a visitor may correct, in the words of ops.
func correctionFaults(corrections []mapping.Correction) []submission.Fault {
	faults := make([]submission.Fault, len(corrections))
	for n, c := range corrections {
		faults[n] = submission.Fault{Field: c.Field, Path: c.Path, Code: c.Code, Text: asked(c)}
	}
	return faults
}

// asked says in English what a correction asks for.
func asked(c mapping.Correction) string {
	switch c.Code {
	case mapping.CodeMissing:
		return c.Field + " is required and was not posted"
	case mapping.CodeEmpty:
		return c.Field + " is required and was blank"
	case mapping.CodeNoContact:
		return c.Field + ": " + noContact
	case mapping.CodeRule:
		return c.Field + " does not keep the rule " + written(c.Tag, c.Param)
	case mapping.CodeBool:
		return c.Field + " is neither yes nor no"
	case mapping.CodeNumeric:
		return c.Field + " is not a number"
	case mapping.CodeEmail:
		return c.Field + " is not an email address"
	case mapping.CodePhone:
		return c.Field + " is not a phone number"
	case mapping.CodeDate:
		return c.Field + " is not a date"
	case mapping.CodeText:
		return c.Field + " is not a text"
	case mapping.CodeFile:
		return c.Field + " holds a file of a type that the profile does not take (" + c.Param + "), which is not kept"
	default:
		return c.Field + " needs a correction (" + c.Code + ")"
	}
}

// written is a rule as the profile writes it, alternatives with their own parameters: len=3|len=5.
func written(tag, param string) string {
	if param == "" {
		return tag
	}
	tags, params := strings.Split(tag, "|"), strings.Split(param, "|")
	if len(tags) != len(params) { // a | that is meant as one
		return tag + "=" + param
	}
	for n := range tags {
		if params[n] != "" {
			tags[n] += "=" + params[n]
		}
	}
	return strings.Join(tags, "|")
}

// problemFaults is what only ops can mend.
func problemFaults(problems []mapping.Problem) []submission.Fault {
	faults := make([]submission.Fault, len(problems))
	for n, p := range problems {
		faults[n] = submission.Fault{Field: p.Field, Path: p.Path, Code: "MAPPING", Text: p.Text}
	}
	return faults
}

// noContact is one fault, told at each field that could mend it.
const noContact = "there is no name, email or phone at all"

// list is the first faults in one sentence.
func list(faults []submission.Fault) string {
	var texts, contact []string
	for _, f := range faults {
		switch {
		case f.Code == mapping.CodeNoContact:
			if contact = append(contact, f.Field); len(contact) > 1 {
				continue
			}
			texts = append(texts, "") // once, in the place of the first
		case f.Code == "MAPPING" && f.Path != "":
			texts = append(texts, f.Path+": "+f.Text)
		default:
			texts = append(texts, f.Text)
		}
	}
	if at := slices.Index(texts, ""); at >= 0 {
		texts[at] = noContact + " (" + plainly(contact) + ")"
	}
	return strings.Join(first(texts), "; ")
}

// first are the texts that are told, with how many more there are.
func first(texts []string) []string {
	if len(texts) <= maxTold {
		return texts
	}
	return append(texts[:maxTold:maxTold], fmt.Sprintf("and %d more", len(texts)-maxTold))
}

// plainly names the fields.
func plainly(fields []string) string {
	if len(fields) == 1 {
		return "the field " + fields[0]
	}
	return "the fields " + strings.Join(first(fields), ", ")
}
