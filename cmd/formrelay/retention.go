package main

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"formrelay/internal/config"
	"formrelay/internal/store"
	"formrelay/internal/submission"
)

// The pace of retention. A batch holds up the posts that come meanwhile for a few milliseconds; in between they go first.
const (
	retentionBatch = 25
	retentionPause = 200 * time.Millisecond // between two batches
	retentionEvery = 10 * time.Minute       // between two looks when nothing is left to do, or the store fails
	sweptAtOnce    = 2                      // contents of files, of 10 MB at most each
)

// retain empties what has been kept for long enough, from now until ctx ends. Faults are only logged: the next look mends them.
func retain(ctx context.Context, db *store.Store, c config.Checked, log zerolog.Logger) {
	keep := map[submission.State]time.Duration{
		submission.Delivered: c.KeepFor, submission.Discarded: c.KeepFor, submission.Refused: c.KeepRefusedFor,
	}
	for {
		more := false
		for state, age := range keep {
			if age == 0 || ctx.Err() != nil {
				continue
			}
			n, err := db.Empty(ctx, state, age, retentionBatch)
			if err != nil && ctx.Err() == nil {
				log.Error().Err(err).Str("state", string(state)).Msg("what has been kept for long enough could not be emptied; it is tried again")
			}
			if n > 0 {
				log.Info().Str("state", string(state)).Int("submissions", n).Msg("kept for long enough: their values are gone")
			}
			more = more || n == retentionBatch
		}
		swept, err := db.SweepUploads(ctx, sweptAtOnce)
		if err != nil && ctx.Err() == nil {
			log.Error().Err(err).Msg("contents of files that nobody needs any more could not be removed; it is tried again")
		}
		more = more || swept == sweptAtOnce
		pause := retentionEvery
		if more {
			pause = retentionPause
		}
		if !sleep(ctx, pause) {
			return
		}
	}
}

// sleep waits for d; false: ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
