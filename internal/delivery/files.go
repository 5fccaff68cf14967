package delivery

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/rs/zerolog"

	"formrelay/internal/keycrm"
	"formrelay/internal/pace"
	"formrelay/internal/submission"
)

// Files are the files of what has been delivered.
type Files interface {
	// NextFile says when the next call for a file is due; false: there is none.
	NextFile(ctx context.Context, account string) (time.Time, bool, error)
	// BeginFile takes a slot for the next call of the file that has been due the longest; false: none is due. The error is a *pace.Wait
	// when the call may not go yet.
	BeginFile(ctx context.Context, account, owner string, limit pace.Limit, lease time.Duration) (submission.FileCall, bool, error)
	// SettleFile writes a call's end and what it made of its file; submission.ErrFenced: the file has moved on.
	SettleFile(ctx context.Context, call submission.FileCall, st submission.FileSettlement) error
	// FileContent reads a file's content, a piece at a time.
	FileContent(ctx context.Context, f submission.File) io.Reader
}

// Storage makes the calls for files. As with Client every method returns when ctx ends at the latest, and writes nothing after notAfter.
type Storage interface {
	Upload(ctx context.Context, f keycrm.File, notAfter time.Time) keycrm.Answer
	Attach(ctx context.Context, kind keycrm.Kind, entity, file int64, notAfter time.Time) keycrm.Answer
	Attached(ctx context.Context, kind keycrm.Kind, entity, file int64, notAfter time.Time) (bool, keycrm.Answer)
}

// filePace is the pace as files see it. They leave a quarter of it alone: an order that comes while a backlog of photographs is worked
// off finds a slot at once.
func (c *Courier) filePace() pace.Limit {
	limit := c.pace
	limit.Calls -= limit.Calls / 4
	return limit
}

// file begins the next call for a file. It is asked when no submission is due: an order goes before every file. One call for a file at
// a time, so that files take neither the line nor the memory that orders need; and none while calls break.
func (r *shift) file() idle {
	if r.c.o.Files == nil || r.filing || r.health.Broken > 0 {
		return r.untilDue()
	}
	next, waits, err := r.c.o.Files.NextFile(r.writes, r.c.o.Account)
	switch {
	case err != nil:
		return r.failed(err)
	case !waits:
		return r.untilDue()
	case r.left(next) > 0:
		return r.atMost(r.left(next))
	}
	call, begun, err := r.c.o.Files.BeginFile(r.writes, r.c.o.Account, r.c.owner, r.c.filePace(), r.c.o.Lease)
	var wait *pace.Wait
	switch {
	case errors.As(err, &wait):
		// Not the pace of orders: one that comes may go.
		return r.atMost(min(max(r.left(wait.Until), moment), poll))
	case err != nil:
		return r.failed(err)
	case !begun: // another replica was first
		return r.atMost(r.until(next))
	}
	r.works()
	r.flying++
	r.filing = true
	go func() {
		r.c.carryFile(r.calls, r.writes, call)
		r.ended <- landing{file: true}
	}()
	return r.untilDue()
}

// atMost is untilDue, and no longer than d.
func (r *shift) atMost(d time.Duration) idle {
	i := r.untilDue()
	i.pause = min(i.pause, d)
	return i
}

// carryFile makes a file's call and settles it.
func (c *Courier) carryFile(calls, writes context.Context, call submission.FileCall) {
	ctx, cancel := context.WithTimeout(calls, c.o.Limit.Timeout)
	defer cancel()
	st := c.callFile(ctx, call)
	if c.write(writes, call.Call, st.Answer, func() error { return c.o.Files.SettleFile(writes, call, st) }) {
		c.reportFile(call, st)
	}
}

// callFile makes the call that the file needs.
func (c *Courier) callFile(ctx context.Context, call submission.FileCall) submission.FileSettlement {
	f := call.File
	switch call.Kind {
	case submission.Attach:
		return submission.AfterAttach(f, c.o.Storage.Attach(ctx, call.Entity, call.CRMID, f.CRMFile, call.NotAfter))
	case submission.Confirm:
		there, a := c.o.Storage.Attached(ctx, call.Entity, call.CRMID, f.CRMFile, call.NotAfter)
		return submission.AfterConfirm(f, call.StartedAt, c.o.Settle, a, there)
	default:
		content := c.o.Files.FileContent(ctx, f)
		return submission.AfterUpload(f, c.o.Storage.Upload(ctx, keycrm.File{Name: f.Name, Type: f.Type, Size: f.Size, Content: content}, call.NotAfter))
	}
}

// reportFile logs one settled call of a file: ids and outcomes, never its name.
func (c *Courier) reportFile(call submission.FileCall, st submission.FileSettlement) {
	level := zerolog.DebugLevel
	switch {
	case st.State == submission.FileAttached:
		level = zerolog.InfoLevel
	case st.State == submission.FileRefused, st.Failures == 1:
		level = zerolog.WarnLevel
	}
	c.log.WithLevel(level).Str("submission", call.ID).Int("file", call.File.Number).Str("call", string(call.Kind)).Int("attempt", call.Number).
		Str("outcome", string(st.Answer.Outcome)).Int("status", st.Answer.Status).
		Dur("took", st.Answer.Ended.Sub(st.Answer.Started)).Msg("file " + string(st.State))
}
