package delivery

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"formrelay/internal/keycrm"
	"formrelay/internal/submission"
)

// Every call is told once, with what it was for and what it came to: creates, look-ups and probes.
func TestOnCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(minute(), time.Millisecond)
		var mu sync.Mutex
		var got []string
		r.c.o.OnCall = func(kind submission.AttemptKind, a keycrm.Answer) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, string(kind)+" "+string(a.Outcome))
		}
		answers := []keycrm.Outcome{keycrm.Unauthorised, keycrm.Unauthorised, keycrm.Done, keycrm.Uncertain}
		r.crm.script(func(int, submission.AttemptKind, string) *fate {
			if len(answers) == 0 {
				return nil
			}
			o := answers[0]
			answers = answers[1:]
			return &fate{store: o == keycrm.Uncertain, answer: keycrm.Answer{Outcome: o, Text: "what happened"}}
		})
		r.store.accept(submission.Submission{})
		r.start(t)
		r.all(t, time.Hour, submission.Delivered)
		r.stop(t)
		want := []string{"create unauthorised", "probe unauthorised", "probe done", "create uncertain", "lookup done"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
