package value

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func noon() time.Time { return time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC) }

func day(t *testing.T, text string) Moment {
	t.Helper()
	m, err := Date(text, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestRule(t *testing.T) {
	t.Parallel()
	tests := []struct {
		rule       string
		of         Type
		value      any
		tag, param string // "" when the rule is kept
	}{
		{"", TypeText, "Олена", "", ""},
		{"", TypeText, nil, "", ""},
		{"required", TypeText, "Олена", "", ""},
		{"required", TypeText, nil, "required", ""},
		{"required", TypeText, "", "required", ""},
		{"required", TypeInt, int64(0), "", ""}, // a zero was posted
		{"required", TypeBool, false, "", ""},
		{"required", TypeInt, nil, "required", ""},
		{"max=3,required", TypeText, nil, "required", ""},
		{"required,max=120", TypeText, "Олена", "", ""},
		{" required , max=5 ", TypeText, "Олена", "", ""},
		{"required,max=4", TypeText, "Олена", "max", "4"}, // runes, not bytes
		{"min=5,max=5", TypeText, "Олена", "", ""},
		{"len=5", TypeText, "Олена", "", ""},
		{"min=2,email", TypeText, nil, "", ""}, // absent
		{"omitempty,email", TypeText, nil, "", ""},
		{"omitempty,email", TypeText, "olena", "email", ""},
		{"email", TypeEmail, "olena@example.com", "", ""},
		{"e164", TypePhone, "+380501112233", "", ""},
		{"startswith=+380", TypePhone, "+48600700800", "startswith", "+380"},
		{"min=1,max=99", TypeInt, int64(99), "", ""},
		{"min=1,max=99", TypeInt, int64(100), "max", "99"},
		{"min=1,max=99", TypeInt, int64(0), "min", "1"},
		{"omitempty,min=1", TypeInt, int64(0), "min", "1"}, // a zero was posted: it is not empty
		{"min=-5", TypeInt, int64(-6), "min", "-5"},
		{"gt=0.5", TypeNumber, 0.5, "gt", "0.5"},
		{"gte=0.5", TypeNumber, 0.5, "", ""},
		{"eq=7", TypeInt, int64(8), "eq", "7"},
		{"eq=true", TypeBool, false, "eq", "true"},
		{"eq=true", TypeBool, true, "", ""},
		{"oneof=red green", TypeText, "green", "", ""},
		{"oneof=red green", TypeText, "blue", "oneof", "red green"},
		{"oneof='Нова Пошта' Укрпошта", TypeText, "Нова Пошта", "", ""},
		{"oneof=1 2 3", TypeInt, int64(2), "", ""},
		{"oneof=1 2 3", TypeInt, int64(4), "oneof", "1 2 3"},
		{"noneof=a b", TypeText, "a", "noneof", "a b"},
		{"contains=0x2C", TypeText, "a,b", "", ""},
		{"contains=0x7C", TypeText, "a", "contains", "|"},
		{"email|e164", TypeText, "+380501112233", "", ""},
		{"email|e164", TypeText, "olena", "email|e164", ""},
		{"min=3 | eq=a", TypeText, "a", "", ""},
		{"min=3 | eq=a", TypeText, "b", "min|eq", "3|a"},
		{"len=3|len=5", TypeText, "four", "len|len", "3|5"},
		{"email|len=3", TypeText, "four", "email|len", "|3"},
		{"iscolor", TypeText, "red", "iscolor", ""},
		{"iscolor", TypeText, "#ff0000", "", ""},
		{"numeric,len=5", TypeText, "01001", "", ""},
		{"postcode_iso3166_alpha2=UA", TypeText, "01001", "", ""},
		{"postcode_iso3166_alpha2=UA", TypeText, "010", "postcode_iso3166_alpha2", "UA"},
		{"datetime=15:04", TypeText, "25:00", "datetime", "15:04"},
		{"http_url", TypeText, "https://shop.example/?a=1", "", ""},
		{"port", TypeInt, int64(0), "port", ""},
		{"min=1", TypeInt, "not an int", "min", "1"}, // never from Convert
		{"min=1", TypeText, []any{"a"}, "min", "1"},
		{"gt", TypeDate, noon(), "gt", ""},
		{"min=2", "", "a", "min", "2"}, // no type: text
	}
	for _, tt := range tests {
		r, err := CompileRule(tt.rule, tt.of)
		if err != nil {
			t.Errorf("CompileRule(%q, %s): %v", tt.rule, tt.of, err)
			continue
		}
		tag, param, ok := r.Check(tt.value, noon())
		if tag != tt.tag || param != tt.param || ok != (tt.tag == "") {
			t.Errorf("%q on %s %#v: %q, %q, %v; want %q, %q", tt.rule, tt.of, tt.value, tag, param, ok, tt.tag, tt.param)
		}
	}
}

func TestRuleOnDates(t *testing.T) {
	t.Parallel()
	tests := []struct {
		rule, date string
		ok         bool
	}{
		{"gt", "2026-03-05", true},
		{"gt", "2026-03-04", false},
		{"gte", "2026-03-04", true},
		{"gte", "2026-03-03", false},
		{"lt", "2026-03-03", true},
		{"lt", "2026-03-04", false},
		{"lte", "2026-03-04", true},
		{"lte", "2026-03-05", false},
		{"gt", "2026-03-04 12:00:01", true},
		{"gte", "2026-03-04 12:00", true},
		{"gte", "2026-03-04 11:59", false},
		{"lt|gt", "2026-03-04 12:00", false},
		{"lt|gt", "2026-03-04 12:01", true},
		{"required,gte", "2026-03-04", true},
	}
	for _, tt := range tests {
		r, err := CompileRule(tt.rule, TypeDate)
		if err != nil {
			t.Errorf("CompileRule(%q): %v", tt.rule, err)
			continue
		}
		if tag, _, ok := r.Check(day(t, tt.date), noon()); ok != tt.ok {
			t.Errorf("%s on %s: %q, %v", tt.rule, tt.date, tag, ok)
		}
	}
	// Today is the day of the form's place: in Kyiv the fifth has begun when it is 23:00 in London.
	r, err := CompileRule("lte", TypeDate)
	if err != nil {
		t.Fatal(err)
	}
	m, err := Date("05.03.2026", zone(t, "Europe/Kyiv"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, ok := r.Check(m, time.Date(2026, 3, 4, 23, 0, 0, 0, time.UTC)); !ok {
		t.Error("the fifth has begun in Kyiv")
	}
}

func TestCompileRuleRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		rule  string
		of    Type
		words []string // that the error must hold
	}{
		{"requird", TypeText, []string{"requird", "write required"}},
		{"required,mxa=3", TypeText, []string{"mxa", "write max"}},
		{"emial", TypeText, []string{"write email"}},
		{"alphanumeric", TypeText, []string{"no rule"}},
		{"wort", TypeInt, []string{"write port"}},
		{"пошта", TypeText, []string{"пошта is no rule", "required"}},
		{"Required", TypeText, []string{"write required"}},
		{"required,", TypeText, []string{"empty", "comma"}},
		{"email||e164", TypeText, []string{"empty"}},
		{"=5", TypeText, []string{"empty"}},
		{"min", TypeText, []string{"min", "whole number"}},
		{"min=", TypeText, []string{"min", "whole number"}},
		{"min=x", TypeText, []string{"min", "whole number"}},
		{"min=x", TypeInt, []string{"min", "whole number"}},
		{"min=1.5", TypeInt, []string{"whole number"}},
		{"max=010", TypeText, []string{"whole number"}}, // eight to validator
		{"max=0x10", TypeInt, []string{"whole number"}},
		{"len=-1", TypeText, []string{"whole number"}},
		{"max=99999999999999999999", TypeInt, []string{"whole number"}},
		{"min=NaN", TypeNumber, []string{"a number"}},
		{"min=Inf", TypeNumber, []string{"a number"}},
		{"required=true", TypeText, []string{"takes no value"}},
		{"email=yes", TypeText, []string{"takes no value"}},
		{"omitempty=1", TypeText, []string{"takes no value"}},
		{"oneof", TypeText, []string{"blanks between"}},
		{"oneof= ", TypeText, []string{"blanks between"}},
		{"oneof=a b", TypeInt, []string{"whole numbers"}},
		{"contains", TypeText, []string{"a text"}},
		{"containsrune=ab", TypeText, []string{"one character"}},
		{"eq=maybe", TypeBool, []string{"true or false"}},
		{"datetime", TypeText, []string{"a text"}},
		{"postcode_iso3166_alpha2=ua", TypeText, []string{"capital"}},
		{"email", TypeInt, []string{"cannot judge", "int", "text"}},
		{"oneof=1 2", TypeNumber, []string{"cannot judge", "number"}},
		{"min=1", TypeBool, []string{"cannot judge", "bool"}},
		{"min=2026-01-01", TypeDate, []string{"cannot judge", "date"}},
		{"gte=2026-01-01", TypeDate, []string{"takes no value"}},
		{"gt|eq", TypeDate, []string{"cannot judge"}},
		{"port", TypeText, []string{"cannot judge", "int"}},
		{"required|email", TypeText, []string{"required", "|"}},
		{"iscolor|email", TypeText, []string{"iscolor", "|"}},
		{"eqfield=other", TypeText, []string{"eqfield", "compares fields"}},
		{"required_if=a b", TypeText, []string{"compares fields"}},
		{"required_without_all=a b", TypeText, []string{"compares fields"}},
		{"dive,required", TypeText, []string{"dive"}},
		{"keys", TypeText, []string{"keys"}},
		{"-", TypeText, []string{"-"}},
		{"unique", TypeText, []string{"unique"}},
		{"validateFn", TypeText, []string{"validateFn"}},
		{"file", TypeText, []string{"server's files"}},
		{"tcp_addr", TypeText, []string{"network"}},
		{strings.Repeat("min=1,", 1000), TypeText, []string{"too long"}},
		{strings.Repeat("x", 1500), TypeText, []string{"no rule"}},
	}
	for _, tt := range tests {
		_, err := CompileRule(tt.rule, tt.of)
		fault, ok := errors.AsType[*RuleError](err)
		if !ok || fault.What == "" || fault.Do == "" || len(err.Error()) > 300 {
			t.Errorf("CompileRule(%.80q, %s): %v", tt.rule, tt.of, err)
			continue
		}
		for _, w := range tt.words {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("CompileRule(%.80q, %s): %v; want %q in it", tt.rule, tt.of, err, w)
			}
		}
	}
}

// parameters that fit each tag.
func parameter(u use, of Type) string {
	switch {
	case u == useSize && of == TypeDate, u == usePlain, u == useRequired, u == useOmit:
		return ""
	case u == useCountry:
		return "=UA"
	case u == useRune:
		return "=a"
	case u == useValue && of == TypeBool:
		return "=true"
	case u == useText:
		return "=a"
	}
	return "=1"
}

// Every tag works for every type that the table says it can judge: it is validator's, compiles, and takes any value without a panic.
func TestEveryTagWorks(t *testing.T) {
	t.Parallel()
	values := map[Type][]any{
		TypeText: {"a", "1", "Олена", "\x00\xff", strings.Repeat("a,|", 100)}, TypeInt: {int64(0), int64(-1), int64(1 << 62)},
		TypeNumber: {0.0, -1.5, 1e300}, TypeDate: {Moment{Time: noon()}, Moment{Time: noon(), DateOnly: true}}, TypeBool: {true, false},
		TypePhone: {"+380501112233", ""}, TypeEmail: {"olena@example.com"},
	}
	for _, group := range tagGroups() {
		for name := range strings.FieldsSeq(group.names) {
			for _, of := range group.types {
				r, err := CompileRule(name+parameter(group.use, of), of)
				if err != nil {
					t.Errorf("%s on %s: %v", name, of, err)
					continue
				}
				for _, v := range append(values[of], nil) {
					if tag, _, ok := r.Check(v, noon()); !ok && tag != name {
						t.Errorf("%s on %s names %q", name, of, tag)
					}
				}
			}
		}
	}
}

// Tags is what messages are held against, so it must hold every tag that Check can name, and no other.
func TestTags(t *testing.T) {
	t.Parallel()
	all := Tags()
	if !slices.IsSorted(all) || len(slices.Compact(slices.Clone(all))) != len(all) {
		t.Errorf("not sorted, or a tag twice: %v", all)
	}
	for _, name := range all {
		if unusable(name) != "" {
			t.Errorf("%s is said to be unusable", name)
		}
	}
	for _, name := range []string{"required", "min", "email", "oneof", "e164", "iscolor"} {
		if !slices.Contains(all, name) {
			t.Errorf("%s is missing", name)
		}
	}
	for _, name := range []string{"omitempty", "eqfield", "dive"} {
		if slices.Contains(all, name) {
			t.Errorf("%s never fails", name)
		}
	}
}

func FuzzCompileRule(f *testing.F) {
	for _, s := range []string{"required,max=120", "email|e164", "oneof='a b' c", "min=x", "dive,keys,endkeys", "eq=0x2C", "|", ",", "contains=|", "min=1|max"} {
		f.Add(s, "Олена")
	}
	f.Fuzz(func(t *testing.T, tag, text string) {
		for _, of := range Types() {
			r, err := CompileRule(tag, of)
			if err != nil {
				if _, ok := errors.AsType[*RuleError](err); !ok {
					t.Fatalf("%q: %v", tag, err)
				}
				continue
			}
			v, err := of.Convert(text, Env{Region: "UA"})
			if err != nil {
				v = nil
			}
			failed, _, ok := r.Check(v, noon())
			if again, _, ok2 := r.Check(v, noon()); again != failed || ok != ok2 || ok != (failed == "") {
				t.Fatalf("%q on %q: %q, then %q", tag, text, failed, again)
			}
		}
	})
}

func BenchmarkRule(b *testing.B) {
	for _, c := range []struct {
		rule string
		of   Type
		v    any
	}{{"required,max=120", TypeText, "Олена"}, {"min=1,max=99", TypeInt, int64(2)}, {"required", TypeText, "Олена"}} {
		b.Run(c.rule, func(b *testing.B) {
			r, err := CompileRule(c.rule, c.of)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				r.Check(c.v, noon())
			}
		})
	}
}

func BenchmarkCompileRule(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := CompileRule("required,max=120", TypeText); err != nil {
			b.Fatal(err)
		}
	}
}
