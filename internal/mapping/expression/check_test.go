package expression

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Every function says how many values it takes, gives nothing for nothing, and can be named as a field too.
func TestEveryFunction(t *testing.T) {
	t.Parallel()
	l := testLanguage(t)
	// What these give for nothing is not nothing, or nothing is not what they take.
	exceptions := map[string]bool{"duration": true}
	for name, f := range l.functions {
		args := func(n int) string { return strings.TrimSuffix(strings.Repeat("absent, ", n), ", ") }
		if _, faults := l.Compile(fmt.Sprintf("%s(%s)", name, args(f.least)), Scope{}); faults != nil {
			t.Errorf("%s with %d values: %+v", name, f.least, faults)
		}
		if _, faults := l.Compile(fmt.Sprintf("%s(%s)", name, args(f.least-1)), Scope{}); len(faults) != 1 || !strings.Contains(faults[0].What, "takes") {
			t.Errorf("%s with too few values: %+v", name, faults)
		}
		if _, faults := l.Compile(fmt.Sprintf("%s(%s)", name, args(f.most+1)), Scope{}); f.most >= 0 && (len(faults) != 1 || !strings.Contains(faults[0].What, "takes")) {
			t.Errorf("%s with too many values: %+v", name, faults)
		}
		x, faults := l.Compile(name, Scope{})
		if faults != nil {
			t.Errorf("the field %s: %+v", name, faults)
			continue
		}
		env := NewEnv(l)
		env.Reset(map[string]any{name: "typed"}, nil, time.Time{}, Visitor{})
		if v, err := x.Eval(env); v != "typed" || err != nil {
			t.Errorf("the field %s: %v, %v", name, v, err)
		}
		call, _ := l.Compile(fmt.Sprintf("%s(%s)", name, args(f.least)), Scope{})
		if v, err := call.Eval(env); err != nil && !exceptions[name] {
			t.Errorf("%s of nothing: %v, %v", name, v, err)
		}
	}
	for name := range l.predicates {
		if name == "reduce" {
			continue
		}
		x, faults := l.Compile(name+"(absent, #)", Scope{})
		if faults != nil {
			t.Errorf("%s: %+v", name, faults)
			continue
		}
		if v, err := x.Eval(testEnv()); err != nil {
			t.Errorf("%s of nothing: %v, %v", name, v, err)
		}
	}
}

// Loops over loops of what was posted are bounded, chains of them are not.
func TestNesting(t *testing.T) {
	t.Parallel()
	l := testLanguage(t)
	for source, ok := range map[string]bool{
		"map(a, #)":                                  true,
		"map(a, map(b, #))":                          true,
		"map(a, map(b, any(c, #)))":                  false,
		"map(a, len(map(b, len(filter(c, #)))))":     false,
		"map(map(map(a, #), #), #)":                  true,
		"filter(map(a, len(filter(b, #))), # > 1)":   true,
		"map(a, map(map(b, #), #))":                  true,
		"map(a, map(map(b, any(c, #)), #))":          false,
		"map(a, any(filter(b, any(c, #)), #))":       false,
		"a | filter(#) | map(#) | sortBy(#) | sum()": true,
		"reduce(a, reduce(b, #acc, 0), 0)":           true,
		"reduce(a, #acc, reduce(b, #acc, 0))":        true,
		"any(a, none(b, one(c, #)))":                 false,
	} {
		_, faults := l.Compile(source, Scope{})
		if (faults == nil) != ok {
			t.Errorf("%s: %+v", source, faults)
		}
	}
}

// A minus inside a name is a slip unless it is plainly a subtraction.
func TestDash(t *testing.T) {
	t.Parallel()
	l := testLanguage(t)
	for source, want := range map[string]string{ // the name that is told, "" for none
		"your-name":               "your-name",
		"your-name-2":             "your-name-2",
		"x + first-name":          "first-name",
		"upper(first-name)":       "first-name",
		"form.first-name":         "first-name",
		"item.first-name":         "first-name",
		"a.b.c-d":                 "c-d",
		"first-name ?? last_name": "first-name",
		"field-1":                 "field-1",
		"weight-1":                "weight-1",
		"ціна-стара":              "ціна-стара",
		"[first-name]":            "first-name",
		"first-name ? 1 : 2":      "first-name",
		"map(products, .a-b)":     "a-b",
		"a - b":                   "",
		"a -b":                    "",
		"a- b":                    "",
		"quantity-1":              "",
		"quantity-1.5":            "",
		"num(a)-num(b)":           "",
		"num(a)-1":                "",
		"5-3":                     "",
		"index-1":                 "",
		"now-duration('1h')":      "",
		"let x = num(a); x-1":     "",
		"let x = num(a); 10-x":    "",
		"let x = 1; quantity-x":   "",
		"-a":                      "",
		"colors[-1]":              "",
		"form['your-name']":       "",
		"'your-name'":             "",
		"a\n-b":                   "",
	} {
		_, faults := l.Compile(source, Scope{Each: true})
		switch {
		case want == "" && faults != nil, want != "" && len(faults) != 1:
			t.Errorf("%q: %+v", source, faults)
		case want != "":
			runes := []rune(source)
			if at := string(runes[faults[0].Offset:]); !strings.HasPrefix(at, want) || faults[0].What != "`"+want+"` would subtract" || !strings.Contains(faults[0].Do, quote(want)) {
				t.Errorf("%q: %+v", source, faults[0])
			}
		}
	}
}

// What `??` stands behind may lack a key of a table, and only that: other failures are failures still.
func TestFallbackForgivesOnlyMissingKeys(t *testing.T) {
	t.Parallel()
	runEval(t, []evalCase{
		{`tables.price[name] ?? 5`, 5},
		{`(tables.price[name]) ?? 5`, 5},
		{`(tables.price[name] * 2) ?? 5`, 5},
		{`(on ? tables.price[name] : 1) ?? 5`, 5},
		{`(tables.price[name] ?? tables.price[type]) ?? 5`, 5},
		{`tables.price["none"] ?? 5`, 5},
		{`tables.town[name].ref ?? "x"`, "x"},
		{`tables.town["kyiv"][name] ?? "x"`, "x"},
		{`5 ?? tables.price[name]`, 5},
		{`absent ?? tables.price[name]`, fails("no key")},
		{`tables.price[name] ?? tables.price[type]`, fails(`no key "call"`)},
		{`upper(tables.price[name]) ?? 5`, fails("no key")},
		{`(tables.price[name] > 5 ? 1 : 2) ?? 5`, fails("no key")},
		{`name.first ?? 5`, fails("is a text")},
		{`(name * 2) ?? 5`, fails("put num(…)")},
		{`num(name) ?? 5`, fails("no number")},
	})
}

// What an expression reads is known without running it.
func TestReadsOfEverything(t *testing.T) {
	t.Parallel()
	l := testLanguage(t)
	for source, want := range map[string]string{ // reads -> passes
		"a":                              "-> a",
		"a.b.c":                          "-> a/b/c",
		"a?.b":                           "-> a/b",
		"form.a['b']":                    "-> a/b",
		"a[0].b":                         "-> a/#0/b",
		"a[b]":                           "b -> a/*",
		"a[b].c":                         "b -> a/*/c",
		"form['x' + b]":                  "b -> *",
		"'x' in form":                    "(all) ->",
		"len(form)":                      "(all) ->",
		"a + b * c":                      "a b c ->",
		"-a":                             "a ->",
		"not a":                          "a ->",
		"a == b":                         "a b ->",
		"a in [b, c]":                    "a b c ->",
		"a ?? b ?? c":                    "-> a b c",
		"a ? b : c":                      "a -> b c",
		"if a { b } else { c }":          "a -> b c",
		"a > 1 ? b : nil":                "a -> b",
		"upper(a)":                       "a ->",
		"list(a)":                        "-> a",
		"first(a)":                       "-> a",
		"concat(a, b)":                   "-> a b",
		"fromJSON(a)":                    "-> a",
		"join(a, b)":                     "a b ->",
		"[a, b]":                         "a b ->",
		"{'k': a}":                       "a ->",
		"a[1:b]":                         "a b ->",
		"let x = a; x":                   "-> a",
		"let x = a; x.b":                 "-> a/b",
		"let x = a + 1; x":               "a ->",
		"let x = a; let y = x; y.b":      "-> a/b",
		"let x = b; a":                   "-> a",
		"let x = upper(b); a":            "b -> a",
		"filter(a, .b)":                  "a/*/b -> a",
		"filter(a, #.b == c)":            "a/*/b c -> a",
		"map(a, .b)":                     "-> a/*/b",
		"map(a, #)":                      "-> a/*",
		"map(a, .b + c)":                 "a/*/b c ->",
		"sum(a)":                         "a ->",
		"sum(a, .b)":                     "a/*/b ->",
		"any(a, .b)":                     "a/*/b ->",
		"find(a, .b).c":                  "a a/*/b ->",
		"sortBy(a, .b)":                  "a/*/b -> a",
		"map(a, map(.b, #))":             "-> a/*/b/*",
		"map(upper(a), #)":               "a ->",
		"item":                           "-> item",
		"item.a[index]":                  "-> item/a/*",
		"map(item.a, .b)":                "-> item/a/*/b",
		"index":                          "->",
		"now":                            "->",
		"visitor.ip":                     "->",
		"tables.price[a]":                "a ->",
		"tables.price[a] ?? b":           "a -> b",
		"tables.town[a][b]":              "a b ->",
		"a contains b":                   "a b ->",
		"a matches '^x'":                 "a ->",
		"5":                              "->",
		"reduce(a, #acc + .b, c)":        "a/*/b c -> a",
		"a | filter(.b) | map(.c)":       "a a/*/b ->",
		"let f = filter(a, .b); f[0].c":  "a/*/b -> a",
		"take(a, b)":                     "-> a b",
		"join(', ', list(a), b ?? 'x')":  "a b ->",
		"date(a) < now ? b : c":          "a -> b c",
		"(a ?? b).c":                     "a b ->",
		"map(a, let x = .b; x)":          "-> a/*/b",
		"form.a ?? form['b c'] ?? 'x'":   "-> a b c",
		"count(a, # == item.b and .c)":   "a/* item/b a/*/c ->",
		"uniq(map(a, .b))":               "-> a/*/b",
		"join(', ', map(a, .b ?? c))":    "a/*/b c ->",
		"a[-1]":                          "-> a/*",
		"hasPrefix(a, b) ? a : upper(b)": "a b b -> a",
	} {
		x, faults := l.Compile(source, Scope{Each: true})
		if faults != nil {
			t.Errorf("%s: %+v", source, faults)
			continue
		}
		got := strings.TrimSpace(strings.TrimSpace(spell(x.Reads)+" ->") + " " + spell(x.Passes))
		if got != want {
			t.Errorf("%s: %q, want %q", source, got, want)
		}
	}
}

// A key that is computed is one of many, a member in a predicate is each in turn.
func TestOneOrEach(t *testing.T) {
	t.Parallel()
	l := testLanguage(t)
	for source, one := range map[string]bool{"a[b]": true, "form[b]": true, "a[index].c": true, "a[-1]": true, "map(a, .b)": false, "sum(a, .b)": false, "filter(a, #)": false} {
		x, _ := l.Compile(source, Scope{Each: true})
		got := false
		for _, p := range append(x.Reads, x.Passes...) {
			for _, s := range p.Steps {
				got = got || s.One
			}
		}
		if got != one {
			t.Errorf("%s: one of many %v", source, got)
		}
	}
}

// A template taken apart loses no character, and its offsets are where its parts stand.
func TestSplitLosesNothing(t *testing.T) {
	t.Parallel()
	piece := rapid.SampledFrom([]string{"x", "є ", "$", "$${", "}", "{", "${a}", "${'}'}", "${ {'a': \"}\"} }", "\n", "😀", "'", "№"})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(piece, 0, 12).Draw(t, "pieces"), "")
		parts, faults := Split(text)
		if faults != nil {
			return
		}
		chars, again := []rune(text), ""
		var againSb278 strings.Builder
		for _, p := range parts {
			if p.Expr {
				if got := string(chars[p.Offset : p.Offset+len([]rune(p.Text))]); got != p.Text || string(chars[p.Offset-2:p.Offset]) != "${" {
					t.Fatalf("%q: %q is not at %d", text, p.Text, p.Offset)
				}
				againSb278.WriteString("${" + p.Text + "}")
				continue
			}
			againSb278.WriteString(strings.ReplaceAll(p.Text, "${", "$${"))
		}
		again += againSb278.String()
		if again != text {
			t.Fatalf("%q came back as %q", text, again)
		}
	})
}

// A quote that has no end is told as such, with the field's name where it looks like one.
func TestUnclosed(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"${Ім'я}":     `a quote|write form["Ім'я"]`,
		"${ Ім'я }":   `a quote|write form["Ім'я"]`,
		"x ${'a} b":   "a quote|form[",
		"${a ?? 'b}":  "a quote|close the quote",
		"${a[\"b]}":   "a quote|close the quote",
		"${a":         "no closing|$${",
		"${'a'":       "no closing|$${",
		"${ {'a': 1}": "no closing|",
	} {
		_, faults := Split(text)
		what, do, _ := strings.Cut(want, "|")
		if len(faults) != 1 || !strings.Contains(faults[0].What, what) || !strings.Contains(faults[0].Do, do) {
			t.Errorf("%s: %+v, want %s", text, faults, want)
		}
	}
}
