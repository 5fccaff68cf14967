package profile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Set is the profiles of one moment. It is only read, and safe for concurrent use.
type Set struct {
	profiles map[string]*Profile
	broken   map[string]bool
	faults   Faults
}

// LoadDir reads every .yaml and .yml file that lies in dir itself; folders, files whose name
// begins with a dot and files of other kinds are passed over. A file that cannot be read or
// holds a fault makes its profile broken and is told in Faults; the error is only for the
// folder itself. Nothing outside dir is ever read: a symbolic link may lead to another place
// inside it (Kubernetes mounts its files so), and one that leads out is a fault.
func LoadDir(dir string, o Options) (*Set, error) {
	s := &Set{profiles: make(map[string]*Profile), broken: make(map[string]bool)}
	files := make(map[string]string) // by name
	err := eachFile(dir, func(root *os.Root, e fs.DirEntry, name string) {
		file := filepath.Join(dir, e.Name())
		if other, twice := files[name]; twice {
			s.breaks(name, Fault{File: file, What: "the profile " + name + " is also in " + filepath.Base(other), Do: "keep one of the two files"})
			return
		}
		files[name] = file
		s.load(root, e, name, file, o)
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// eachFile calls f for every file of the folder that is a profile's by its name, in the order of the files' names. root is good for as
// long as f runs. The error is about the folder itself, and then f was never called.
func eachFile(dir string, f func(root *os.Root, e fs.DirEntry, name string)) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("the folder of profiles cannot be opened: %w", err)
	}
	defer func() { _ = root.Close() }()
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return fmt.Errorf("the folder of profiles cannot be read: %w", err)
	}
	for _, e := range entries {
		if name, ok := profileName(e.Name()); ok {
			f(root, e, name)
		}
	}
	return nil
}

// profileName is the profile's name of a file's, false when the file is no profile. An
// extension in capital letters counts, so that such a file is not passed over in silence: its
// name is a fault if the rest has capitals too.
func profileName(file string) (string, bool) {
	ext := filepath.Ext(file)
	if strings.HasPrefix(file, ".") || !strings.EqualFold(ext, ".yaml") && !strings.EqualFold(ext, ".yml") {
		return "", false
	}
	return strings.TrimSuffix(file, ext), true
}

// load reads one file into the set.
func (s *Set) load(root *os.Root, e fs.DirEntry, name, file string, o Options) {
	text, err := readFile(root, e.Name())
	if err != nil {
		what, do := fileFault(err, e.Type()&fs.ModeSymlink != 0)
		s.breaks(name, Fault{File: file, What: what, Do: do})
		return
	}
	p, faults := Parse(name, file, text, o)
	if len(faults) > 0 {
		s.breaks(name, faults...)
		return
	}
	s.profiles[name] = p
}

// breaks notes that a profile's file is at fault. Of a name given twice neither file serves:
// nobody could say which was meant.
func (s *Set) breaks(name string, faults ...Fault) {
	s.faults = append(s.faults, faults...)
	if ValidName(name) {
		s.broken[name] = true
	}
	delete(s.profiles, name)
}

var errNoFile = errors.New("no regular file")

// readFile reads one file below root, at most a byte more than a profile may have. O_NONBLOCK
// keeps a pipe in the folder from holding up the server's start.
func readFile(root *os.Root, name string) ([]byte, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errNoFile
	}
	return io.ReadAll(io.LimitReader(f, MaxFile+1))
}

// fileFault says why a file, or what a link in its place leads to, could not be read. That a
// link leads out of the root is an error without a name of its own, so it is what remains.
func fileFault(err error, link bool) (what, do string) {
	switch {
	case errors.Is(err, errNoFile):
		return "this is no file", "a profile is a plain file; move what lies here out of the folder of profiles"
	case errors.Is(err, fs.ErrPermission):
		return "the relay may not read this file", "give its user the right to read it"
	case errors.Is(err, fs.ErrNotExist):
		return "this is a link to a file that is not there", "mend or delete the link"
	case link:
		return "this is a link that leads out of the folder of profiles", "put the file itself here, or a relative link to one inside the folder"
	default:
		return "this file cannot be read (" + err.Error() + ")", "mend that, or delete the file"
	}
}

// Get returns the profile that serves under name. A name that no file has, or whose file is
// broken and has no good revision, is not found; IsBroken tells the two apart.
func (s *Set) Get(name string) (*Profile, bool) {
	p, ok := s.profiles[name]
	return p, ok
}

// Names lists the profiles that serve, sorted.
func (s *Set) Names() []string {
	return sortedKeys(s.profiles)
}

// Faults is everything wrong in the folder, file by file.
func (s *Set) Faults() Faults { return slices.Clone(s.faults) }

// Broken lists the names whose text is at fault, sorted, also those of which an earlier revision serves.
func (s *Set) Broken() []string {
	return sortedKeys(s.broken)
}

// IsBroken tells whether the file of that name is at fault.
func (s *Set) IsBroken(name string) bool { return s.broken[name] }

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
