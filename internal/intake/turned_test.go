package intake

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// lines are the log's lines that report what was turned away.
func lines(t *testing.T, log string) []map[string]any {
	t.Helper()
	var all []map[string]any
	for line := range strings.Lines(log) {
		if !strings.Contains(line, "turned away") {
			continue
		}
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

func TestTurnedAwayIsLoggedOnceAMinute(t *testing.T) {
	t.Parallel()
	b := setup(t, "closed", closed)
	for range 3 {
		b.post("/forms/closed", "name="+marker)
		b.post("/forms/"+marker, "name="+marker)
	}
	b.post("/forms/lamp", "<a/>", "Content-Type", "application/xml")
	b.post("/forms/lamp", "name=Olena&email=no") // stored, so not turned away
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); b.intake.Run(ctx) }()
		time.Sleep(reportEvery - time.Second) // the bubble's clock, not the wall's
		synctest.Wait()
		if n := len(lines(t, b.log.String())); n != 0 {
			t.Errorf("%d lines before the minute was over", n)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		want := []map[string]any{
			{"level": "warn", "profile": nobody, "total": 3.0, "by_status": map[string]any{"404": 3.0}, "message": "posts were turned away and not stored"},
			{"level": "warn", "profile": "closed", "total": 3.0, "by_status": map[string]any{"410": 3.0}, "message": "posts were turned away and not stored"},
			{"level": "warn", "profile": "lamp", "total": 1.0, "by_status": map[string]any{"415": 1.0}, "message": "posts were turned away and not stored"},
		}
		if diff := cmp.Diff(want, lines(t, b.log.String())); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		time.Sleep(reportEvery)
		synctest.Wait()
		if n := len(lines(t, b.log.String())); n != 3 {
			t.Errorf("%d lines: what was told is told again", n)
		}
		b.intake.turned.add("lamp", 413)
		cancel()
		<-done
		if n := len(lines(t, b.log.String())); n != 4 {
			t.Errorf("%d lines: the last minute is lost at the stop", n)
		}
	})
}

func TestStrangersCannotGrowTheTable(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for n := range 100 {
		b.post("/forms/x"+strings.Repeat("y", n), "a=b")
	}
	if counts := b.intake.turned.take(); len(counts) != 1 || counts[nobody][404] != 100 {
		t.Errorf("%v", counts)
	}
}

func TestCountingIsSafe(t *testing.T) {
	t.Parallel()
	var c turned
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				c.add("lamp", 404)
			}
		})
	}
	wg.Wait()
	if got := c.take()["lamp"][404]; got != 800 {
		t.Errorf("%d", got)
	}
	if c.take() != nil {
		t.Error("taken twice")
	}
}

func TestNewWantsItsParts(t *testing.T) {
	t.Parallel()
	if _, err := New(Config{}); err == nil {
		t.Error("no error")
	}
	if _, err := New(Config{Profiles: shelf{}}); err == nil {
		t.Error("no error without a store")
	}
}
