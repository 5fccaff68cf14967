package store

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"time"

	"formrelay/internal/submission"
)

// NoteRevisions keeps the revisions that are taken up together, with who wrote them (empty: they lie in the folder). One that its
// profile serves already, as after a restart, is left as it is.
func (s *Store) NoteRevisions(ctx context.Context, revs []submission.Revision, author string) error {
	return s.update(ctx, func(t *tx) error {
		for _, rev := range revs {
			var last submission.Revision
			err := t.one(ctx, lastServed, []any{rev.Profile}, &last.Hash, &last.Profile, &last.Text)
			if err == nil && last.Hash == rev.Hash {
				continue
			}
			if err != nil && !errors.Is(err, sql.ErrNoRows) {
				return err
			}
			if _, err := t.serveRevision(ctx, rev, author); err != nil {
				return err
			}
		}
		return nil
	})
}

// serveRevision notes that a revision serves from now on, and returns its number, which counts from 1 in its profile. A text that was
// there before keeps its number and its author, and is the last again.
func (t *tx) serveRevision(ctx context.Context, rev submission.Revision, author string) (number int, err error) {
	err = t.one(ctx, `INSERT INTO revisions (hash, profile, number, text, used_at, made_at, served_at, author)
		VALUES (?, ?, (SELECT COALESCE(MAX(number), 0) + 1 FROM revisions WHERE profile = ?), ?, 0, ?, ?, ?)
		ON CONFLICT (hash, profile) DO UPDATE SET served_at = excluded.served_at,
			made_at = CASE WHEN revisions.made_at = 0 THEN excluded.made_at ELSE revisions.made_at END,
			author = CASE WHEN revisions.made_at = 0 THEN excluded.author ELSE revisions.author END
		RETURNING number`,
		[]any{rev.Hash, rev.Profile, rev.Profile, rev.Text, micros(t.now), micros(t.now), author}, &number)
	return number, err
}

// Revisions lists the revisions of a profile without their texts, the newest first.
func (s *Store) Revisions(ctx context.Context, profile string) ([]submission.RevisionNote, error) {
	all, err := list(ctx, s.read, s.d.bind(`SELECT hash, number, made_at, served_at, used_at, author FROM revisions
		WHERE profile = ? ORDER BY number DESC`), []any{profile}, func(r row) (n submission.RevisionNote, err error) {
		err = r.Scan(&n.Hash, &n.Number, at{&n.MadeAt}, at{&n.ServedAt}, at{&n.UsedAt}, &n.Author)
		return n, err
	})
	return all, s.explained(err)
}

// maxTaken bounds how many of the newest submissions LastTaken looks at: no index leads from a revision to its submissions, since every
// visitor would pay for it.
const maxTaken = 200_000

// Taken is which revisions took the newest submissions of a profile.
type Taken struct {
	At    map[string]time.Time // by the revision's hash: when the last one that is mapped by it was received
	Since time.Time            // those received before were not looked at; zero: all were
}

// noted is how much later than it begins to serve a revision may be noted.
const noted = time.Minute

// By is when a revision took its last form, zero when none of the newest. What was received before it was made another revision took, and
// ops had it mapped anew.
func (t Taken) By(n submission.RevisionNote) time.Time {
	if last := t.At[n.Hash]; !last.Before(n.MadeAt.Add(-noted)) {
		return last
	}
	return time.Time{}
}

// LastTaken tells when each revision of a profile took its last submission, as the newest submissions have it.
func (s *Store) LastTaken(ctx context.Context, profile string) (Taken, error) {
	return s.lastTaken(ctx, profile, maxTaken)
}

func (s *Store) lastTaken(ctx context.Context, profile string, most int) (Taken, error) {
	taken := Taken{At: map[string]time.Time{}}
	since, cut, err := s.firstOf(ctx, `SELECT received_at FROM submissions ORDER BY seq DESC LIMIT 1 OFFSET ?`, most-1)
	if err != nil {
		return taken, s.explained(err)
	}
	if cut {
		taken.Since = since
	}
	_, err = list(ctx, s.read, s.d.bind(`SELECT revision, MAX(received_at) FROM
		(SELECT profile, revision, received_at FROM submissions ORDER BY seq DESC LIMIT ?) newest WHERE profile = ? GROUP BY revision`), []any{most, profile},
		func(r row) (_ struct{}, err error) {
			var hash string
			var last time.Time
			err = r.Scan(&hash, at{&last})
			taken.At[hash] = last
			return struct{}{}, err
		})
	return taken, s.explained(err)
}

// ProfileRevision reads one revision of a profile by its number. submission.ErrNotFound when it has none of that number.
func (s *Store) ProfileRevision(ctx context.Context, profile string, number int) (submission.Revision, error) {
	var r submission.Revision
	err := s.read.QueryRowContext(ctx, s.d.bind(`SELECT hash, profile, text FROM revisions WHERE profile = ? AND number = ?`), profile, number).
		Scan(&r.Hash, &r.Profile, &r.Text)
	return r, s.explained(notFound(err, "profile "+profile+", revision", strconv.Itoa(number)))
}

// ProfileChanges counts the changes of the profiles that lie in the database: as long as it is the same, so are they.
func (s *Store) ProfileChanges(ctx context.Context) (count int64, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT count FROM profile_changes WHERE id = 1`).Scan(&count)
	return count, s.explained(err)
}

// StoredProfiles lists the profiles that lie in the database, by name.
func (s *Store) StoredProfiles(ctx context.Context) ([]submission.StoredProfile, error) {
	all, err := list(ctx, s.read, `SELECT p.name, p.hash, r.text, r.number, p.enabled, p.changed_at, p.author
		FROM profiles p JOIN revisions r ON r.hash = p.hash AND r.profile = p.name ORDER BY p.name`, nil,
		func(r row) (p submission.StoredProfile, err error) {
			var enabled int64
			err = r.Scan(&p.Name, &p.Hash, &p.Text, &p.Number, &enabled, at{&p.ChangedAt}, &p.Author)
			p.Enabled = enabled == 1
			return p, err
		})
	return all, s.explained(err)
}

// PutProfile has a revision serve as a profile of the database, and returns its number. A profile that was disabled stays so.
func (s *Store) PutProfile(ctx context.Context, rev submission.Revision, author string) (number int, err error) {
	err = s.changeProfiles(ctx, func(t *tx) error {
		if number, err = t.serveRevision(ctx, rev, author); err != nil {
			return err
		}
		_, err = t.exec(ctx, `INSERT INTO profiles (name, hash, enabled, changed_at, author) VALUES (?, ?, 1, ?, ?)
			ON CONFLICT (name) DO UPDATE SET hash = excluded.hash, changed_at = excluded.changed_at, author = excluded.author`,
			rev.Profile, rev.Hash, micros(t.now), author)
		return err
	})
	return number, err
}

// EnableProfile opens or closes a profile of the database. submission.ErrNotFound when there is none of that name.
func (s *Store) EnableProfile(ctx context.Context, name string, enabled bool, author string) error {
	on := 0
	if enabled {
		on = 1
	}
	return s.changeProfiles(ctx, func(t *tx) error {
		n, err := t.exec(ctx, `UPDATE profiles SET enabled = ?, changed_at = ?, author = ? WHERE name = ?`, on, micros(t.now), author, name)
		return found(n, err, name)
	})
}

// RemoveProfile takes a profile out of the database. Its revisions stay, because submissions were taken by them, and so that it can be
// put back. submission.ErrNotFound when there is none of that name.
func (s *Store) RemoveProfile(ctx context.Context, name string) error {
	return s.changeProfiles(ctx, func(t *tx) error {
		n, err := t.exec(ctx, `DELETE FROM profiles WHERE name = ?`, name)
		return found(n, err, name)
	})
}

// found makes an error of a statement that met no row.
func found(n int64, err error, name string) error {
	if err == nil && n == 0 {
		return notFound(sql.ErrNoRows, "profile", name)
	}
	return err
}

// changeProfiles makes one change, and counts it.
func (s *Store) changeProfiles(ctx context.Context, change func(*tx) error) error {
	return s.update(ctx, func(t *tx) error {
		if err := change(t); err != nil {
			return err
		}
		_, err := t.exec(ctx, `UPDATE profile_changes SET count = count + 1 WHERE id = 1`)
		return err
	})
}

// lastServed reads the revision by which a profile served last, whether it took a submission or not.
const lastServed = `SELECT hash, profile, text FROM revisions WHERE profile = ? AND (served_at > 0 OR used_at > 0)
	ORDER BY CASE WHEN served_at > used_at THEN served_at ELSE used_at END DESC, number DESC LIMIT 1`
