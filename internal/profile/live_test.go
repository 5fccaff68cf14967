package profile

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// stage is a folder with a Live on it and a clock of its own. Files get a time of that clock, so that no test waits.
type stage struct {
	*testing.T
	*Live
	dir string
	now time.Time
}

func newStage(t *testing.T, files map[string]string) *stage {
	t.Helper()
	s := &stage{T: t, dir: t.TempDir(), now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	for file, text := range files {
		s.write(file, text)
	}
	s.Live = NewLive(s.dir, Options{})
	return s
}

// write writes a file, as an editor that writes in place does.
func (s *stage) write(file, text string) {
	s.Helper()
	path := filepath.Join(s.dir, file)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.Fatal(err)
	}
	if err := os.Chtimes(path, s.now, s.now); err != nil {
		s.Fatal(err)
	}
}

func (s *stage) remove(file string) {
	s.Helper()
	if err := os.Remove(filepath.Join(s.dir, file)); err != nil {
		s.Fatal(err)
	}
}

// look looks once, a moment later, and returns what changed as words.
func (s *stage) look() string {
	s.Helper()
	s.now = s.now.Add(s.Next())
	return s.told(s.Look(s.now, false))
}

// settle looks as often as a change needs within a second.
func (s *stage) settle() string {
	s.Helper()
	var all []string
	for second := s.now.Add(time.Second); s.now.Add(s.Next()).Before(second); {
		if words := s.look(); words != "" {
			all = append(all, words)
		}
	}
	return strings.Join(all, "; ")
}

func (s *stage) told(changes []Change, err error) string {
	s.Helper()
	var words []string
	for _, c := range changes {
		words = append(words, c.Name+" "+string(c.Kind))
	}
	if err != nil {
		words = append(words, "error: "+err.Error())
	}
	return strings.Join(words, ", ")
}

func (s *stage) want(got, want string) {
	s.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		s.Errorf("-want +got:\n%s", diff)
	}
}

// source is the source_id that serves under a name, 0 when nothing does.
func (s *stage) source(name string) int64 {
	p, ok := s.Get(name)
	if !ok {
		return 0
	}
	return p.SourceID
}

func (s *stage) serves(name string, source int64) {
	s.Helper()
	if got := s.source(name); got != source {
		s.Errorf("%s serves source %d, not %d", name, got, source)
	}
}

// sourced is the least profile with a source of its own.
func sourced(source int) string {
	return strings.Replace(least, "source_id: 22", fmt.Sprintf("source_id: %d", source), 1)
}

func TestLiveTakesUpAndLetsGo(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.yaml": sourced(1), "b.yml": "creates: x\n", ".a.yaml.swp": "x", "a.yaml~": "x", "4913": ""})
	s.want(s.told(s.Look(s.now, true)), "a taken, b broken")
	s.serves("a", 1)
	s.want(s.settle(), "")

	s.write("a.yaml", sourced(2))
	s.want(s.look(), "") // it may still be written
	s.serves("a", 1)
	s.want(s.settle(), "a taken")
	s.serves("a", 2)

	s.write("a.yaml", "creates: nothing\n") // broken: the last good one serves on
	s.want(s.settle(), "a broken")
	s.serves("a", 2)
	s.want(strings.Join(s.Broken(), " "), "a b")

	s.write("a.yaml", sourced(2)) // taken back: it is mended
	s.want(s.settle(), "a taken")
	s.want(strings.Join(s.Broken(), " "), "b")

	s.remove("a.yaml")
	s.want(s.look(), "a missing")
	s.serves("a", 2)
	s.write("a.yaml", sourced(2)) // an editor puts it back
	s.want(s.settle(), "")
	s.remove("a.yaml")
	s.want(s.settle(), "a missing")
	s.now = s.now.Add(goneAfter)
	s.want(s.look(), "a removed")
	s.serves("a", 0)
	if s.IsBroken("a") {
		t.Error("a profile that is gone is no broken one")
	}
}

// A file of the same size, written within one tick of the file system's clock, is seen all the same.
func TestLiveSeesWhatTimeAndSizeDoNotTell(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.yaml": sourced(1)})
	s.told(s.Look(s.now, true))
	when := s.now
	s.look()
	path := filepath.Join(s.dir, "a.yaml")
	s.write("a.yaml", sourced(7))
	if err := os.Chtimes(path, when, when); err != nil {
		t.Fatal(err)
	}
	s.want(s.settle(), "a taken")
	s.serves("a", 7)
	s.now = s.now.Add(time.Minute) // the mark is another when the file is old, and the text the same
	s.want(s.settle(), "")
}

// Kubernetes swaps a link to a folder of files.
func TestLiveFollowsASwap(t *testing.T) {
	t.Parallel()
	s := newStage(t, nil)
	for version := 1; version <= 2; version++ {
		inner := fmt.Sprintf("..%d", version)
		if err := os.Mkdir(filepath.Join(s.dir, inner), 0o700); err != nil {
			t.Fatal(err)
		}
		s.write(filepath.Join(inner, "a.yaml"), sourced(version))
	}
	link(t, "..1", filepath.Join(s.dir, "..data"))
	link(t, "..data/a.yaml", filepath.Join(s.dir, "a.yaml"))
	s.want(s.told(s.Look(s.now, true)), "a taken")
	link(t, "..2", filepath.Join(s.dir, "..data_tmp"))
	if err := os.Rename(filepath.Join(s.dir, "..data_tmp"), filepath.Join(s.dir, "..data")); err != nil {
		t.Fatal(err)
	}
	s.want(s.settle(), "a taken")
	s.serves("a", 2)
}

// A folder that is not there is said once; when it comes, so do its profiles.
func TestLiveWaitsForTheFolder(t *testing.T) {
	t.Parallel()
	s := newStage(t, nil)
	dir := filepath.Join(s.dir, "later")
	s.Live, s.dir = NewLive(dir, Options{}), dir
	if got := s.told(s.Look(s.now, true)); !strings.Contains(got, "cannot be opened") {
		t.Error(got)
	}
	s.want(s.settle(), "")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s.write("a.yaml", sourced(1))
	s.want(s.settle(), "a taken")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if got := s.look(); !strings.Contains(got, "a missing, error: ") {
		t.Error(got)
	}
	s.serves("a", 1)
	s.now = s.now.Add(goneAfter)
	s.want(s.look(), "a removed")
}

// Two files of one name: what served before serves on, until one is gone.
func TestLiveTwoFilesOfOneName(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.yaml": sourced(1)})
	s.told(s.Look(s.now, true))
	s.write("a.yml", sourced(2))
	s.want(s.settle(), "a broken")
	s.serves("a", 1)
	s.remove("a.yaml")
	s.want(s.settle(), "a taken")
	s.serves("a", 2)
	s.want(strings.Join(s.Broken(), " "), "")
}

// The folder's profile serves where both have the name; the database's when the folder's is gone.
func TestLiveStored(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.yaml": sourced(1)})
	s.told(s.Look(s.now, true))
	put := func(name, text string, enabled bool) Stored {
		return Stored{Name: name, Hash: hash([]byte(text)), Text: []byte(text), Enabled: enabled}
	}
	s.want(s.told(s.SetStored([]Stored{put("a", sourced(5), true), put("b", sourced(6), true)}), nil), "a taken, b taken")
	s.serves("a", 1)
	s.serves("b", 6)
	s.want(s.told(s.SetStored([]Stored{put("a", sourced(5), true), put("b", sourced(6), true)}), nil), "")
	s.want(s.told(s.SetStored([]Stored{put("a", sourced(5), true), put("b", sourced(6), false)}), nil), "b taken")
	if p, ok := s.Get("b"); !ok || p.Enabled {
		t.Error("b is not closed")
	}
	s.want(s.told(s.SetStored([]Stored{put("a", sourced(5), true), put("b", "creates: x\n", true)}), nil), "b broken")
	s.serves("b", 6)
	s.want(s.told(s.SetStored([]Stored{put("a", sourced(5), true)}), nil), "b removed")
	s.serves("b", 0)
	s.remove("a.yaml")
	s.settle()
	s.now = s.now.Add(goneAfter)
	s.look()
	s.serves("a", 5)
}

// A broken profile has an earlier text serve, a sound one has not.
func TestLiveRestore(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.yaml": sourced(1), "b.yaml": "creates: x\n"})
	s.told(s.Look(s.now, true))
	if s.Restore("a", []byte(sourced(9))) || s.Restore("b", []byte("creates: x\n")) || s.Restore("c", []byte(sourced(9))) {
		t.Error("what needs no text, or can have none, was given one")
	}
	if !s.Restore("b", []byte(sourced(9))) || !s.IsBroken("b") {
		t.Error("b is not restored")
	}
	s.serves("a", 1)
	s.serves("b", 9)
}

// Whoever asks while profiles change gets one revision whole.
func TestLiveUnderQuestions(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.yaml": sourced(1)})
	s.told(s.Look(s.now, true))
	stop := make(chan struct{})
	var asking sync.WaitGroup
	for range 4 {
		asking.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if p, ok := s.Get("a"); !ok || !strings.Contains(string(p.Text), fmt.Sprintf("source_id: %d", p.SourceID)) {
					t.Error("a is not there, or not whole")
					return
				}
			}
		})
	}
	for version := 2; version < 30; version++ {
		s.write("a.yaml", sourced(version))
		s.look()
		s.look()
		s.serves("a", int64(version))
	}
	close(stop)
	asking.Wait()
}

// Of a hundred profiles a look compiles the one that changed.
func TestLiveCompilesWhatChanged(t *testing.T) {
	t.Parallel()
	files := map[string]string{}
	for i := range 100 {
		files[fmt.Sprintf("p%d.yaml", i)] = sourced(i + 1)
	}
	s := newStage(t, files)
	if changes, err := s.Look(s.now, true); err != nil || len(changes) != 100 {
		t.Fatal(len(changes), err)
	}
	before := map[string]*Profile{}
	for name := range files {
		name = strings.TrimSuffix(name, ".yaml")
		before[name], _ = s.Get(name)
	}
	s.write("p7.yaml", sourced(5000))
	s.want(s.settle(), "p7 taken")
	for name, p := range before {
		if now, _ := s.Get(name); (now != p) != (name == "p7") {
			t.Errorf("%s was compiled: %v", name, now != p)
		}
	}
}

// BenchmarkLook is a look at a folder of a thousand profiles in which nothing changed.
func BenchmarkLook(b *testing.B) {
	l := thousand(b)
	for b.Loop() {
		if _, err := l.Look(time.Now().Add(time.Hour), false); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLoad is the first look at a thousand profiles, each the shipped profile of an order.
func BenchmarkLoad(b *testing.B) {
	dir := thousand(b).dir
	for b.Loop() {
		if changes, err := NewLive(dir, Options{}).Look(time.Now().Add(time.Hour), true); err != nil || len(changes) != 1000 {
			b.Fatal(len(changes), err)
		}
	}
}

func thousand(b *testing.B) *Live {
	b.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", "profiles", "order.yaml"))
	if err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	for i := range 1000 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("p%d.yaml", i)), text, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	l := NewLive(dir, Options{})
	if _, err := l.Look(time.Now().Add(time.Hour), true); err != nil {
		b.Fatal(err)
	}
	return l
}
