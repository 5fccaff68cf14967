package main

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// TestDemo does what a newcomer does: it opens the page, fills in the forms that it finds there, and looks at what KeyCRM received.
func TestDemo(t *testing.T) {
	t.Parallel()
	shop, received := startDemo(t)
	forms := formsOf(t, get(t, shop))
	if len(forms) != 3 {
		t.Fatalf("the page has %d forms, want 3", len(forms))
	}
	for _, form := range forms {
		action, fields := form.action, form.fields
		fields.Set("name", "Олена Іваненко")
		fields.Set("phone", "050 111 22 33")
		answered := time.Now()
		response, _ := post(t, strings.TrimSuffix(shop, "/")+action, fields.Encode())
		if response.StatusCode != http.StatusSeeOther {
			t.Fatalf("%s: %s", action, response.Status)
		}
		thanks, err := response.Location()
		if err != nil {
			t.Fatal(err)
		}
		if page := get(t, thanks.String()); !strings.Contains(page, "</html>") {
			t.Errorf("%s leads to no page", action)
		}
		id := strings.Split(thanks.Path, "/")[3]
		eventually(t, action+" stands in the list", func() bool { return strings.Contains(get(t, received), id) })
		t.Logf("%s stood in the list %s after the answer", action, time.Since(answered).Round(time.Millisecond))
	}
}

// startDemo runs the demo on free ports and gives the two addresses that it prints.
func startDemo(t *testing.T) (shop, received string) {
	t.Helper()
	lines := started(t, syscall.SIGINT, "demo", "--listen", "127.0.0.1:0", "--sandbox-listen", "127.0.0.1:0", "--log-level", "error")
	address := regexp.MustCompile(`http://\S+/$`)
	for lines.Scan() {
		found := address.FindString(lines.Text())
		switch {
		case strings.Contains(lines.Text(), "shop page"):
			shop = found
		case strings.Contains(lines.Text(), "KeyCRM received"):
			received = found
		}
		if shop != "" && received != "" {
			return shop, received
		}
	}
	t.Fatal("the demo printed no addresses")
	return "", ""
}

// pageForm is a form's action, and its fields with what they hold.
type pageForm struct {
	action string
	fields url.Values
}

// formsOf reads a page's forms as a browser would.
func formsOf(t *testing.T, page string) (forms []pageForm) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for node := range root.Descendants() {
		switch node.Data {
		case "form":
			forms = append(forms, pageForm{attribute(node, "action"), url.Values{}})
		case "input", "textarea":
			forms[len(forms)-1].fields.Set(attribute(node, "name"), attribute(node, "value"))
		}
	}
	return forms
}

func attribute(node *html.Node, key string) string {
	for _, a := range node.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}
