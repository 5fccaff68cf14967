package intake

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"formrelay/internal/mapping"
	"formrelay/internal/submission"
)

func TestDecide(t *testing.T) {
	t.Parallel()
	entity := mapping.Result{Entity: []byte(`{"source_id":22}`), SourceUUID: "X"}
	correct := mapping.Result{Corrections: []mapping.Correction{{Field: "mail", Path: "buyer.email", Code: mapping.CodeEmail}}}
	problem := mapping.Result{Problems: []mapping.Problem{{Path: "payments.0.status", Field: "st", Text: "KeyCRM has no such status"}}}
	both := mapping.Result{Corrections: correct.Corrections, Problems: problem.Problems}
	tests := []struct {
		name   string
		result mapping.Result
		hold   bool
		test   bool
		state  submission.State
		reason submission.Reason
		error  string
		faults int
	}{
		{name: "fine", result: entity, state: submission.Queued},
		{name: "a test", result: entity, test: true, state: submission.Held, reason: submission.ReasonTest, error: "a test: it is kept and not sent"},
		{
			name: "to correct", result: correct, state: submission.Refused, faults: 1,
			error: "the visitor was told that it needs a correction: mail is not an email address",
		},
		{
			name: "to correct, nobody to tell", result: correct, hold: true, state: submission.Held, reason: submission.ReasonInvalid, faults: 1,
			error: "needs a correction: mail is not an email address",
		},
		{name: "a test to correct", result: correct, test: true, state: submission.Refused, faults: 1, error: "the visitor was told that it needs a correction: mail is not an email address"},
		{
			name: "for ops", result: problem, state: submission.Held, reason: submission.ReasonMapping, faults: 1,
			error: "the mapping failed: payments.0.status: KeyCRM has no such status",
		},
		{
			name: "a test for ops", result: problem, test: true, state: submission.Held, reason: submission.ReasonMapping, faults: 1,
			error: "the mapping failed: payments.0.status: KeyCRM has no such status",
		},
		{
			name: "both", result: both, state: submission.Refused, faults: 2,
			error: "the visitor was told that it needs a correction: mail is not an email address; payments.0.status: KeyCRM has no such status",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var s submission.Submission
			decide(&s, tt.result, tt.hold, tt.test)
			if s.State != tt.state || s.Reason != tt.reason || s.Error != tt.error || len(s.Faults) != tt.faults {
				t.Errorf("got %s %s %q with %d faults", s.State, s.Reason, s.Error, len(s.Faults))
			}
			if diff := cmp.Diff(string(tt.result.Entity), string(s.Entity)); diff != "" || s.SourceUUID != tt.result.SourceUUID {
				t.Error(diff, s.SourceUUID)
			}
		})
	}
}

func TestAskedNamesTheField(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]string{
		mapping.CodeMissing:   "f is required and was not posted",
		mapping.CodeEmpty:     "f is required and was blank",
		mapping.CodeNoContact: "f: there is no name, email or phone at all",
		mapping.CodeRule:      "f does not keep the rule max=3",
		mapping.CodePhone:     "f is not a phone number",
		mapping.CodeEmail:     "f is not an email address",
		mapping.CodeNumeric:   "f is not a number",
		mapping.CodeDate:      "f is not a date",
		mapping.CodeText:      "f is not a text",
		mapping.CodeBool:      "f is neither yes nor no",
		"NEW":                 "f needs a correction (NEW)",
	} {
		if got := asked(mapping.Correction{Field: "f", Code: code, Tag: "max", Param: "3"}); got != want {
			t.Errorf("%s: %q", code, got)
		}
	}
	for _, tt := range []struct{ tag, param, want string }{
		{"alpha", "", "alpha"},
		{"len|len", "3|5", "len=3|len=5"},
		{"email|len", "|3", "email|len=3"},
		{"contains", "|", "contains=|"},
	} {
		if got := asked(mapping.Correction{Field: "f", Code: mapping.CodeRule, Tag: tt.tag, Param: tt.param}); got != "f does not keep the rule "+tt.want {
			t.Error(got)
		}
	}
}

func TestManyFaultsAreCounted(t *testing.T) {
	t.Parallel()
	var r mapping.Result
	for range 30 {
		r.Problems = append(r.Problems, mapping.Problem{Path: "p", Text: "wrong"})
	}
	var s submission.Submission
	decide(&s, r, false, false)
	if !strings.HasSuffix(s.Error, "; and 25 more") || len(s.Faults) != 30 {
		t.Errorf("%d faults, %q", len(s.Faults), s.Error)
	}
}

// One fault that stands at several fields is told once.
func TestNoContactIsOneFault(t *testing.T) {
	t.Parallel()
	at := func(field string) mapping.Correction {
		return mapping.Correction{Field: field, Code: mapping.CodeNoContact}
	}
	for want, corrections := range map[string][]mapping.Correction{
		"needs a correction: there is no name, email or phone at all (the field phone)": {at("phone")},
		"needs a correction: there is no name, email or phone at all (the fields Name, name, Email, email, Phone, and 1 more); sum is not a number": {
			at("Name"), at("name"), at("Email"), at("email"), at("Phone"), at("phone"), {Field: "sum", Code: mapping.CodeNumeric},
		},
	} {
		var s submission.Submission
		decide(&s, mapping.Result{Corrections: corrections}, true, false)
		if s.Error != want || len(s.Faults) != len(corrections) {
			t.Errorf("%d faults, %q", len(s.Faults), s.Error)
		}
	}
}

func TestMappingThatPanicsLosesNothing(t *testing.T) {
	t.Parallel()
	r := apply(nil, mapping.Input{}) // a nil mapping stands for a fault that nobody foresaw
	var s submission.Submission
	decide(&s, r, false, false)
	if s.State != submission.Held || s.Reason != submission.ReasonMapping || !strings.Contains(s.Error, "the relay itself failed") {
		t.Errorf("%s %s %q", s.State, s.Reason, s.Error)
	}
}
