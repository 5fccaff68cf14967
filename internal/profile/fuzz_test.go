package profile

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// seed adds every file of testdata and the profiles that are shipped.
func seed(f *testing.F) {
	f.Helper()
	archives, _ := filepath.Glob("testdata/*.txtar")
	for _, name := range archives {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			if strings.HasSuffix(file.Name, ".yaml") {
				f.Add(file.Data)
			}
		}
	}
	shipped, _ := filepath.Glob("../../deploy/profiles/*.yaml")
	for _, name := range shipped {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("s: onaye\nsource_id: 22\nmap:\n\tbuyer:\n\tbuyer:rderr:")) // a column behind the end of a mended line
	f.Add([]byte("map: {buyer:{full_name:\"${0\n0}\"}}"))                    // an expression that goes on over a line's end
	f.Add([]byte("%: \u0085"))                                               // a value of nothing but a blank that is none in YAML
	f.Add([]byte("a: &b [*b, !!c d, ? e : f]\n<<: {g: |\n h}"))
}

// FuzzParse: whatever the bytes, Parse gives either a profile, with its warnings, or faults; each has words and a place in the file, and
// they are the same ones each time.
func FuzzParse(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		p, faults := Parse("order", "f", text, Options{})
		if (p == nil) == (len(faults) == 0) {
			t.Fatalf("profile %v and faults %v", p, faults)
		}
		if p != nil {
			faults = p.Warnings()
		}
		checkPlaces(t, faults, string(text))
		for _, fault := range faults {
			if !utf8.ValidString(fault.String()) || strings.ContainsAny(fault.String(), "\n\r\x1b") {
				t.Errorf("a fault that is no line of text: %q", fault)
			}
			if strings.Contains(fault.What, "the relay itself failed") {
				t.Errorf("caught a panic: %s", fault)
			}
		}
		if err := faults.Write(io.Discard, true); err != nil {
			t.Error(err)
		}
		q, again := Parse("order", "f", text, Options{})
		if q != nil {
			again = q.Warnings()
		}
		if diff := cmp.Diff(faults, again); diff != "" {
			t.Errorf("another time:\n%s", diff)
		}
	})
}

// FuzzInspect: a mended line needs no mending, and its columns lead back into the line as written.
func FuzzInspect(f *testing.F) {
	for _, line := range []string{
		"a: {b: ${c}}", "a: ${b ? c : d}", `a: "${b ?? "c"}"`, "a: '${b ?? 'c'}' # d", "- {a: $${b}, c: d[e]}", "\t a: ${b} #${c}", "ключ: {я: ${ї}}",
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if !utf8.ValidString(line) || strings.ContainsAny(line, "\n\r") {
			return
		}
		l := inspect(&collector{file: "f", lines: []string{line}})
		mended, cols := l.mended[0], l.columns[0]
		if l.hopeless || cols == nil {
			return
		}
		if utf8.RuneCountInString(mended) != len(cols) {
			t.Fatalf("%q: %d columns for %q", line, len(cols), mended)
		}
		last := utf8.RuneCountInString(line)
		for i, col := range cols {
			if col < 0 || col >= last || i > 0 && col < cols[i-1] {
				t.Fatalf("%q → %q: columns %v", line, mended, cols)
			}
		}
		again := inspect(&collector{file: "f", lines: []string{mended}})
		if again.columns[0] != nil {
			t.Errorf("%q → %q → %q", line, mended, again.mended[0])
		}
	})
}
