package intake

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// strays are the log's lines about posts to profiles that are not there, without what is the same in each.
func strayLines(t *testing.T, log string) []map[string]any {
	t.Helper()
	var all []map[string]any
	for line := range strings.Lines(log) {
		if !strings.Contains(line, "is not there") {
			continue
		}
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		if m["level"] != "warn" || m["request_id"] == "" {
			t.Error(line)
		}
		for _, key := range []string{"level", "message", "request_id"} {
			delete(m, key)
		}
		all = append(all, m)
	}
	return all
}

// A form whose address is mistyped is told to ops with what they need to find it: the name it asks for, the one that was meant, and the
// site it stands on; and with nothing that anybody typed into it.
func TestAMistypedAddressIsTold(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 64)
	for name, tt := range map[string]struct {
		path    string
		headers []string
		want    map[string]any
	}{
		"a slip":        {"/forms/lmap", []string{"Origin", "https://shop.example:8443"}, map[string]any{"asked": "lmap", "did_you_mean": "lamp", "site": "shop.example"}},
		"no origin":     {"/f/lampe", []string{"Referer", "https://Shop.Example/p?name=" + marker}, map[string]any{"asked": "lampe", "did_you_mean": "lamp", "site": "shop.example"}},
		"null":          {"/forms/lamps", []string{"Origin", "null"}, map[string]any{"asked": "lamps", "did_you_mean": "lamp"}},
		"nothing near":  {"/forms/checkout/", nil, map[string]any{"asked": "checkout"}},
		"another case":  {"/forms/Lamp", nil, map[string]any{}},
		"escaped":       {"/forms/l%61mp", nil, map[string]any{}},
		"no name":       {"/forms/Олена", nil, map[string]any{}},
		"as long":       {"/forms/" + long, nil, map[string]any{"asked": long}},
		"too long":      {"/forms/" + long + "b", nil, map[string]any{"asked": long}},
		"a phone":       {"/forms/380501112233", nil, map[string]any{}},
		"parted phone":  {"/forms/050-111-22-33", nil, map[string]any{}},
		"a year":        {"/forms/sale-2026", nil, map[string]any{"asked": "sale-2026"}},
		"no host":       {"/forms/lmap", []string{"Origin", "https://a b", "Referer", "https://x@shop.example/"}, map[string]any{"asked": "lmap", "did_you_mean": "lamp"}},
		"host of signs": {"/forms/lmap", []string{"Origin", "https://a\"b=c"}, map[string]any{"asked": "lmap", "did_you_mean": "lamp"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			if w := b.post(tt.path, "name="+marker+"&lamp="+marker, tt.headers...); w.Code != 404 {
				t.Fatal(w.Code)
			}
			if diff := cmp.Diff([]map[string]any{tt.want}, strayLines(t, b.log.String())); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if strings.Contains(b.log.String(), marker) {
				t.Error(b.log.String())
			}
		})
	}
}

// The same address is told once a minute, and only so many different ones; what else is there, is not told at all.
func TestMistypedAddressesDoNotFillTheLog(t *testing.T) {
	t.Parallel()
	b := setup(t, "closed", closed)
	now := received()
	b.intake.Now = func() time.Time { return now }
	told := func(want int) {
		t.Helper()
		if got := len(strayLines(t, b.log.String())); got != want {
			t.Errorf("%d lines, want %d", got, want)
		}
	}
	b.post("/forms/closed", "a=1")
	b.post("/nowhere", "a=1")
	told(0)
	for range 3 {
		b.post("/forms/lmap", "a=1")
	}
	told(1)
	for n := range 2 * maxStrays {
		b.post("/forms/other-"+strconv.Itoa(n), "a=1")
	}
	told(maxStrays)
	now = now.Add(reportEvery - time.Millisecond)
	b.post("/forms/lmap", "a=1")
	told(maxStrays)
	now = now.Add(time.Millisecond)
	b.post("/forms/lmap", "a=1")
	told(maxStrays + 1)
	now = now.Add(-time.Hour) // a clock that was set back
	b.post("/forms/lmap", "a=1")
	told(maxStrays + 2)
}
