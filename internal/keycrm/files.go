package keycrm

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// MaxFile is the most bytes that KeyCRM takes as one file; a larger one is a 413.
const MaxFile = 10 << 20

// File is a content for KeyCRM's storage.
type File struct {
	Name    string // as it is shown to managers; without quotes, line breaks and the like
	Type    string // its media type
	Size    int64  // of Content, exactly
	Content io.Reader
}

// Upload puts a file into KeyCRM's storage, where nothing shows it yet; Done comes with its id there. KeyCRM knows a content that it
// has and answers with the id it had before, so an upload may be repeated. The content is read while it is sent. Context and notAfter
// are as of Create.
func (c *Client) Upload(ctx context.Context, f File, notAfter time.Time) Answer {
	boundary := rand.Text()
	// The name stands as browsers write it: in UTF-8, with these three encoded.
	name := strings.NewReplacer(`"`, "%22", "\r", "%0D", "\n", "%0A").Replace(f.Name)
	head := fmt.Sprintf("--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%s\"\r\nContent-Type: %s\r\n\r\n", boundary, name, f.Type)
	tail := "\r\n--" + boundary + "--\r\n"
	return c.call(ctx, request{
		method: http.MethodPost, target: "/storage/upload", notAfter: notAfter,
		stream:      io.MultiReader(strings.NewReader(head), f.Content, strings.NewReader(tail)),
		size:        int64(len(head)) + f.Size + int64(len(tail)),
		contentType: "multipart/form-data; boundary=" + boundary,
	}, readUploaded)
}

// Attach has an order or a card show a file of the storage. Nothing is known about a second time, so that an answer that was lost is
// looked up by Attached first.
func (c *Client) Attach(ctx context.Context, kind Kind, entity, file int64, notAfter time.Time) Answer {
	path, _, ok := filing(kind)
	if !ok {
		return noEntity(c.now())
	}
	return c.call(ctx, request{
		method: http.MethodPost, target: fmt.Sprintf("%s/%d/attachment/%d", path, entity, file), notAfter: notAfter,
	}, readAttached)
}

// Attached tells whether an order or a card shows a file; that counts only with Done.
func (c *Client) Attached(ctx context.Context, kind Kind, entity, file int64, notAfter time.Time) (bool, Answer) {
	_, name, ok := filing(kind)
	if !ok {
		return false, noEntity(c.now())
	}
	found := false
	a := c.call(ctx, request{
		method: http.MethodGet, target: fmt.Sprintf("/storage/attachment/%s/%d?limit=%d", name, entity, pageSize), notAfter: notAfter,
	}, func(r reply) Answer {
		_, a := readRows(r, func(raw json.RawMessage) bool {
			var one row
			if json.Unmarshal(raw, &one) != nil {
				return false
			}
			found = found || one.id() == file
			return true
		})
		return a
	})
	return found, a
}

// filing gives the path under which an entity's files are attached, and its name in the list of them.
func filing(kind Kind) (path, name string, ok bool) {
	switch kind {
	case KindOrder:
		return "/order", "order", true
	case KindCard:
		return "/pipelines/cards", "pipelines", true
	default:
		return "", "", false
	}
}

func noEntity(now time.Time) Answer {
	return Answer{Outcome: Rejected, Text: "There is nothing to attach a file to: the entity is of no kind KeyCRM has.", Started: now, Ended: now}
}

// readUploaded says what the reply to an upload means: 201 for a new content, 200 for one that KeyCRM has.
func readUploaded(r reply) Answer {
	a := Answer{Outcome: Uncertain, Status: r.status}
	id := createdID(r.body)
	switch {
	case r.status == http.StatusRequestEntityTooLarge:
		a.Outcome, a.Text = Rejected, fmt.Sprintf("KeyCRM takes no file of more than %d MB (413).", MaxFile>>20)
	case r.status < 200 || r.status > 299:
		return readRefusal(r)
	case r.page:
		a.Text = pageText(r.status)
	case !r.whole || id == 0:
		a.Text = fmt.Sprintf("KeyCRM answered %d without a readable id of the file.", r.status)
	default:
		a.Outcome, a.ID, a.Text = Done, id, fmt.Sprintf("KeyCRM has the file as %d.", id)
	}
	return a
}

// readAttached says what the reply to an attaching call means.
func readAttached(r reply) Answer {
	var said struct{ Status *bool }
	a := Answer{Outcome: Uncertain, Status: r.status}
	switch {
	case r.status < 200 || r.status > 299:
		return readRefusal(r)
	case r.page:
		a.Text = pageText(r.status)
	case !r.whole || json.Unmarshal(r.body, &said) != nil:
		a.Text = fmt.Sprintf("KeyCRM answered %d, and not in a way that tells whether the file is attached.", r.status)
	case said.Status != nil && !*said.Status:
		a.Outcome, a.Text = Rejected, fmt.Sprintf("KeyCRM says that it did not attach the file (%d).", r.status)
	default:
		a.Outcome, a.Text = Done, "KeyCRM has attached the file."
	}
	return a
}
