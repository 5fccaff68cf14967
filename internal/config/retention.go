package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Retention says for how long what visitors sent is kept once it is over.
type Retention struct {
	Keep        string `name:"retention" env:"FORMRELAY_RETENTION" default:"180d" placeholder:"TIME" help:"How long the values of delivered and discarded submissions are kept, such as 180d or 36h; 0: for ever."`
	KeepRefused string `name:"retention-refused" env:"FORMRELAY_RETENTION_REFUSED" default:"14d" placeholder:"TIME" help:"The same for refused ones, which their visitor was told to correct."`
}

// MinRetention is the shortest time that values can be kept: less would take away what ops are about to look at.
const MinRetention = time.Hour

// day is a day of retention; nobody counts on the hour that some of them have more or less.
const day = 24 * time.Hour

// maxDays keeps a time inside what a time.Duration can hold.
const maxDays = 100_000

// Keeping reads a time to keep something: whole days (180d) or a duration (36h), at least MinRetention; 0, with or without a unit, and
// nothing at all are 0: for ever.
func Keeping(text string) (time.Duration, error) {
	like := fmt.Errorf("%q is no time to keep something: write days or hours, such as 180d or 36h, at least %s; 0 keeps it for ever", text, "1h")
	text = strings.TrimSpace(text)
	if text == "" || text == "0" {
		return 0, nil
	}
	var keep time.Duration
	if number, found := strings.CutSuffix(text, "d"); found {
		days, err := strconv.Atoi(number)
		if err != nil || days < 0 || days > maxDays {
			return 0, like
		}
		keep = time.Duration(days) * day
	} else {
		var err error
		if keep, err = time.ParseDuration(text); err != nil {
			return 0, like
		}
	}
	if keep != 0 && keep < MinRetention {
		return 0, like
	}
	return keep, nil
}
