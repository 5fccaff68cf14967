package sandbox

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The rows of a page when the query names no limit, and the most it can name. More is cut down to that without a word:
// what KeyCRM does is not known, but clients that ask for 100 were seen to get by.
const (
	defaultPage = 15
	maxPage     = 50
)

// filter is one filter of a list; match says whether a row passes it.
type filter[T any] struct {
	name  string
	match func(row T, value string) bool
}

// query is what a list's route allows. KeyCRM refuses what it does not know with a 400 that names what it does.
type query[T any] struct {
	filters  []filter[T]
	includes []string
	sorts    []string
}

// refuse gives the 400 to a query with something unknown in it.
func (q query[T]) refuse(values url.Values) (answer, bool) {
	var names []string
	for _, f := range q.filters {
		names = append(names, f.name)
	}
	// Unknown filters are named in one order, since a map has none and a test compares sentences.
	var asked []string
	for key := range values {
		if name, ok := filterName(key); ok {
			asked = append(asked, name)
		}
	}
	slices.Sort(asked)
	for _, c := range []struct {
		what           string
		asked, allowed []string
	}{
		{"filter", asked, names},
		{"include", split(values.Get("include")), q.includes},
		{"sort", split(strings.ReplaceAll(values.Get("sort"), "-", "")), q.sorts},
	} {
		unknown := slices.DeleteFunc(c.asked, func(name string) bool { return slices.Contains(c.allowed, name) })
		if len(unknown) > 0 {
			return message(http.StatusBadRequest, fmt.Sprintf("Requested %s(s) `%s` are not allowed. Allowed %s(s) are `%s`.",
				c.what, strings.Join(unknown, ", "), c.what, strings.Join(c.allowed, ", "))), true
		}
	}
	return answer{}, false
}

// passes says whether the row passes every filter that was asked for.
func (q query[T]) passes(row T, values url.Values) bool {
	for key := range values {
		name, ok := filterName(key)
		if !ok || values.Get(key) == "" { // an empty filter filters nothing
			continue
		}
		for _, f := range q.filters {
			if f.name == name && !f.match(row, values.Get(key)) {
				return false
			}
		}
	}
	return true
}

// filterName reads filter[name], with brackets as they stand or percent-encoded.
func filterName(key string) (string, bool) {
	name, ok := strings.CutPrefix(key, "filter[")
	return strings.TrimSuffix(name, "]"), ok && strings.HasSuffix(key, "]")
}

// paginate answers with the page of rows that was asked for, in KeyCRM's wrapping.
func paginate[T any](r *http.Request, rows []T) answer {
	values := r.URL.Query()
	// A page beyond the last is an empty one, not an error: that is how a client that only counts pages finds the end.
	limit, page := bounded(values.Get("limit"), defaultPage, maxPage), bounded(values.Get("page"), 1, 1<<20)
	last := max((len(rows)+limit-1)/limit, 1)
	from := min((page-1)*limit, len(rows))
	address := func(n int) any {
		if n < 1 || n > last {
			return nil
		}
		next := r.URL.Query()
		next.Set("page", strconv.Itoa(n))
		return (&url.URL{Scheme: "http", Host: r.Host, Path: r.URL.Path, RawQuery: next.Encode()}).String()
	}
	shown := rows[from:min(from+limit, len(rows))]
	if shown == nil { // "data" is a list even when there is nothing in it
		shown = []T{}
	}
	return respond(http.StatusOK, map[string]any{
		"total": len(rows), "current_page": page, "per_page": limit, "last_page": last, "data": shown,
		"first_page_url": address(1), "last_page_url": address(last), "next_page_url": address(page + 1), "prev_page_url": address(page - 1),
	})
}

// bounded reads a number from 1 to limit; what is beyond is the limit, what is no number the default.
func bounded(text string, def, limit int) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return def
	}
	return min(n, limit)
}

// split parts a comma list, the separator KeyCRM uses in filters and includes.
func split(text string) []string {
	var parts []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

// oneOf says whether got is one of a comma list.
func oneOf(got any, list string) bool {
	return got != nil && slices.Contains(split(list), fmt.Sprint(got))
}

// between says whether at lies in "from,to", each a time or a day, in UTC; a day as an end means its last second.
func between(at time.Time, list string) bool {
	parts := split(list)
	if len(parts) != 2 {
		return false
	}
	from, err := parseEnd(parts[0], 0)
	to, err2 := parseEnd(parts[1], 24*time.Hour-time.Second)
	at = at.Truncate(time.Second) // the ends count in whole seconds, and the last one belongs to the range
	return err == nil && err2 == nil && !at.Before(from) && !at.After(to)
}

// parseEnd reads one end of a range; restOfDay is what a mere day adds to its midnight.
func parseEnd(text string, restOfDay time.Duration) (time.Time, error) {
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day.Add(restOfDay), nil
	}
	return time.Parse(time.DateTime, text)
}
