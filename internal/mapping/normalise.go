package mapping

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"formrelay/internal/keycrm"
	"formrelay/internal/mapping/expression"
	"formrelay/internal/mapping/value"
)

var (
	errNoText   = errors.New("an object is no text: take one of its members")
	errNoEmail  = errors.New("it is no email address")
	errNoID     = errors.New("it is no whole number from 1 up")
	errNoBool   = errors.New("it is neither yes nor no")
	errInfinite = errors.New("the calculation has no finite result")
)

// normaliser turns values into the text that KeyCRM's field takes.
type normaliser struct {
	region   string
	location *time.Location
	leftover string // what was typed after a phone number, of the last text
}

// scalar normalises one value that is no list. Nothing and blank text are "". A Decimal of a table and
// a number that was converted already are taken as they are.
func (k *normaliser) scalar(l *expression.Language, w keycrm.Word, v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return k.text(w, v)
	case value.Moment:
		return k.moment(l, w, v)
	case time.Time:
		return k.moment(l, w, value.Moment{Time: v})
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return "", errInfinite
		}
	}
	text, ok := l.Text(v)
	if !ok {
		return "", errNoText
	}
	return k.text(w, text)
}

// moment writes a date: a time in UTC where KeyCRM wants a time, the calendar day where it wants a day.
func (k *normaliser) moment(l *expression.Language, w keycrm.Word, m value.Moment) (string, error) {
	switch w {
	case keycrm.WordTime:
		return m.UTC(), nil
	case keycrm.WordDay:
		return m.Day(), nil
	default:
		text, _ := l.Text(m)
		return k.text(w, text)
	}
}

// text normalises a text for the kind of field that it goes into.
func (k *normaliser) text(w keycrm.Word, text string) (string, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return "", nil
	}
	switch w {
	case keycrm.WordInteger:
		return integer(text)
	case keycrm.WordNumber:
		return value.Number(text)
	case keycrm.WordAmount:
		return value.Amount(text)
	case keycrm.WordBoolean:
		v, err := value.TypeBool.Convert(text, value.Env{})
		if err != nil {
			return "", errNoBool
		}
		return fmt.Sprint(v), nil
	case keycrm.WordTime:
		m, err := value.Date(text, k.location)
		if err != nil {
			return "", err
		}
		return m.UTC(), nil
	case keycrm.WordDay:
		m, err := value.Date(text, k.location)
		if err != nil {
			return "", err
		}
		return m.Day(), nil
	case keycrm.WordPhone:
		tel := value.Phone(text, k.region)
		k.leftover = tel.Rest
		return tel.Text, nil
	default:
		return text, nil
	}
}

// integer reads an id. Ids are never grouped, so nothing but digits is one, though "22.0" is what some
// page builders send for 22.
func integer(text string) (string, error) {
	digits, fraction, point := strings.Cut(text, ".")
	if point && strings.Trim(fraction, "0") != "" {
		return "", errNoID
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 1 {
		return "", errNoID
	}
	return strconv.FormatInt(n, 10), nil
}

// listSeparator joins a list that goes into a field which takes one text.
const listSeparator = ", "

// values normalises what an expression gave: one text, or of a field that takes a list and got one its
// texts. Nothing at all is neither.
func (k *normaliser) values(l *expression.Language, typ *keycrm.Type, v any) (text string, list []string, err error) {
	items, many := v.([]any)
	if !many {
		text, err = k.scalar(l, typ.Word, v)
		return text, nil, err
	}
	for _, item := range items {
		text, ok := l.Text(item)
		if !ok {
			return "", nil, errNoText
		}
		if text = strings.TrimSpace(text); text != "" {
			list = append(list, text)
		}
	}
	if typ.Word == keycrm.WordTexts {
		return "", list, nil
	}
	text, err = k.text(typ.Word, strings.Join(list, listSeparator))
	return text, nil, err
}
