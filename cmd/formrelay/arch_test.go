package main

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "formrelay"

// mayImport is the whole of who may import whom inside the module. A package that is missing here may not exist: its place in the
// structure is decided first.
var mayImport = map[string][]string{
	"cmd/formrelay":               nil, // everything
	"cmd/loadtest":                {"deploy", "internal/keycrm/sandbox", "internal/pace", "internal/store/pgbin"},
	"deploy":                      {},
	"internal/config":             {},
	"internal/delivery":           {"internal/submission", "internal/keycrm", "internal/pace"},
	"internal/form":               {},
	"internal/httpd":              {},
	"internal/intake":             {"internal/form", "internal/profile", "internal/mapping", "internal/mapping/value", "internal/submission", "internal/httpd", "web"},
	"internal/intake/captcha":     {"internal/submission"}, // never store: it takes an interface
	"internal/keycrm":             {},
	"internal/keycrm/openapitest": {"internal/keycrm"},
	"internal/keycrm/sandbox":     {"internal/keycrm"},
	"internal/mapping":            {"internal/form", "internal/keycrm", "internal/mapping/expression", "internal/mapping/value"},
	"internal/mapping/expression": {"internal/mapping/value"},
	"internal/mapping/value":      {},
	"internal/metrics":            {"internal/submission", "internal/keycrm", "internal/pace"}, // the only one that knows of Prometheus
	"internal/pace":               {},
	"internal/profile/online":     {"internal/profile", "internal/mapping", "internal/mapping/value", "internal/keycrm"},
	"internal/profile/scaffold":   {"internal/profile", "internal/mapping", "internal/mapping/value", "internal/form", "internal/keycrm"}, // a sample is mapped to make the test
	"internal/profile/reference":  {"internal/profile", "internal/keycrm", "internal/mapping/expression", "internal/mapping/value"},
	"internal/phpscript":          {"internal/profile", "internal/mapping", "internal/keycrm"},
	"internal/profile":            {"internal/form", "internal/mapping", "internal/mapping/value", "internal/keycrm"},
	"internal/store":              {"internal/submission", "internal/pace", "internal/form", "internal/keycrm"},
	"internal/store/pgbin":        {},
	"internal/store/pgtest":       {"internal/store/pgbin"},
	"internal/submission":         {"internal/form", "internal/keycrm"},
	"web":                         {},
	"web/demo":                    {},
}

// mayNot is what a package must not import from outside the module, however useful it looks.
var mayNot = map[string][]string{
	"internal/submission":         {"database/sql", "net/http", "github.com/rs/zerolog"},
	"internal/mapping":            {"database/sql", "net/http"},
	"internal/mapping/value":      {"database/sql", "net/http"},
	"internal/mapping/expression": {"database/sql", "net/http"},
	"internal/profile/online":     {"database/sql", "net/http"},
	"internal/profile/reference":  {"database/sql", "net/http"},
	"internal/phpscript":          {"database/sql", "net/http"},
	"internal/profile/scaffold":   {"database/sql", "net/http"},
	"internal/profile":            {"database/sql", "net/http"},
	"internal/form":               {"database/sql", "net/http"},
	"internal/pace":               {"database/sql", "net/http"},
	"internal/store":              {"net/http"},
	"internal/delivery":           {"database/sql", "net/http"},
	"internal/metrics":            {"database/sql"},
}

// listed is what `go list -json` says of one package.
type listed struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []listed {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", "./...")
	command.Dir = filepath.Join("..", "..")
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p listed
		err := decoder.Decode(&p)
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		p.ImportPath = strings.TrimPrefix(p.ImportPath, module+"/")
		all = append(all, p)
	}
}

func TestWhoMayImportWhom(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		allowed, known := mayImport[p.ImportPath]
		if !known {
			t.Errorf("package %s has no place in the structure: decide who may import it", p.ImportPath)
			continue
		}
		for _, imported := range p.Imports {
			inner, ours := strings.CutPrefix(imported, module+"/")
			if ours && allowed != nil && !slices.Contains(allowed, inner) {
				t.Errorf("%s imports %s and may not", p.ImportPath, inner)
			}
			if slices.Contains(mayNot[p.ImportPath], imported) {
				t.Errorf("%s imports %s and may not", p.ImportPath, imported)
			}
		}
	}
}

// The longest way down through the packages stays short enough to be held in one's head.
func TestLongestChain(t *testing.T) {
	t.Parallel()
	const longest = 6
	imports := map[string][]string{}
	for _, p := range packages(t) {
		for _, imported := range p.Imports {
			if inner, ours := strings.CutPrefix(imported, module+"/"); ours {
				imports[p.ImportPath] = append(imports[p.ImportPath], inner)
			}
		}
	}
	var depth func(string) int
	depth = func(p string) int {
		deepest := 0
		for _, inner := range imports[p] {
			deepest = max(deepest, depth(inner))
		}
		return deepest + 1
	}
	for p := range imports {
		if d := depth(p); d > longest {
			t.Errorf("%s starts a chain of %d packages; %d is the most", p, d, longest)
		}
	}
}

// Whoever clones the repository finds nothing at the top that is not announced.
func TestTopLevel(t *testing.T) {
	t.Parallel()
	agreed := []string{"go.mod", "go.sum", "cmd", "internal", "web", "deploy", "Dockerfile", "Makefile", "README.md"}
	command := exec.CommandContext(t.Context(), "git", "ls-files")
	command.Dir = filepath.Join("..", "..")
	out, err := command.Output()
	if err != nil {
		t.Skipf("SKIPPED: this is no git checkout: %v", err)
	}
	for file := range strings.SplitSeq(strings.TrimSpace(string(out)), "\n") {
		top, _, _ := strings.Cut(path.Clean(file), "/")
		if !strings.HasPrefix(top, ".") && !slices.Contains(agreed, top) {
			t.Errorf("%s stands at the top level and is not agreed", top)
		}
	}
}
