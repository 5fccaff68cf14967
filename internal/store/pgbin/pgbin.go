// Package pgbin finds PostgreSQL's own programs on this machine, and the user that a private cluster runs as: for the tests and for the
// load test, which both make one.
package pgbin

import (
	"errors"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// ErrMissing says that there is no PostgreSQL on this machine, and what would bring it here.
var ErrMissing = errors.New("PostgreSQL is not installed (apt-get install postgresql)")

// Folder is where initdb and postgres lie: the newest of Debian's, which keeps them off the PATH, one folder a version; else where the
// PATH has them. Without either the error is [ErrMissing].
func Folder() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	if len(found) > 0 {
		return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })), nil
	}
	path, err := exec.LookPath("initdb")
	if err != nil {
		return "", ErrMissing
	}
	path, err = filepath.EvalSymlinks(path)
	return filepath.Dir(path), err
}

// version is the number in the path of Debian's; one that is none comes first.
func version(initdb string) int {
	n, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(initdb))))
	if err != nil {
		return 0
	}
	return n
}

// Owner is whom a cluster runs as when this process is root, which PostgreSQL refuses to be; nil: as this process.
func Owner() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, err
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("root may not run PostgreSQL, and there is neither a user postgres nor nobody")
}
