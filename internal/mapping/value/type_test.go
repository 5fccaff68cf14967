package value

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseType(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"text", "int", "number", "date", "phone", "email", "bool"} {
		if got, ok := ParseType(name); !ok || string(got) != name {
			t.Errorf("ParseType(%q) = %q, %v", name, got, ok)
		}
	}
	for _, name := range []string{"", "string", "Text", "integer"} {
		if got, ok := ParseType(name); ok || got != "" {
			t.Errorf("ParseType(%q) = %q, %v", name, got, ok)
		}
	}
}

func TestConvert(t *testing.T) {
	t.Parallel()
	kyiv := zone(t, "Europe/Kyiv")
	tests := []struct {
		as   Type
		text string
		want any
	}{
		{TypeText, " Олена ", "Олена"},
		{TypeInt, "2", int64(2)},
		{TypeInt, "-2", int64(-2)},
		{TypeInt, "1 200", int64(1200)},
		{TypeInt, "2 шт", int64(2)},
		{TypeInt, "3.00", int64(3)},
		{TypeInt, "3,0", int64(3)},
		{TypeInt, "1,000,000", int64(1000000)},
		{TypeInt, "999999999999999999", int64(999999999999999999)},
		{TypeNumber, "1299", 1299.0},
		{TypeNumber, "1 299,00 грн", 1299.0},
		{TypeNumber, "1299.50", 1299.5},
		{TypeNumber, "0.1", 0.1},
		{TypeNumber, "-0.0", 0.0},
		{TypeNumber, "1,250", 1.25},
		{TypeNumber, "123456789012.345", 123456789012.345},
		{TypeNumber, "0.30000000000000004", 0.30000000000000004},
		{TypeNumber, "9007199254740993.0", nil}, // 2^53 + 1: a float64 would round it
		{TypeNumber, "123456789012345.678", nil},
		{TypeDate, "04.03.2026", Moment{time.Date(2026, 3, 4, 0, 0, 0, 0, kyiv), true}},
		{TypeDate, "2026-03-04T09:15", Moment{time.Date(2026, 3, 4, 9, 15, 0, 0, kyiv), false}},
		{TypePhone, "8 (050) 111-22-33", "+380501112233"},
		{TypePhone, "050 111 22 33 вн. 12", "+380501112233"},
		{TypeEmail, " olena@example.com ", "olena@example.com"},
		{TypeBool, "on", true},
		{TypeBool, "Так", true},
		{TypeBool, "ДА", true},
		{TypeBool, "tak", true},
		{TypeBool, "yes", true},
		{TypeBool, "1", true},
		{TypeBool, "TRUE", true},
		{TypeBool, "off", false},
		{TypeBool, "Ні", false},
		{TypeBool, "нет", false},
		{TypeBool, "nie", false},
		{TypeBool, "no", false},
		{TypeBool, "0", false},
		{TypeBool, "False", false},

		{TypeInt, "", nil},
		{TypeInt, "два", nil},
		{TypeInt, "2.5", nil},
		{TypeInt, "1,000", nil},
		{TypeInt, "1.000", nil},
		{TypeInt, "1-2", nil},
		{TypeNumber, "", nil},
		{TypeNumber, "багато", nil},
		{TypeDate, "", nil},
		{TypeDate, "31.02.2026", nil},
		{TypePhone, "", nil},
		{TypePhone, "12345", nil},
		{TypeEmail, "", nil},
		{TypeEmail, "olena@", nil},
		{TypeBool, "", nil},
		{TypeBool, "можливо", nil},
		{TypeBool, "2", nil},
		{Type("colour"), "red", nil},
	}
	env := Env{Region: "UA", Location: kyiv}
	for _, tt := range tests {
		got, err := tt.as.Convert(tt.text, env)
		if mismatch, ok := errors.AsType[*Mismatch](err); tt.want == nil && (!ok || mismatch.Type != tt.as) || tt.want != nil && err != nil {
			t.Errorf("%s from %q: error %v", tt.as, tt.text, err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s from %q (-want +got):\n%s", tt.as, tt.text, diff)
		}
	}
}

// What a number field posts must reach JSON with the same value.
func TestNumberPassesUnchanged(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"0.1", "19.99", "1299.05", "99999999.99", "0.000001", "123456789012345", "4.35", "1.005"} {
		v, err := TypeNumber.Convert(text, Env{})
		if err != nil {
			t.Fatal(err)
		}
		if out, err := json.Marshal(v); err != nil || strings.Replace(string(out), "1e-06", "0.000001", 1) != text {
			t.Errorf("%s became %s, %v", text, out, err)
		}
	}
}

func TestMismatch(t *testing.T) {
	t.Parallel()
	seen := map[string]Type{}
	for _, typ := range Types() {
		text := (&Mismatch{Type: typ}).Error()
		if other, double := seen[text]; double {
			t.Errorf("%s and %s say the same", typ, other)
		}
		seen[text] = typ
	}
	if _, err := TypeInt.Convert("1,000", Env{}); !errors.Is(err, ErrAmbiguous) {
		t.Errorf("the cause is lost: %v", err)
	}
	if _, err := TypeInt.Convert("visitor-4711", Env{}); strings.Contains(err.Error(), "4711") {
		t.Errorf("the error repeats the visitor's value: %v", err)
	}
}

func TestTruthy(t *testing.T) {
	t.Parallel()
	type named string
	var nilMap map[string]any
	one, none := 1, (*int)(nil)
	for _, v := range []any{
		nil, "", " ", "\u00a0", false, "false", "FALSE", "off", "Off", "no", "NO", " no ", "0", "0.00", "0,00", "00", "-0", ".0", "0 грн", "0,00 ₴",
		0, int64(0), uint8(0), 0.0, math.NaN(), float32(0), json.Number("0"), json.Number("0.0"), named("off"),
		[]any{},
		[]string{},
		map[string]any{},
		nilMap, none, &[]bool{false}[0],
	} {
		if Truthy(v) {
			t.Errorf("%#v is true", v)
		}
	}
	for _, v := range []any{
		true, "true", "on", "yes", "1", "0.01", "0,5", "-1", "так", "ні", "nope", "none", "nil", "o", "0-0", "0x0", "text",
		1, int64(-1), 0.5, json.Number("2"), named("x"),
		[]any{nil},
		[]string{""},
		map[string]any{"a": nil},
		Moment{},
		&one,
		struct{ A int }{1},
	} {
		if !Truthy(v) {
			t.Errorf("%#v is false", v)
		}
	}
}

func BenchmarkConvert(b *testing.B) {
	env := Env{Region: "UA", Location: time.UTC}
	for _, c := range []struct {
		as   Type
		text string
	}{{TypeInt, "2"}, {TypeNumber, "1299.50"}, {TypeEmail, "olena@example.com"}, {TypePhone, "0501112233"}} {
		b.Run(string(c.as), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.as.Convert(c.text, env); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
