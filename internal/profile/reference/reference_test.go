package reference

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"formrelay/internal/profile"
)

var update = flag.Bool("update", false, "write the page anew")

// The page beside the example profiles is the program's own reference.
func TestPageIsInStep(t *testing.T) {
	t.Parallel()
	page := filepath.Join("..", "..", "..", "deploy", "profiles", "README.md")
	if *update {
		if err := os.WriteFile(page, []byte(Markdown()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(have), Markdown()); diff != "" {
		t.Errorf("deploy/profiles/README.md is out of step; run: go test ./internal/profile/reference -update\n%s", diff)
	}
}

// The example and the README's sample are profiles, and check has nothing to say of them.
func TestSamplesAreProfiles(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(filepath.Join("..", "..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, sample, found := strings.Cut(string(readme), "```yaml\n# profiles/shop.yaml")
	sample, _, closed := strings.Cut(sample, "```")
	if !found || !closed {
		t.Fatal("the README shows no profile")
	}
	for name, text := range map[string]string{"the example": Example, "the README's": "#" + sample} {
		p, faults := profile.Parse("sample", "sample.yaml", []byte(text), profile.Options{})
		if len(faults) > 0 {
			t.Errorf("%s: %v", name, faults)
			continue
		}
		if warnings := p.Warnings(); len(warnings) > 0 {
			t.Errorf("%s: %v", name, warnings)
		}
	}
}

// The terminal's page names every key, has no line that is too long, and no trailing blanks.
func TestTextForATerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := Text(&out); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	for _, want := range []string{"KEYS", "form.fields.NAME.validate", "guard.max_body", "join(separator, value, …)", "buyer.full_name", "contact.full_name", "payments[].status"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not there", want)
		}
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if line != strings.TrimRight(line, " ") {
			t.Errorf("blanks at the end of %q", line)
		}
		if utf8.RuneCountInString(line) > 130 {
			t.Errorf("too long for a terminal: %q", line)
		}
	}
}
