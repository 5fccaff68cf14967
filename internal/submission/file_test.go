package submission

import (
	"testing"
	"time"

	"formrelay/internal/keycrm"
)

// What each answer makes of a file: nothing that was done is done again, and nothing that may have been done is done again unasked.
func TestFileSteps(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC)
	waiting := File{State: FileWaiting, Upload: "U", Failures: 1}
	uploaded := File{State: FileUploaded, Upload: "U", CRMFile: 5}
	doubted := File{State: FileUploaded, Upload: "U", CRMFile: 5, BrokeAt: now}
	for _, c := range []struct {
		file File
		step AttemptKind
	}{{waiting, Upload}, {uploaded, Attach}, {doubted, Confirm}} {
		if got := c.file.Step(); got != c.step {
			t.Errorf("%+v needs %s, want %s", c.file, got, c.step)
		}
	}
	for _, c := range []struct {
		name     string
		st       FileSettlement
		state    FileState
		doubt    Doubt
		failures int
		atOnce   bool
	}{
		{"uploaded", AfterUpload(waiting, keycrm.Answer{Outcome: keycrm.Done, ID: 5}), FileUploaded, DoubtNone, 0, true},
		{"uploaded without an id", AfterUpload(waiting, keycrm.Answer{Outcome: keycrm.Done}), FileWaiting, DoubtNone, 2, false},
		{"upload refused", AfterUpload(waiting, keycrm.Answer{Outcome: keycrm.Rejected}), FileRefused, DoubtNone, 1, true},
		{"upload lost", AfterUpload(waiting, keycrm.Answer{Outcome: keycrm.Uncertain}), FileWaiting, DoubtNone, 2, false},
		{"upload not sent", AfterUpload(waiting, keycrm.Answer{Outcome: keycrm.NotSent}), FileWaiting, DoubtNone, 2, false},
		{"upload to a wrong address", AfterUpload(waiting, keycrm.Answer{Outcome: keycrm.WrongAddress}), FileWaiting, DoubtNone, 2, false},
		{"upload limited", AfterUpload(waiting, keycrm.Answer{Outcome: keycrm.Limited}), FileWaiting, DoubtNone, 1, true},
		{"upload unauthorised", AfterUpload(waiting, keycrm.Answer{Outcome: keycrm.Unauthorised}), FileWaiting, DoubtNone, 1, true},
		{"attached", AfterAttach(uploaded, keycrm.Answer{Outcome: keycrm.Done}), FileAttached, DoubtNone, 0, true},
		{"attach refused", AfterAttach(uploaded, keycrm.Answer{Outcome: keycrm.Rejected}), FileRefused, DoubtNone, 0, true},
		{"attach lost", AfterAttach(uploaded, keycrm.Answer{Outcome: keycrm.Uncertain}), FileUploaded, DoubtNow, 1, false},
		{"attach not sent", AfterAttach(uploaded, keycrm.Answer{Outcome: keycrm.NotSent}), FileUploaded, DoubtNone, 1, false},
		{"attach limited", AfterAttach(uploaded, keycrm.Answer{Outcome: keycrm.Limited}), FileUploaded, DoubtNone, 0, true},
		{"there", AfterConfirm(doubted, now, time.Minute, keycrm.Answer{Outcome: keycrm.Done}, true), FileAttached, DoubtNone, 0, true},
		{"not there yet", AfterConfirm(doubted, now.Add(time.Minute-1), time.Minute, keycrm.Answer{Outcome: keycrm.Done}, false), FileUploaded, DoubtStays, 0, false},
		{"not there", AfterConfirm(doubted, now.Add(time.Minute), time.Minute, keycrm.Answer{Outcome: keycrm.Done}, false), FileUploaded, DoubtNone, 0, true},
		{"list lost", AfterConfirm(doubted, now.Add(time.Hour), time.Minute, keycrm.Answer{Outcome: keycrm.Uncertain}, false), FileUploaded, DoubtStays, 1, false},
		{"list refused", AfterConfirm(doubted, now, time.Minute, keycrm.Answer{Outcome: keycrm.Rejected}, false), FileUploaded, DoubtNone, 0, true},
		{"list limited", AfterConfirm(doubted, now, time.Minute, keycrm.Answer{Outcome: keycrm.Limited}, false), FileUploaded, DoubtStays, 0, true},
	} {
		if c.st.State != c.state || c.st.Doubt != c.doubt || c.st.Failures != c.failures || (c.st.Wait == 0) != c.atOnce {
			t.Errorf("%s: %+v", c.name, c.st)
		}
	}
	// However often it fails it is never given up, and never waits longer than an hour.
	f := waiting
	for f.Failures = range 100 {
		if st := AfterUpload(f, keycrm.Answer{Outcome: keycrm.Uncertain}); st.State != FileWaiting || st.Wait > MaxBackoff || st.Wait < MinBackoff/2 {
			t.Fatalf("after %d failures: %+v", f.Failures, st)
		}
	}
}
