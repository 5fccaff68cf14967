package store

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// readyFor is how long one finding about the store's health is good for. Anybody may ask, and each answer may cost a write to the disk.
const readyFor = time.Second

// readyWithin is how long the store may take to answer, also while another program has it locked: short enough that whoever asks is still
// there to read why it is not ready.
const readyWithin = 2 * time.Second

// readiness remembers the last finding.
type readiness struct {
	mu   sync.Mutex
	when time.Time // by the machine's own clock, which cannot be set back by a test
	err  error
}

// worked notes that something has just been stored, which proves more than any question. Whoever is asking at this moment finds out
// by itself; the committer does not wait for it.
func (r *readiness) worked() {
	if !r.mu.TryLock() {
		return
	}
	defer r.mu.Unlock()
	r.when, r.err = time.Now(), nil
}

// Ready tells whether a submission could be stored now, by really storing something: a row of its own is written and committed, through
// the same connection as submissions. A full disk, a folder that became read-only, a database that another program locks and one whose
// file was removed all show.
// What was found counts for a second, as does a submission stored in that time. ctx bounds the wait; the error is a sentence for ops.
func (s *Store) Ready(ctx context.Context) error {
	s.ready.mu.Lock()
	defer s.ready.mu.Unlock()
	if time.Since(s.ready.when) < readyFor {
		return s.ready.err
	}
	short, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	err := s.update(short, func(t *tx) error {
		if err := s.present.inPlace(); err != nil {
			return err
		}
		_, err := t.exec(short, `UPDATE heartbeat SET written_at = ? WHERE id = 1`, micros(t.now))
		return err
	})
	if err != nil && short.Err() != nil {
		err = fmt.Errorf("the database did not answer in time: %w", err)
	}
	if err != nil && ctx.Err() != nil {
		return err // the caller gave up; that says nothing about the store
	}
	s.ready.when, s.ready.err = time.Now(), err
	return err
}
