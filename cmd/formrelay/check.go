package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"formrelay/internal/config"
	"formrelay/internal/profile"
)

type checkCmd struct {
	config.File `embed:""`

	Profiles string   `env:"FORMRELAY_PROFILES" default:"./profiles" placeholder:"FOLDER" help:"Folder of the profiles to check when no file is named."`
	Files    []string `arg:"" optional:"" name:"file" help:"Profiles to check, files or names in the folder; without any, the whole folder."`
}

// Run reports every fault of every file on standard error, one line each, and ends with exit 1 if there was one.
func (c checkCmd) Run(w *world) error {
	faults, count, err := c.read(w)
	if err != nil {
		return err
	}
	if count == 0 {
		return fmt.Errorf("there is no profile in %s: a profile is a file <name>.yaml", c.Profiles)
	}
	if len(faults) == 0 {
		_, err := fmt.Fprintf(w.stdout, "%s checked, no fault\n", plural(count, "profile"))
		return err
	}
	if err := faults.Write(w.stderr, terminal(w.stderr)); err != nil {
		return err
	}
	fmt.Fprintf(w.stderr, "%s in %s of %s\n", plural(len(faults), "fault"), plural(files(faults), "file"), plural(count, "profile"))
	return silentError{}
}

func (c checkCmd) read(w *world) (profile.Faults, int, error) {
	options, err := profileOptions(w, c.File)
	if err != nil {
		return nil, 0, err
	}
	if len(c.Files) == 0 {
		set, err := profile.LoadDir(c.Profiles, options)
		if err != nil {
			return nil, 0, fmt.Errorf("%w: name a file, or a folder with --profiles", err)
		}
		return set.Faults(), len(set.Names()) + len(set.Broken()), nil
	}
	var faults profile.Faults
	for _, named := range c.Files {
		file, err := profileFile(c.Profiles, named)
		if err != nil {
			return nil, 0, err
		}
		_, found, err := readProfile(file, options)
		if err != nil {
			return nil, 0, err
		}
		faults = append(faults, found...)
	}
	return faults, len(c.Files), nil
}

// files counts the files that have a fault.
func files(faults profile.Faults) int {
	named := map[string]bool{}
	for _, f := range faults {
		named[f.File] = true
	}
	return len(named)
}

// readProfile reads one file that the operator named; the profile's name is the file's.
func readProfile(file string, o profile.Options) (*profile.Profile, profile.Faults, error) {
	text, err := readBounded(file, profile.MaxFile)
	if err != nil {
		return nil, nil, err
	}
	base := filepath.Base(file)
	p, faults := profile.Parse(strings.TrimSuffix(base, filepath.Ext(base)), file, text, o)
	return p, faults, nil
}

// readBounded reads a file of at most limit bytes, and one byte more, so that whoever reads it sees that it is too large.
func readBounded(file string, limit int64) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f, limit+1)
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
