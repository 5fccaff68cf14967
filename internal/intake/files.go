package intake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"

	"formrelay/internal/form"
	"formrelay/internal/httpd"
	"formrelay/internal/mapping"
	"formrelay/internal/profile"
	"formrelay/internal/submission"
)

// uploads takes the files of one post to the store while they come in. Of each there is never more in memory than one chunk.
type uploads struct {
	ctx   context.Context //nolint:containedctx // an io.Writer has no other way to hear that the visitor has gone
	store Store
	types []string // the media types that are taken
	all   []*upload
	room  []byte // for the next file's chunk: files come one after the other
}

// upload is one file on its way. It is written to by the decoder, block by block.
type upload struct {
	*uploads
	id     string
	chunk  []byte // what has come and is not in the store
	stored int    // chunks in the store
	size   int64
	hash   hash.Hash
	kind   string // its media type, once enough has come to tell
	taken  bool   // it is one that the profile takes; of any other nothing is kept
}

// newUploads prepares for the files of a post to p.
func (i *Intake) newUploads(r *http.Request, p *profile.Profile) *uploads {
	return &uploads{ctx: r.Context(), store: i.Store, types: p.FileTypes}
}

// open is form.Options.Files.
func (u *uploads) open() (io.WriteCloser, error) {
	one := &upload{uploads: u, id: submission.NewID(), hash: sha256.New(), chunk: u.room[:0]}
	u.all = append(u.all, one)
	return one, nil
}

// Write takes a block. The type is told as soon as that can be done, so that of a file that is not taken nothing gets to the disk.
func (u *upload) Write(block []byte) (int, error) {
	n := len(block)
	u.size += int64(n)
	for len(block) > 0 {
		room := submission.FileChunk - len(u.chunk)
		part := block[:min(len(block), room)]
		u.chunk, block = append(u.chunk, part...), block[len(part):]
		if u.kind == "" && len(u.chunk) >= form.FileHead {
			u.tell()
		}
		if u.kind != "" && !u.taken {
			u.chunk = u.chunk[:0]
		}
		if len(u.chunk) == submission.FileChunk {
			if err := u.keep(); err != nil {
				return 0, err
			}
		}
	}
	return n, nil
}

// tell finds out the type.
func (u *upload) tell() {
	u.kind = form.FileType(u.chunk)
	u.taken = form.FileTypeListed(u.kind, u.types)
}

// keep brings what has come into the store.
func (u *upload) keep() error {
	u.hash.Write(u.chunk)
	// A chunk may wait for the disk as long as a submission may.
	ctx, cancel := context.WithTimeout(u.ctx, storeWithin)
	defer cancel()
	if err := u.store.KeepChunk(ctx, u.id, u.stored, u.chunk); err != nil {
		return err
	}
	u.stored++
	u.chunk = u.chunk[:0]
	return nil
}

// Close ends the file.
func (u *upload) Close() error {
	if u.kind == "" {
		u.tell()
	}
	if u.taken && len(u.chunk) > 0 {
		if err := u.keep(); err != nil {
			return err
		}
	}
	u.room, u.chunk = u.chunk[:0], nil
	return nil
}

// drop takes back what is in the store, for a post that is turned away. What cannot be removed now is swept later.
func (u *uploads) drop() error {
	var ids []string
	for _, one := range u.all {
		if one.stored > 0 {
			ids = append(ids, one.id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(u.ctx), storeWithin)
	defer cancel()
	return u.store.DropUploads(ctx, ids)
}

// files names the files of a post, in fields too, and gives those that are kept. What else there was is a correction.
func (u *uploads) files(fields *form.Fields, label func(field string) map[string]string) (kept []submission.File, wrong []mapping.Correction) {
	for n := range fields.Files {
		file, got := &fields.Files[n], u.all[n]
		file.Name = form.TypedFileName(form.FileName(file.Name), got.kind)
		if !got.taken {
			wrong = append(wrong, mapping.Correction{Field: file.Field, Code: mapping.CodeFile, Param: got.kind, Label: label(file.Field)})
			continue
		}
		kept = append(kept, submission.File{
			Number: len(kept) + 1, Field: file.Field, Name: file.Name, Type: got.kind, Size: got.size,
			SHA256: hex.EncodeToString(got.hash.Sum(nil)), Upload: got.id, State: submission.FileWaiting,
		})
	}
	return kept, wrong
}

// turnedAway completes the problem of a body that was not taken. Of files its sentence names the bound, and its fields the input.
func (i *Intake) turnedAway(err error, p *profile.Profile, lang string) error {
	problem, ok := errors.AsType[*httpd.Problem](err)
	if !ok {
		return err
	}
	problem.Lang = lang
	fault, ok := errors.AsType[*form.Error](problem.Cause)
	if !ok || fault.Limit != "files" {
		return problem
	}
	text := i.texts[lang]
	problem.Code = fileCode(fault.Part)
	problem.Message = strings.NewReplacer("{max}", strconv.Itoa(p.Limits.Files), "{size}", sizeText(text, p.Limits.FileSize)).
		Replace(text["413."+problem.Code])
	if fault.Field != "" {
		c := mapping.Correction{Field: fault.Field, Label: p.Mapping.Label(fault.Field)}
		problem.Fields = []httpd.Field{{Name: fault.Field, Label: i.label(lang, p.Lang, c), Code: problem.Code, Message: problem.Message}}
	}
	return problem
}

// fileCode is the code of an exceeded bound of files: Formspree's.
func fileCode(part string) string {
	switch part {
	case "max":
		return "TOO_MANY_FILES"
	case "size":
		return "FILES_TOO_BIG"
	default:
		return "NO_FILE_UPLOADS"
	}
}

// sizeText is a size as a visitor reads it, rounded down: what is told to fit must fit.
func sizeText(text map[string]string, n int64) string {
	unit, number := "size.kb", strconv.FormatInt(n>>10, 10)
	if n >= 1<<20 {
		unit, number = "size.mb", strings.TrimSuffix(fmt.Sprintf("%.1f", float64(n*10>>20)/10), ".0")
	}
	return strings.ReplaceAll(text[unit], "{n}", number)
}
