package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/rs/zerolog"

	"formrelay/internal/config"
	"formrelay/internal/profile"
	"formrelay/internal/store"
	"formrelay/internal/submission"
)

// storedEvery is how often the database is asked whether its profiles changed, so that replicas agree on them within a second.
const storedEvery = 500 * time.Millisecond

// profiles keeps the live set of profiles in step with the folder and the database, and the database with what was taken up.
type profiles struct {
	folder  string
	live    *profile.Live
	store   *store.Store
	log     zerolog.Logger
	changes int64                 // of the database's profiles, when they were read last
	unnoted []submission.Revision // taken up from the folder, and not yet kept
	lost    bool                  // the last try to keep them failed
}

// openProfiles reads what there is. Broken profiles, a folder that is not there and one that may not be read never keep the server from
// starting; of each broken profile the last revision that served serves on, and the faults are said loudly.
func openProfiles(ctx context.Context, c config.Checked, db *store.Store, log zerolog.Logger) (*profiles, error) {
	p := &profiles{folder: c.Profiles, live: profile.NewLive(c.Profiles, naming(c.Names())), store: db, log: log, changes: -1}
	p.look(ctx, true)
	if err := p.fetch(ctx); err != nil {
		return nil, err
	}
	for _, name := range p.live.Broken() {
		if err := p.restore(ctx, name); err != nil {
			return nil, err
		}
	}
	log.Info().Strs("profiles", p.live.Names()).Msg("profiles read")
	return p, nil
}

// run looks again and again until ctx ends.
func (p *profiles) run(ctx context.Context) {
	folder, database := time.NewTimer(p.live.Next()), time.NewTicker(storedEvery)
	defer folder.Stop()
	defer database.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-folder.C:
			p.look(ctx, false)
			folder.Reset(p.live.Next())
		case <-database.C:
			if err := p.fetch(ctx); err != nil && ctx.Err() == nil {
				p.log.Debug().Err(err).Msg("the profiles in the database cannot be read at the moment; those that serve serve on")
			}
		}
	}
}

// look looks at the folder.
func (p *profiles) look(ctx context.Context, first bool) {
	changes, err := p.live.Look(time.Now(), first)
	if errors.Is(err, fs.ErrNotExist) && first {
		p.log.Error().Msg(fmt.Sprintf("there is no folder %s: make it, or name another with --profiles; until then only profiles of the database serve", p.folder))
	} else if err != nil {
		p.log.Error().Err(err).Msg("profiles are looked for again every second; those of the database, and for ten seconds those that were in the folder, serve on")
	}
	p.tell(changes, first)
	for _, c := range changes {
		if c.Kind == profile.Taken {
			p.unnoted = append(p.unnoted, submission.Revision{Hash: c.Profile.Hash, Profile: c.Name, Text: c.Profile.Text})
		}
	}
	p.note(ctx)
}

// note keeps what was taken up, now or as soon as the store can: a revision that took a submission is kept with it in any case.
func (p *profiles) note(ctx context.Context) {
	if len(p.unnoted) == 0 {
		return
	}
	err := p.store.NoteRevisions(ctx, p.unnoted, "")
	if err == nil {
		p.unnoted, p.lost = nil, false
		return
	}
	if !p.lost && ctx.Err() == nil {
		p.log.Warn().Err(err).Msg("the profiles serve, but their texts cannot be kept in the database at the moment; it is tried again")
	}
	p.lost = true
}

// fetch brings in the profiles of the database when they changed.
func (p *profiles) fetch(ctx context.Context) error {
	count, err := p.store.ProfileChanges(ctx)
	if err != nil || count == p.changes {
		return err
	}
	all, err := p.store.StoredProfiles(ctx)
	if err != nil {
		return err
	}
	first := p.changes < 0
	p.changes = count
	stored := make([]profile.Stored, len(all))
	for i, s := range all {
		stored[i] = profile.Stored{Name: s.Name, Hash: s.Hash, Text: s.Text, Enabled: s.Enabled}
	}
	p.tell(p.live.SetStored(stored), first)
	return nil
}

// tell logs what changed. At the start what was taken up is said in one line by openProfiles.
func (p *profiles) tell(changes []profile.Change, first bool) {
	for _, c := range changes {
		switch c.Kind {
		case profile.Taken:
			if !first {
				p.log.Info().Str("profile", c.Name).Str("revision", c.Profile.Hash).Msg("the profile was changed: this revision serves")
			}
		case profile.Broken:
			for _, fault := range c.Faults {
				p.log.Error().Str("profile", c.Name).Msg("profile: " + fault.String())
			}
			if _, serves := p.live.Get(c.Name); serves && !first {
				p.log.Error().Str("profile", c.Name).Msg("the profile is broken: the revision before serves on")
			}
		case profile.Missing:
			p.log.Warn().Str("profile", c.Name).Msg("the profile's file is gone: it serves on for ten seconds")
		case profile.Removed:
			p.log.Warn().Str("profile", c.Name).Msg("the profile was removed: it answers 404")
		}
	}
}

// restore has the last revision that served serve on in place of a broken text.
func (p *profiles) restore(ctx context.Context, name string) error {
	if _, serves := p.live.Get(name); serves {
		return nil
	}
	log := p.log.Error().Str("profile", name)
	revision, err := p.store.LastRevision(ctx, name)
	switch {
	case errors.Is(err, submission.ErrNotFound):
		log.Msg("the profile is broken and no earlier revision served: it answers 503 until it is mended")
	case err != nil:
		return err
	case !p.live.Restore(name, revision.Text):
		log.Msg("the profile is broken and its last stored revision does not fit this version: it answers 503 until it is mended")
	default:
		log.Str("revision", revision.Hash).Msg("the profile is broken: its last stored revision serves on")
	}
	return nil
}
