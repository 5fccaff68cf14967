package profile

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// folder makes a folder of files by name.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func link(t *testing.T, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

// load loads a folder and returns its faults with the folder's path taken out.
func load(t *testing.T, dir string) (*Set, string) {
	t.Helper()
	s, err := LoadDir(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s, strings.ReplaceAll(s.Faults().Error(), dir+string(filepath.Separator), "")
}

func TestLoadDir(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{
		"order.yaml": least, "b.yml": least, "broken.yaml": "creates: x\n" + least[len("creates: order\n"):],
		"README.md": "# no profile", "order.yaml.bak": "x", ".hidden.yaml": "x", "sub/inside.yaml": least, "yaml": "x",
		"Order.YAML": least, "twice.yaml": least, "twice.yml": least,
	})
	s, faults := load(t, dir)
	want := strings.Join([]string{
		`Order.YAML: "Order" cannot be a profile's name; a name has 1 to 64 small Latin letters, digits, _ and -, and begins with a letter or a digit`,
		`broken.yaml:1:10: creates cannot be "x"; write one of: order, card`,
		`twice.yml: the profile twice is also in twice.yaml; keep one of the two files`,
	}, "\n")
	if diff := cmp.Diff(want, faults); diff != "" {
		t.Errorf("faults -want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"b", "order"}, s.Names()); diff != "" {
		t.Errorf("names -want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"broken", "twice"}, s.Broken()); diff != "" {
		t.Errorf("broken -want +got:\n%s", diff)
	}
	if p, ok := s.Get("order"); !ok || p.Name != "order" || p.File != filepath.Join(dir, "order.yaml") {
		t.Errorf("order: %+v", p)
	}
	for _, name := range []string{"inside", "sub/inside", "../order", "hidden", "Order", "twice", "broken", ""} {
		if p, ok := s.Get(name); ok || p != nil {
			t.Errorf("%q serves", name)
		}
	}
}

func TestLoadDirEmpty(t *testing.T) {
	t.Parallel()
	s, faults := load(t, t.TempDir())
	if len(s.Names()) != 0 || faults != "" {
		t.Errorf("names %v, faults %s", s.Names(), faults)
	}
}

func TestLoadDirMissing(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{filepath.Join(t.TempDir(), "none"), filepath.Join(folder(t, map[string]string{"a": ""}), "a")} {
		if s, err := LoadDir(dir, Options{}); err == nil || s != nil {
			t.Errorf("%s: %v, %v", dir, s, err)
		}
	}
}

// TestLoadDirKubernetes has the links a mounted ConfigMap has.
func TestLoadDirKubernetes(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"..2026_11_21/order.yaml": least, "..2026_11_21/lead.yml": least})
	link(t, "..2026_11_21", filepath.Join(dir, "..data"))
	link(t, "..data/order.yaml", filepath.Join(dir, "order.yaml"))
	link(t, "..data/lead.yml", filepath.Join(dir, "lead.yml"))
	s, faults := load(t, dir)
	if diff := cmp.Diff([]string{"lead", "order"}, s.Names()); diff != "" || faults != "" {
		t.Errorf("-want +got:\n%s%s", diff, faults)
	}
}

// TestLoadDirStaysInside: no link, whatever way it leads, brings in a file from outside.
func TestLoadDirStaysInside(t *testing.T) {
	t.Parallel()
	outside := folder(t, map[string]string{"secret.yaml": least})
	dir := folder(t, map[string]string{"sub/x.yaml": least})
	link(t, filepath.Join(outside, "secret.yaml"), filepath.Join(dir, "absolute.yaml"))
	rel, err := filepath.Rel(dir, filepath.Join(outside, "secret.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	link(t, rel, filepath.Join(dir, "relative.yaml"))
	link(t, outside, filepath.Join(dir, "sub", "way"))
	link(t, "sub/way/secret.yaml", filepath.Join(dir, "through.yaml"))
	link(t, "sub/../../"+filepath.Base(dir)+"/sub/x.yaml", filepath.Join(dir, "around.yaml"))
	link(t, "loop.yaml", filepath.Join(dir, "loop.yaml"))
	link(t, "nowhere.yaml", filepath.Join(dir, "dangling.yaml"))
	s, faults := load(t, dir)
	if len(s.Names()) != 0 {
		t.Errorf("these serve: %v", s.Names())
	}
	const out = ": this is a link that leads out of the folder of profiles; put the file itself here, or a relative link to one inside the folder"
	want := "absolute.yaml" + out + "\naround.yaml" + out +
		"\ndangling.yaml: this is a link to a file that is not there; mend or delete the link" +
		"\nloop.yaml" + out + "\nrelative.yaml" + out + "\nthrough.yaml" + out
	if diff := cmp.Diff(want, faults); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestLoadDirNoFiles: what is no file is told, and never waited for.
func TestLoadDirNoFiles(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"folder.yaml/x": "", "big.yaml": strings.Repeat("#", MaxFile+100)})
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.yaml"), 0o644); err != nil {
		t.Skipf("SKIPPED: no named pipes here: %v", err)
	}
	_, faults := load(t, dir)
	want := "big.yaml: the file has more than 262144 bytes; make it smaller: split it into two profiles, or shorten its tables\n" +
		"folder.yaml: this is no file; a profile is a plain file; move what lies here out of the folder of profiles\n" +
		"pipe.yaml: this is no file; a profile is a plain file; move what lies here out of the folder of profiles"
	if diff := cmp.Diff(want, faults); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestLoadDirUnreadable(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"order.yaml": least})
	if err := os.Chmod(filepath.Join(dir, "order.yaml"), 0); err != nil {
		t.Fatal(err)
	}
	if f, err := os.Open(filepath.Join(dir, "order.yaml")); err == nil {
		_ = f.Close()
		t.Skip("SKIPPED: this user may read every file")
	}
	_, faults := load(t, dir)
	if want := "order.yaml: the relay may not read this file; give its user the right to read it"; faults != want {
		t.Errorf("got %s", faults)
	}
}
