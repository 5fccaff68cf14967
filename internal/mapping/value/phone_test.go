package value

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers"
	"pgregory.net/rapid"
)

func TestPhone(t *testing.T) {
	t.Parallel()
	const olena, second = "+380501112233", "+380671112233"
	tests := []struct{ region, text, want, rest string }{
		{"UA", "0501112233", olena, ""},
		{"UA", "050 111 22 33", olena, ""},
		{"UA", "050-111-22-33", olena, ""},
		{"UA", "050.111.22.33", olena, ""},
		{"UA", "(050) 111-22-33", olena, ""},
		{"UA", "(050)1112233", olena, ""},
		{"UA", "050\u00a0111\u00a022\u00a033", olena, ""},
		{"UA", "050–111–22–33", olena, ""},
		{"UA", " 0501112233\n", olena, ""},
		{"UA", "0 5 0 1 1 1 2 2 3 3", olena, ""},
		{"UA", "501112233", olena, ""},
		{"UA", "80501112233", olena, ""},
		{"UA", "8 (050) 111-22-33", olena, ""},
		{"UA", "8-050-111-22-33", olena, ""},
		{"UA", "8050 111 22 33", olena, ""},
		{"UA", "380501112233", olena, ""},
		{"UA", "+380501112233", olena, ""},
		{"UA", "+38 050 111 22 33", olena, ""},
		{"UA", "+38(050)111-22-33", olena, ""},
		{"UA", "+38 (050) 111-22-33", olena, ""},
		{"UA", "38 050 111 22 33", olena, ""},
		{"UA", "+380 (50) 111-22-33", olena, ""},
		{"UA", "+380 (0) 50 111 22 33", olena, ""},
		{"UA", "+0501112233", olena, ""},
		{"UA", "00380501112233", olena, ""},
		{"UA", "00 380 50 111 22 33", olena, ""},
		{"UA", "＋３８０５０１１１２２３３", olena, ""},
		{"UA", "\u202a+380 50 111 22 33\u202c", olena, ""}, // copied from an address book
		{"UA", "тел. 0501112233", olena, ""},
		{"UA", "Тел: 050 111 22 33", olena, ""},
		{"UA", "tel:+380501112233", olena, ""},

		// Landlines, free numbers, abroad.
		{"UA", "044 123 45 67", "+380441234567", ""},
		{"UA", "0 800 123 456", "+380800123456", ""},
		{"UA", "8 0 800 123 456", "+380800123456", ""},
		{"UA", "+48 600 700 800", "+48600700800", ""},
		{"UA", "+7 916 123-45-67", "+79161234567", ""},
		{"UA", "+1 (212) 555-2368", "+12125552368", ""},
		{"UA", "+49 30 123456", "+4930123456", ""},
		{"UA", "0048600700800", "+48600700800", ""},
		{"PL", "600 700 800", "+48600700800", ""},
		{"PL", "48600700800", "+48600700800", ""},
		{"PL", "+380501112233", olena, ""},
		{"KZ", "8 701 123 45 67", "+77011234567", ""},
		{"RU", "8 (916) 123-45-67", "+79161234567", ""},
		{"DE", "030 123456", "+4930123456", ""},
		{"US", "(212) 555-2368", "+12125552368", ""},
		{"", "+380501112233", olena, ""},
		{"XX", "+380501112233", olena, ""},

		// A prefix 8 that no 0 follows is not Ukraine's, but what stands beside such a number is found.
		{"UA", "8-800-555-35-35, 050 111 22 33", olena, "8-800-555-35-35"},
		{"UA", "8 800 555 35 35 050 111 22 33", olena, "8 800 555 35 35"},
		{"UA", "8-18 0501112233", olena, "8-18"},
		{"UA", "0 800 555 353", "+380800555353", ""},
		{"RU", "8-800-555-35-35", "+78005553535", ""},

		// More than a number.
		{"UA", "0501112233 дзвонити після 18", olena, "дзвонити після 18"},
		{"UA", "050 111 22 33 вн. 12", olena, "вн. 12"},
		{"UA", "050 111 22 33 доб 12", olena, "доб 12"},
		{"UA", "050-111-22-33 ext 12", olena, "ext 12"},
		{"UA", "050-111-22-33 #12", olena, "#12"},
		{"UA", "0501112233 (Олена)", olena, "(Олена)"},
		{"UA", "(0501112233) Олена", olena, "Олена"},
		{"UA", "0501112233, Viber", olena, "Viber"},
		{"UA", "0501112233 18", olena, "18"},
		{"UA", "Олена 0501112233", olena, "Олена"},
		{"UA", "після 18:00 на 0501112233, дякую", olena, "після 18:00 на дякую"},
		{"UA", "050 111 22 33, 067 111 22 33", olena, "067 111 22 33"},
		{"UA", "0501112233/0671112233", olena, "0671112233"},
		{"UA", "0501112233; +380671112233", olena, "+380671112233"},
		{"UA", "0501112233 0671112233", olena, "0671112233"},
		{"UA", "+380501112233+380671112233", olena, "+380671112233"},
		{"UA", "050 111 22 33 або 067 111 22 33", olena, "або 067 111 22 33"},
		{"UA", "050 111 22, 067 111 22 33", second, "050 111 22"},
		{"UA", "0501112233.", olena, ""},
		{"UA", "0501112233 -", olena, ""},
		{"UA", "0501112233 " + strings.Repeat("ї", 300), olena, strings.Repeat("ї", 300)},
	}
	for _, tt := range tests {
		got := Phone(tt.text, tt.region)
		if want := (Telephone{Text: tt.want, Valid: true, Rest: tt.rest}); got != want {
			t.Errorf("Phone(%q, %q) = %+v; want %+v", tt.text, tt.region, got, want)
		}
	}
}

func TestPhoneAsTyped(t *testing.T) {
	t.Parallel()
	tests := []struct{ region, text string }{
		{"UA", ""},
		{"UA", "немає"},
		{"UA", "+"},
		{"UA", "-"},
		{"UA", "101"},
		{"UA", "12345"},
		{"UA", "050 111 22 3"},
		{"UA", "05011122334"},
		{"UA", "050111223O"},
		{"UA", "050 111 Х2 33"},
		{"UA", "0000000000"},
		{"UA", "0111112233"},
		{"UA", "111111111111"},
		{"UA", "48600700800"}, // Polish, but without a plus it may be anything
		{"UA", "79161234567"},
		{"UA", "8-800-555-35-35"}, // Russian, and toll-free in Ukraine but for the 8
		{"UA", "88005553535"},
		{"UA", "8 (916) 123-45-67"},
		{"UA", "8 67 123 45 67"},
		{"UA", "+380 50 111 22"},
		{"UA", "+80501112233"},
		{"UA", "+999501112233"},
		{"UA", "04.03.2026"},
		{"UA", "5168 7427 0000 0000"}, // a card's number
		{"PL", "0501112233"},
		{"", "0501112233"},
		{"XX", "0501112233"},
		{"UA", strings.Repeat("1 ", 5000)},
		{"UA", strings.Repeat("1", 5000)},
		{"UA", strings.Repeat("я", 200) + "0501112233"},
	}
	for _, tt := range tests {
		want := Telephone{Text: strings.TrimSpace(tt.text)}
		if got := Phone(tt.text, tt.region); got != want {
			t.Errorf("Phone(%q, %q) = %+v; want it as typed", tt.text, tt.region, got)
		}
	}
}

// library is what phonenumbers says without the short way.
func library(digits string, plus bool) (string, bool) {
	if plus {
		digits = "+" + digits
	}
	n, err := phonenumbers.Parse(digits, ukraine)
	if err != nil || !phonenumbers.IsValidNumber(n) {
		return "", false
	}
	return phonenumbers.Format(n, phonenumbers.E164), true
}

// The short way for Ukraine says what the library says: for each beginning of four digits, which is more than the plan looks at, and for
// each form.
func TestUkrainianAgreesWithLibrary(t *testing.T) {
	t.Parallel()
	short := 0
	for head := range 10000 {
		national := fmt.Sprintf("%04d%05d", head, head*7919%100000)
		want, wantOK := library("380"+national, true)
		got, ok := ukrainian("380"+national, true)
		if ok && (!wantOK || got != want) {
			t.Fatalf("+380%s: short way %q, library %q, %v", national, got, want, wantOK)
		}
		if !ok {
			continue
		}
		short++
		if head%10 != 0 { // the other forms differ in nothing but their front: one in ten of the beginnings will do
			continue
		}
		for _, form := range []string{national, "0" + national, "380" + national, "00380" + national} {
			want, wantOK := library(form, false)
			if got, ok := ukrainian(form, false); ok && (!wantOK || got != want) {
				t.Errorf("%s: short way %q, library %q, %v", form, got, want, wantOK)
			}
		}
		if got, _ := ukrainian("80"+national, false); got != "+380"+national {
			t.Errorf("80%s: short way %q", national, got)
		}
	}
	if short < 4000 {
		t.Errorf("the short way takes only %d of 10000 beginnings", short)
	}
}

// However digits are spread over punctuation, the answer is the library's.
func TestUkrainianAgreesOnAnyDigits(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		digits := rapid.StringMatching(`(|0|8|80|380|00380|38|3800)[3-9][0-9]{7,9}`).Draw(t, "digits")
		plus := rapid.Bool().Draw(t, "plus")
		got, ok := ukrainian(digits, plus)
		if !ok {
			return
		}
		if !plus && len(digits) == 11 {
			digits = digits[1:] // the former long-distance prefix is ours: the library knows nothing of it
		}
		if want, wantOK := library(digits, plus); !wantOK || got != want {
			t.Fatalf("%s (plus %v): short way %q, library %q, %v", digits, plus, got, want, wantOK)
		}
	})
}

func TestRegions(t *testing.T) {
	t.Parallel()
	all := Regions()
	for _, region := range []string{"UA", "PL", "DE", "GB", "US"} {
		if !slices.Contains(all, region) {
			t.Errorf("%s is missing", region)
		}
	}
	if !slices.IsSorted(all) || slices.Contains(all, "UKR") {
		t.Errorf("%v", all)
	}
}

func FuzzPhone(f *testing.F) {
	for _, s := range []string{"050 111 22 33", "8 (050) 111-22-33", "+380501112233 вн. 12", "0501112233, 0671112233", "тел. +48 600 700 800", "1 2 3 4 5 6 7 8 9 0 1 2"} {
		f.Add(s, "UA")
	}
	f.Add("(212) 555-2368 x12", "US")
	f.Fuzz(func(t *testing.T, text, region string) {
		got := Phone(text, region)
		if !got.Valid {
			if got.Text != trim(text) || got.Rest != "" {
				t.Fatalf("Phone(%q, %q) = %+v: not as typed", text, region, got)
			}
			return
		}
		if again := Phone(got.Text, region); again != (Telephone{Text: got.Text, Valid: true}) {
			t.Fatalf("Phone(%q, %q) = %+v, but that reads as %+v", text, region, got, again)
		}
	})
}

func BenchmarkPhone(b *testing.B) {
	for _, text := range []string{"050 111 22 33", "+380501112233", "8 (050) 111-22-33", "+48 600 700 800", "немає", "1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6"} {
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Phone(text, "UA")
			}
		})
	}
	b.Run("library alone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			library("050 111 22 33", false)
		}
	})
}
