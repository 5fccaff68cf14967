package main

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"formrelay/internal/keycrm/sandbox"
	"formrelay/internal/profile/scaffold"
)

// From a landing page to an order: the profile that scaffold writes serves as it is, and what preview showed of the page's form is
// what KeyCRM gets when it is posted.
func TestFromAPageToAnOrder(t *testing.T) {
	t.Parallel()
	page := filepath.Join("..", "..", "internal", "profile", "scaffold", "testdata", "landing.html")
	made, problems, code := formrelay(t, "scaffold", page)
	if code != 0 {
		t.Fatal(problems)
	}
	s := newSite(t, sandbox.Options{}, map[string]string{"landing": made})
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	read, err := scaffold.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	f, err := read.Choose("")
	if err != nil {
		t.Fatal(err)
	}
	var pairs []string // in the page's order, which the comment keeps
	for _, pair := range f.Sample() {
		pairs = append(pairs, url.QueryEscape(pair.Name)+"="+url.QueryEscape(pair.Value))
	}
	_, answer := post(t, s.address+"/forms/landing", strings.Join(pairs, "&"), "Accept", "application/json")
	_, id, _ := strings.Cut(answer, `"id":"`)
	id, _, _ = strings.Cut(id, `"`)
	got := s.settled(id, "delivered")
	want, problems, code := formrelay(t, "preview", filepath.Join(s.args[1], "landing.yaml"), "--page", page, "--id", id)
	if code != 0 {
		t.Fatal(problems)
	}
	if diff := cmp.Diff(withoutTime(t, []byte(want)), withoutTime(t, got.Entity)); diff != "" {
		t.Error(diff)
	}
	if n := len(s.crm.Orders()); n != 1 {
		t.Errorf("KeyCRM has %d orders", n)
	}
}
