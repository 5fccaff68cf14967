package profile

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"formrelay/internal/form"
	"formrelay/internal/keycrm"
	"formrelay/internal/mapping"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const least = "creates: order\nsource_id: 22\nmap: {buyer: {full_name: \"${name}\"}}\n"

func TestParse(t *testing.T) {
	t.Parallel()
	bare := Profile{Name: "order", File: "order.yaml", Creates: keycrm.KindOrder, SourceID: 22, Enabled: true, Limits: form.DefaultLimits(), Dedupe: time.Minute}
	bare.FileTypes = []string{"image/*", "application/pdf"}
	bare.Guard = Guard{Honeypot: DefaultHoneypot}
	tests := []struct {
		name     string
		text     string
		accounts []string
		want     func(*Profile)
	}{
		{name: "Least", text: least, want: func(*Profile) {}},
		{name: "EmptyBlocks", text: least + "form:\nanswer: ~\nguard: {}\nrest:\ntables: null\nrest_except: []\naccount: \"\"\n", want: func(*Profile) {}},
		{name: "EmptyTexts", text: least + "form: {timezone: \"\", region: ' ', charset: ''}\nanswer: {success: \"\", lang: ''}\nguard: {max_body: ''}\n", want: func(*Profile) {}},
		{name: "ByteOrderMark", text: "\ufeff" + least, want: func(*Profile) {}},
		{name: "WindowsLines", text: strings.ReplaceAll(least, "\n", "\r\n"), want: func(*Profile) {}},
		{name: "OneDocument", text: "# a comment\n---\n" + least + "...\n", want: func(*Profile) {}},
		{name: "Disabled", text: least + "enabled: false\n", want: func(p *Profile) { p.Enabled = false }},
		{name: "QuotedNumber", text: strings.Replace(least, "22", `"7"`, 1), want: func(p *Profile) { p.SourceID = 7 }},
		{name: "Charset", text: least + "form: {charset: windows-1251}\n", want: func(p *Profile) { p.Charset = "windows-1251" }},
		{name: "Answer", text: least + "answer: {success: \"https://shop.example/thanks?order={id}#{id}\", invalid: hold, lang: pl}\n", want: func(p *Profile) {
			p.Success, p.HoldInvalid, p.Lang = "https://shop.example/thanks?order={id}#{id}", true, "pl"
		}},
		{name: "HostInCapitals", text: least + "answer: {success: HTTPS://Shop.Example/}\n", want: func(p *Profile) { p.Success = "HTTPS://Shop.Example/" }},
		{name: "AddressInCyrillic", text: least + "answer: {success: \"https://крамниця.example:8443/дякуємо/%d1%84?номер={id}&a=<b>\"}\n", want: func(p *Profile) {
			p.Success = "https://xn--80aqejfp0c4d.example:8443/%D0%B4%D1%8F%D0%BA%D1%83%D1%94%D0%BC%D0%BE/%d1%84?%D0%BD%D0%BE%D0%BC%D0%B5%D1%80={id}&a=%3Cb%3E"
		}},
		{name: "Origins", text: least + "form: {origins: [\"https://Shop.example:443\", \"https://*.крамниця.example\", \"http://localhost:3000\", https://shop.example, \"http://[::1]:08080\"]}\n", want: func(p *Profile) {
			p.Origins = Origins{"https://shop.example", "https://*.xn--80aqejfp0c4d.example", "http://localhost:3000", "http://[::1]:8080"}
		}},
		{name: "OneOrigin", text: least + "form: {origins: https://shop.example}\n", want: func(p *Profile) { p.Origins = Origins{"https://shop.example"} }},
		{name: "NoOrigins", text: least + "form: {origins: [~, \"\"]}\n", want: func(*Profile) {}},
		{name: "Paths", text: least + "form: {origins: [https://shop.example]}\nanswer: {success: \"/дяка?o={id}&c={crm_id}\", failure: /contact#form}\n", want: func(p *Profile) {
			p.Origins, p.Success, p.Failure = Origins{"https://shop.example"}, "/%D0%B4%D1%8F%D0%BA%D0%B0?o={id}&c={crm_id}", "/contact#form"
		}},
		{name: "FailureOnTheSiteOfSuccess", text: least + "answer: {success: https://shop.example/thanks, failure: /contact}\n", want: func(p *Profile) {
			p.Success, p.Failure = "https://shop.example/thanks", "/contact"
		}},
		{name: "Refuse", text: least + "answer: {invalid: refuse}\n", want: func(*Profile) {}},
		{name: "Guard", text: least + "guard: {max_body: 32MB, max_pairs: 10000, max_name: 16, max_value: 1 kb, max_depth: 100}\n", want: func(p *Profile) {
			p.Limits.Body, p.Limits.Pairs, p.Limits.Name, p.Limits.Value, p.Limits.Depth = 32<<20, 10_000, 16, 1024, 100
		}},
		{name: "GuardLeast", text: least + "guard: {max_body: 1024B, max_pairs: 1, max_depth: 1}\n", want: func(p *Profile) {
			p.Limits.Body, p.Limits.Pairs, p.Limits.Depth = 1024, 1, 1
		}},
		{name: "Files", text: least + "guard: {files: {max: 20, size: 10MB, types: [Image/PNG, '*/*']}}\n", want: func(p *Profile) {
			p.Limits.Files, p.Limits.FileSize, p.FileTypes = 20, 10<<20, []string{"image/png", "*/*"}
		}},
		{name: "FilesLeast", text: least + "guard: {files: {max: 0, size: 1KB, types: application/pdf}}\n", want: func(p *Profile) {
			p.Limits.Files, p.Limits.FileSize, p.FileTypes = 0, 1<<10, []string{"application/pdf"}
		}},
		{name: "Wait", text: least + "answer: {wait: 1500ms}\n", want: func(p *Profile) { p.Wait = 1500 * time.Millisecond }},
		{name: "WaitLongest", text: least + "answer: {wait: 10s}\n", want: func(p *Profile) { p.Wait = 10 * time.Second }},
		{name: "WaitLeast", text: least + "answer: {wait: 0}\n", want: func(*Profile) {}},
		{name: "DedupeOff", text: least + "guard: {dedupe: 0s}\n", want: func(p *Profile) { p.Dedupe = 0 }},
		{name: "DedupeLongest", text: least + "guard: {dedupe: 24h}\n", want: func(p *Profile) { p.Dedupe = 24 * time.Hour }},
		{name: "OnlyAccount", text: least, accounts: []string{"main"}, want: func(p *Profile) { p.Account = "main" }},
		{name: "NamedAccount", text: least + "account: sisal\n", accounts: []string{"main", "sisal"}, want: func(p *Profile) { p.Account = "sisal" }},
		{name: "UncheckedAccount", text: least + "account: sisal\n", want: func(p *Profile) { p.Account = "sisal" }},
		{name: "CardWithoutSource", text: "creates: card\nmap: {contact: {full_name: x}}\n", want: func(p *Profile) { p.Creates, p.SourceID = keycrm.KindCard, 0 }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, faults := Parse("order", "order.yaml", []byte(tt.text), Options{Accounts: tt.accounts})
			if len(faults) > 0 {
				t.Fatal(faults)
			}
			want := bare
			tt.want(&want)
			want.Text, want.Hash = []byte(tt.text), hash([]byte(tt.text))
			if diff := cmp.Diff(&want, got, cmpopts.IgnoreFields(Profile{}, "Mapping", "places", "mark")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if got.Mapping == nil {
				t.Error("no mapping")
			}
		})
	}
}

func TestParseAccountFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text     string
		accounts []string
		want     string
	}{
		{least, []string{"main", "sisal"}, "f:1:1: account is missing: the server has more than one; write one of: main, sisal"},
		{least, []string{}, "f:1:1: the server has no account this profile could use; name one under accounts in the server's configuration"},
		{"account: sisl\n" + least, []string{"main", "sisal"}, `f:1:10: account cannot be "sisl"; did you mean sisal?`},
		{"account: x\n" + least, []string{"main"}, `f:1:10: account cannot be "x"; write one of: main`},
	}
	for _, tt := range tests {
		if _, faults := Parse("order", "f", []byte(tt.text), Options{Accounts: tt.accounts}); faults.Error() != tt.want {
			t.Errorf("accounts %v: got %s, want %s", tt.accounts, faults, tt.want)
		}
	}
}

// TestParseBytes is about files that are no text a person wrote.
func TestParseBytes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ text, want string }{
		"TooBig":      {strings.Repeat("#", MaxFile+1), "f: the file has more than 262144 bytes; make it smaller: split it into two profiles, or shorten its tables"},
		"TooLong":     {strings.Repeat("\n", maxLines), "f: the file has more than 10000 lines; put several entries of a table on one line: {A-1: 450, B-7: 1200}"},
		"Brackets":    {"a: b\n" + strings.Repeat("[", 501), "f:2:1: too many brackets are open here; close each [ and { of the lines above"},
		"Dashes":      {strings.Repeat("- ", 33), "f:1:1: this line begins with too many dashes; one dash begins one list item"},
		"UTF16":       {"\xff\xfea\x00", "f:1:1: the file is saved as UTF-16; save it as UTF-8"},
		"Windows1251": {"creates: order\n# \xcf\xf0\xe8\n", "f:2:3: the file is not UTF-8 here; save it as UTF-8 (it may be windows-1251)"},
		"Control":     {"creates: or\x00der", "f:1:12: an invisible character (U+0000) stands here; delete it"},
		"SecondMark":  {"creates: order\n\ufeffmap: {}", "f:2:1: an invisible character (U+FEFF) stands here; delete it"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, faults := Parse("order", "f", []byte(tt.text), Options{})
			if p != nil || faults.Error() != tt.want {
				t.Errorf("got %v %s\nwant %s", p, faults, tt.want)
			}
		})
	}
}

func TestParseNames(t *testing.T) {
	t.Parallel()
	for name, valid := range map[string]bool{
		"order": true, "a": true, "0": true, "a-b_c9": true, strings.Repeat("a", 64): true,
		"": false, strings.Repeat("a", 65): false, "-a": false, "_a": false, "Order": false, "a.b": false, "a/b": false, "..": false,
		"замовлення": false, "a b": false, "a\n": false,
	} {
		if ValidName(name) != valid {
			t.Errorf("ValidName(%q) = %v", name, !valid)
		}
		if _, faults := Parse(name, "f", []byte(least), Options{}); (len(faults) == 0) != valid {
			t.Errorf("Parse of %q: %v", name, faults)
		}
	}
}

// TestParseIsAValue: a profile shares no memory with what it was read from, and the same bytes are the same revision.
func TestParseIsAValue(t *testing.T) {
	t.Parallel()
	text := []byte(least)
	p, _ := Parse("order", "f", text, Options{})
	text[0] = 'X'
	if !bytes.HasPrefix(p.Text, []byte("creates")) {
		t.Error("the profile's text changed with the caller's")
	}
	if want := "21ce2057f1c396a327100c3b81dd03330b1b2bc3ac176f341148c706a61bb8fb"; p.Hash != want {
		t.Errorf("hash %s", p.Hash)
	}
}

// readTree reads a file that must have no fault.
func readTree(t *testing.T, text string) *mapping.Node {
	t.Helper()
	c := &collector{file: "f"}
	root := readYAML(c, []byte(text))
	if len(c.faults) > 0 || root == nil {
		t.Fatalf("%q: %s", text, c.faults)
	}
	return root
}

// TestScalarsAsWritten: an article number is a text, however much it looks like one of YAML's numbers or words.
func TestScalarsAsWritten(t *testing.T) {
	t.Parallel()
	for _, word := range []string{
		"0501", "0x1F", "1_000", "0o17", "0b1", "1e3", "+5", "-0", "1.50", ".5", "1.", "12:30", "2026-01-02", "yes", "no", "on", "off", "True", "FALSE",
		".inf", "-.Inf", ".nan", "<", "=", "50%", "a,b", "A-1", "Ім'я", "http://x.example/a?b=c#d", "30/1m", "x]", "a{b}", "1 2", "--", "-5",
	} {
		root := readTree(t, fmt.Sprintf("%s: %s\nlist:\n  - %s\n", word, word, word))
		entry := root.Entries[0]
		if entry.Key != word || entry.Value.Text != word || entry.Value.Kind != mapping.Scalar || entry.Value.Quoted {
			t.Errorf("%s: key %q, value %+v", word, entry.Key, entry.Value)
		}
		if item := root.Entries[1].Value.Items[0]; item.Text != word {
			t.Errorf("%s in a list: %+v", word, item)
		}
	}
	for _, word := range []string{"null", "Null", "~"} {
		entry := readTree(t, word+": "+word).Entries[0]
		if entry.Key != word || entry.Value.Kind != mapping.Null || entry.Value.Text != word {
			t.Errorf("%s: key %q, value %+v", word, entry.Key, entry.Value)
		}
	}
}

func TestTree(t *testing.T) {
	t.Parallel()
	at := func(line, column int) mapping.Pos { return mapping.Pos{Line: line, Column: column} }
	text := `a: "x \"y\" ${z}"
'b': 'it''s'
ключ: {c: d, "e f": [g, 'h']}
block: |
  ${i}
    "j
folded: >-
  k
  l
list:
- m
- n: o
  p:
plain: ${q ?? r}
  more
`
	want := &mapping.Node{Kind: mapping.Map, Pos: at(1, 1), Entries: []mapping.Entry{
		{Key: "a", Pos: at(1, 1), Value: &mapping.Node{Kind: mapping.Scalar, Pos: at(1, 4), Text: `x "y" ${z}`, Quoted: true}},
		{Key: "b", Pos: at(2, 1), Value: &mapping.Node{Kind: mapping.Scalar, Pos: at(2, 6), Text: "it's", Quoted: true}},
		{Key: "ключ", Pos: at(3, 1), Value: &mapping.Node{Kind: mapping.Map, Pos: at(3, 7), Entries: []mapping.Entry{
			{Key: "c", Pos: at(3, 8), Value: &mapping.Node{Kind: mapping.Scalar, Pos: at(3, 11), Text: "d"}},
			{Key: "e f", Pos: at(3, 14), Value: &mapping.Node{Kind: mapping.List, Pos: at(3, 21), Items: []*mapping.Node{
				{Kind: mapping.Scalar, Pos: at(3, 22), Text: "g"},
				{Kind: mapping.Scalar, Pos: at(3, 25), Text: "h", Quoted: true},
			}}},
		}}},
		{Key: "block", Pos: at(4, 1), Value: &mapping.Node{Kind: mapping.Scalar, Pos: at(4, 8), Text: "${i}\n  \"j\n", Quoted: true}},
		{Key: "folded", Pos: at(7, 1), Value: &mapping.Node{Kind: mapping.Scalar, Pos: at(7, 9), Text: "k l", Quoted: true}},
		{Key: "list", Pos: at(10, 1), Value: &mapping.Node{Kind: mapping.List, Pos: at(11, 1), Items: []*mapping.Node{
			{Kind: mapping.Scalar, Pos: at(11, 3), Text: "m"},
			{Kind: mapping.Map, Pos: at(12, 3), Entries: []mapping.Entry{
				{Key: "n", Pos: at(12, 3), Value: &mapping.Node{Kind: mapping.Scalar, Pos: at(12, 6), Text: "o"}},
				{Key: "p", Pos: at(13, 3), Value: &mapping.Node{Kind: mapping.Null, Pos: at(13, 5)}},
			}},
		}}},
		{Key: "plain", Pos: at(14, 1), Value: &mapping.Node{Kind: mapping.Scalar, Pos: at(14, 8), Text: "${q ?? r} more"}},
	}}
	if diff := cmp.Diff(want, readTree(t, text)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestNoFalseAlarm: lines that look like the slips the inspection knows, and are none.
func TestNoFalseAlarm(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"a: ${b} # a comment with ${c ? d : e}", "a: ${b ?? c}", "a: ${f(b, {.x > 0})}", "a: ${form['x y']}", `a: ${form["x y"]}`,
		`a: "${form[\"x y\"]}"`, `a: '${form["x y"]}'`, "a: '${form[''x y'']}'", `a: {b: "${c}", d: '${e}'}`, `a: ["${b}"]`,
		"a: |\n  b: {c: ${d}}\n  e: ${f ? g : h}", "a: >\n  ${b} #c", "x:\n- a: |\n    ${b: c}\n  d: e", "x:\n- |\n ${b: c}\n- d", "a:\n  - b: >-\n      {${c}}\n    d: e",
		"# {a: ${b}}\na: b", "a: b # {c: ${d}}", "a: \"b\n  {c: ${d}}\n  e\"", "a: {\n\tb: c }", "a: b\n \t # a comment", "\t# a comment\na: b", "a: b\n\t\nc: d",
		"a: \"${b}: ${c} # d\"", "a[b][]: c", "a: b]", "a: it's ${b}", "a: \"b\" # 'c", "a: http://b.example/{c}", "a: {\"b\": {c: [d, {e: f}]}, g: h}",
	} {
		c := &collector{file: "f"}
		if readYAML(c, []byte(text)); len(c.faults) > 0 {
			t.Errorf("%q:\n%s", text, c.faults)
		}
	}
}

// TestReadingTime holds the worst shapes the bounds let through to a time at which a server still starts.
func TestReadingTime(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"Keys":     strings.Repeat("a: 'b'\n", maxLines-1),
		"Entries":  "a: {" + strings.Repeat("b: c,", MaxFile/6) + "}",
		"Nested":   "a: [" + strings.Repeat(strings.Repeat("[", 400)+strings.Repeat("]", 400)+",", 300) + "]",
		"Commas":   "a: [" + strings.Repeat(",", MaxFile/2) + "]",
		"Quotes":   strings.Repeat("\"", MaxFile-1),
		"Dollars":  "a: " + strings.Repeat("${", MaxFile/2-10),
		"Tags":     strings.Repeat("!a ", MaxFile/4),
		"OneLine":  strings.Repeat("a: ", MaxFile/4),
		"Unclosed": strings.Repeat("a: \"${\"\n", maxLines-1),
		"Meant":    "a: [" + strings.Repeat(`"${"}"x `, MaxFile/9) + "]",
		"Texts":    "a: " + strings.Repeat(`${"}`, MaxFile/5),
		"Texts2":   "a: " + strings.Repeat(`${'}`, MaxFile/8) + strings.Repeat(`"`, MaxFile/2-10),
		"Quoted":   "a: [" + strings.Repeat(`'${',`, MaxFile/9) + "]",
		"Faults":   strings.Repeat("a: {b: ${c}}\n", maxLines-1),
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			_, faults := Parse("order", "f", []byte(text), Options{})
			if len(faults) == 0 || len(faults) > maxFaults+1 {
				t.Errorf("%d faults", len(faults))
			}
			if took := time.Since(start); took > time.Minute {
				t.Errorf("took %v", took)
			} else {
				t.Logf("%d bytes in %v", len(text), took)
			}
		})
	}
}

func TestWrite(t *testing.T) {
	t.Parallel()
	text := "creates: order\nsource_id: 22\nform: {fields: {ключ: {label: {uk: \"Ім'я\"}, typ: int}}}\nmap: {buyer: {full_name: x}}\n"
	_, faults := Parse("order", "profiles/order.yaml", []byte(text), Options{})
	faults = append(faults,
		Fault{File: "x", Line: 1, Column: 2, What: "odd", Source: "\t\x1b[31mred"},
		Fault{File: "x", Line: 2, Column: 300, What: "far", Source: "short"},
		Fault{File: "x", Line: 3, Column: 1, What: "blank", Source: " "},
		Fault{File: "y", What: "whole", Do: "mend it"})
	const want = `profiles/order.yaml:3:45: "typ" is no key of form.fields.ключ; did you mean type?
    form: {fields: {ключ: {label: {uk: "Ім'я"}, typ: int}}}
                                                ^
x:1:2: odd
    	` + "\ufffd" + `[31mred
    	^
x:2:300: far
    short
x:3:1: blank
y: whole; mend it
`
	checkWrite(t, faults, true, want)
	checkWrite(t, faults[1:2], false, "x:1:2: odd\n")
}

func checkWrite(t *testing.T, faults Faults, caret bool, want string) {
	t.Helper()
	var b strings.Builder
	if err := faults.Write(&b, caret); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriteFails(t *testing.T) {
	t.Parallel()
	if err := (Faults{{File: "f", What: "x"}}).Write(full{}, true); err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("got %v", err)
	}
	if err := (Faults{}).Write(full{}, true); err != nil {
		t.Errorf("nothing to write: %v", err)
	}
}
