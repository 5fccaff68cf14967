package web

import (
	"bytes"
	"compress/gzip"
	"regexp"
	"testing"
)

// maxScript is what a shop's page may have to load for its forms, in bytes as a web server compresses it.
const maxScript = 4 << 10

func TestScriptIsSmall(t *testing.T) {
	t.Parallel()
	js, checksum := Script()
	if len(js) == 0 || checksum == "" {
		t.Fatal("there is no script")
	}
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(js); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("relay.js has %d bytes, compressed %d", len(js), b.Len())
	if b.Len() >= maxScript {
		t.Errorf("relay.js has %d bytes compressed, and may have %d", b.Len(), maxScript)
	}
}

// What a strict Content-Security-Policy forbids, and what a plain script tag cannot have.
func TestScriptAsksForNothingThatPoliciesForbid(t *testing.T) {
	t.Parallel()
	js, _ := Script()
	if found := regexp.MustCompile(`\beval\b|new Function|innerHTML|insertAdjacentHTML|document\.write|\.style\b|(?m)^\s*(import|export)\b`).Find(js); found != nil {
		t.Errorf("relay.js has %q", found)
	}
}

// Each language has as many of the script's own sentences as any other.
func TestScriptSpeaksEveryLanguage(t *testing.T) {
	t.Parallel()
	js, _ := Script()
	for _, lang := range Languages() {
		if !regexp.MustCompile(`(?m)^  ` + lang + `: \['[^']{20,}', '[^']{20,}'\],$`).Match(js) {
			t.Errorf("relay.js has not its two sentences in %s", lang)
		}
	}
}
