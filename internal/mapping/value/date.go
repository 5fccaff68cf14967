package value

import (
	"errors"
	"time"
)

// ErrNoDate is the error of a text that is no date in one of the shapes that [Date] reads, or a day that no calendar has.
var ErrNoDate = errors.New("it is no date")

// The years that a form's date can be in. A year outside is a slip of the keyboard ("0206"), and KeyCRM's database could not hold it.
const (
	minYear = 1900
	maxYear = 2100
)

const (
	maxDateText = 64 // bytes; a longer text is no date
	maxOffset   = 14 // hours; the farthest time zone there is
)

// Moment is what a date's text means. The zero Moment is no moment.
type Moment struct {
	Time     time.Time // in the offset it was written with, else in the form's location
	DateOnly bool      // no time of day was written: Time is the day's first moment
}

// UTC is the moment as KeyCRM takes a time: "YYYY-MM-DD HH:MM:SS" in UTC, a fraction of a second cut off.
func (m Moment) UTC() string { return m.Time.UTC().Format(time.DateTime) }

// Day is the calendar day "YYYY-MM-DD" as it was written, whatever the offset: never converted.
func (m Moment) Day() string { return m.Time.Format(time.DateOnly) }

// Date reads a date with or without a time of day. The error is [ErrNoDate].
//
// The day is YYYY-MM-DD (also with / or . between, the year's four digits first) or DD.MM.YYYY, DD/MM/YYYY, DD-MM-YYYY: the day first,
// never the month; zeros in front may be missing. A year has four digits and lies between 1900 and 2100. Then may follow, after a T,
// blanks, or a comma and blanks (what toLocaleString writes), the time HH:MM, HH:MM:SS or HH:MM:SS.frac, and an offset: Z, +02:00, +0200
// or +02. So RFC 3339 and the value of an input of type datetime-local are read.
//
// A text without an offset is in loc (nil: UTC). A time of day that loc skips or has twice, when clocks change, is what [time.Date] makes
// of it, which is right in one of the two offsets; the day stays the one that was written. A day without a time is its first moment.
func Date(text string, loc *time.Location) (Moment, error) {
	if loc == nil {
		loc = time.UTC
	}
	text = trim(text)
	if len(text) > maxDateText {
		return Moment{}, ErrNoDate
	}
	s := scanner{rest: text}
	c := clock{loc: loc}
	if !s.day(&c) || !s.time(&c) || s.rest != "" {
		return Moment{}, ErrNoDate
	}
	return c.moment()
}

// clock is what a date's text says, number by number.
type clock struct {
	year, month, day           int
	hour, minute, second, nsec int
	timed                      bool
	loc                        *time.Location
}

// moment checks the numbers against the calendar.
func (c *clock) moment() (Moment, error) {
	if c.year < minYear || c.year > maxYear || c.hour > 23 || c.minute > 59 || c.second > 59 || !c.onCalendar() {
		return Moment{}, ErrNoDate
	}
	t := time.Date(c.year, time.Month(c.month), c.day, c.hour, c.minute, c.second, c.nsec, c.loc)
	if t.Day() != c.day { // clocks that change at midnight: time.Date may answer with the evening before
		t = t.Add(time.Hour)
	}
	if t.Day() != c.day { // a zone that skipped the whole day, as Samoa did
		return Moment{}, ErrNoDate
	}
	return Moment{Time: t, DateOnly: !c.timed}, nil
}

// onCalendar tells whether the day exists. time.Date would make the second of March out of the thirtieth of February.
func (c *clock) onCalendar() bool {
	t := time.Date(c.year, time.Month(c.month), c.day, 0, 0, 0, 0, time.UTC)
	return t.Day() == c.day && int(t.Month()) == c.month
}

// scanner takes a text apart from its front.
type scanner struct{ rest string }

// day reads three numbers with the same separator twice; the one of four digits is the year.
func (s *scanner) day(c *clock) bool {
	a, alen := s.digits(4)
	sep := s.oneOf("-./")
	b, blen := s.digits(2)
	if sep == 0 || blen == 0 || s.oneOf(string(sep)) == 0 {
		return false
	}
	d, dlen := s.digits(4)
	switch {
	case alen == 4 && (dlen == 1 || dlen == 2):
		c.year, c.month, c.day = a, b, d
	case (alen == 1 || alen == 2) && dlen == 4:
		c.year, c.month, c.day = d, b, a
	default:
		return false
	}
	return true
}

// time reads the time of day and the offset, when there is anything left to read.
func (s *scanner) time(c *clock) bool {
	if s.rest == "" {
		return true
	}
	if s.oneOf("Tt") == 0 && s.oneOf(",") == 0 && !startsBlank(s.rest) {
		return false
	}
	s.blanks()
	var hlen, mlen int
	c.hour, hlen = s.digits(2)
	colon := s.oneOf(":")
	c.minute, mlen = s.digits(2)
	if hlen == 0 || colon == 0 || mlen != 2 || !s.seconds(c) {
		return false
	}
	c.timed = true
	s.blanks()
	return s.rest == "" || s.offset(c)
}

// seconds reads ":SS" and a fraction of up to nine digits; more digits are cut off.
func (s *scanner) seconds(c *clock) bool {
	if s.oneOf(":") == 0 {
		return true
	}
	second, n := s.digits(2)
	if c.second = second; n != 2 {
		return false
	}
	if s.oneOf(".,") == 0 {
		return true
	}
	n = 0
	for unit := 100_000_000; s.rest != "" && isDigit(s.rest[0]); unit /= 10 {
		c.nsec += int(s.rest[0]-'0') * unit
		s.rest, n = s.rest[1:], n+1
	}
	return n > 0
}

// offset reads the distance from UTC.
func (s *scanner) offset(c *clock) bool {
	if s.oneOf("Zz") != 0 {
		c.loc = time.UTC
		return true
	}
	sign := s.oneOf("+-")
	hours, hlen := s.digits(2)
	colon := s.oneOf(":")
	minutes, mlen := s.digits(2)
	if sign == 0 || hlen != 2 || mlen == 1 || colon != 0 && mlen == 0 || hours > maxOffset || minutes > 59 {
		return false
	}
	seconds := hours*3600 + minutes*60
	if sign == '-' {
		seconds = -seconds
	}
	c.loc = time.FixedZone("", seconds)
	return true
}

// digits takes up to limit digits off the front and tells how many they were.
func (s *scanner) digits(limit int) (value, n int) {
	for n < limit && n < len(s.rest) && isDigit(s.rest[n]) {
		value = value*10 + int(s.rest[n]-'0')
		n++
	}
	s.rest = s.rest[n:]
	return value, n
}

// oneOf takes one byte of set off the front, or returns 0.
func (s *scanner) oneOf(set string) byte {
	if s.rest == "" {
		return 0
	}
	for i := range len(set) {
		if s.rest[0] == set[i] {
			s.rest = s.rest[1:]
			return set[i]
		}
	}
	return 0
}

// blanks drops the blanks in front.
func (s *scanner) blanks() {
	s.rest = trim(s.rest) // the end is trimmed already
}

func startsBlank(text string) bool { return len(trim(text)) < len(text) }
