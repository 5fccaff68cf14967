package keycrm

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// maxDecimal bounds a Decimal's digits. Fifteen before the point and as many after it are more than any currency needs, and few
// enough that the number survives every JSON reader as a finite one.
const maxDecimal = 15

var (
	errDecimal = errors.New("not a plain decimal number of at most 15 digits before and after the point")
	errID      = errors.New("not an id: a whole number from 1 up, in digits")
	errBool    = errors.New("neither true nor false")
)

// Decimal is an exact decimal number in plain text: digits, with a point and a minus where needed ("1299.00"). Empty is absent; "0"
// is a number. Money keeps the digits it was written with, which no binary float does.
type Decimal string

// UnmarshalText takes a plain decimal and strips what JSON does not allow, leading zeros. It refuses signs of plus, exponents,
// NaN, Inf, hexadecimal, blanks and more than 15 digits on either side of the point. An empty text is absent.
func (d *Decimal) UnmarshalText(text []byte) error {
	plain, err := plainDecimal(string(text))
	if err == nil {
		*d = plain
	}
	return err
}

// plainDecimal is what UnmarshalText makes of a text.
func plainDecimal(s string) (Decimal, error) {
	if s == "" {
		return "", nil
	}
	digits, negative := strings.CutPrefix(s, "-")
	whole, fraction, point := strings.Cut(digits, ".")
	if !allDigits(whole) || point && !allDigits(fraction) {
		return "", errDecimal
	}
	canonical := s
	if short := strings.TrimLeft(whole[:len(whole)-1], "0") + whole[len(whole)-1:]; short != whole {
		whole, canonical = short, ""
	}
	if len(whole) > maxDecimal || len(fraction) > maxDecimal {
		return "", errDecimal
	}
	zero := negative && strings.Trim(whole, "0") == "" && strings.Trim(fraction, "0") == ""
	if canonical != "" && !zero {
		return Decimal(canonical), nil // nearly always: nothing has to be put together anew
	}
	if point {
		whole += "." + fraction
	}
	if negative && !zero {
		whole = "-" + whole
	}
	return Decimal(whole), nil
}

// MarshalJSON writes the number as it stands. A Decimal that was not made by UnmarshalText is checked here again, so that nothing
// but a number can ever stand where KeyCRM wants one.
func (d Decimal) MarshalJSON() ([]byte, error) {
	checked, err := plainDecimal(string(d))
	if err != nil {
		return nil, err
	}
	if checked == "" {
		return []byte("null"), nil
	}
	return []byte(checked), nil
}

// ValidatorValue gives the validator the number. It is a pointer because "required" takes a bare 0 for nothing, and a payment of 0
// is a payment; nil is absent. Only signs and bounds are compared, so a float is exact enough. What is no decimal is NaN, which
// fails every comparison.
func (d Decimal) ValidatorValue() any {
	if d == "" {
		return nil
	}
	number := math.NaN()
	if plain, err := plainDecimal(string(d)); err == nil {
		if f, err := strconv.ParseFloat(string(plain), 64); err == nil {
			number = f
		}
	}
	return &number
}

// UnmarshalJSON takes a JSON number, or null for absent.
func (d *Decimal) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*d = ""
		return nil
	}
	return d.UnmarshalText(b)
}

// ID is the id of a thing in KeyCRM. Ids begin at 1, so 0 is absent. JSON writes it as the number that it is.
type ID int64

// UnmarshalText takes digits that make a whole number from 1 up; an id of 0 is an error, not an absence, because whoever wrote it
// meant something. An empty text is absent.
func (id *ID) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*id = 0
		return nil
	}
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || n < 1 || !allDigits(string(text)) {
		return errID
	}
	*id = ID(n)
	return nil
}

// UnmarshalJSON takes a JSON number, or null for absent.
func (id *ID) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*id = 0
		return nil
	}
	return id.UnmarshalText(b)
}

// Bool is "true", "false" or absent (empty), so that a false that was said is not taken for nothing said.
type Bool string

// The two values of a Bool that is there.
const (
	True  Bool = "true"
	False Bool = "false"
)

// UnmarshalText takes the words for yes and no that a form or a literal can hold, in any case: true, 1, on, yes and false, 0, off,
// no. An empty text is absent.
func (b *Bool) UnmarshalText(text []byte) error {
	switch strings.ToLower(string(text)) {
	case "":
		*b = ""
	case "true", "1", "on", "yes", "t":
		*b = True
	case "false", "0", "off", "no", "f":
		*b = False
	default:
		return errBool
	}
	return nil
}

// MarshalJSON writes true, false, or null when absent.
func (b Bool) MarshalJSON() ([]byte, error) {
	switch b {
	case True, False:
		return []byte(b), nil
	case "":
		return []byte("null"), nil
	default:
		return nil, errBool
	}
}

// UnmarshalJSON takes true, false, or null for absent.
func (b *Bool) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		*b = ""
		return nil
	}
	return b.UnmarshalText(text)
}

// allDigits says whether s is one or more ASCII digits.
func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
