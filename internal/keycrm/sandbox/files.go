package sandbox

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"formrelay/internal/keycrm"
)

// maxFile is KeyCRM's bound of an upload.
const maxFile = 10 << 20

// fileRoutes are the routes of uploads and of attaching them, which is a call of its own.
func (s *Sandbox) fileRoutes(r chi.Router) {
	r.Method(http.MethodPost, "/storage/upload", handler(s.upload))
	r.Method(http.MethodGet, "/storage", handler(s.listFiles))
	for _, c := range []struct {
		kind         keycrm.Kind
		path, listed string
	}{{keycrm.KindOrder, "/order", "order"}, {keycrm.KindCard, "/pipelines/cards", "pipelines"}} {
		r.Method(http.MethodPost, c.path+"/{id:[0-9]+}/attachment/{file:[0-9]+}", s.withEntity(c.kind, s.attach))
		r.Method(http.MethodDelete, c.path+"/{id:[0-9]+}/attachment/{file:[0-9]+}", s.withEntity(c.kind, s.detach))
		r.Method(http.MethodGet, "/storage/attachment/"+c.listed+"/{id:[0-9]+}", s.withEntity(c.kind, s.listAttached))
	}
}

// upload keeps a file: 201 for a new one, 200 with the old record for content that is there already.
func (s *Sandbox) upload(r *http.Request) answer {
	var c complaints
	file, head, err := r.FormFile("file")
	if err != nil {
		c.add("file", "The file field is required.")
		return c.answer()
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil || len(content) > maxFile {
		return message(http.StatusRequestEntityTooLarge, "The file may not be greater than 10 megabytes.")
	}
	sum := sha256.Sum256(content)
	hash := hex.EncodeToString(sum[:])
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.data.stored {
		if f.hash == hash {
			return respond(http.StatusOK, f.row())
		}
	}
	f := &storedFile{
		id: s.data.nextID(), name: path.Base(head.Filename), mediaType: http.DetectContentType(content),
		size: len(content), hash: hash, at: s.o.Now(),
	}
	s.data.stored = append(s.data.stored, f)
	return respond(http.StatusCreated, f.row())
}

// row is the file's record. Its address leads nowhere: a sandbox hands no visitor's file out.
func (f *storedFile) row() map[string]any {
	extension := strings.TrimPrefix(path.Ext(f.name), ".")
	name := f.hash[:20] + "." + extension
	return map[string]any{
		"id": f.id, "file_name": name, "url": "https://sandbox.invalid/storage/" + name, "size": f.size, "extension": extension,
		"original_file_name": f.name, "mime_type": f.mediaType, "hash": f.hash,
		"created_at": f.at.UTC().Format(isoLayout), "updated_at": f.at.UTC().Format(isoLayout),
	}
}

// listFiles lists every upload, attached or not.
func (s *Sandbox) listFiles(r *http.Request) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	var rows []map[string]any
	for _, f := range s.data.stored {
		rows = append(rows, f.row())
	}
	return paginate(r, rows)
}

// attach ties an upload to an entity. A second time it stands there twice: nobody knows whether KeyCRM would see that, and a client
// must not rely on it.
func (s *Sandbox) attach(r *http.Request, e *entity) answer {
	id, err := strconv.ParseInt(chi.URLParam(r, "file"), 10, 64)
	if err != nil || !slices.ContainsFunc(s.data.stored, func(f *storedFile) bool { return f.id == id }) {
		return notFound()
	}
	e.files = append(e.files, id)
	return done()
}

// detach answers 201, as KeyCRM's file says.
func (s *Sandbox) detach(r *http.Request, e *entity) answer {
	e.files = slices.DeleteFunc(e.files, func(id int64) bool { return strconv.FormatInt(id, 10) == chi.URLParam(r, "file") })
	return respond(http.StatusCreated, map[string]any{"status": true})
}

// listAttached lists the files of one entity: a bare array, unlike most lists.
func (s *Sandbox) listAttached(_ *http.Request, e *entity) answer {
	rows := []map[string]any{}
	for _, f := range s.data.attached(e) {
		rows = append(rows, f.row())
	}
	return respond(http.StatusOK, rows)
}

// attached are an entity's files, in the order in which they were attached.
func (d *data) attached(e *entity) []*storedFile {
	var all []*storedFile
	for _, id := range e.files {
		for _, f := range d.stored {
			if f.id == id {
				all = append(all, f)
			}
		}
	}
	return all
}

// Attachment is a file as an entity shows it.
type Attachment struct {
	File   int64 // its id in the storage
	Name   string
	Type   string // as its content says
	Size   int
	SHA256 string
}

// Attachments returns the files of an order or a card, in the order in which they were attached; one that was attached twice is there
// twice.
func (s *Sandbox) Attachments(kind keycrm.Kind, id int64) []Attachment {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Attachment
	if e := s.data.find(kind, id); e != nil {
		for _, f := range s.data.attached(e) {
			all = append(all, Attachment{File: f.id, Name: f.name, Type: f.mediaType, Size: f.size, SHA256: f.hash})
		}
	}
	return all
}

// Uploads returns how many contents were uploaded, attached or not.
func (s *Sandbox) Uploads() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.data.stored)
}
