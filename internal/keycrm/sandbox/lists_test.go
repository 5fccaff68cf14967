package sandbox

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// An account's own lists take the place of the sandbox's, through the method and through the door over HTTP, until Reset.
func TestSetList(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Limit: -1})
	get := func(path string) string {
		t.Helper()
		_, _, body := r.send(http.MethodGet, "/v1"+path, "")
		return body
	}
	put := func(path, rows string) int {
		t.Helper()
		form := url.Values{"path": {path}, "rows": {rows}}.Encode()
		code, _, _ := r.send(http.MethodPost, "/lists", form, "Content-Type", "application/x-www-form-urlencoded")
		return code
	}
	if code := put("/order/source", `[{"id": 4000000, "name": "Own", "driver": "other"}]`); code != http.StatusSeeOther {
		t.Fatal(code)
	}
	if got := get("/order/source?filter[driver]=other"); !strings.Contains(got, `"id":4000000`) || strings.Contains(got, "Landing") {
		t.Error(got)
	}
	// A route that takes something out of a row takes it out of its own copy.
	if err := r.SetList("/custom-fields", []map[string]any{{"uuid": "OR_9", "model": "order", "options": []any{map[string]any{"value": "Red"}}}}); err != nil {
		t.Fatal(err)
	}
	if got := get("/custom-fields"); !strings.Contains(got, "OR_9") || strings.Contains(got, "Red") {
		t.Error(got)
	}
	if got := get("/custom-fields?include=options"); !strings.Contains(got, "Red") {
		t.Error(got)
	}
	for _, wrong := range [][2]string{{"/order", "[]"}, {"/users", "{}"}, {"/users", ""}} {
		if code := put(wrong[0], wrong[1]); code != http.StatusBadRequest {
			t.Errorf("%v: %d", wrong, code)
		}
	}
	r.Reset()
	if got := get("/order/source"); !strings.Contains(got, "Landing") {
		t.Error(got)
	}
}
