package main

import (
	"database/sql"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"formrelay/internal/keycrm/sandbox"
)

// The bounds of a server whose database holds a million submissions that are over.
const (
	longestStart = 2 * time.Second
	mostMore     = 32 << 20 // bytes resident beyond those of a server on an empty database
)

// insertOver writes delivered and rejected orders as the relay leaves them, received within the last hours, in the database itself: by
// posts they would take an hour.
const insertOver = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %[1]d)
	INSERT INTO submissions (id, profile, account, revision, received_at, pairs, charset, visitor, kind, entity, source_id, source_uuid,
		mark, mark_field, state, reason, error, faults, due_at, settled_at, attempt, sent_at, first_sent, crm_id)
	SELECT printf('%%026d', i), 'order', 'main', 'r', %[2]d + i, '[["name","Olena"],["phone","0501112233"]]', 'utf-8', '{}', 'order',
		zeroblob(400), 22, printf('%%026d', i), '', '', CASE WHEN i %% 50 = 0 THEN 'rejected' ELSE 'delivered' END, '', '', '',
		%[2]d + i, %[2]d + i, 1, %[2]d + i, %[2]d + i, i FROM n`

// A server on a database full of what is over starts as soon as one on an empty database, serves, and takes no more memory however often
// it is asked. 20,000 rows; with FORMRELAY_LONG a million, and then the time and the memory are held to their bounds (without the race
// detector, which multiplies both).
func TestStartBesideAMillion(t *testing.T) {
	t.Parallel()
	rows, long := 20_000, os.Getenv("FORMRELAY_LONG") != ""
	if long {
		rows = 1_000_000
	}
	s := newSite(t, sandbox.Options{Limit: -1}, nil, "--keycrm-pace", "10000/1s")
	s.busy(t)
	empty := s.resident()
	s.stop()
	s.fillOver(rows)

	var starts []time.Duration
	for range 3 {
		if len(starts) > 0 {
			s.kill()
		}
		begun := time.Now()
		s.restart()
		starts = append(starts, time.Since(begun))
	}
	slices.Sort(starts)
	s.busy(t)
	first := s.resident()
	for range 5 {
		s.busy(t)
	}
	last := s.resident()
	t.Logf("%d rows: ready after %s; resident %d MB on an empty database, %d MB beside them, %d MB after five times the work",
		rows, starts[1].Round(time.Millisecond), empty>>20, first>>20, last>>20)
	if long && (starts[1] > longestStart || last-empty > mostMore) {
		t.Errorf("the bounds are %s and %d MB more", longestStart, mostMore>>20)
	}
	if last > 2*empty {
		t.Errorf("resident: %d bytes, %d on an empty database", last, empty)
	}
}

// busy posts, waits for the delivery, and asks for everything that counts or lists.
func (s *site) busy(t *testing.T) {
	t.Helper()
	var id string
	for range 50 {
		id = s.submit("order", url.Values{"name": {"Taras"}, "phone": {"0501112233"}})
	}
	s.settled(id, "delivered")
	for _, page := range []string{"/metrics", "/readyz"} {
		response, err := http.Get(s.ops + page)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
	}
}

// fillOver writes so many rows that are over; no server may run.
func (s *site) fillOver(rows int) {
	s.t.Helper()
	db, err := sql.Open("sqlite", strings.TrimPrefix(s.database, "sqlite:"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(s.t.Context(), fmt.Sprintf(insertOver, rows, time.Now().Add(-time.Hour).UnixMicro())); err != nil {
		s.t.Fatal(err)
	}
}

// resident is how many bytes of the server are in memory now. Where the system does not tell, the test ends here and says so.
func (s *site) resident() int64 {
	s.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.command.Process.Pid))
	if err != nil {
		s.t.Skip("this system does not tell how much memory a process has: ", err)
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		s.t.Fatalf("no VmRSS in %s", text)
	}
	kilobytes, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil {
		s.t.Fatal(err)
	}
	return kilobytes << 10
}
