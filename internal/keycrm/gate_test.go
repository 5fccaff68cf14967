package keycrm

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

// TestGate: the body is out or it is in, and that never changes again: net/http may come for a body after it has given its error.
func TestGate(t *testing.T) {
	t.Parallel()
	newGate := func(late bool) *gate {
		return &gate{rest: bytes.NewReader([]byte("body")), late: func() bool { return late }}
	}
	in := newGate(false)
	if !in.shut() {
		t.Error("a body nobody read counts as sent")
	}
	if n, err := in.Read(make([]byte, 4)); n != 0 || !errors.Is(err, errLate) {
		t.Errorf("a body that was shut gave %d bytes, %v", n, err)
	}
	out := newGate(false)
	if b, err := io.ReadAll(out); string(b) != "body" || err != nil {
		t.Errorf("read %q, %v", b, err)
	}
	if out.shut() {
		t.Error("a body that was read counts as not sent")
	}
	late := newGate(true)
	if n, err := late.Read(make([]byte, 4)); n != 0 || !errors.Is(err, errLate) || !late.shut() {
		t.Errorf("past its time the body gave %d bytes, %v", n, err)
	}
}
