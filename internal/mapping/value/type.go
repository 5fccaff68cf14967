package value

import (
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Type is what a profile says of a field's values.
type Type string

// The types, and what [Type.Convert] makes of a text. A field without a type is like TypeText.
const (
	TypeText   Type = "text"   // string: the text, trimmed
	TypeInt    Type = "int"    // int64
	TypeNumber Type = "number" // float64
	TypeDate   Type = "date"   // Moment
	TypePhone  Type = "phone"  // string: E.164
	TypeEmail  Type = "email"  // string
	TypeBool   Type = "bool"   // bool
)

// Types lists the types in the order that messages name them.
func Types() []Type {
	return []Type{TypeText, TypeInt, TypeNumber, TypeDate, TypePhone, TypeEmail, TypeBool}
}

// ParseType finds the type that a profile names.
func ParseType(name string) (Type, bool) {
	for _, t := range Types() {
		if string(t) == name {
			return t, true
		}
	}
	return "", false
}

// Env is what a conversion has to know of the form.
type Env struct {
	Region   string         // how local telephone numbers are read; see [Phone]
	Location *time.Location // where a time without an offset is; nil is UTC
}

// Mismatch is the error of a text that is no value of its field's type. It does not hold the text, which is a visitor's.
type Mismatch struct {
	Type  Type
	Cause error // [ErrNoNumber], [ErrAmbiguous] or [ErrNoDate]; nil where the type says it all
}

// Error says in English what was wanted.
func (m *Mismatch) Error() string {
	switch m.Type {
	case TypeInt:
		return "the value is no whole number"
	case TypeNumber:
		return "the value is no number"
	case TypeDate:
		return "the value is no date"
	case TypePhone:
		return "the value is no telephone number"
	case TypeEmail:
		return "the value is no email address"
	case TypeBool:
		return "the value is neither yes nor no"
	default:
		return "the value is no " + string(m.Type)
	}
}

// Unwrap gives the cause.
func (m *Mismatch) Unwrap() error { return m.Cause }

// Convert turns a text into a value of the type, of the Go type that stands beside the [Type]. The error is a [*Mismatch].
//
// An int may be written as [Amount] reads it, with a fraction of at most two zeros: "2", "1 200", "3.00", "2 шт". "1,000" and "1.000" are
// refused, because only one half of the world would mean one.
//
// A number is a float64 so that expressions can calculate with it, and only when the float says exactly what was typed: up to 15 digits
// always do, and more that a float64 cannot hold are a mismatch, never rounded. Written with the fewest digits (as JSON does) the value
// is the one posted, but for zeros at the end: "1299.00" becomes 1299. It is read by [Number], so a lone comma is decimal; where such a
// value goes into a price, ask [Amount] about the text that was posted.
//
// A phone must be readable; what else was typed beside it is not in the value: ask [Phone] for the rest. An empty text is no value of any
// type but text: absent fields are the caller's business.
func (t Type) Convert(text string, env Env) (any, error) {
	var v any
	var err error
	ok := true
	switch t {
	case TypeText:
		v = trim(text)
	case TypeInt:
		v, err = whole(text)
	case TypeNumber:
		v, err = float(text)
	case TypeDate:
		v, err = Date(text, env.Location)
	case TypePhone:
		tel := Phone(text, env.Region)
		v, ok = tel.Text, tel.Valid
	case TypeEmail:
		text = trim(text)
		v, ok = text, Email(text)
	case TypeBool:
		v, ok = yesOrNo(text)
	default:
		ok = false
	}
	if err != nil || !ok {
		return nil, &Mismatch{Type: t, Cause: err}
	}
	return v, nil
}

// whole reads an int. A comma or a dot before three zeros would be grouping to half of the world, so it is no fraction here.
func whole(text string) (int64, error) {
	plain, err := Amount(text)
	if err != nil {
		return 0, err
	}
	digits, fraction, _ := strings.Cut(plain, ".")
	if len(fraction) > 2 || strings.Trim(fraction, "0") != "" {
		return 0, ErrNoNumber
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return 0, ErrNoNumber
	}
	return n, nil
}

// float reads a number that a float64 holds as it was typed.
func float(text string) (float64, error) {
	plain, err := Number(text)
	if err != nil {
		return 0, err
	}
	f, err := strconv.ParseFloat(plain, 64)
	if err != nil {
		return 0, ErrNoNumber
	}
	if strings.Contains(plain, ".") {
		plain = strings.TrimRight(strings.TrimRight(plain, "0"), ".")
	}
	// Any decimal of 15 digits survives the way through a float64 and back; a longer text has to prove it.
	if len(plain) > 15 && strconv.FormatFloat(f, 'f', -1, 64) != plain {
		return 0, ErrNoNumber
	}
	return f, nil
}

// yesOrNo knows what browsers, page builders and people write for true and false. ok is false for any other text.
func yesOrNo(text string) (value, ok bool) {
	switch strings.ToLower(trim(text)) {
	case "on", "yes", "y", "1", "true", "checked", "так", "да", "tak":
		return true, true
	case "off", "no", "n", "0", "false", "unchecked", "ні", "нет", "nie":
		return false, true
	}
	return false, false
}

// Truthy is the rule of `when`: false for nil, a blank text, false, zero in any spelling that [Number] reads ("0", "0.00", "0,00 грн"),
// "false", "off" and "no" in any case of letters, and for an empty list or object. Everything else is true.
func Truthy(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		return truthyText(v)
	case Moment:
		return true
	}
	return truthyKind(reflect.ValueOf(v))
}

// truthyText judges a text; most are neither short nor zero and are told by one look at their digits.
func truthyText(text string) bool {
	if text = trim(text); len(text) > maxNumberText || strings.ContainsAny(text, "123456789") {
		return true
	}
	switch strings.ToLower(text) {
	case "", "false", "off", "no":
		return false
	}
	plain, err := Number(text)
	return err != nil || strings.Trim(plain, "0.") != ""
}

// truthyKind judges what expressions can make: numbers of every Go type, lists and objects.
func truthyKind(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String:
		return truthyText(v.String())
	case reflect.Slice, reflect.Map, reflect.Array:
		return v.Len() > 0
	case reflect.Float32, reflect.Float64:
		return v.Float() != 0 && !math.IsNaN(v.Float())
	case reflect.Pointer, reflect.Interface:
		return !v.IsNil() && Truthy(v.Elem().Interface())
	default:
		return !v.IsZero()
	}
}
