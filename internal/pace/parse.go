package pace

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The bounds of what ParseLimit takes. MaxCalls bounds the slots that a decision looks through; a window below MinWindow would be
// finer than the clocks of two machines agree, one above MaxWindow would make a crash cost more than an hour.
const (
	MaxCalls  = 10_000
	MinWindow = 100 * time.Millisecond
	MaxWindow = time.Hour
)

// ParseLimit reads a pace as ops write it: calls, a slash and a duration with its unit, like 60/1m or 60/10s. An error says in words
// what is wrong and how it should read.
func ParseLimit(text string) (calls int, window time.Duration, err error) {
	const like = "write calls/time, for example 60/1m"
	left, right, found := strings.Cut(strings.TrimSpace(text), "/")
	if !found {
		return 0, 0, fmt.Errorf("the pace %q has no slash: %s", text, like)
	}
	calls, err = strconv.Atoi(strings.TrimSpace(left))
	if err != nil {
		return 0, 0, fmt.Errorf("the pace %q does not begin with a whole number of calls: %s", text, like)
	}
	window, err = time.ParseDuration(strings.TrimSpace(right))
	if err != nil {
		return 0, 0, fmt.Errorf("the pace %q does not end with a time and its unit: %s", text, like)
	}
	if calls < 1 || calls > MaxCalls {
		return 0, 0, fmt.Errorf("the pace %q allows %d calls: it must be 1 to %d", text, calls, MaxCalls)
	}
	if window < MinWindow || window > MaxWindow {
		return 0, 0, fmt.Errorf("the pace %q counts over %s: it must be %s to %s", text, window, MinWindow, MaxWindow)
	}
	return calls, window, nil
}
