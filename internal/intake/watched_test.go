package intake

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"formrelay/internal/submission"
)

// Every post's answer is told once, under a name that a stranger cannot choose.
func TestOnAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t, "closed", closed)
	var got []string
	b.configure(Config{OnAnswer: func(profile string, status int) { got = append(got, fmt.Sprint(profile, " ", status)) }})
	b.post("/forms/lamp", "name=Olena&phone=0501112233")
	b.fetch("/forms/lamp", "name=Olena&phone=0501112233")
	b.post("/forms/lamp", "test=test")
	b.post("/forms/lamp", "name="+marker+"&email=no")
	b.post("/forms/lamp", "<a/>", "Content-Type", "application/xml")
	b.post("/forms/closed", "name=Olena")
	b.post("/forms/broken", "name=Olena")
	b.post("/forms/"+marker, "name=Olena")
	b.send(http.MethodGet, "/forms/lamp", "")
	b.send(http.MethodOptions, "/forms/lamp", "")
	b.store.err = errors.New("the disk is full")
	b.post("/forms/lamp", "name=Olena&phone=0501112233")
	b.store.err, b.store.then = nil, func(*submission.Submission) { panic("at the worst moment") }
	b.post("/forms/lamp", "name=Olena&phone=0501112233")
	want := []string{
		"lamp 303", "lamp 202", "lamp 200", "lamp 422", "lamp 415", "closed 410", "broken 503", "(no such profile) 404", "lamp 503", "lamp 500",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
