package phpscript

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"formrelay/internal/profile"
)

var update = flag.Bool("update", false, "write what the importer gives into the archives of testdata")

// archives are the scripts of testdata: each is an archive with script.php and what becomes of it, and may hold posts, one a line, for
// which PHP and the profile must agree, with corrected.php where PHP cannot run the script as it stands.
func archives(t testing.TB) map[string]*txtar.Archive {
	t.Helper()
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	all := map[string]*txtar.Archive{}
	for _, name := range names {
		a, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = a
	}
	return all
}

// part is one file of an archive, "" when it has none of that name.
func part(a *txtar.Archive, name string) string {
	for _, f := range a.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

// imported imports a script that can be, and has the profile's reader accept it.
func imported(t *testing.T, script string) (*Result, *profile.Profile) {
	t.Helper()
	r, err := Import([]byte(script), Options{Name: "script.php"})
	if err != nil {
		t.Fatalf("%v: %v", err, r.Notes)
	}
	p, faults := profile.Parse("import", "import.yaml", r.Profile, profile.Options{})
	if len(faults) > 0 {
		t.Fatalf("%v\n%s", faults, r.Profile)
	}
	return r, p
}

func notesText(r *Result) string {
	var b strings.Builder
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "%d: %s\n", n.Line, n.Text)
	}
	return b.String()
}

// TestArchives: what the importer makes of each script, and everything that it says.
func TestArchives(t *testing.T) {
	t.Parallel()
	for name, a := range archives(t) {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			r, _ := imported(t, part(a, "script.php"))
			if *update {
				set(a, "profile.yaml", string(r.Profile))
				set(a, "notes", notesText(r))
				if err := os.WriteFile(name, txtar.Format(a), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(part(a, "profile.yaml"), string(r.Profile)); diff != "" {
				t.Errorf("profile: -want +got\n%s", diff)
			}
			if diff := cmp.Diff(part(a, "notes"), notesText(r)); diff != "" {
				t.Errorf("notes: -want +got\n%s", diff)
			}
		})
	}
}

func set(a *txtar.Archive, name, data string) {
	for i := range a.Files {
		if a.Files[i].Name == name {
			a.Files[i].Data = []byte(data)
			return
		}
	}
	a.Files = append(a.Files, txtar.File{Name: name, Data: []byte(data)})
}
