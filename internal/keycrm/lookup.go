package keycrm

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// pageSize is the most rows KeyCRM gives on one page.
	pageSize = 50

	// clockSkew is how far KeyCRM's times may stand from what the Dates of its answers make us expect: what they are told by may be
	// another of KeyCRM's machines.
	clockSkew = 5 * time.Minute
	// earlySkew is clockSkew for a look-up whose miss proves nothing yet, so that most cards are found on a page or two. It is more than
	// clockTolerance, the difference that is not followed.
	earlySkew = 2 * time.Minute

	// timeLayout is how KeyCRM takes a time, always in UTC.
	timeLayout = "2006-01-02 15:04:05"
)

// Find looks for the entity of q on one page of KeyCRM's list, pages counting from 1. Outcome is Done when the page was readable,
// whether the entity was on it or not. Other outcomes prove nothing about the entity; Uncertain then only means "no answer".
//
// An order is asked for by source_uuid, which KeyCRM may match in part, and is ours when its source_uuid and source_id are equal
// and it was not created well before From. A row that does not tell when it was created, or tells it unreadably, counts as ours:
// the id is our own and next to unique, so hiding it would make the order twice, while nothing else speaks for another order. A row
// that is clearly older is not ours: to take it would lose the submission, and that is the worse of the two errors.
//
// A card has no id of ours, so it is listed by its source and the time it was created in, both ends widened by five minutes for
// clocks that differ (two while a miss proves nothing yet), never by its pipeline, which people and automations change. It is ours when its first line of
// manager_comment, or the custom field, holds the mark. Whatever stands around the mark was added later and does not matter.
//
// From and To are moved by what is known of KeyCRM's clock. When this very answer tells of another clock than that, the question was
// about the wrong time: the page is Uncertain, and the next one asks rightly.
func (c *Client) Find(ctx context.Context, q Query, page int, notAfter time.Time) Page {
	assumed := c.clock.read()
	asked := q.by(assumed)
	target, ok := asked.target(page)
	if !ok {
		now := c.now()
		return Page{Answer: Answer{Outcome: Uncertain, Text: "There is nothing to look up by: no source_uuid and no mark.", Started: now, Ended: now}}
	}
	found := search{q: asked}
	var more bool
	a := c.call(ctx, request{method: http.MethodGet, target: target, notAfter: notAfter}, func(r reply) Answer {
		l, a := readRows(r, found.take)
		if a.Outcome != Done {
			return a
		}
		more = l.more
		return found.answer(a, assumed, c.clock.read())
	})
	if a.Outcome != Done {
		return Page{Answer: a}
	}
	return Page{Answer: a, Found: found.id, More: more, First: found.first}
}

// search goes through a page's rows for the entity. The first that matches is it: no two carry one mark or one id of ours.
type search struct {
	q       Query // by KeyCRM's clock
	rows    int
	first   int64 // the id of the first row of all
	matched bool
	id      int64 // 0 when none matched, or the one that did has no id that reads
}

// take looks at one row; false is a row that does not read.
func (s *search) take(raw json.RawMessage) bool {
	var r row
	if json.Unmarshal(raw, &r) != nil {
		return false
	}
	if s.rows++; s.rows == 1 {
		s.first = r.id()
	}
	if !s.matched && s.q.matches(r) {
		s.matched, s.id = true, r.id()
	}
	return true
}

// answer is what a page that was read means, a being that it was. assumed is the clock the page was asked by, known the one that is
// known now that it is here.
func (s *search) answer(a Answer, assumed, known drift) Answer {
	switch {
	case s.q.timed() && (known != assumed || known.beyond):
		a.Outcome = Uncertain
		a.Text = "KeyCRM's clock and this machine's stand otherwise than this look-up took them to, so it looked at the wrong time and proves nothing."
	case s.matched && s.id == 0:
		a.Outcome, a.Text = Uncertain, "KeyCRM's list has a row that matches and no readable id."
	case s.matched:
		a.Text = fmt.Sprintf("KeyCRM has it: %s %d.", s.q.Kind, s.id)
	}
	return a
}

// target is the look-up's path and query. The brackets stand as they are: one account was seen to refuse them percent-encoded. A
// query that names nothing to compare has no target, because everything would match it.
func (q Query) target(page int) (string, bool) {
	paging := fmt.Sprintf("limit=%d&page=%d", pageSize, max(page, 1))
	switch q.Kind {
	case KindOrder:
		return "/order?filter[source_uuid]=" + escape(q.SourceUUID) + "&" + paging, q.SourceUUID != ""
	case KindCard:
		var parts []string
		if q.SourceID != 0 {
			parts = append(parts, "filter[source_id]="+strconv.FormatInt(q.SourceID, 10))
		}
		if between := q.between(); between != "" {
			parts = append(parts, "filter[created_between]="+between)
		}
		if q.MarkField != "" {
			parts = append(parts, "include=custom_fields")
		}
		return "/pipelines/cards?" + strings.Join(append(parts, paging), "&"), strings.TrimSpace(q.Mark) != ""
	default:
		return "", false
	}
}

// between is the value of filter[created_between]; an end that is not bounded is put where no card is.
func (q Query) between() string {
	if q.From.IsZero() && q.To.IsZero() {
		return ""
	}
	skew := clockSkew
	if q.Early {
		skew = earlySkew
	}
	from, to := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	if !q.From.IsZero() {
		from = q.From.Add(-skew)
	}
	if !q.To.IsZero() {
		to = q.To.Add(skew)
	}
	return escape(from.UTC().Format(timeLayout)) + "," + escape(to.UTC().Format(timeLayout))
}

// escape percent-encodes a query's value, a blank too, which not every server reads from a plus.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// matches says whether the row is the entity. What the row does not tell never speaks against it; only what it tells does.
func (q Query) matches(r row) bool {
	// A list that says nothing of sources does not speak against the row; one that names another source does.
	if source, has := r["source_id"]; has && q.SourceID != 0 && text(source) != strconv.FormatInt(q.SourceID, 10) {
		return false
	}
	if q.Kind == KindOrder {
		return text(r["source_uuid"]) == q.SourceUUID && (q.Own || !r.olderThan(q.From))
	}
	if q.MarkField == "" {
		line, _, _ := strings.Cut(strings.TrimSpace(text(r["manager_comment"])), "\n")
		return strings.Contains(line, q.Mark)
	}
	return slices.ContainsFunc(r.customField(q.MarkField), func(v string) bool { return strings.Contains(v, q.Mark) })
}

// row is one row of a list. KeyCRM's lists differ from its own documentation in places, so each value is read by itself.
type row map[string]json.RawMessage

// id is the row's id, 0 when it has none that reads.
func (r row) id() int64 { return positive(json.Number(text(r["id"]))) }

// olderThan says whether the row was surely created before from, allowing for clocks that differ. ordered_at does not count: it is
// the form's or the shop's time, which lies before every call.
func (r row) olderThan(from time.Time) bool {
	at, err := parseTime(text(r["created_at"]))
	return err == nil && !from.IsZero() && at.Before(from.Add(-clockSkew))
}

// customField gives the values of the custom field with that uuid, of those the row holds.
func (r row) customField(uuid string) []string {
	var fields []row
	if json.Unmarshal(r["custom_fields"], &fields) != nil {
		return nil
	}
	var values []string
	for _, f := range fields {
		if text(f["uuid"]) == uuid {
			values = append(values, texts(f["value"])...)
		}
	}
	return values
}

// text reads a JSON text, or a number as it stands; anything else, null and absence too, is empty.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var n json.Number
	if json.Unmarshal(raw, &n) == nil {
		return n.String()
	}
	return ""
}

// parseTime reads a time as KeyCRM's answers write it, in ISO or with a blank; without a zone it is UTC.
func parseTime(s string) (time.Time, error) {
	var at time.Time
	var err error
	for _, layout := range []string{time.RFC3339Nano, timeLayout, "2006-01-02T15:04:05"} {
		if at, err = time.Parse(layout, s); err == nil {
			break
		}
	}
	return at, err
}
