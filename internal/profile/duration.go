package profile

import (
	"strconv"
	"time"
)

// The bounds of the times in a profile. A visitor waits for KeyCRM no longer than a person waits for a page. Beyond a day the same post
// is a new wish, and a key counts no longer either.
const (
	maxWait       = 10 * time.Second
	defaultDedupe = time.Minute
	maxDedupe     = 24 * time.Hour
)

// wait reads `answer.wait`.
func (r *reader) wait(s *scalar) time.Duration { return r.duration(s, 0, 0, maxWait) }

// dedupe reads `guard.dedupe`.
func (r *reader) dedupe(s *scalar) time.Duration { return r.duration(s, defaultDedupe, 0, maxDedupe) }

// duration reads a length of time between two bounds.
func (r *reader) duration(s *scalar, otherwise, least, most time.Duration) time.Duration {
	if !s.set {
		return otherwise
	}
	d, err := time.ParseDuration(s.text)
	if err != nil || d < least || d > most {
		r.add(s.pos, s.path+" cannot be "+quote(s.text), "write a time from "+durationText(least)+" to "+durationText(most)+", such as 5s")
		return otherwise
	}
	return d
}

// durationText is a length of time as a profile writes it: in whole hours, minutes or seconds.
func durationText(d time.Duration) string {
	for _, unit := range []struct {
		of   time.Duration
		name string
	}{{time.Hour, "h"}, {time.Minute, "m"}} {
		if d > 0 && d%unit.of == 0 {
			return strconv.FormatInt(int64(d/unit.of), 10) + unit.name
		}
	}
	return d.String()
}
