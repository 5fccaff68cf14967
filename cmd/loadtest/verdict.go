package main

import (
	"slices"
	"time"

	"formrelay/internal/keycrm/sandbox"
)

// evidence is all that is known at the end of a run.
type evidence struct {
	posts    []post
	received []sandbox.Received
	rejected map[string]string // submissions that KeyCRM refused for good, with its words, by id
	held     map[string]string // submissions kept back for ops, with the reason, by id
	status   map[string]string // what the relay says of acknowledged submissions that did not arrive, by id; "": it knows none
}

// verdict counts what became of the posts.
type verdict struct {
	Posts        int         `json:"posts"`
	Acknowledged int         `json:"acknowledged"`
	TurnedAway   map[int]int `json:"turned_away"` // answers that were no success, by status
	Refused      int         `json:"refused"`     // nobody took the connection
	Unknown      int         `json:"unknown"`     // sent, and no answer came

	Arrived  int `json:"arrived"`  // acknowledged, and in KeyCRM
	Rejected int `json:"rejected"` // acknowledged, and KeyCRM said no for good: ops are told why
	Held     int `json:"held"`     // acknowledged, and kept back for ops
	Pending  int `json:"pending"`  // acknowledged, and the relay still has it to deliver
	Lost     int `json:"lost"`     // acknowledged, and nobody has it

	Doubled        int `json:"doubled"`         // posts that are in KeyCRM more than once
	Mixed          int `json:"mixed"`           // entities that hold another post's content, or no post's
	UnknownArrived int `json:"unknown_arrived"` // of the unknown, those that are in KeyCRM
	AwayArrived    int `json:"away_arrived"`    // in KeyCRM although their visitor was told that it failed

	LostIDs    []string `json:"lost_ids,omitempty"`    // the first of them
	DoubledIDs []string `json:"doubled_ids,omitempty"` // the first of them
	MixedIDs   []string `json:"mixed_ids,omitempty"`   // the first of them

	answer []time.Duration // from due to the answer, of the acknowledged
	crm    []time.Duration // from due to KeyCRM, of those that arrived
}

// mostNamed is how many ids of one fault a report names.
const mostNamed = 10

// judge holds what arrived against what was posted. A post is known in KeyCRM by the number in its name, a submission by its id; the two
// must agree.
func judge(e evidence) verdict {
	v := verdict{Posts: len(e.posts), TurnedAway: map[int]int{}}
	bySeq := make(map[int]*post, len(e.posts))
	for i := range e.posts {
		bySeq[e.posts[i].seq] = &e.posts[i]
	}
	arrived := map[int]time.Time{}
	for _, r := range e.received {
		got := read(r)
		p := bySeq[got.seq]
		_, before := arrived[got.seq]
		switch {
		case p == nil || p.fate == acknowledged && p.id != got.id:
			v.Mixed++
			note(&v.MixedIDs, got.id)
		case before:
			v.Doubled++
			note(&v.DoubledIDs, got.id)
		default:
			arrived[got.seq] = r.At
		}
	}
	for _, p := range e.posts {
		at, there := arrived[p.seq]
		v.count(e, p, at, there)
	}
	slices.Sort(v.answer)
	slices.Sort(v.crm)
	return v
}

// count puts one post under what became of it.
func (v *verdict) count(e evidence, p post, at time.Time, there bool) {
	switch p.fate {
	case acknowledged:
		v.Acknowledged++
		v.answer = append(v.answer, p.latency)
		v.settle(e, p, at, there)
	case turnedAway:
		v.TurnedAway[p.status]++
		v.AwayArrived += one(there)
	case refused:
		v.Refused++
		v.AwayArrived += one(there)
	case unknown:
		v.Unknown++
		v.UnknownArrived += one(there)
	}
}

// settle says where an acknowledged submission is.
func (v *verdict) settle(e evidence, p post, at time.Time, there bool) {
	_, rejected := e.rejected[p.id]
	_, held := e.held[p.id]
	switch {
	case there:
		v.Arrived++
		v.crm = append(v.crm, at.Sub(p.due))
	case rejected:
		v.Rejected++
	case held:
		v.Held++
	case e.status[p.id] == "received":
		v.Pending++
	default: // the relay does not know it, or says that it delivered what KeyCRM does not have
		v.Lost++
		note(&v.LostIDs, p.id)
	}
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

func note(ids *[]string, id string) {
	if len(*ids) < mostNamed {
		*ids = append(*ids, id)
	}
}

// latencies are percentiles in milliseconds.
type latencies struct {
	P50 float64 `json:"p50_ms"`
	P90 float64 `json:"p90_ms"`
	P99 float64 `json:"p99_ms"`
	Max float64 `json:"max_ms"`
}

// percentiles reads sorted durations by the nearest rank; all zero when there are none.
func percentiles(sorted []time.Duration) latencies {
	at := func(share float64) float64 {
		if len(sorted) == 0 {
			return 0
		}
		rank := min(int(share*float64(len(sorted))), len(sorted)-1)
		return float64(sorted[rank].Microseconds()) / 1000
	}
	return latencies{P50: at(0.50), P90: at(0.90), P99: at(0.99), Max: at(1)}
}
