package value

import (
	"errors"
	"math"
	"regexp"
	"strings"
	"testing"
)

func TestNumber(t *testing.T) {
	t.Parallel()
	tests := []struct{ text, want string }{
		// As they are.
		{"0", "0"},
		{"7", "7"},
		{"1299", "1299"},
		{"1299.00", "1299.00"},
		{"0.5", "0.5"},
		{"0.30000000000000004", "0.30000000000000004"},
		{"123456789012345678", "123456789012345678"},
		{" 12\t", "12"},
		{"\u00a012\u00a0", "12"},
		{"\u202a1299\u202c", "1299"},

		// Zeros in front, signs, nothing on one side of the point.
		{"007", "7"},
		{"00", "0"},
		{"00.50", "0.50"},
		{".5", "0.5"},
		{",5", "0.5"},
		{"5.", "5"},
		{"5,", "5"},
		{"-5", "-5"},
		{"−5,5", "-5.5"},
		{"–5", "-5"},
		{"+5", "5"},
		{"- 5", "-5"},
		{"-0", "0"},
		{"-0,00", "0.00"},
		{"000000000000000000000000001", "1"},

		// Separators.
		{"1 299,00", "1299.00"},
		{"1 299.00", "1299.00"},
		{"1,299.00", "1299.00"},
		{"1.299,00", "1299.00"},
		{"1'299.00", "1299.00"},
		{"1’299,50", "1299.50"},
		{"1\u00a0299,00", "1299.00"},
		{"1\u202f299,00", "1299.00"},
		{"1\u2009299", "1299"},
		{"1 299 000", "1299000"},
		{"1,299,000", "1299000"},
		{"1.299.000", "1299000"},
		{"1.299.000,50", "1299000.50"},
		{"1,299,000.50", "1299000.50"},
		{"12 345 678,9", "12345678.9"},
		{"1,299", "1.299"},
		{"1.299", "1.299"},
		{"12,5", "12.5"},
		{"1 299,000", "1299.000"},
		{"1'299,000", "1299.000"},
		{"1,299.", "1299"},

		// Money.
		{"1 299,00 грн", "1299.00"},
		{"1 299,00 грн.", "1299.00"},
		{"1299грн", "1299"},
		{"1299.00грн", "1299.00"},
		{"1299 гривень", "1299"},
		{"1299₴", "1299"},
		{"₴1299", "1299"},
		{"₴ 1 299", "1299"},
		{"1 299 ₴", "1299"},
		{"UAH 1299", "1299"},
		{"1299 UAH", "1299"},
		{"1299UAH", "1299"},
		{"грн 1299", "1299"},
		{"грн.1299", "1299"},
		{"$1,299.00", "1299.00"},
		{"$ 1,299.00", "1299.00"},
		{"-$5.00", "-5.00"},
		{"$-5.00", "-5.00"},
		{"US$ 5", "5"},
		{"1,299.00 USD", "1299.00"},
		{"€ 12,50", "12.50"},
		{"12,50 €", "12.50"},
		{"12.50EUR", "12.50"},
		{"12 євро", "12"},
		{"1 299,00 zł", "1299.00"},
		{"1299,00zł", "1299.00"},
		{"1299 PLN", "1299"},
		{"12 złotych", "12"},
		{"1 299 руб.", "1299"},
		{"1299р.", "1299"},
		{"1299 р", "1299"},
		{"1299 рублей", "1299"},
		{"10 бел. руб.", "10"},
		{"100 доларів США", "100"},
		{"CHF 1'299.00", "1299.00"},
		{"Rs.500", "500"},
		{"1299,-", "1299"},
		{"1299,– Kč", "1299"},
		{"1 299.-", "1299"},

		// Units after a blank.
		{"2 шт", "2"},
		{"2 шт.", "2"},
		{"2шт", "2"},
		{"7 коробок", "7"},
		{"3 kg", "3"},
		{"5 копій", "5"},
		{"4 людини", "4"},
	}
	for _, tt := range tests {
		got, err := Number(tt.text)
		if err != nil || got != tt.want {
			t.Errorf("Number(%q) = %q, %v; want %q", tt.text, got, err, tt.want)
		}
	}
}

func TestNumberRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", " ", ".", ",", "-", "+", "грн", "₴", "abc",
		"10-20", "10 - 20", "10–20", "10/20", "1:2", "1+1", "2*3", "5%", "100 %", "№5", "#5", "~500", "<5", ">5", "5+", "½", "1/2", "(5)",
		"12abc34", "12abc", "3xl", "42eu", "1e3", "0x1F", "1_000", "NaN", "Inf", "-Inf", "1e400",
		"12 34", "1 2 3", "050 111 22 33", "1,2,3", "1.2.3", "1,23,456", "1234,567,890", "1  299", "1, 299", "1,,299", "1..5",
		"1,299.00.5", "1.299,00,50", "1 299'000", "1,299 00", "1'29", ",299,000", "192.168.1.1", "04.03.2026",
		"--5", "-5-", "+-5", "-$-5", "5-", "5 -",
		"5 тис", "5 тис. грн", "5 тысяч", "5 k", "5к", "5k", "2 млн", "2 mln", "2 млн грн", "1.5M", "1.5 M", "2 дюжини", "2 dozen",
		"50 коп", "50 коп.", "50 копійок", "99 cents", "50 gr", "50 groszy", "5 або 6", "5 або", "2 x", "2 x 3", "1 з половиною",
		"від 500", "до 500", "from 5", "no 5", "не 5", "size 42", "кв. 12", "мінус 5",
		"$$5", "5 a b c", "5 м²", "1299 грн 50 коп", "1299 грн/шт",
		"1234567890123456789", "0.1234567890123456789", strings.Repeat("9", 400), "5" + strings.Repeat(" ", 200) + "5",
		"1 000 000 000 000 000 000 000 000", "12\xff", "\xff", "١٢٣",
	} {
		if got, err := Number(text); !errors.Is(err, ErrNoNumber) {
			t.Errorf("Number(%q) = %q, %v; want ErrNoNumber", text, got, err)
		}
	}
}

func TestAmount(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text, want string
		err        error
	}{
		{"1,299", "", ErrAmbiguous},
		{"1,299 грн", "", ErrAmbiguous},
		{"$1,299", "", ErrAmbiguous},
		{"-12,500", "", ErrAmbiguous},
		{"1,29", "1.29", nil},
		{"1,2990", "1.2990", nil},
		{"1.299", "1.299", nil},
		{"1 299", "1299", nil},
		{"1 299,000", "1299.000", nil},
		{"1,299,000", "1299000", nil},
		{"1,299.00", "1299.00", nil},
		{"1,299.", "1299", nil},
		{"1,-", "1", nil},
		{"багато", "", ErrNoNumber},
	}
	for _, tt := range tests {
		got, err := Amount(tt.text)
		if !errors.Is(err, tt.err) || got != tt.want {
			t.Errorf("Amount(%q) = %q, %v; want %q, %v", tt.text, got, err, tt.want, tt.err)
		}
	}
}

// The short way and the long one must give the same for what both take.
func TestPlainNumberAgrees(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"0", "9", "10", "1.5", "0.0", "100.050", "123456789.12345678", "1.299"} {
		short, ok := plainNumber(text)
		long, err := spelledNumber(text)
		if !ok || err != nil || short != long {
			t.Errorf("%q: %+v (%v), %+v (%v)", text, short, ok, long, err)
		}
	}
}

var plainDecimal = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?$`)

func FuzzNumber(f *testing.F) {
	for _, s := range []string{"1 299,00 грн", "1,299.00", "-$5", "5,-", "1.299.000,5", "2 шт.", "UAH.5", "0,500", "–.5", "1\u00ad299"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := Number(text)
		amount, amountErr := Amount(text)
		if err != nil {
			if !errors.Is(err, ErrNoNumber) || !errors.Is(amountErr, ErrNoNumber) || got != "" {
				t.Fatalf("%q: %q, %v, %v", text, got, err, amountErr)
			}
			return
		}
		if !plainDecimal.MatchString(got) {
			t.Fatalf("Number(%q) = %q, which is no plain decimal", text, got)
		}
		if again, err := Number(got); err != nil || again != got {
			t.Fatalf("Number(%q) = %q, but that reads as %q, %v", text, got, again, err)
		}
		if amountErr == nil && amount != got || amountErr != nil && !errors.Is(amountErr, ErrAmbiguous) {
			t.Fatalf("Amount(%q) = %q, %v; Number says %q", text, amount, amountErr, got)
		}
		if v, err := TypeNumber.Convert(text, Env{}); err == nil && math.IsInf(v.(float64), 0) {
			t.Fatalf("%q became infinite", text)
		}
	})
}

func BenchmarkNumber(b *testing.B) {
	for _, text := range []string{"1299.00", "1 299,00 грн"} {
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Number(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
