package store

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"formrelay/internal/submission"
)

// text is a revision whose hash says its text.
func text(profile, s string) submission.Revision {
	return submission.Revision{Hash: "hash of " + s, Profile: profile, Text: []byte(s)}
}

// What was taken up is kept with its time and its author, and the last to serve is found again.
func testRevisionNotes(t *testing.T, f *fixture) {
	note := func(author string, revs ...submission.Revision) {
		t.Helper()
		f.ok(f.NoteRevisions(t.Context(), revs, author))
		f.clock.advance(time.Second)
	}
	start := f.clock.now
	note("", text("landing", "one"), text("other", "one"))
	note("olena", text("landing", "two"))
	note("petro", text("landing", "one")) // taken back by another hand: the text is still its author's
	note("", text("landing", "one"))      // a restart
	last, err := f.LastRevision(t.Context(), "landing")
	f.ok(err)
	f.same(text("landing", "one"), last)
	notes, err := f.Revisions(t.Context(), "landing")
	f.ok(err)
	f.same([]submission.RevisionNote{
		{Hash: "hash of two", Number: 2, MadeAt: start.Add(time.Second), ServedAt: start.Add(time.Second), Author: "olena"},
		{Hash: "hash of one", Number: 1, MadeAt: start, ServedAt: start.Add(2 * time.Second)},
	}, notes)
	second, err := f.ProfileRevision(t.Context(), "landing", 2)
	f.ok(err)
	f.same(text("landing", "two"), second)
	if _, err := f.ProfileRevision(t.Context(), "landing", 3); !errors.Is(err, submission.ErrNotFound) {
		t.Error(err)
	}
	sub := f.order("1") // a submission that is taken by it changes nothing about who wrote it
	sub.Profile, sub.Revision = "landing", "hash of two"
	f.ok(f.Accept(t.Context(), sub, text("landing", "two")))
	notes, err = f.Revisions(t.Context(), "landing")
	f.ok(err)
	f.same("olena", notes[0].Author)
	f.same(f.clock.now, notes[0].UsedAt)
}

// When a revision took its last form is read from the submissions, and only the newest are looked at.
func testLastTaken(t *testing.T, f *fixture) {
	taken := func(most int) Taken {
		t.Helper()
		got, err := f.lastTaken(t.Context(), "landing", most)
		f.ok(err)
		return got
	}
	f.same(Taken{At: map[string]time.Time{}}, taken(9))
	start := f.clock.now
	for n, hash := range []string{"one", "two", "two", "other", "two"} {
		sub := f.order(strconv.Itoa(n))
		sub.Profile, sub.Revision, sub.ReceivedAt = "landing", "hash of "+hash, start.Add(time.Duration(n)*time.Hour)
		if hash == "other" {
			sub.Profile = "other"
		}
		f.ok(f.Accept(t.Context(), sub, text(sub.Profile, hash)))
	}
	both := map[string]time.Time{"hash of one": start, "hash of two": start.Add(4 * time.Hour)}
	f.same(Taken{At: both}, taken(6))
	f.same(Taken{At: both, Since: start}, taken(5))
	f.same(Taken{At: map[string]time.Time{"hash of two": start.Add(4 * time.Hour)}, Since: start.Add(time.Hour)}, taken(4))
	two := submission.RevisionNote{Hash: "hash of two", MadeAt: start.Add(time.Hour)}
	f.same(start.Add(4*time.Hour), taken(5).By(two))
	two.MadeAt = start.Add(5 * time.Hour) // ops had older ones mapped by it
	f.same(time.Time{}, taken(5).By(two))
	f.same(time.Time{}, taken(5).By(submission.RevisionNote{Hash: "hash of three"}))
	all, err := f.LastTaken(t.Context(), "landing")
	f.ok(err)
	f.same(Taken{At: both}, all)
}

// A profile of the database is put, closed, opened and taken away, and every change is counted.
func testStoredProfiles(t *testing.T, f *fixture) {
	counted := func(want int64) {
		t.Helper()
		count, err := f.ProfileChanges(t.Context())
		f.ok(err)
		f.same(want, count)
	}
	put := func(profile, s string, number int) {
		t.Helper()
		got, err := f.PutProfile(t.Context(), text(profile, s), "olena")
		f.ok(err)
		f.same(number, got)
	}
	counted(0)
	put("b", "one", 1)
	put("a", "one", 1)
	put("a", "two", 2)
	f.ok(f.EnableProfile(t.Context(), "a", false, "petro"))
	counted(4)
	all, err := f.StoredProfiles(t.Context())
	f.ok(err)
	f.same([]submission.StoredProfile{
		{Name: "a", Hash: "hash of two", Number: 2, Text: []byte("two"), ChangedAt: f.clock.now, Author: "petro"},
		{Name: "b", Hash: "hash of one", Number: 1, Text: []byte("one"), Enabled: true, ChangedAt: f.clock.now, Author: "olena"},
	}, all)
	put("a", "one", 1) // put back while it is closed: it stays closed
	all, err = f.StoredProfiles(t.Context())
	f.ok(err)
	f.same(false, all[0].Enabled)
	f.ok(f.EnableProfile(t.Context(), "a", true, "petro"))
	f.ok(f.RemoveProfile(t.Context(), "b"))
	counted(7)
	for _, err := range []error{f.RemoveProfile(t.Context(), "b"), f.EnableProfile(t.Context(), "b", true, "petro")} {
		if !errors.Is(err, submission.ErrNotFound) {
			t.Error(err)
		}
	}
	counted(7)
	last, err := f.LastRevision(t.Context(), "b") // its revisions stay
	f.ok(err)
	f.same(text("b", "one"), last)
}
