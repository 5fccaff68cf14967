package main

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"formrelay/internal/form"
	"formrelay/internal/submission"
)

// readCSV reads a file as the strictest reader at hand does.
func readCSV(t *testing.T, file string) [][]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestDisarm(t *testing.T) {
	t.Parallel()
	for _, harmless := range []string{
		"", "Olena", "12", "-12", "-12.50", "-12,5", "+5", "0501112233", "+380501112233", "+38 (050) 111-22-33", "+38.050.111.22.33", "a=b", "12-5", "'=1", "-", "…",
	} {
		want := harmless
		if harmless == "-" {
			want = "'-"
		}
		if got := disarm(harmless); got != want {
			t.Errorf("%q became %q", harmless, got)
		}
	}
	for _, formula := range []string{
		"=1+1", "+1+1", "-1+1", "@SUM(A1)", " =1", "\u00a0=1", "＝1", "－1", "+380501112233 (call)", "-A1", "+1*2", "--12", "-1-1", "+-5", "-12.", "-.5",
		"+1,2,3", "-050-111-22-33", "+12 34", "=cmd|'/c calc'!A0", "+38 050 111 22 33 44 55 66",
	} {
		if got := disarm(formula); got != "'"+formula {
			t.Errorf("%q became %q", formula, got)
		}
	}
	// A spreadsheet whose country separates cells otherwise than the file splits what stands in quotes, too.
	for cell, want := range map[string]string{
		"\t=1": "'\t'=1", "\r=1": "'\r'=1", "\n=1": "'\n'=1",
		"x;=1+1;y": "x;'=1+1;y", "x,@SUM(1)": "x,'@SUM(1)", "x\n =1": "x\n '=1", `x;"=cmd|' /C calc'!A0;`: `x;"'=cmd|' /C calc'!A0;`,
		"1;-7,5;+380501112233": "1;-7,5;+380501112233", "5,-3": "5,-3", "a, -5 b": "a, '-5 b", "=1;=2": "'=1;'=2", ";": ";", "a;b=c": "a;b=c",
	} {
		if got := disarm(cell); got != want {
			t.Errorf("%q became %q, want %q", cell, got, want)
		}
	}
}

func TestColumns(t *testing.T) {
	t.Parallel()
	c := newColumns()
	pairs := []form.Pair{{Name: "b", Value: "1"}, {Name: "state", Value: "2"}, {Name: "form.state", Value: "3"}, {Name: "b", Value: "4"}}
	c.add(pairs)
	for range maxColumns {
		c.add([]form.Pair{{Name: strings.Repeat("x", len(c.names)+1)}})
	}
	c.add([]form.Pair{{Name: "one more"}})
	head, row := c.head(), c.row(submission.Submission{Pairs: append(pairs, form.Pair{Name: "one more", Value: "5"})})
	if diff := cmp.Diff([]string{"b", "form.state", "form.form.state"}, head[7:10]); diff != "" {
		t.Error(diff)
	}
	if len(head) != len(row) || len(head) != 7+maxColumns+1 || head[len(head)-1] != "other fields" {
		t.Fatalf("%d names for %d cells", len(head), len(row))
	}
	if row[7] != "1\n4" || row[8] != "2" || row[9] != "3" || row[len(row)-1] != "one more: 5" {
		t.Errorf("%q", row)
	}
}

// Whatever is in a cell, a reader of CSV gets it back, and no spreadsheet takes it for a formula.
func FuzzCSV(f *testing.F) {
	for _, seed := range []string{"=1", "a\"b", "a,b", "a;b", "\r\n", "\r", "+380501112233", "-1", " @x", "\ufeff=1", "＝", "\x00", "\xff="} {
		f.Add(seed, "b")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, comma := range []byte{',', ';'} {
			var out bytes.Buffer
			buffer := bufio.NewWriter(&out)
			if err := (csvWriter{out: buffer, comma: comma}).row([]string{a, b, "end"}); err != nil {
				t.Fatal(err)
			}
			if err := buffer.Flush(); err != nil {
				t.Fatal(err)
			}
			reader := csv.NewReader(&out)
			reader.Comma = rune(comma)
			rows, err := reader.ReadAll()
			if err != nil || len(rows) != 1 || len(rows[0]) != 3 {
				t.Fatalf("%q: %v, %q", a, err, rows)
			}
			for i, cell := range []string{a, b} {
				got := rows[0][i]
				want := strings.ReplaceAll(cell, "\r\n", "\n") // what Go's reader makes of every line end
				if !onlyApostrophesMore(got, want) {
					t.Fatalf("%q came back as %q", cell, got)
				}
				if got != "" && strings.ContainsRune("\t\r\n", rune(got[0])) {
					t.Fatalf("%q is a formula", got)
				}
				for i, piece := range strings.FieldsFunc("."+got, func(r rune) bool { return strings.ContainsRune(separators, r) }) {
					if i == 0 {
						piece = strings.TrimPrefix(piece, ".")
					} else {
						piece = strings.TrimLeft(piece, ` "`)
					}
					piece = strings.TrimSpace(piece)
					signed := piece != "" && (piece[0] == '+' || piece[0] == '-')
					if piece != "" && strings.ContainsRune("=@", rune(piece[0])) || signed && strings.Trim(piece[1:], "0123456789., ()-") != "" {
						t.Fatalf("%q in %q is a formula", piece, got)
					}
				}
			}
		}
	})
}

// onlyApostrophesMore tells whether got is want with apostrophes put in.
func onlyApostrophesMore(got, want string) bool {
	for i := range len(got) {
		switch {
		case want != "" && got[i] == want[0]:
			want = want[1:]
		case got[i] != '\'':
			return false
		}
	}
	return want == ""
}
