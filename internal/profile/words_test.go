package profile

import (
	"os"
	"strings"
	"testing"
)

// TestWordings: every wording is the reader's answer to some file in the archive. One that is not is either for a complaint that the
// reader no longer has, or stands behind a more general one.
func TestWordings(t *testing.T) {
	t.Parallel()
	archive, err := os.ReadFile("testdata/syntax.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range wordings() {
		if !strings.Contains(string(archive), ": "+w.what+"; "+w.do) {
			t.Errorf("no file is told %q, %q (%s)", w.what, w.do, w.raw)
		}
	}
}
