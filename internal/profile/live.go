package profile

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// The times of looking at the folder. A change is read when two looks in a row have seen the same file, so that one that is being
// written is not read in half: a change is noticed within lookEvery and read lookAgain later, which together is well within a second.
const (
	lookEvery  = 400 * time.Millisecond
	lookAgain  = 200 * time.Millisecond
	goneAfter  = 10 * time.Second // a file that is gone serves on so long: editors and deployments take it away and bring it back
	recentFile = 2 * time.Second  // a file that was written so lately may be written again without its time or size telling
)

// Stored is a profile that lies in the database and not in the folder.
type Stored struct {
	Name    string
	Hash    string // of Text
	Text    []byte
	Enabled bool // false answers 410, whatever the text says
}

// ChangeKind is what happened to a profile.
type ChangeKind string

// The kinds of a change.
const (
	Taken   ChangeKind = "taken"   // a revision serves from now on
	Broken  ChangeKind = "broken"  // the text is at fault: what served before serves on
	Missing ChangeKind = "missing" // the file is gone: its profile serves on for some seconds
	Removed ChangeKind = "removed" // nothing of that name serves any more
)

// Change is one thing that happened to one profile, for the log and for the store.
type Change struct {
	Name    string
	Kind    ChangeKind
	File    string   // in the folder; empty: it lies in the database
	Profile *Profile // with Taken
	Faults  Faults   // with Broken
}

// Live is the profiles that serve: those of a folder, which is looked at again and again, and those of the database. A good text is
// taken up whole, a broken one leaves the last good revision serving, and whoever asks in between gets the one or the other. Get and the
// other questions may be asked from many goroutines; Look, SetStored and Restore from one.
type Live struct {
	dir     string
	options Options
	current atomic.Pointer[Set]

	files   map[string]*watched // by the file's name in the folder
	homes   map[string]*served  // by the profile's name: what the folder says of it
	stored  map[string]*served  // by the profile's name: what the database says of it
	folding error               // why the folder could not be read at the last look
}

// watched is one file of the folder.
type watched struct {
	mark    mark   // of what was read last
	pending mark   // what the last look saw, when that differs
	hash    string // of its text, or why it could not be read; empty: it was not read yet
}

// mark tells one state of a file from another without reading it.
type mark struct {
	size int64
	time time.Time
	hash string // of a file that was written lately: its time alone says too little
	err  string // why it could not be looked at
}

// served is what the folder, or the database, has for a name.
type served struct {
	profile *Profile // the last good revision; nil: none
	faults  Faults   // of what came after it
	clash   bool     // two files have the name
	gone    time.Time

	hash    string // of the database's text that was read last, good or not
	enabled bool   // what the database says beside its text; of the folder's always true
}

// NewLive makes a set without profiles; the first [Live.Look] reads the folder.
func NewLive(dir string, o Options) *Live {
	l := &Live{dir: dir, options: o, files: map[string]*watched{}, homes: map[string]*served{}, stored: map[string]*served{}}
	l.current.Store(&Set{})
	return l
}

// Get returns the profile that serves under name. Whoever serves one request asks once, so that one revision serves it throughout.
func (l *Live) Get(name string) (*Profile, bool) { return l.current.Load().Get(name) }

// IsBroken tells whether the text of that name is at fault.
func (l *Live) IsBroken(name string) bool { return l.current.Load().IsBroken(name) }

// Names lists the profiles that serve, sorted.
func (l *Live) Names() []string { return l.current.Load().Names() }

// Broken lists the names whose text is at fault, sorted, also those of which an earlier revision serves.
func (l *Live) Broken() []string { return l.current.Load().Broken() }

// Look looks at the folder once and returns what changed, sorted by name. first reads what there is without waiting for a second look.
// The error is about the folder itself (it is not there, it may not be read), and is returned once: then the profiles that served serve
// on, for as long as a file that is gone does when the folder is not there.
func (l *Live) Look(now time.Time, first bool) ([]Change, error) {
	found, err := l.find(now, first)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, l.once(err)
	}
	changes := l.read(found)
	changes = append(changes, l.leave(now, found)...)
	if len(changes) > 0 {
		l.publish()
	}
	return changes, l.once(err)
}

// Next is how long to wait before the next look.
func (l *Live) Next() time.Duration {
	for _, w := range l.files {
		if w.pending != (mark{}) {
			return lookAgain
		}
	}
	return lookEvery
}

// once returns an error unless the last look had the same.
func (l *Live) once(err error) error {
	last := l.folding
	l.folding = err
	if err != nil && last != nil && err.Error() == last.Error() {
		return nil
	}
	return err
}

// sighting is one file as a look saw it.
type sighting struct {
	file    string // its name in the folder
	name    string // the profile's
	mark    mark
	text    []byte // of a file that is to be read
	err     error
	link    bool
	changed bool
	profile *Profile
	faults  Faults
}

// find looks at every file of the folder, and reads the text of those that are to be read. There are none in a folder that is not there.
func (l *Live) find(now time.Time, first bool) ([]*sighting, error) {
	var found []*sighting
	err := eachFile(l.dir, func(root *os.Root, e fs.DirEntry, name string) {
		s := &sighting{file: e.Name(), name: name, link: e.Type()&fs.ModeSymlink != 0}
		l.look(root, e, s, now, first)
		found = append(found, s)
	})
	return found, err
}

// look finds out whether a file is to be read: it differs from what was read last, and the look before has seen it so already.
func (l *Live) look(root *os.Root, e fs.DirEntry, s *sighting, now time.Time, first bool) {
	var text []byte
	s.mark, text = sight(root, e, now)
	known := l.files[s.file]
	if known == nil {
		known = &watched{}
		l.files[s.file] = known
	}
	switch {
	case s.mark == known.mark:
		known.pending = mark{}
		return
	case s.mark != known.pending && !first:
		known.pending = s.mark
		return
	}
	known.pending = mark{}
	if s.text = text; text == nil {
		s.text, s.err = readFile(root, s.file)
	}
	known.mark = s.mark
	sum := hash(s.text)
	if s.err != nil {
		sum = s.err.Error()
	}
	s.changed = sum != known.hash
	known.hash = sum
}

// sight is a file's mark. A link is followed, so that a folder that is swapped behind it is seen (Kubernetes does that). The text comes
// along when it had to be read for the mark.
func sight(root *os.Root, e fs.DirEntry, now time.Time) (mark, []byte) {
	stat := e.Info
	if e.Type()&fs.ModeSymlink != 0 {
		stat = func() (fs.FileInfo, error) { return root.Stat(e.Name()) }
	}
	info, err := stat()
	if err != nil {
		return mark{err: err.Error()}, nil
	}
	m := mark{size: info.Size(), time: info.ModTime()}
	if now.Sub(m.time) > recentFile || m.size > MaxFile {
		return m, nil
	}
	text, err := readFile(root, e.Name())
	if err != nil {
		return mark{err: err.Error()}, nil
	}
	m.hash = hash(text)
	return m, text
}

// read parses the texts that changed, several at a time, and takes them up.
func (l *Live) read(found []*sighting) []Change {
	changes := l.clashes(found)
	work := make(chan *sighting)
	var group sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for s := range work {
				l.parse(s)
			}
		})
	}
	for _, s := range found {
		if s.changed {
			work <- s
		}
	}
	close(work)
	group.Wait()
	for _, s := range found {
		if !s.changed {
			continue
		}
		if c, news := l.take(s); news {
			changes = append(changes, c)
		}
	}
	return changes
}

// clashes finds the names that two files have. Neither is read, because nobody could say which was meant: what served before serves on
// until one of them is gone, and then the other is read.
func (l *Live) clashes(found []*sighting) []Change {
	files := map[string][]*sighting{}
	for _, s := range found {
		files[s.name] = append(files[s.name], s)
	}
	var changes []Change
	for _, s := range found {
		same := files[s.name]
		h := l.homes[s.name]
		if len(same) == 1 {
			if h != nil && h.clash {
				h.clash, s.changed = false, false
				*l.files[s.file] = watched{pending: s.mark} // the next look reads it as if it had just come
			}
			continue
		}
		s.changed = false
		if s != same[1] || h != nil && h.clash {
			continue
		}
		h = l.home(s.name)
		h.clash = true
		h.faults = Faults{{
			File: filepath.Join(l.dir, s.file), What: "the profile " + s.name + " is also in " + same[0].file, Do: "keep one of the two files",
		}}
		changes = append(changes, Change{Name: s.name, Kind: Broken, File: h.faults[0].File, Faults: h.faults})
	}
	return changes
}

// home is what the folder has for a name.
func (l *Live) home(name string) *served {
	h := l.homes[name]
	if h == nil {
		h = &served{enabled: true}
		l.homes[name] = h
	}
	return h
}

// parse reads one text.
func (l *Live) parse(s *sighting) {
	path := filepath.Join(l.dir, s.file)
	if s.err != nil {
		what, do := fileFault(s.err, s.link)
		s.faults = Faults{{File: path, What: what, Do: do}}
		return
	}
	s.profile, s.faults = Parse(s.name, path, s.text, l.options)
}

// take brings one text that was read into service, or its faults to light. A file that went and came back as it was is no news.
func (l *Live) take(s *sighting) (Change, bool) {
	path := filepath.Join(l.dir, s.file)
	h := l.home(s.name)
	if len(s.faults) > 0 {
		h.faults = s.faults
		return Change{Name: s.name, Kind: Broken, File: path, Faults: s.faults}, true
	}
	same := h.profile != nil && h.faults == nil && h.profile.Hash == s.profile.Hash
	h.profile, h.faults = s.profile, nil
	return Change{Name: s.name, Kind: Taken, File: path, Profile: s.profile}, !same
}

// leave notes the files that are gone, and lets go of those that stayed away.
func (l *Live) leave(now time.Time, found []*sighting) []Change {
	there, names := map[string]bool{}, map[string]bool{}
	for _, s := range found {
		there[s.file], names[s.name] = true, true
	}
	maps.DeleteFunc(l.files, func(file string, _ *watched) bool { return !there[file] })
	var changes []Change
	for _, name := range sortedKeys(l.homes) {
		switch h := l.homes[name]; {
		case names[name]:
			h.gone = time.Time{}
		case h.gone.IsZero():
			h.gone = now
			changes = append(changes, Change{Name: name, Kind: Missing, File: l.dir})
		case now.Sub(h.gone) >= goneAfter:
			delete(l.homes, name)
			changes = append(changes, Change{Name: name, Kind: Removed, File: l.dir})
		}
	}
	return changes
}

// Restore has the text of an earlier revision serve in place of a broken one that has none. It tells whether it does.
func (l *Live) Restore(name string, text []byte) bool {
	h := l.homes[name]
	if h == nil {
		h = l.stored[name]
	}
	if h == nil || h.profile != nil {
		return false
	}
	p, faults := Parse(name, name+".yaml", text, l.options)
	if len(faults) > 0 {
		return false
	}
	h.profile = p
	l.publish()
	return true
}

// SetStored replaces the profiles of the database by these, and returns what changed. A text that is known already is not compiled again.
func (l *Live) SetStored(all []Stored) []Change {
	var changes []Change
	names := map[string]bool{}
	for _, s := range all {
		names[s.Name] = true
		if c, changed := l.store(s); changed {
			changes = append(changes, c)
		}
	}
	for _, name := range sortedKeys(l.stored) {
		if !names[name] {
			delete(l.stored, name)
			changes = append(changes, Change{Name: name, Kind: Removed})
		}
	}
	if len(changes) > 0 {
		l.publish()
	}
	return changes
}

// store takes one profile of the database up.
func (l *Live) store(s Stored) (Change, bool) {
	h := l.stored[s.Name]
	if h == nil {
		h = &served{}
		l.stored[s.Name] = h
	}
	if h.hash == s.Hash && h.enabled == s.Enabled {
		return Change{}, false
	}
	if h.hash != s.Hash || h.profile == nil || h.faults != nil {
		p, faults := Parse(s.Name, "database:"+s.Name, s.Text, l.options)
		if h.hash, h.faults = s.Hash, faults; p != nil {
			h.profile = p
		}
	}
	if h.enabled = s.Enabled; h.faults != nil {
		return Change{Name: s.Name, Kind: Broken, Faults: h.faults}, true
	}
	return Change{Name: s.Name, Kind: Taken, Profile: h.serving()}, true
}

// serving is the profile that serves, closed where the database says so.
func (h *served) serving() *Profile {
	if h.profile == nil || h.enabled || !h.profile.Enabled {
		return h.profile
	}
	closed := *h.profile
	closed.Enabled = false
	return &closed
}

// publish puts together what serves: the folder's profile where it has the name, else the database's.
func (l *Live) publish() {
	s := &Set{profiles: map[string]*Profile{}, broken: map[string]bool{}}
	for _, homes := range []map[string]*served{l.stored, l.homes} {
		for name, h := range homes {
			if !ValidName(name) {
				continue
			}
			delete(s.profiles, name)
			delete(s.broken, name)
			if p := h.serving(); p != nil {
				s.profiles[name] = p
			}
			if len(h.faults) > 0 {
				s.broken[name] = true
			}
		}
	}
	l.current.Store(s)
}
