package store

import (
	"bytes"
	"context"
	"database/sql"
	"slices"
	"strconv"
	"time"

	"formrelay/internal/submission"
)

// maxTwins bounds the rows that are looked at for the firsts of a batch. Healthy forms have one or two; should somebody make thousands
// of the same post with ever new keys, one of theirs may be stored twice.
const maxTwins = 1000

// signColumn is a column that holds a sign of every post that has it.
type signColumn string

const (
	keyedColumn  signColumn = "double_keyed"
	senderColumn signColumn = "double_sender"
)

// twins asks for every submission that may be the first of a post with one of several numbers. Refused and discarded ones are none:
// their visitors are still at it.
func (c signColumn) twins(d dialect) string {
	column := string(c)
	return d.bind(`SELECT ` + column + `, double_data, received_at, id, state FROM submissions WHERE ` + column + ` <> 0 AND ` + column + ` ` + d.anyOf + `
		AND received_at >= ? AND state NOT IN ('refused', 'discarded') LIMIT ` + strconv.Itoa(maxTwins))
}

// prepareTwins prepares the two questions: every post asks one of them.
func (s *Store) prepareTwins(ctx context.Context) (err error) {
	if s.byKey, err = s.write.PrepareContext(ctx, keyedColumn.twins(s.d)); err == nil {
		s.bySender, err = s.write.PrepareContext(ctx, senderColumn.twins(s.d))
	}
	return err
}

// first is the submission that a post repeats.
type first struct {
	id         string
	state      submission.State
	receivedAt time.Time
}

// findRepeats finds out which of rows were posted before, in the database or as an earlier one of rows, and parts them: fresh are to be
// stored.
//
// Two replicas cannot take twins for fresh at the same time: lockKeys has the second wait until the first has committed. Within one,
// batches follow each other.
func (s *Store) findRepeats(ctx context.Context, t *tx, rows []*pending) (fresh []*pending, err error) {
	for _, p := range rows {
		p.fate = fate{}
	}
	if err := s.askFirsts(ctx, t, rows); err != nil {
		return nil, err
	}
	met := map[sign]*pending{} // those of rows that are first themselves
	for _, p := range rows {
		if p.fate.repeats.id != "" {
			continue
		}
		if twin := met[p.asked()]; twin != nil && bytes.Equal(twin.sub.Signs.Data, p.sub.Signs.Data) {
			p.fate.repeats = first{id: twin.sub.ID, state: twin.sub.State, receivedAt: twin.sub.ReceivedAt}
			continue
		}
		fresh = append(fresh, p)
		if p.sub.State != submission.Refused {
			noteSigns(met, p)
		}
	}
	return fresh, nil
}

// sign is one of a post's numbers, and which of them it is.
type sign struct {
	keyed  bool
	number int64
}

// asked is the sign by which a post's first is looked for: with a key it is known by that alone. The zero sign is nobody's.
func (p *pending) asked() sign {
	switch signs := &p.sub.Signs; {
	case len(signs.Data) == 0:
		return sign{}
	case signs.Keyed != 0:
		return sign{true, signs.Keyed}
	default:
		return sign{false, signs.Sender}
	}
}

// noteSigns remembers p under every sign that a later post may ask by.
func noteSigns(met map[sign]*pending, p *pending) {
	for _, s := range []sign{{true, p.sub.Signs.Keyed}, {false, p.sub.Signs.Sender}} {
		if _, taken := met[s]; s.number != 0 && !taken {
			met[s] = p
		}
	}
}

// twin is a submission that may be the first of a post.
type twin struct {
	first
	number int64
	data   []byte
}

// askFirsts asks the database for the first of each of rows, one question for all that have a key and one for all that have none.
func (s *Store) askFirsts(ctx context.Context, t *tx, rows []*pending) error {
	var keyed, others []*pending
	for _, p := range rows {
		switch asked := p.asked(); {
		case asked.number == 0:
		case asked.keyed:
			keyed = append(keyed, p)
		default:
			others = append(others, p)
		}
	}
	if err := t.takeFirsts(ctx, s.byKey, keyed); err != nil {
		return err
	}
	return t.takeFirsts(ctx, s.bySender, others)
}

// takeFirsts gives each of rows its first, if there is one, by the question that they ask.
func (t *tx) takeFirsts(ctx context.Context, question *sql.Stmt, rows []*pending) error {
	if len(rows) == 0 {
		return nil
	}
	numbers, since := make([]int64, len(rows)), rows[0].since()
	for i, p := range rows {
		numbers[i] = p.asked().number
		if p.since().Before(since) {
			since = p.since()
		}
	}
	for _, args := range t.d.eachOf(numbers) {
		twins, err := t.twins(ctx, question, append(args, micros(since)))
		if err != nil {
			return err
		}
		for _, w := range twins {
			for _, p := range rows {
				p.meet(w)
			}
		}
	}
	return nil
}

func (t *tx) twins(ctx context.Context, question *sql.Stmt, args []any) ([]twin, error) {
	rows, err := t.StmtContext(ctx, question).QueryContext(ctx, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []twin
	for rows.Next() {
		var w twin
		if err := rows.Scan(&w.number, &w.data, at{&w.receivedAt}, &w.id, &w.state); err != nil {
			return nil, err
		}
		all = append(all, w)
	}
	return all, rows.Err()
}

// since is when the first of p was received, or later.
func (p *pending) since() time.Time {
	if p.asked().keyed {
		return p.sub.ReceivedAt.Add(-submission.KeyFor)
	}
	return p.sub.ReceivedAt.Add(-p.sub.Signs.Window)
}

// meet takes w for the first of p if it is one, and came before the one that was met.
func (p *pending) meet(w twin) {
	if w.number != p.asked().number || !bytes.Equal(w.data, p.sub.Signs.Data) || w.receivedAt.Before(p.since()) {
		return
	}
	if known := p.fate.repeats; known.id == "" || w.receivedAt.Before(known.receivedAt) || w.receivedAt.Equal(known.receivedAt) && w.id < known.id {
		p.fate.repeats = w.first
	}
}

// countRepeats counts what of rows was posted again on the rows of their firsts, one update for each of these. All replicas go in the
// order of ids, so none waits in a circle.
func (t *tx) countRepeats(ctx context.Context, rows []*pending) error {
	times := map[string]int{}
	var ids []string
	for _, p := range rows {
		id := p.fate.repeats.id
		if id == "" {
			continue
		}
		if times[id]++; times[id] == 1 {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	for _, id := range ids {
		_, err := t.exec(ctx, `UPDATE submissions SET repeats = repeats + ?, repeated_at = ? WHERE id = ?`, times[id], micros(t.now), id)
		if err != nil {
			return err
		}
	}
	return nil
}

// lockedSign is the number that replicas lock for a post, so that its twins wait for each other; 0: it is compared with none. Twins of
// which one has a key and the other none do not wait, and gain nothing by it: both are stored as well when the one without a key came
// first, because a key of its own makes a post another fill.
func (p *pending) lockedSign() int64 { return p.asked().number }
