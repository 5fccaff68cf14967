package delivery_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"formrelay/internal/delivery"
	"formrelay/internal/form"
	"formrelay/internal/keycrm"
	"formrelay/internal/keycrm/sandbox"
	"formrelay/internal/submission"
)

// filer tells of every settled call for a file.
type filer struct{ ledger }

func (f filer) SettleFile(ctx context.Context, call submission.FileCall, st submission.FileSettlement) error {
	err := f.Store.SettleFile(ctx, call, st)
	select {
	case f.settled <- struct{}{}:
	default:
	}
	return err
}

// runWithFiles is run for a courier that delivers files too. What it logs is returned.
func (k *kit) runWithFiles(t *testing.T) (stop func(), log *bytes.Buffer) {
	t.Helper()
	log = new(bytes.Buffer)
	c := delivery.New(delivery.Options{
		Account: "main", Limit: k.limit, Settle: settling, Log: zerolog.New(zerolog.SyncWriter(log)),
		Queue: k.store, Ledger: ledger{k.store, k.settled}, Client: k.client, Files: filer{ledger{k.store, k.settled}}, Storage: k.client,
	})
	return k.start(t, c), log
}

// photos keeps contents and describes them as files.
func (k *kit) photos(t *testing.T, contents ...string) []submission.File {
	t.Helper()
	var files []submission.File
	for n, content := range contents {
		sum := sha256.Sum256([]byte(content))
		f := submission.File{
			Number: n + 1, Field: "photo", Name: "фото Олени.jpg", Type: form.FileType([]byte(content)), Size: int64(len(content)),
			SHA256: hex.EncodeToString(sum[:]), Upload: submission.NewID(), State: submission.FileWaiting,
		}
		for number, rest := 0, []byte(content); len(rest) > 0; number++ {
			part := rest[:min(len(rest), submission.FileChunk)]
			if err := k.store.KeepChunk(t.Context(), f.Upload, number, part); err != nil {
				t.Fatal(err)
			}
			rest = rest[len(part):]
		}
		files = append(files, f)
	}
	return files
}

// settledFiles waits until nothing is to be done about any file of a submission.
func (k *kit) settledFiles(t *testing.T, id string) submission.Submission {
	t.Helper()
	return k.wait(t, id, func(s submission.Submission) bool {
		for _, f := range s.Files {
			if f.State.Open() {
				return false
			}
		}
		return s.State == submission.Delivered
	})
}

// Every way in which KeyCRM can fail a call for a file: the order is delivered, the file is there exactly once or not at all, and its
// content is in the storage once.
func TestFileFaults(t *testing.T) {
	t.Parallel()
	large := "\xff\xd8\xff\xe0" + strings.Repeat("photo", submission.FileChunk/2)
	fault := func(path string, f sandbox.Fault) []sandbox.Fault {
		f.Path, f.Method = path, "POST"
		return []sandbox.Fault{f}
	}
	const upload, attach = "/storage/upload", "/order/*"
	for _, tc := range []struct {
		name     string
		faults   []sandbox.Fault
		files    []string
		states   []submission.FileState
		attached int
		error    string // of the first file, as ops read it
	}{
		{name: "None", files: []string{large, "\xff\xd8\xff\xe0small"}, attached: 2},
		{name: "TheSameTwice", files: []string{large, large}, attached: 1},
		{name: "UploadCutAfterStoring", faults: fault(upload, sandbox.Fault{Kind: sandbox.Cut, Stored: true}), files: []string{large}, attached: 1},
		{name: "UploadCut", faults: fault(upload, sandbox.Fault{Kind: sandbox.Cut}), files: []string{large}, attached: 1},
		{name: "AttachCutAfterStoring", faults: fault(attach, sandbox.Fault{Kind: sandbox.Cut, Stored: true}), files: []string{large}, attached: 1},
		{name: "AttachCut", faults: fault(attach, sandbox.Fault{Kind: sandbox.Cut}), files: []string{large}, attached: 1},
		{name: "AttachHangsAfterStoring", faults: fault(attach, sandbox.Fault{Kind: sandbox.Hang, Stored: true}), files: []string{large}, attached: 1},
		{name: "AttachShort", faults: fault(attach, sandbox.Fault{Kind: sandbox.Short}), files: []string{large}, attached: 1},
		{
			name: "ListFailsToo", files: []string{large}, attached: 1,
			faults: append(fault(attach, sandbox.Fault{Kind: sandbox.Cut, Stored: true}),
				sandbox.Fault{Kind: sandbox.Status, Status: 503, Method: "GET", Path: "/storage/attachment/*"}),
		},
		{name: "Limited", faults: fault(upload, sandbox.Fault{Kind: sandbox.Status, Status: 429, RetryAfter: "1"}), files: []string{large}, attached: 1},
		{
			name: "TooLarge", faults: fault(upload, sandbox.Fault{Kind: sandbox.Status, Status: 413, Body: "<html>"}), files: []string{large, "\xff\xd8\xff\xe0small"},
			states: []submission.FileState{submission.FileRefused, submission.FileAttached}, attached: 1, error: "no file of more than 10 MB",
		},
		{
			name: "TypeRefused", files: []string{"MZ"}, states: []submission.FileState{submission.FileRefused}, error: "The file must be an image.",
			faults: fault(upload, sandbox.Fault{Kind: sandbox.Status, Status: 422, Body: `{"message":"The file must be an image."}`}),
		},
		{
			name: "AttachRefused", files: []string{large}, states: []submission.FileState{submission.FileRefused}, error: "There is no such record",
			faults: fault(attach, sandbox.Fault{Kind: sandbox.Status, Status: 404, Body: `{"message":"There is no such record"}`}),
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			k := newKit(t, boundless())
			for _, f := range tc.faults {
				if err := k.box.Inject(f); err != nil {
					t.Fatal(err)
				}
			}
			id := k.acceptWith(t, keycrm.KindOrder, "olena@example.com", k.photos(t, tc.files...))
			stop, log := k.runWithFiles(t)
			s := k.settledFiles(t, id)
			stop()
			for n, f := range s.Files {
				want := submission.FileAttached
				if tc.states != nil {
					want = tc.states[n]
				}
				if f.State != want || n == 0 && !strings.Contains(f.Error, tc.error) || f.State == submission.FileAttached && (f.Error != "" || f.CRMFile == 0) {
					t.Errorf("file %d is %s after %d calls: %s", n+1, f.State, f.Attempt, f.Error)
				}
			}
			if got := k.box.Attachments(keycrm.KindOrder, s.CRMID); len(got) != tc.attached {
				t.Errorf("attached %+v, want %d", got, tc.attached)
			}
			if k.box.Uploads() > len(tc.files) || tc.name == "TheSameTwice" && k.box.Uploads() != 1 {
				t.Errorf("%d uploads of %d files", k.box.Uploads(), len(tc.files))
			}
			if strings.Contains(log.String(), "Олени") || strings.Contains(log.String(), "olena@") {
				t.Errorf("the log tells a visitor's value:\n%s", log)
			}
			if tc.states != nil && !strings.Contains(log.String(), `"message":"file refused"`) {
				t.Errorf("the log does not tell the refusal:\n%s", log)
			}
		})
	}
}

// A card's file goes the same way.
func TestFileOfACard(t *testing.T) {
	t.Parallel()
	k := newKit(t, boundless())
	if err := k.box.Inject(sandbox.Fault{Kind: sandbox.Cut, Stored: true, Method: "POST", Path: "/pipelines/cards/*"}); err != nil {
		t.Fatal(err)
	}
	id := k.acceptWith(t, keycrm.KindCard, "olena@example.com", k.photos(t, "%PDF-1.7\n"))
	k.runWithFiles(t)
	s := k.settledFiles(t, id)
	if got := k.box.Attachments(keycrm.KindCard, s.CRMID); len(got) != 1 || got[0].Name != "фото Олени.jpg" || s.Files[0].State != submission.FileAttached {
		t.Errorf("attached %+v, the file is %+v", got, s.Files[0])
	}
}

// Orders go before files, and all of it inside the pace.
func TestFilesGoAfterOrders(t *testing.T) {
	t.Parallel()
	k := newKit(t, boundless())
	k.limit.Calls = 4
	var ids []string
	for range 6 {
		ids = append(ids, k.acceptWith(t, keycrm.KindOrder, "olena@example.com", k.photos(t, "\xff\xd8\xff\xe0"+submission.NewID())))
	}
	k.runWithFiles(t)
	for _, id := range ids {
		k.settledFiles(t, id)
	}
	var first strings.Builder
	orders := 0
	for _, c := range k.box.Calls() {
		if c.Path == "/order" {
			orders++
			first.WriteByte('o')
		} else {
			first.WriteByte('f')
		}
	}
	if orders != len(ids) || !strings.HasPrefix(first.String(), "oooooof") || first.Len() != 3*len(ids) {
		t.Errorf("the calls went %s", first.String())
	}
	if n := k.box.Busiest(k.limit.Window); n > k.limit.Calls {
		t.Errorf("%d calls in one window, %d are allowed", n, k.limit.Calls)
	}
}
