package keycrm

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestQueryTarget(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 3, 4, 10, 0, 0, 0, time.FixedZone("", 2*3600))
	tests := []struct {
		name string
		q    Query
		want string // empty: there is nothing to look up by
	}{
		{"an order", Query{Kind: KindOrder, SourceUUID: "01JA&C d+", From: from}, "/order?filter[source_uuid]=01JA%26C%20d%2B&limit=50&page=3"},
		{"an order without a number", Query{Kind: KindOrder, Mark: "[formrelay x]"}, ""},
		{
			"a card",
			Query{Kind: KindCard, Mark: "[formrelay x]", SourceID: 7, From: from, To: from.Add(time.Minute)},
			"/pipelines/cards?filter[source_id]=7&filter[created_between]=2026-03-04%2007%3A55%3A00,2026-03-04%2008%3A06%3A00&limit=50&page=3",
		},
		{
			"a card just after its create broke",
			Query{Kind: KindCard, Mark: "[formrelay x]", From: from, To: from.Add(time.Minute), Early: true},
			"/pipelines/cards?filter[created_between]=2026-03-04%2007%3A58%3A00,2026-03-04%2008%3A03%3A00&limit=50&page=3",
		},
		{"a card with its mark in a field", Query{Kind: KindCard, Mark: "[formrelay x]", MarkField: "LD_1"}, "/pipelines/cards?include=custom_fields&limit=50&page=3"},
		{
			"a card since then",
			Query{Kind: KindCard, Mark: "m", From: from},
			"/pipelines/cards?filter[created_between]=2026-03-04%2007%3A55%3A00,2100-01-01%2000%3A00%3A00&limit=50&page=3",
		},
		{"a card without a mark", Query{Kind: KindCard, Mark: " ", SourceUUID: "x"}, ""},
		{"no kind", Query{SourceUUID: "x", Mark: "m"}, ""},
	}
	for _, tt := range tests {
		got, ok := tt.q.target(3)
		if ok != (tt.want != "") || ok && got != tt.want {
			t.Errorf("%s:\n%s\n%s", tt.name, got, tt.want)
		}
	}
}

func TestQueryFind(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)
	order := Query{Kind: KindOrder, SourceID: 22, SourceUUID: "01JABC", From: from}
	card := Query{Kind: KindCard, SourceID: 22, Mark: "[formrelay 01JABC]"}
	field := Query{Kind: KindCard, Mark: "[formrelay 01JABC]", MarkField: "LD_9"}
	own := order
	own.Own = true
	tests := []struct {
		name string
		q    Query
		row  string
		want bool
	}{
		{"ours", order, `{"id":5,"source_uuid":"01JABC","source_id":22,"created_at":"2026-03-04T10:00:01.000000Z"}`, true},
		{"the time with a blank", order, `{"id":5,"source_uuid":"01JABC","source_id":22,"created_at":"2026-03-04 10:00:01"}`, true},
		{"KeyCRM's clock behind ours", order, `{"id":5,"source_uuid":"01JABC","source_id":22,"created_at":"2026-03-04 09:56:00"}`, true},
		{"surely older", order, `{"id":5,"source_uuid":"01JABC","source_id":22,"created_at":"2026-03-03T10:00:00Z"}`, false},
		{"older, with an id of our own", own, `{"id":5,"source_uuid":"01JABC","source_id":22,"created_at":"2020-03-03T10:00:00Z"}`, true},
		{"an id of our own at another source", own, `{"id":5,"source_uuid":"01JABC","source_id":7}`, false},
		{"no time at all", order, `{"id":5,"source_uuid":"01JABC","source_id":22}`, true},
		{"an unreadable time", order, `{"id":5,"source_uuid":"01JABC","source_id":22,"created_at":"04.03.2025"}`, true},
		{"an old time of the form", order, `{"id":5,"source_uuid":"01JABC","source_id":22,"ordered_at":"2020-01-01 00:00:00"}`, true},
		{"another source", order, `{"id":5,"source_uuid":"01JABC","source_id":7}`, false},
		{"a source in quotes", order, `{"id":5,"source_uuid":"01JABC","source_id":"22"}`, true},
		{"no source told", order, `{"id":5,"source_uuid":"01JABC"}`, true},
		{"a part of the number", order, `{"id":5,"source_uuid":"01JABCD","source_id":22}`, false},
		{"other case", order, `{"id":5,"source_uuid":"01jabc","source_id":22}`, false},
		{"no number", order, `{"id":5,"source_uuid":null,"source_id":22}`, false},
		{"a number as a number", Query{Kind: KindOrder, SourceUUID: "115"}, `{"id":5,"source_uuid":115}`, true},
		{"the mark alone", card, `{"id":5,"source_id":22,"manager_comment":"[formrelay 01JABC]"}`, true},
		{"the mark and more", card, `{"id":5,"source_id":22,"manager_comment":"[formrelay 01JABC]\nName: x"}`, true},
		{"something written around it", card, `{"id":5,"source_id":22,"manager_comment":"\n VIP! [formrelay 01JABC] called\r\nx"}`, true},
		{"the mark further down", card, `{"id":5,"source_id":22,"manager_comment":"quoting:\n[formrelay 01JABC]"}`, false},
		{"another's mark", card, `{"id":5,"source_id":22,"manager_comment":"[formrelay 01JABCD]"}`, false},
		{"no comment", card, `{"id":5,"source_id":22,"manager_comment":null}`, false},
		{"another source's card", card, `{"id":5,"source_id":1,"manager_comment":"[formrelay 01JABC]"}`, false},
		{"the mark in its field", field, `{"id":5,"custom_fields":[{"uuid":"LD_1","value":"x"},{"uuid":"LD_9","value":"[formrelay 01JABC]"}]}`, true},
		{"the mark in a list field", field, `{"id":5,"custom_fields":[{"uuid":"LD_9","value":["[formrelay 01JABC]"]}]}`, true},
		{"the mark in another field", field, `{"id":5,"custom_fields":[{"uuid":"LD_1","value":"[formrelay 01JABC]"}]}`, false},
		{"fields of another shape", field, `{"id":5,"custom_fields":{"LD_9":"[formrelay 01JABC]"}}`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := search{q: tt.q}
			_, ok := parseListing(strings.NewReader(`{"data":[{"id":1,"source_uuid":"other","source_id":22},`+tt.row+`]}`), s.take)
			if !ok {
				t.Fatal("the page does not read")
			}
			if want := map[bool]int64{true: 5}[tt.want]; s.id != want || s.matched != tt.want {
				t.Errorf("found %d (%v), want %d", s.id, s.matched, want)
			}
		})
	}
}

func TestFindWithoutAnID(t *testing.T) {
	t.Parallel()
	s := search{q: Query{Kind: KindOrder, SourceUUID: "x"}}
	if l, ok := parseListing(strings.NewReader(`{"data":[{"source_uuid":"x"},{"id":5,"source_uuid":"x"}]}`), s.take); !ok || l.rows != 2 {
		t.Fatalf("the page does not read: %+v", l)
	}
	if a := s.answer(Answer{Outcome: Done}, drift{}, drift{}); a.Outcome != Uncertain || !strings.Contains(a.Text, "no readable id") {
		t.Errorf("a row that matches without an id counts as read: %+v", a)
	}
}

func TestParseListing(t *testing.T) {
	t.Parallel()
	fifty := strings.TrimSuffix(strings.Repeat(`{"id":1},`, 50), ",")
	tests := []struct {
		name, body string
		rows       int
		more, ok   bool
	}{
		{"the last page", `{"data":[{"id":1}],"current_page":2,"last_page":2,"next_page_url":null}`, 1, false, true},
		{"a page before others", `{"data":[{"id":1}],"current_page":1,"next_page_url":"https://x/?page=2"}`, 1, true, true},
		{"only numbers say so", `{"data":[{"id":1}],"current_page":1,"last_page":"3"}`, 1, true, true},
		{"a full page that says nothing", `{"data":[` + fifty + `]}`, 50, true, true},
		{"a full page that is the last", `{"data":[` + fifty + `],"current_page":1,"last_page":1}`, 50, false, true},
		{"an empty page ends it, whatever it says", `{"data":[],"next_page_url":"https://x/?page=3"}`, 0, false, true},
		{"a bare array", `[{"id":1},{"id":2}]`, 2, false, true},
		{"no data", `{"message":"hello"}`, 0, false, false},
		{"data of another shape", `{"data":{"id":1}}`, 0, false, false},
		{"rows of another shape", `{"data":[1,2]}`, 0, false, false},
		{"null", `{"data":null}`, 0, false, false},
		{"a page of HTML", `<html>`, 0, false, false},
		{"nothing", ``, 0, false, false},
		{"data last", `{"last_page":3,"links":[{"url":"https://x"}],"current_page":1,"data":[{"id":1}]}`, 1, true, true},
		{"two lists", `{"data":[{"id":1}],"data":[]}`, 0, false, false},
		{"an end too many", `{"data":[{"id":1}]}]`, 0, false, false},
		{"cut off after its last row", `{"data":[{"id":1}]`, 0, false, false},
		{"cut off in a row", `[{"id":1},{"id"`, 0, false, false},
		{"more rows than any account has", `[` + strings.Repeat(`{},`, maxRows) + `{}]`, 0, false, false},
	}
	for _, tt := range tests {
		taken := 0
		l, ok := parseListing(strings.NewReader(tt.body), func(json.RawMessage) bool { taken++; return true })
		if ok != tt.ok || ok && (l.rows != tt.rows || taken != tt.rows || l.more != tt.more) {
			t.Errorf("%s: %d rows, more %v, ok %v", tt.name, l.rows, l.more, ok)
		}
	}
}
