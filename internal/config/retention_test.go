package config

import (
	"strings"
	"testing"
	"time"
)

func TestKeeping(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"": 0, "0": 0, "0d": 0, "0s": 0, "1d": 24 * time.Hour, "180d": 180 * 24 * time.Hour, " 14d ": 14 * 24 * time.Hour, "36h": 36 * time.Hour,
		"1h": time.Hour, "100000d": 100_000 * 24 * time.Hour,
	} {
		if got, err := Keeping(text); err != nil || got != want {
			t.Errorf("%q: %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"d", "-1d", "1.5d", "180", "180 d", "1m", "59m59s", "-2h", "for ever", "100001d", "99999999999999999999d", "2w"} {
		if got, err := Keeping(text); err == nil || !strings.Contains(err.Error(), "180d or 36h") {
			t.Errorf("%q: %s, %v", text, got, err)
		}
	}
}
