package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"formrelay/internal/keycrm"
	"formrelay/internal/pace"
	"formrelay/internal/submission"
)

// bytesOf is what a test's file holds.
func bytesOf(n int) []byte { return bytes.Repeat([]byte{0, 'x', 0xff, '\n'}, n/4) }

// upload keeps a content and describes it as a file.
func (f *fixture) upload(number int, name string, content []byte) submission.File {
	f.t.Helper()
	file := submission.File{
		Number: number, Field: "photo", Name: name, Type: "image/jpeg", Size: int64(len(content)), SHA256: fmt.Sprintf("%x", len(content)),
		Upload: submission.NewID(), State: submission.FileWaiting,
	}
	for n := 0; len(content) > 0; n++ {
		part := content[:min(len(content), submission.FileChunk)]
		f.ok(f.KeepChunk(f.t.Context(), file.Upload, n, part))
		content = content[len(part):]
	}
	return file
}

// withPhotos accepts an order with files of these sizes.
func (f *fixture) withPhotos(id string, sizes ...int) []submission.File {
	f.t.Helper()
	s := f.order(id)
	for n, size := range sizes {
		s.Files = append(s.Files, f.upload(n+1, fmt.Sprintf("фото %d.jpg", n+1), bytesOf(size)))
	}
	f.ok(f.Accept(f.t.Context(), s, revision()))
	f.clock.advance(time.Millisecond)
	return s.Files
}

// delivered settles the next order's create with an id.
func (f *fixture) delivered(crmID int64) {
	f.t.Helper()
	c, call := f.create("one")
	f.settle(c, call, done(crmID))
}

// content is a file's stored content.
func (f *fixture) content(file submission.File) []byte {
	f.t.Helper()
	got, err := io.ReadAll(f.FileContent(f.t.Context(), file))
	f.ok(err)
	return got
}

// beginFile begins the next file's call.
func (f *fixture) beginFile(kind submission.AttemptKind) submission.FileCall {
	f.t.Helper()
	call, ok, err := f.BeginFile(f.t.Context(), "main", "one", minute, lease)
	f.ok(err)
	if !ok || call.Kind != kind {
		f.t.Fatalf("began %v, %s of %+v, want %s", ok, call.Kind, call.File, kind)
	}
	return call
}

// noFile makes sure that no file is due.
func (f *fixture) noFile() {
	f.t.Helper()
	if call, ok, err := f.BeginFile(f.t.Context(), "main", "one", minute, lease); ok || err != nil {
		f.t.Fatalf("%s of %+v began: %v", call.Kind, call.File, err)
	}
}

// count counts a table's rows.
func (f *fixture) count(table string) (n int) {
	f.t.Helper()
	f.ok(f.Store.read.QueryRowContext(f.t.Context(), `SELECT COUNT(*) FROM `+table).Scan(&n))
	return n
}

func testFilesAreKept(t *testing.T, f *fixture) {
	large := 2*submission.FileChunk + 400
	files := f.withPhotos("A", large, submission.FileChunk, 4)
	f.withPhotos("B")
	got := f.get("A").Files
	f.same(files, got)
	for i, size := range []int{large, submission.FileChunk, 4} {
		if !bytes.Equal(bytesOf(size), f.content(got[i])) {
			t.Errorf("file %d is another", i+1)
		}
	}
	f.same(0, len(f.get("B").Files))
	for s, err := range f.All(t.Context(), Filter{}) {
		f.ok(err)
		f.same(f.get(s.ID).Files, s.Files)
	}
	// A submission whose content is not all there is turned away, and the others of its batch are not.
	s := f.order("C")
	s.Files = []submission.File{f.upload(1, "a.jpg", bytesOf(8))}
	s.Files[0].Size++
	if err := f.Accept(t.Context(), s, revision()); !errors.Is(err, errNoContent) {
		t.Errorf("error %v", err)
	}
	if err := f.KeepChunk(t.Context(), "X", 0, make([]byte, submission.FileChunk+1)); err == nil {
		t.Error("a chunk that is too large was kept")
	}
	if err := f.KeepChunk(t.Context(), s.Files[0].Upload, 0, []byte("other")); err == nil {
		t.Error("a chunk was kept twice")
	}
}

func testUploadsAreDropped(t *testing.T, f *fixture) {
	taken := f.withPhotos("A", submission.FileChunk+4)[0]
	given := f.upload(1, "b.jpg", bytesOf(submission.FileChunk+4))
	f.ok(f.DropUploads(t.Context(), []string{given.Upload, taken.Upload, "unknown"}))
	f.same(0, len(f.content(given)))
	f.same(int(taken.Size), len(f.content(taken)))
	f.same(1, f.count("uploads"))

	// What a process left behind that died is swept when nobody can be at it any more.
	left := f.upload(1, "c.jpg", bytesOf(4))
	f.clock.advance(uploadsLive - time.Hour)
	n, err := f.SweepUploads(t.Context(), 10)
	f.ok(err)
	f.same(0, n)
	f.clock.advance(2 * time.Hour)
	n, err = f.SweepUploads(t.Context(), 10)
	f.ok(err)
	f.same(1, n)
	f.same(0, len(f.content(left)))
	f.same(int(taken.Size), len(f.content(taken)))
}

// testFilesGoStepByStep takes a file the whole way; no step is repeated, whatever fails on the way.
func testFilesGoStepByStep(t *testing.T, f *fixture) {
	ctx := t.Context()
	f.withPhotos("A", 400)
	f.noFile() // it is not delivered
	f.delivered(77)
	next, ok, err := f.NextFile(ctx, "main")
	f.ok(err)
	if !ok || next.After(f.clock.Now()) {
		t.Errorf("next %v %v", next, ok)
	}

	call := f.beginFile(submission.Upload)
	f.same("A", call.ID)
	f.same(int64(77), call.CRMID)
	f.same(keycrm.KindOrder, call.Entity)
	f.noFile() // it is under way
	f.ok(f.SettleFile(ctx, call, submission.AfterUpload(call.File, timeout())))
	f.noFile() // it waits
	f.clock.advance(submission.MinBackoff)
	call = f.beginFile(submission.Upload)
	f.ok(f.SettleFile(ctx, call, submission.AfterUpload(call.File, done(501))))
	f.same(submission.FileUploaded, f.get("A").Files[0].State)

	call = f.beginFile(submission.Attach)
	f.same(int64(501), call.File.CRMFile)
	f.ok(f.SettleFile(ctx, call, submission.AfterAttach(call.File, timeout())))
	f.clock.advance(submission.FirstLook)
	call = f.beginFile(submission.Confirm)
	f.ok(f.SettleFile(ctx, call, submission.AfterConfirm(call.File, call.StartedAt, time.Minute, done(0), false)))
	f.noFile() // it may still come
	f.clock.advance(time.Minute)
	call = f.beginFile(submission.Confirm)
	f.ok(f.SettleFile(ctx, call, submission.AfterConfirm(call.File, call.StartedAt, time.Minute, done(0), false)))
	call = f.beginFile(submission.Attach)
	f.ok(f.SettleFile(ctx, call, submission.AfterAttach(call.File, done(0))))

	file := f.get("A").Files[0]
	f.same(submission.FileAttached, file.State)
	f.same("", file.Error)
	f.same(true, file.BrokeAt.IsZero() && !file.SettledAt.IsZero())
	f.noFile()
	f.is(f.SettleFile(ctx, call, submission.AfterAttach(call.File, timeout())), submission.ErrFenced)
	f.same(1, len(f.attempts("A"))) // the create's; a file counts its own
	f.same(6, file.Attempt)
}

// testFilesOutliveTheProcess: what was under way when a process died is taken up when its time is over, and what may be attached is
// looked up first.
func testFilesOutliveTheProcess(t *testing.T, f *fixture) {
	ctx := t.Context()
	f.withPhotos("A", 400)
	f.delivered(77)
	first := f.beginFile(submission.Upload)
	f.clock.advance(lease)
	call := f.beginFile(submission.Upload)
	f.is(f.SettleFile(ctx, first, submission.AfterUpload(first.File, done(1))), submission.ErrFenced)
	f.ok(f.SettleFile(ctx, call, submission.AfterUpload(call.File, done(501))))
	f.beginFile(submission.Attach)
	f.noFile()
	f.clock.advance(lease)
	call = f.beginFile(submission.Confirm)
	f.ok(f.SettleFile(ctx, call, submission.AfterConfirm(call.File, call.StartedAt, time.Minute, done(0), true)))
	f.same(submission.FileAttached, f.get("A").Files[0].State)
}

// testFilesAndHealth: an answer about a file tells of the account, a call that broke does not, and in an outage no file goes.
func testFilesAndHealth(t *testing.T, f *fixture) {
	ctx := t.Context()
	f.withPhotos("A", 400)
	f.delivered(77)
	for range 2 * pace.OutageAfter {
		call := f.beginFile(submission.Upload)
		f.ok(f.SettleFile(ctx, call, submission.AfterUpload(call.File, timeout())))
		f.clock.advance(submission.MaxBackoff)
	}
	health, err := f.Account(ctx, "main")
	f.ok(err)
	f.same(pace.Account{Name: "main"}, health)

	call := f.beginFile(submission.Upload)
	f.ok(f.SettleFile(ctx, call, submission.AfterUpload(call.File, keycrm.Answer{Outcome: keycrm.Limited, Status: 429, RetryAfter: time.Minute})))
	_, _, err = f.BeginFile(ctx, "main", "one", minute, lease)
	f.waits(err, "limited")
	f.clock.advance(time.Minute)
	call = f.beginFile(submission.Upload)
	f.ok(f.SettleFile(ctx, call, submission.AfterUpload(call.File, keycrm.Answer{Outcome: keycrm.Unauthorised, Text: "no"})))
	_, _, err = f.BeginFile(ctx, "main", "one", minute, lease)
	f.waits(err, "paused")
}

// testRefusedFile: it does not come again by itself, and ops can have it tried again.
func testRefusedFile(t *testing.T, f *fixture) {
	ctx := t.Context()
	f.withPhotos("A", 400, 800)
	n, err := f.RetryFiles(ctx, "olena", "A")
	f.ok(err)
	f.same(0, n)
	f.delivered(77)
	call := f.beginFile(submission.Upload)
	f.ok(f.SettleFile(ctx, call, submission.AfterUpload(call.File, keycrm.Answer{Outcome: keycrm.Rejected, Status: 413, Text: "Too large."})))
	file := f.get("A").Files[0]
	f.same(submission.FileRefused, file.State)
	f.same("Too large.", file.Error)
	f.same(submission.Delivered, f.get("A").State)
	f.queue("without files")
	withFiles := func(state submission.FileState) []string {
		t.Helper()
		rows, err := f.List(ctx, Filter{Files: state})
		f.ok(err)
		var ids []string
		for _, s := range rows {
			ids = append(ids, s.ID)
		}
		return ids
	}
	f.same([]string{"A"}, withFiles(submission.FileRefused))
	f.same([]string{"A"}, withFiles(submission.FileWaiting))
	f.same([]string(nil), withFiles(submission.FileAttached))
	call = f.beginFile(submission.Upload)
	f.same(2, call.File.Number)
	f.noFile()
	n, err = f.RetryFiles(ctx, "olena", "A")
	f.ok(err)
	f.same(1, n)
	f.same(1, f.beginFile(submission.Upload).File.Number)
	changes, err := f.Changes(ctx, "A")
	f.ok(err)
	f.same(submission.Refiled, changes[0].Kind)
	_, err = f.RetryFiles(ctx, "olena", "unknown")
	f.is(err, submission.ErrNotFound)
	figures, err := f.Figures(ctx)
	f.ok(err)
	f.same([]submission.FileCount{{State: submission.FileWaiting, Profile: "landing", N: 2}}, figures.Files)
}

// testSameFileTwice: KeyCRM knows both by one id, so that what attaches the one attaches the other.
func testSameFileTwice(t *testing.T, f *fixture) {
	ctx := t.Context()
	f.withPhotos("A", 400, 400)
	f.delivered(77)
	call := f.beginFile(submission.Upload)
	f.ok(f.SettleFile(ctx, call, submission.AfterUpload(call.File, done(501))))
	call = f.beginFile(submission.Attach)
	f.ok(f.SettleFile(ctx, call, submission.AfterAttach(call.File, done(0))))
	for _, file := range f.get("A").Files {
		f.same(submission.FileAttached, file.State)
	}
	f.noFile()
}

// testFilesAreEmptied: retention and erasing take files away, and no content that another submission needs.
func testFilesAreEmptied(t *testing.T, f *fixture) {
	ctx := t.Context()
	first := f.withPhotos("A", 400)[0]
	f.delivered(77)
	second := f.order("A2")
	f.ok(f.Again(ctx, f.get("A"), *second, 0, revision(), "olena", nil))
	copied := f.get("A2").Files
	f.same(1, len(copied))
	f.same(first.Upload, copied[0].Upload)
	f.same(submission.FileWaiting, copied[0].State)

	// On their way to KeyCRM they outlive their time.
	f.clock.advance(365 * 24 * time.Hour)
	n, err := f.Empty(ctx, submission.Delivered, time.Hour, 10)
	f.ok(err)
	f.same(0, n)
	for _, kind := range []submission.AttemptKind{submission.Upload, submission.Attach} {
		call := f.beginFile(kind)
		st := submission.AfterAttach(call.File, done(0))
		if kind == submission.Upload {
			st = submission.AfterUpload(call.File, done(501))
		}
		f.ok(f.SettleFile(ctx, call, st))
	}
	n, err = f.Empty(ctx, submission.Delivered, time.Hour, 10)
	f.ok(err)
	f.same(1, n)
	f.same(0, len(f.get("A").Files))
	n, err = f.SweepUploads(ctx, 10)
	f.ok(err)
	f.same(0, n)
	f.same(400, len(f.content(copied[0])))

	f.delivered(78)
	refusals, err := f.Erase(ctx, "olena", []submission.Submission{f.get("A2")})
	f.ok(errors.Join(append(refusals, err)...))
	f.same(0, f.count("files")+f.count("uploads")+f.count("file_chunks"))
}

// An upload that a process left behind is swept as soon as another one has the file to itself.
func TestUploadsOfADeadProcess(t *testing.T) {
	t.Parallel()
	f := &fixture{t: t, url: sqliteDatabase(t), clock: newClock()}
	f.open()
	f.upload(1, "a.jpg", bytesOf(400))
	f.clock.advance(time.Second)
	f.open()
	f.upload(1, "b.jpg", bytesOf(400))
	n, err := f.SweepUploads(t.Context(), 10)
	f.ok(err)
	f.same(1, n)
	f.same(1, f.count("file_chunks"))
}

// Many posts with photographs at once: other posts go on meanwhile, and everything is there afterwards.
func TestFilesBesideOthers(t *testing.T) {
	t.Parallel()
	f := &fixture{t: t, url: sqliteDatabase(t), clock: newClock()}
	f.open()
	var all []func()
	for n := range 8 {
		all = append(all, func() { f.withPhotos(fmt.Sprint("P", n), 2<<20) }, func() {
			for m := range 20 {
				f.ok(f.Accept(t.Context(), f.order(fmt.Sprintf("O%d-%d", n, m)), revision()))
			}
		})
	}
	finished := make(chan struct{})
	for _, one := range all {
		go func() { defer func() { finished <- struct{}{} }(); one() }()
	}
	for range all {
		<-finished
	}
	f.same(8*21, f.count("submissions"))
	for n := range 8 {
		f.same(2<<20, len(f.content(f.get(fmt.Sprint("P", n)).Files[0])))
	}
}
