package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"formrelay/internal/profile"
	"formrelay/internal/store"
	"formrelay/internal/submission"
)

// maxLast bounds how many submissions a change is tried on.
const maxLast = 1000

// compare shows what a change of a profile does to the submissions that it took last: each is mapped by the revision named and by the
// text that lies there now, and what comes out otherwise is printed as a difference of the JSON. Nothing is changed, or sent.
func (c previewCmd) compare(w *world, now *profile.Profile) error {
	db, err := openStored(w, c.Database)
	if err != nil {
		return err
	}
	defer db.Close()
	before, err := c.earlier(w, db, now)
	if err != nil {
		return err
	}
	changed, compared := 0, 0
	for s, err := range db.All(w.ctx, store.Filter{Profile: now.Name}) {
		if err != nil {
			return err
		}
		if compared == c.Last {
			break
		}
		if !s.EmptiedAt.IsZero() {
			continue
		}
		compared++
		was, is := outcome(before, s), outcome(now, s)
		if bytes.Equal(was, is) {
			continue
		}
		changed++
		fmt.Fprintf(w.stdout, "submission %s, received %s\n", s.ID, s.ReceivedAt.Format(time.DateTime))
		name := fmt.Sprintf("by revision %d", c.Diff)
		if _, err := fmt.Fprintln(w.stdout, inert(string(difference(name, was, "by "+now.File, is)))); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(w.stderr, "%s\n", comparison(changed, compared))
	return err
}

// comparison says how many of those compared come out differently.
func comparison(changed, compared int) string {
	verb := "come"
	if changed == 1 {
		verb = "comes"
	}
	return fmt.Sprintf("%d of %s %s out differently", changed, plural(compared, "submission"), verb)
}

// earlier is the revision to compare with.
func (c previewCmd) earlier(w *world, db *store.Store, now *profile.Profile) (*profile.Profile, error) {
	rev, err := db.ProfileRevision(w.ctx, now.Name, c.Diff)
	if errors.Is(err, submission.ErrNotFound) {
		return nil, fmt.Errorf("the profile %s has no revision %d: `formrelay profiles history %s` shows those there are", now.Name, c.Diff, now.Name)
	}
	if err != nil {
		return nil, err
	}
	options, err := profileOptions(w, c.File)
	if err != nil {
		return nil, err
	}
	p, faults := profile.Parse(now.Name, fmt.Sprintf("revision %d", c.Diff), rev.Text, options)
	if p == nil {
		return nil, fmt.Errorf("that revision does not fit this version:\n%w", faults)
	}
	return p, nil
}

// outcome is what a profile makes of a submission, as lines that can be compared.
func outcome(p *profile.Profile, s submission.Submission) []byte {
	result := p.Mapping.Apply(recordedInput(s, false))
	var out bytes.Buffer
	for _, c := range result.Corrections {
		fmt.Fprintf(&out, "the visitor is told at the field %s: %s\n", printable(c.Field), correctionRule(c))
	}
	for _, problem := range result.Problems {
		fmt.Fprintf(&out, "held: %s: %s\n", problem.Path, printable(problem.Text))
	}
	if result.Entity != nil && json.Indent(&out, result.Entity, "", "  ") == nil {
		out.WriteByte('\n')
	}
	return out.Bytes()
}

// checkDiff refuses what a comparison cannot go with.
func (c previewCmd) checkDiff(sources int) error {
	switch {
	case c.Profile == "":
		return errors.New("--diff needs the profile's name")
	case sources > 0 || c.ID != "" || c.Now != "" || c.Explain:
		return errors.New("--diff compares the submissions that the profile took last: leave the other flags out")
	case c.Last < 1 || c.Last > maxLast:
		return fmt.Errorf("--last: write a number from 1 to %d", maxLast)
	}
	return nil
}
