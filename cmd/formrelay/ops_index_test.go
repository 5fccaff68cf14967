package main

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// Whoever opens the listener, or mistypes an address of it, is told what is there; and what is told is there.
func TestOpsListenerTellsItsAddresses(t *testing.T) {
	t.Parallel()
	figures := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	h := opsRoutes(report(nil, time.Now()), figures)
	index, wrong := ask(t, h, "/", "*/*"), ask(t, h, "/metric", "*/*")
	if index.Code != http.StatusOK || wrong.Code != http.StatusNotFound || index.Body.String() != wrong.Body.String() || index.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("%d %v\n%s\n%d\n%s", index.Code, index.Header(), index.Body, wrong.Code, wrong.Body)
	}
	told := 0
	for line := range strings.Lines(index.Body.String()) {
		address, _, _ := strings.Cut(line, " ")
		if !strings.HasPrefix(address, "/") {
			continue
		}
		told++
		if got := ask(t, h, address, "*/*").Code; got != http.StatusOK {
			t.Errorf("%s answers %d", address, got)
		}
	}
	if told != 4 {
		t.Errorf("%d addresses are told", told)
	}
}
