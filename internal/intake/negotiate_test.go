package intake

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

const browserAccept = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"

func TestWantsJSON(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		headers map[string]string
		want    bool
	}{
		{"nothing said", nil, false},
		{"a browser's form", map[string]string{"Accept": browserAccept, "Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate"}, false},
		{"a form in a frame", map[string]string{"Accept": browserAccept, "Sec-Fetch-Dest": "iframe"}, false},
		{"a bare fetch", map[string]string{"Accept": "*/*", "Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "cors"}, true},
		{"curl", map[string]string{"Accept": "*/*", "Content-Type": "application/x-www-form-urlencoded"}, false},
		{"a JSON body", map[string]string{"Content-Type": "application/json"}, true},
		{"a JSON body with charset", map[string]string{"Content-Type": "Application/JSON; charset=utf-8"}, true},
		{"a JSON body of a kind", map[string]string{"Content-Type": "application/ld+json"}, true},
		{"a JSON body that accepts HTML", map[string]string{"Content-Type": "application/json", "Accept": "text/html"}, true},
		{"no JSON after all", map[string]string{"Content-Type": "application/jsonp"}, false},
		{"jQuery", map[string]string{"X-Requested-With": "XMLHttpRequest", "Accept": "*/*"}, true},
		{"any X-Requested-With", map[string]string{"X-Requested-With": "shop"}, true},
		{"JSON alone", map[string]string{"Accept": "application/json"}, true},
		{"axios", map[string]string{"Accept": "application/json, text/plain, */*"}, true},
		{"jQuery's dataType json", map[string]string{"Accept": "application/json, text/javascript, */*; q=0.01"}, true},
		{"JSON first", map[string]string{"Accept": "application/json, text/html"}, true},
		{"HTML first", map[string]string{"Accept": "text/html, application/json"}, false},
		{"HTML first by q", map[string]string{"Accept": "application/json;q=0.8, text/html"}, false},
		{"JSON first by q", map[string]string{"Accept": "text/html;q=0.8, application/json;q=0.9"}, true},
		{"HTML by its family", map[string]string{"Accept": "text/*, application/json;q=0.5"}, false},
		{"JSON by its family", map[string]string{"Accept": "application/*"}, true},
		{"JSON refused", map[string]string{"Accept": "application/json;q=0, */*"}, false},
		{"HTML refused", map[string]string{"Accept": "*/*, text/html;q=0"}, true},
		{"the precise range decides", map[string]string{"Accept": "application/json;q=0.1, */*;q=0.9"}, false},
		{"a q that is none", map[string]string{"Accept": "application/json;q=high"}, false},
		{"a q out of bounds", map[string]string{"Accept": "application/json;q=7"}, false},
		{"NaN", map[string]string{"Accept": "application/json;q=NaN"}, false},
		{"other parameters", map[string]string{"Accept": "application/json;version=1;q=0.5, text/html;q=0.4"}, true},
		{"upper case", map[string]string{"Accept": "APPLICATION/JSON"}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodPost, "/forms/x", nil)
			for k, v := range tt.headers {
				r.Header.Set(k, v)
			}
			if got := wantsJSON(r); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestAcceptInSeveralHeaders(t *testing.T) {
	t.Parallel()
	h := http.Header{"Accept": {"text/html;q=0.5", "application/json"}}
	if !readAccept(h).prefersJSON() {
		t.Error("the second header was not read")
	}
}

func FuzzAccept(f *testing.F) {
	f.Add(browserAccept)
	f.Add("application/json;q=0.5,*/*;q=1e-9,;;=,")
	f.Fuzz(func(t *testing.T, accept string) {
		a := readAccept(http.Header{"Accept": {accept}})
		for _, w := range []wish{a.json, a.html} {
			if !(w.q >= 0 && w.q <= 1) || w.exact < 0 || w.exact > 3 {
				t.Errorf("%+v", w)
			}
		}
		if a.prefersJSON() && a.json.q == 0 {
			t.Error("JSON is preferred and refused")
		}
	})
}
