package phpscript

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"formrelay/internal/profile"
)

// FuzzImport: whatever the bytes, there is a profile or a reason why not. What the profile's reader says against the profile is only what
// the script did not give, and no line of it is anything but text.
func FuzzImport(f *testing.F) {
	for _, a := range archives(f) {
		f.Add([]byte(part(a, "script.php")))
	}
	f.Add([]byte("$data=['buyer'=>$_POST['b'] ?: [],'products'=>$_POST['p'],'source_id'=>(int)'7',\"a$b[c]{$d['e']}\"];"))
	f.Add([]byte("<?php if(1): $a['contact']['phone'].=<<<X\n $b\n X; else: endif; foreach($_POST as $k=>$v){$a[]=$k;}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := Import(text, Options{Name: "f.php"})
		if r == nil || (err == nil) != (len(r.Profile) > 0) {
			t.Fatalf("result %+v, error %v", r, err)
		}
		for _, n := range r.Notes {
			if !utf8.ValidString(n.Text) || strings.ContainsFunc(n.Text, func(c rune) bool { return !unicode.IsPrint(c) }) {
				t.Errorf("a note that is no line of text: %q", n.Text)
			}
		}
		if err != nil {
			return
		}
		_, faults := profile.Parse("import", "import", r.Profile, profile.Options{})
		for _, fault := range faults {
			if !missing(fault.What) {
				t.Errorf("%s\n%s", fault, r.Profile)
			}
		}
	})
}

// missing tells a fault that is about what the script did not say.
func missing(what string) bool {
	for _, words := range []string{"source_id is missing", "has no buyer", "has no contact", "has no full_name", "says nothing about", "map is missing", "more than 262144 bytes", "lines"} {
		if strings.Contains(what, words) {
			return true
		}
	}
	return false
}

// TestTokenStaysIn: no token of a script is in the profile or in a note.
func TestTokenStaysIn(t *testing.T) {
	t.Parallel()
	for name, a := range archives(t) {
		r, _ := imported(t, part(a, "script.php"))
		if out := string(r.Profile) + notesText(r); strings.Contains(out, "TESTONLY") {
			t.Errorf("%s: a token got out:\n%s", name, out)
		}
	}
}

// TestNothing: a file without an order or a card is an error that says so.
func TestNothing(t *testing.T) {
	t.Parallel()
	for _, script := range []string{
		"", "<?php", "just words; and $ signs", "<?php $a = ['chat_id' => 1, 'text' => $_POST['name']];",
		"<?php $utm = ['utm_source' => $_GET['utm_source'], 'utm_medium' => 'x', 'utm_term' => 'y', 'utm_content' => 'z', 'utm_campaign' => 1];",
		strings.Repeat("[", 5000), strings.Repeat("(", 100000), "<?php " + strings.Repeat("if(1){", 3000), "<?php $a = " + strings.Repeat("!", 60000) + "1;",
	} {
		if r, err := Import([]byte(script), Options{}); !errors.Is(err, ErrNothing) || len(r.Profile) > 0 {
			t.Errorf("%.60q: %v\n%s", script, err, r.Profile)
		}
	}
}

// TestSize: a file of the greatest size is read, one byte more is not.
func TestSize(t *testing.T) {
	t.Parallel()
	script := []byte("<?php $data = ['source_id' => 7, 'buyer' => ['phone' => $_POST['phone']]]; //")
	script = append(script, bytes.Repeat([]byte("x"), MaxFile-len(script))...)
	if _, err := Import(script, Options{}); err != nil {
		t.Errorf("%d bytes: %v", len(script), err)
	}
	if _, err := Import(append(script, 'x'), Options{}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("one byte more: %v", err)
	}
}

// TestLine: of several arrays the fullest is taken and the others are told; --line takes another.
func TestLine(t *testing.T) {
	t.Parallel()
	script := []byte(`<?php
$lead = ['source_id' => 1, 'contact' => ['phone' => $_POST['phone']]];
$order = [
    'source_id' => 2, 'buyer' => ['phone' => $_POST['phone']], 'products' => [],
];
send('/pipelines/cards', $lead); send('/order', $order);
`)
	r, err := Import(script, Options{})
	if err != nil || r.Line != 3 || r.Creates != "order" || !strings.Contains(notesText(r), "--line 2 takes this one") {
		t.Errorf("%v %+v", err, r)
	}
	r, err = Import(script, Options{Line: 2})
	if err != nil || r.Line != 2 || r.Creates != "card" {
		t.Errorf("%v %+v", err, r)
	}
	if r, err = Import(script, Options{Line: 4}); !errors.Is(err, ErrNothing) || len(r.Notes) != 2 {
		t.Errorf("%v %+v", err, r)
	}
}

// TestWindows1251: a script in the old encoding of the region keeps its letters.
func TestWindows1251(t *testing.T) {
	t.Parallel()
	script, err := charmap.Windows1251.NewEncoder().Bytes([]byte("<?php\r\n$data = ['source_id' => 7, 'buyer' => ['phone' => $_POST['phone']], // тестове замовлення\r\n 'buyer_comment' => 'Привіт'];"))
	if err != nil {
		t.Fatal(err)
	}
	r, _ := imported(t, string(script))
	if out := string(r.Profile); !strings.Contains(out, "buyer_comment: Привіт") || !strings.Contains(out, "# тестове замовлення") || !strings.Contains(notesText(r), "windows-1251") {
		t.Errorf("%s\n%s", out, notesText(r))
	}
}
