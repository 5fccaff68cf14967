package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"formrelay/internal/form"
	"formrelay/internal/profile"
	"formrelay/internal/store"
	"formrelay/internal/submission"
)

// postedFiles are a submission's files as the mapping saw them when it was posted.
func postedFiles(s submission.Submission) []form.File {
	var files []form.File
	for _, f := range s.Files {
		files = append(files, form.File{Field: f.Field, Name: f.Name, ContentType: f.Type, Size: f.Size})
	}
	return files
}

// typing takes the contents of a body's files and keeps of each no more than tells its type.
type typing struct{ heads [][]byte }

func (t *typing) open() (io.WriteCloser, error) {
	t.heads = append(t.heads, nil)
	return t, nil
}

func (t *typing) Write(block []byte) (int, error) {
	head := &t.heads[len(t.heads)-1]
	*head = append(*head, block[:min(len(block), form.FileHead-len(*head))]...)
	return len(block), nil
}

func (t *typing) Close() error { return nil }

// name gives the files of a body the names and types that the server would.
func (t *typing) name(fields *form.Fields) {
	for n := range fields.Files {
		f := &fields.Files[n]
		f.ContentType = form.FileType(t.heads[n])
		f.Name = form.TypedFileName(form.FileName(f.Name), f.ContentType)
	}
}

// tellFiles says which files would be sent after the entity. false: one of them is not taken.
func tellFiles(out io.Writer, p *profile.Profile, files []form.File) bool {
	taken := true
	for _, f := range files {
		if form.FileTypeListed(f.ContentType, p.FileTypes) {
			fmt.Fprintf(out, "a file would be sent: %s: %s (%s, %s)\n", printable(f.Field), printable(f.Name), f.ContentType, bytesText(f.Size))
			continue
		}
		taken = false
		fmt.Fprintf(out, "the visitor is told (422) at the field %s: TYPE_FILE: %s is none of %s\n", printable(f.Field), f.ContentType, strings.Join(p.FileTypes, ", "))
	}
	return taken
}

// bytesText is a size for people.
func bytesText(n int64) string {
	switch {
	case n >= 1<<20:
		return strconv.FormatFloat(float64(n)/(1<<20), 'f', 1, 64) + " MB"
	case n >= 1<<10:
		return strconv.FormatFloat(float64(n)/(1<<10), 'f', 1, 64) + " KB"
	}
	return strconv.FormatInt(n, 10) + " bytes"
}

// shownFile is one file of `submissions show ID --json`.
type shownFile struct {
	Number    int                  `json:"number"`
	Field     string               `json:"field"`
	Name      string               `json:"name"`
	Type      string               `json:"type"`
	Size      int64                `json:"size"`
	SHA256    string               `json:"sha256"`
	State     submission.FileState `json:"state"`
	CRMFile   *int64               `json:"crm_file"`
	Calls     int                  `json:"calls"`
	Error     *string              `json:"error"`
	SettledAt *time.Time           `json:"settled_at"`
}

func shownFiles(files []submission.File) []shownFile {
	shown := []shownFile{}
	for _, f := range files {
		one := shownFile{
			Number: f.Number, Field: f.Field, Name: f.Name, Type: f.Type, Size: f.Size, SHA256: f.SHA256, State: f.State, Calls: f.Attempt,
			SettledAt: timeText(f.SettledAt),
		}
		if f.CRMFile != 0 {
			one.CRMFile = &f.CRMFile
		}
		if f.Error != "" {
			one.Error = &f.Error
		}
		shown = append(shown, one)
	}
	return shown
}

// showFiles is the part of `submissions show` about files.
func showFiles(page io.Writer, files []submission.File) {
	if len(files) == 0 {
		return
	}
	fmt.Fprintln(page, "\nFiles")
	for _, f := range files {
		state := string(f.State)
		if f.Attempt > 0 {
			state += " (" + plural(f.Attempt, "call") + ")"
		}
		fmt.Fprintf(page, "  %d\t%s\t%s\t%s\t%s\t%s\t%s\n", f.Number, printable(f.Field), printable(f.Name), f.Type, bytesText(f.Size), state, printable(f.Error))
	}
}

// saveFiles writes a submission's files into a folder, which is made where there is none, readable for this user alone, and says where.
// It overwrites nothing.
func saveFiles(w *world, db *store.Store, s submission.Submission, folder string) error {
	if len(s.Files) == 0 {
		return fmt.Errorf("submission %s has no files", s.ID)
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("--files: the folder %s cannot be made (%w): name another", folder, err)
	}
	for _, f := range s.Files {
		name := filepath.Join(folder, fmt.Sprintf("%s-%d-%s", s.ID, f.Number, form.FileName(f.Name)))
		if err := saveFile(name, db.FileContent(w.ctx, f), f.Size); err != nil {
			return fmt.Errorf("--files: %w", err)
		}
		fmt.Fprintln(w.stderr, "written: "+printable(name))
	}
	return nil
}

func saveFile(name string, content io.Reader, size int64) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(file, content)
	if err == nil && n != size {
		err = fmt.Errorf("%s has %d bytes and not %d: its content is no longer there in full", name, n, size)
	}
	return errors.Join(err, file.Close())
}

// filePairs are the names of a submission's files as fields, for an export.
func filePairs(s submission.Submission) []form.Pair {
	var pairs []form.Pair
	for _, f := range s.Files {
		pairs = append(pairs, form.Pair{Name: f.Field, Value: f.Name})
	}
	return pairs
}
