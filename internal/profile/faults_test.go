package profile

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// TestFaults holds what is told of a broken profile to the letter: its place, its words, its order. Each archive is pairs of a file
// and its faults.
func TestFaults(t *testing.T) {
	t.Parallel()
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, file := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for i := 0; i+1 < len(archive.Files); i += 2 {
				checkFaults(t, archive.Files[i], &archive.Files[i+1])
			}
			if update() {
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// update tells whether -update was given. The flag is registered in TestMain, so that no package variable holds it.
func update() bool { return flag.Lookup("update").Value.String() == "true" }

func TestMain(m *testing.M) {
	flag.Bool("update", false, "write the .faults files anew")
	os.Exit(m.Run())
}

func checkFaults(t *testing.T, input txtar.File, want *txtar.File) {
	t.Helper()
	name := strings.TrimSuffix(input.Name, ".yaml")
	if want.Name != name+".faults" {
		t.Fatalf("after %s stands %s", input.Name, want.Name)
	}
	p, faults := Parse("order", name, input.Data, Options{})
	if p != nil || len(faults) == 0 {
		t.Errorf("%s has no fault", name)
		return
	}
	checkPlaces(t, faults, string(input.Data))
	var b strings.Builder
	if err := faults.Write(&b, false); err != nil {
		t.Fatal(err)
	}
	if update() {
		want.Data = []byte(b.String())
		return
	}
	if diff := cmp.Diff(string(want.Data), b.String()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", input.Name, diff)
	}
}

// checkPlaces holds every fault to a place that is in the file, in order, with that place's line.
func checkPlaces(t *testing.T, faults Faults, text string) {
	t.Helper()
	lines := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.TrimPrefix(text, "\ufeff")), "\n")
	last := Fault{}
	for _, f := range faults {
		if f.What == "" || f.File == "" || f.Line < 0 || f.Line > len(lines) {
			t.Errorf("fault without words or a line: %+v", f)
			continue
		}
		if f.Line == 0 {
			continue
		}
		if width := utf8.RuneCountInString(lines[f.Line-1]); f.Column < 1 || f.Column > width+1 {
			t.Errorf("%s: column %d of a line of %d characters", f, f.Column, width)
		}
		if f.Line < last.Line || f.Line == last.Line && f.Column < last.Column {
			t.Errorf("%s stands after %s", f, last)
		}
		last = f
	}
}
