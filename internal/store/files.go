package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"time"

	"formrelay/internal/keycrm"
	"formrelay/internal/pace"
	"formrelay/internal/submission"
)

// uploadsLive is for how long what is being uploaded may be another process's that is at work: beyond the time that the largest post
// takes at the least rate.
const uploadsLive = 48 * time.Hour

// errNoContent says that a file's content is not there in full. Nobody can know its submission by then.
var errNoContent = errors.New("the content of one of its files is no longer there in full; post the form again")

// KeepChunk stores the next piece of a file's content, numbered from 0, under the name of an upload, and returns when it is on the
// disk. The content becomes a file's when Accept stores a submission.File with that Upload; what no Accept takes over DropUploads or
// SweepUploads removes. content has submission.FileChunk bytes at most.
func (s *Store) KeepChunk(ctx context.Context, upload string, number int, content []byte) error {
	if len(content) > submission.FileChunk {
		return fmt.Errorf("a chunk of %d bytes is more than %d", len(content), submission.FileChunk)
	}
	return s.update(ctx, func(t *tx) error {
		if err := s.present.inPlace(); err != nil {
			return err
		}
		if number == 0 {
			if _, err := t.exec(ctx, `INSERT INTO uploads (id, begun_at) VALUES (?, ?)`, upload, micros(t.now)); err != nil {
				return err
			}
		}
		_, err := t.exec(ctx, `INSERT INTO file_chunks (upload, number, size, content) VALUES (?, ?, ?, ?)`, upload, number, len(content), content)
		return err
	})
}

// DropUploads removes uploads that no file has taken over: their post was turned away. It must not be called once an Accept that may
// still store them has begun.
func (s *Store) DropUploads(ctx context.Context, uploads []string) error {
	return s.update(ctx, func(t *tx) error {
		for _, upload := range uploads {
			if err := t.dropUpload(ctx, upload); err != nil {
				return err
			}
		}
		return nil
	})
}

// dropUpload removes an upload unless a file has it.
func (t *tx) dropUpload(ctx context.Context, upload string) error {
	for _, table := range []string{`file_chunks WHERE upload`, `uploads WHERE id`} {
		if _, err := t.exec(ctx, `DELETE FROM `+table+` = ? AND NOT EXISTS (SELECT 1 FROM files WHERE files.upload = ?)`, upload, upload); err != nil {
			return err
		}
	}
	return nil
}

// SweepUploads removes up to n contents that no file refers to: of submissions that were emptied, and of posts that were under way when
// a process died. It returns how many there were. It is one transaction, and a visitor's post may wait for it: n should be small.
func (s *Store) SweepUploads(ctx context.Context, n int) (int, error) {
	swept := 0
	err := s.update(ctx, func(t *tx) error {
		dead := t.now.Add(-uploadsLive)
		if s.d.alone && s.opened.After(dead) {
			dead = s.opened // nobody but this process uploads into it
		}
		all, err := list(ctx, t, t.d.bind(`SELECT id FROM uploads WHERE begun_at < ?
			AND NOT EXISTS (SELECT 1 FROM files WHERE files.upload = uploads.id) LIMIT ?`+t.d.skipLocked), []any{micros(dead), n},
			func(r row) (id string, err error) { return id, r.Scan(&id) })
		if err != nil {
			return err
		}
		for _, upload := range all {
			if err := t.dropUpload(ctx, upload); err != nil {
				return err
			}
		}
		swept = len(all)
		return nil
	})
	return swept, err
}

// insertFiles writes the files of a batch's submissions.
func (t *tx) insertFiles(ctx context.Context, rows []*pending) error {
	for _, p := range rows {
		for _, f := range p.sub.Files {
			if err := t.hasContent(ctx, f); err != nil {
				return err
			}
			_, err := t.exec(ctx, `INSERT INTO files (submission, profile, number, field, name, type, size, sha256, upload, state)
				SELECT seq, profile, ?, ?, ?, ?, ?, ?, ?, ? FROM submissions WHERE id = ?`,
				f.Number, plain(f.Field), plain(f.Name), f.Type, f.Size, f.SHA256, f.Upload, string(submission.FileWaiting), p.sub.ID)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// hasContent makes sure that a file's content is there in full, so that no submission is without it.
func (t *tx) hasContent(ctx context.Context, f submission.File) error {
	var size int64
	if err := t.one(ctx, `SELECT COALESCE(SUM(size), 0) FROM file_chunks WHERE upload = ?`, []any{f.Upload}, &size); err != nil {
		return err
	}
	if size != f.Size {
		return errNoContent
	}
	return nil
}

// copyFiles gives a submission that was made of another its files, which begin their way anew. The contents are shared.
func (t *tx) copyFiles(ctx context.Context, from, to int64) error {
	_, err := t.exec(ctx, `INSERT INTO files (submission, profile, number, field, name, type, size, sha256, upload, state)
		SELECT ?, profile, number, field, name, type, size, sha256, upload, 'waiting' FROM files WHERE submission = ? ORDER BY number`, to, from)
	return err
}

// freeFiles makes a delivered submission's files due.
func (t *tx) freeFiles(ctx context.Context, seq int64, account string) error {
	_, err := t.exec(ctx, `UPDATE files SET account = ?, due_at = ? WHERE submission = ? AND account = ''`, account, micros(t.now), seq)
	return err
}

// freeAllFiles makes every file due that waits, for a process that has the database to itself: none has a call under way, and what
// waits after a failure may as well be tried at a start.
func (t *tx) freeAllFiles(ctx context.Context) error {
	_, err := t.exec(ctx, `UPDATE files SET due_at = ? WHERE account <> '' AND state IN ('waiting', 'uploaded') AND due_at > ?`, micros(t.now), micros(t.now))
	return err
}

// Columns of a file, in the order of scanFile.
const fileColumns = `number, field, name, type, size, sha256, upload, state, crm_file, error, attempt, failures, due_at, broke_at, settled_at`

func scanFile(r row, before ...any) (f submission.File, err error) {
	err = r.Scan(append(before, &f.Number, &f.Field, &f.Name, &f.Type, &f.Size, &f.SHA256, &f.Upload, &f.State, &f.CRMFile, &f.Error,
		&f.Attempt, &f.Failures, at{&f.DueAt}, at{&f.BrokeAt}, at{&f.SettledAt})...)
	return f, err
}

// withFiles adds to rows the files of their submissions.
func (s *Store) withFiles(ctx context.Context, rows []record) error {
	if len(rows) == 0 {
		return nil
	}
	place := make(map[int64]int, len(rows))
	args := make([]any, len(rows))
	for i, r := range rows {
		place[r.seq], args[i] = i, r.seq
	}
	_, err := list(ctx, s.read, s.d.bind(`SELECT submission, `+fileColumns+` FROM files WHERE submission IN (`+places(len(args))+`)
		ORDER BY submission, number`), args, func(r row) (none struct{}, err error) {
		var seq int64
		f, err := scanFile(r, &seq)
		if err == nil {
			rows[place[seq]].Files = append(rows[place[seq]].Files, f)
		}
		return none, err
	})
	return err
}

// The questions about files that are due. They repeat the condition of the index files_due word for word.
const (
	openFile  = `account = ? AND account <> '' AND state IN ('waiting', 'uploaded')`
	nextFile  = `SELECT due_at FROM files WHERE ` + openFile + ` ORDER BY due_at, id LIMIT 1`
	whichFile = `SELECT id, submission, ` + fileColumns + ` FROM files WHERE ` + openFile + ` AND due_at <= ? ORDER BY due_at, id LIMIT 1`
)

// NextFile says when the next call for a file of account is due; ok is false when there is none.
func (s *Store) NextFile(ctx context.Context, account string) (next time.Time, ok bool, err error) {
	next, ok, err = s.firstOf(ctx, nextFile, account)
	return next, ok, s.explained(err)
}

// BeginFile takes the file of account that has been due the longest and a slot of the pace for its next call, in one transaction. The
// file is not due again before lease has passed: a process that dies loses it no longer than that. ok is false when no file is due. The
// error is a *pace.Wait when the call may not go now.
func (s *Store) BeginFile(ctx context.Context, account, owner string, limit pace.Limit, lease time.Duration) (call submission.FileCall, ok bool, err error) {
	call.Call = submission.Call{Account: account, Owner: owner, NotAfter: notAfter(limit)}
	err = s.update(ctx, func(t *tx) error {
		// The slot first, as everywhere: the account's row is what replicas queue up at.
		if err := t.takeSlot(ctx, &call.Call, pace.ForFile, limit); err != nil {
			return err
		}
		if err := t.dueFile(ctx, account, &call); err != nil {
			return err
		}
		return t.beginFile(ctx, &call, limit, lease)
	})
	if errors.Is(err, sql.ErrNoRows) { // then no slot was taken either
		return submission.FileCall{}, false, nil
	}
	return call, err == nil, err
}

// dueFile reads the file whose turn it is, and what it belongs to.
func (t *tx) dueFile(ctx context.Context, account string, call *submission.FileCall) error {
	var seq int64
	f, err := scanFile(t.QueryRowContext(ctx, t.d.bind(whichFile+t.d.skipLocked), account, micros(t.now)), &call.Row, &seq)
	if err != nil {
		return err
	}
	call.File = f
	return t.one(ctx, `SELECT id, kind, crm_id FROM submissions WHERE seq = ?`, []any{seq}, &call.ID, &call.Entity, &call.CRMID)
}

// beginFile writes that a call is under way. From now on nobody knows whether the file is attached, until the call's end is written: an
// attaching call is over, whatever becomes of this process, when its time is.
func (t *tx) beginFile(ctx context.Context, call *submission.FileCall, limit pace.Limit, lease time.Duration) error {
	call.Kind = call.File.Step()
	call.File.Attempt++
	call.Number = call.File.Attempt
	broke := call.File.BrokeAt
	if call.Kind == submission.Attach {
		broke = t.now.Add(limit.Timeout)
	}
	_, err := t.exec(ctx, `UPDATE files SET attempt = ?, due_at = ?, broke_at = ? WHERE id = ?`,
		call.Number, micros(t.now.Add(lease)), micros(broke), call.Row)
	return err
}

// SettleFile writes what a file's call came to, in one transaction: the slot's end, the account's health, the file's fate. The error is
// submission.ErrFenced when the file is no longer this call's; everything but its fate is written all the same.
//
// What was attached counts for all files of the submission that have the same content: KeyCRM knows them by one id.
func (s *Store) SettleFile(ctx context.Context, call submission.FileCall, st submission.FileSettlement) error {
	fenced := false
	err := s.update(ctx, func(t *tx) error {
		health, window, err := t.endSlot(ctx, call.Call)
		if err != nil {
			return err
		}
		if e, counts := fileEvent(call, st, window); counts {
			if err := t.writeHealth(ctx, health, health.After(e, t.now)); err != nil {
				return err
			}
		}
		fenced, err = t.settleFile(ctx, call, st)
		return err
	})
	if err == nil && fenced {
		return submission.ErrFenced
	}
	return err
}

func (t *tx) settleFile(ctx context.Context, call submission.FileCall, st submission.FileSettlement) (fenced bool, err error) {
	broke, settled, due := call.File.BrokeAt, time.Time{}, t.now.Add(max(st.Wait, 0))
	switch st.Doubt {
	case submission.DoubtNone:
		broke = time.Time{}
	case submission.DoubtNow:
		broke = t.now
	case submission.DoubtStays:
	}
	if !st.State.Open() {
		settled = t.now
	}
	crmFile := call.File.CRMFile
	if st.CRMFile != 0 {
		crmFile = st.CRMFile
	}
	n, err := t.exec(ctx, `UPDATE files SET state = ?, crm_file = ?, error = ?, failures = ?, due_at = ?, broke_at = ?, settled_at = ?
		WHERE id = ? AND attempt = ? AND state IN ('waiting', 'uploaded')`,
		string(st.State), crmFile, plain(st.Error), st.Failures, micros(due), micros(broke), micros(settled), call.Row, call.Number)
	if err != nil || n == 0 {
		return err == nil, err
	}
	if st.State == submission.FileAttached {
		_, err = t.exec(ctx, `UPDATE files SET state = 'attached', crm_file = ?, error = '', settled_at = ? WHERE sha256 = ?
			AND submission = (SELECT submission FROM files WHERE id = ?) AND state IN ('waiting', 'uploaded')`,
			crmFile, micros(t.now), call.File.SHA256, call.Row)
	}
	return false, err
}

// fileEvent is what a file's call says about the account; false: nothing. Only an answer counts. A call that broke, or met an address
// that is none, says more about a large file and the line than about KeyCRM, and no file may keep an order waiting.
func fileEvent(call submission.FileCall, st submission.FileSettlement, window time.Duration) (pace.Event, bool) {
	switch st.Answer.Outcome {
	case keycrm.Uncertain, keycrm.NotSent, keycrm.WrongAddress:
		return pace.Event{}, false
	case keycrm.Done, keycrm.Rejected, keycrm.Duplicate, keycrm.Limited, keycrm.Unauthorised:
	}
	return event(call.Call, submission.Settlement{Answer: st.Answer}, window), true
}

// RetryFiles has KeyCRM asked anew about a submission's files that it refused, and returns how many there are. What
// KeyCRM has of them is not uploaded again.
func (s *Store) RetryFiles(ctx context.Context, who, id string) (int, error) {
	var n int64
	err := s.update(ctx, func(t *tx) error {
		var seq int64
		err := t.one(ctx, `SELECT seq FROM submissions WHERE id = ?`+t.d.lockRow, []any{id}, &seq)
		if err != nil {
			return notFound(err, "submission", id)
		}
		n, err = t.exec(ctx, `UPDATE files SET state = CASE WHEN crm_file = 0 THEN 'waiting' ELSE 'uploaded' END, error = '', failures = 0,
			due_at = ?, settled_at = 0 WHERE submission = ? AND state = 'refused' AND account <> ''`, micros(t.now), seq)
		if err != nil || n == 0 {
			return err
		}
		return t.note(ctx, seq, []submission.Change{{Who: who, Kind: submission.Refiled}})
	})
	return int(n), err
}

// FileContent reads a file's content, one chunk at a time. It ends early where the content is gone.
func (s *Store) FileContent(ctx context.Context, f submission.File) io.Reader {
	return &contentReader{ctx: ctx, s: s, upload: f.Upload}
}

// contentReader is a content; chunk is what of it is in memory.
type contentReader struct {
	ctx    context.Context //nolint:containedctx // an io.Reader has no other way to hear of its end
	s      *Store
	upload string
	next   int
	chunk  []byte
}

// Read reads on, from the database when the chunk at hand is used up.
func (r *contentReader) Read(p []byte) (int, error) {
	if len(r.chunk) == 0 {
		err := r.s.read.QueryRowContext(r.ctx, r.s.d.bind(`SELECT content FROM file_chunks WHERE upload = ? AND number = ?`), r.upload, r.next).
			Scan(&r.chunk)
		if errors.Is(err, sql.ErrNoRows) {
			return 0, io.EOF
		}
		if err != nil {
			return 0, r.s.explained(err)
		}
		r.next++
	}
	n := copy(p, r.chunk)
	r.chunk = r.chunk[n:]
	return n, nil
}

// dropFiles takes the files out of a row that is emptied. Their contents go too where now says so; else SweepUploads removes them, a few
// at a time.
func (t *tx) dropFiles(ctx context.Context, seq int64, now bool) error {
	uploads, err := list(ctx, t, t.d.bind(`DELETE FROM files WHERE submission = ? RETURNING upload`), []any{seq},
		func(r row) (upload string, err error) { return upload, r.Scan(&upload) })
	if err != nil || !now {
		return err
	}
	for _, upload := range uploads {
		if err := t.dropUpload(ctx, upload); err != nil {
			return err
		}
	}
	return nil
}
