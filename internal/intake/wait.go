package intake

import (
	"context"
	"net/http"

	"formrelay/internal/profile"
	"formrelay/internal/submission"
)

// Waiter knows what becomes of submissions. Many visitors may wait at a time.
type Waiter interface {
	// Await waits until KeyCRM has the submission and gives its id there. It is 0 when the submission's first call came to anything
	// else, when others were to be sent before it, and when ctx ends first.
	Await(ctx context.Context, id string) (crmID int64)
}

// await waits where the profile says so, and gives the submission's id in KeyCRM; 0 when it is not known in time. A visitor who hangs
// up, and a server that stops, waits no longer; a hasty sender not at all.
func (i *Intake) await(r *http.Request, p *profile.Profile, s *submission.Submission, hasty bool) int64 {
	if p.Wait == 0 || hasty || i.Waiter == nil {
		return 0
	}
	switch s.State {
	case submission.Queued, submission.Sending, submission.Delivered, submission.Uncertain: // the last three: of a post made again
	case submission.Rejected, submission.Held, submission.Refused, submission.Discarded:
		return 0
	}
	ctx, cancel := context.WithTimeout(r.Context(), p.Wait)
	defer cancel()
	defer context.AfterFunc(i.stopping, cancel)()
	return i.Waiter.Await(ctx, s.ID)
}

// shownCRMID is what a submission's address tells of its id in KeyCRM: something only where its form tells it too.
func (i *Intake) shownCRMID(s submission.Submission) int64 {
	if p, serves := i.Profiles.Get(s.Profile); !serves || p.Wait == 0 || s.State != submission.Delivered {
		return 0
	}
	return s.CRMID
}
