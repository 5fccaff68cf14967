package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"formrelay/internal/config"
	"formrelay/internal/form"
	"formrelay/internal/keycrm"
	"formrelay/internal/profile"
	"formrelay/internal/store"
	"formrelay/internal/submission"
)

// remaking is how replay and release are told what to send.
type remaking struct {
	config.File `embed:""`

	Profiles string   `env:"FORMRELAY_PROFILES" default:"./profiles" placeholder:"FOLDER" help:"Folder of the profiles, one <name>.yaml each."`
	Mapping  string   `enum:"auto,old,current" default:"auto" help:"old: what was made of it when it was posted; current: what its profile makes of it now; auto: old where there is something, else current."`
	Set      []string `sep:"none" placeholder:"FIELD=VALUE" help:"Correct a field before its profile maps it anew; repeat it for each. It is recorded."`
	Force    bool     `help:"Also a refused one that a later post corrected, and one that may be in KeyCRM already; and --set a field that was not posted and that the profile does not read."`
}

func (r remaking) check() error {
	for _, set := range r.Set {
		if name, _, found := strings.Cut(set, "="); !found || name == "" {
			return usageError{fmt.Errorf("--set: write field=value, not %q", set)}
		}
	}
	if len(r.Set) > 0 && r.Mapping == "old" {
		return usageError{errors.New("--set makes a new entity by the current mapping: leave out --mapping old")}
	}
	return nil
}

type submissionsReplayCmd struct {
	choice   `embed:""`
	remaking `embed:""`

	Again bool `help:"Make a second order or card of one that was delivered."`
	Files bool `help:"Of one that was delivered: offer KeyCRM again the files that it refused. The order or card is not sent again."`
}

// replayable are the states that replay is for.
func replayable() []submission.State {
	return []submission.State{submission.Rejected, submission.Held, submission.Discarded, submission.Refused, submission.Uncertain}
}

// Run has submissions sent again. The courier of the running server takes them up within a second.
func (c submissionsReplayCmd) Run(w *world) error {
	if c.Again && (len(c.IDs) != 1 || c.narrowing != narrowing{}) {
		return usageError{errors.New("--again makes a second order: name the one submission by its id")}
	}
	if c.Files && (len(c.IDs) != 1 || c.narrowing != narrowing{} || c.Again) {
		return usageError{errors.New("--files is about the files of one submission: name it by its id, and nothing else")}
	}
	if err := errors.Join(c.check(replayable()), c.remaking.check()); err != nil {
		return usageError{err}
	}
	db, err := openBeside(w, c.Database)
	if err != nil {
		return err
	}
	defer db.Close()
	if c.Files {
		return refile(w, db, c.IDs[0])
	}
	r, err := newReplay(w, db, c.remaking, submission.Replayed, replayable())
	if err != nil {
		return err
	}
	if c.Again {
		return r.again(c.IDs[0])
	}
	r.what, r.done = "to be sent, or looked up", "replayed"
	return r.run(c.choice)
}

// refile offers KeyCRM again the files of a submission that it refused.
func refile(w *world, db *store.Beside, id string) error {
	n, err := db.RetryFiles(w.ctx, operator(), id)
	switch {
	case err != nil:
		return err
	case n == 0:
		return fmt.Errorf("submission %s has no file that KeyCRM refused: formrelay submissions show %s tells of each", id, id)
	}
	_, err = fmt.Fprintf(w.stdout, "%s of submission %s offered to KeyCRM again\n", plural(n, "file"), id)
	return err
}

// check is choice's; both of the embedded have one.
func (c submissionsReplayCmd) check(states []submission.State) error { return c.choice.check(states) }

type submissionsReleaseCmd struct {
	choice   `embed:""`
	remaking `embed:""`
}

// Run lets go what was kept back. The courier of the running server takes it up within a second.
func (c submissionsReleaseCmd) Run(w *world) error {
	states := []submission.State{submission.Held, submission.Refused}
	if err := errors.Join(c.choice.check(states), c.remaking.check()); err != nil {
		return usageError{err}
	}
	db, err := openBeside(w, c.Database)
	if err != nil {
		return err
	}
	defer db.Close()
	r, err := newReplay(w, db, c.remaking, submission.Released, states)
	if err != nil {
		return err
	}
	r.what, r.done = "to be released", "released"
	return r.run(c.choice)
}

// replay plans what is sent, and keeps the profiles that it has read.
type replay struct {
	steering
	remaking
	kind     submission.ChangeKind
	states   []submission.State // those that the command is for
	options  profile.Options
	profiles map[string]*profile.Profile // by name, or by hash for stored revisions
}

func newReplay(w *world, db *store.Beside, m remaking, kind submission.ChangeKind, states []submission.State) (*replay, error) {
	options, err := profileOptions(w, m.File)
	if err != nil {
		return nil, err
	}
	r := &replay{remaking: m, kind: kind, states: states, options: options, profiles: map[string]*profile.Profile{}}
	r.steering = steering{w: w, db: db, who: operator()}
	r.plan = r.decide
	return r, nil
}

// decide plans what becomes of one submission.
func (r *replay) decide(s submission.Submission) (store.Decision, error) {
	if err := r.allowed(s); err != nil {
		return store.Decision{}, err
	}
	next := s
	if inDoubt(s) && s.Findable() {
		return r.lookUp(s)
	}
	next.State, next.Reason, next.Error, next.Faults, next.Failures = submission.Queued, "", "", nil, 0
	d := store.Decision{Seen: s, Changes: []submission.Change{{Who: r.who, Kind: r.kind}}}
	if r.Mapping == "current" || len(r.Set) > 0 || len(s.Entity) == 0 {
		changes, revision, err := r.remake(&next)
		if err != nil {
			return d, err
		}
		d.Revision, d.Changes = revision, append(d.Changes, changes...)
	}
	d.Next = next
	return d, nil
}

// inDoubt tells whether KeyCRM may have it.
func inDoubt(s submission.Submission) bool {
	return s.State == submission.Uncertain || s.Reason == submission.ReasonUncertain
}

// lookUp has KeyCRM asked at once whether it has the submission. Nothing of it may change before that: what was sent is what is looked
// for.
func (r *replay) lookUp(s submission.Submission) (store.Decision, error) {
	if r.Mapping == "current" || len(r.Set) > 0 {
		return store.Decision{}, fmt.Errorf("submission %s may be in KeyCRM already: replay it as it is, without --mapping and --set, and the look-up tells", s.ID)
	}
	next := s
	if s.State == submission.Discarded {
		next.Reason = ""
	}
	next.State = submission.Uncertain
	return store.Decision{Seen: s, Next: next, Changes: []submission.Change{{Who: r.who, Kind: submission.LookedUp}}}, nil
}

// allowed tells what keeps a submission from being sent.
func (r *replay) allowed(s submission.Submission) error {
	switch {
	case s.State == submission.Delivered:
		return fmt.Errorf("submission %s is delivered (%d in KeyCRM): sending it would make a second %s there; if that is what you want: "+
			"formrelay submissions replay %s --again", s.ID, s.CRMID, s.Kind, s.ID)
	case s.State == submission.Sending:
		return fmt.Errorf("submission %s is being sent just now: wait until its call has ended", s.ID)
	case s.State == submission.Queued:
		return fmt.Errorf("submission %s is queued already: it goes out in its turn", s.ID)
	case !slices.Contains(r.states, s.State):
		return fmt.Errorf("submission %s is %s: this command is for those that are %s", s.ID, s.State, words(r.states))
	case !s.EmptiedAt.IsZero():
		return fmt.Errorf("submission %s has no values any more: they are gone since %s, there is nothing to send", s.ID, s.EmptiedAt.Format(time.DateOnly))
	case r.Force:
		return nil
	case inDoubt(s) && !s.Findable():
		return fmt.Errorf("submission %s may be in KeyCRM already, and carries no mark by which it could be found: look there, and if it is not there, use --force", s.ID)
	}
	return r.notCorrected(s)
}

func (r *replay) notCorrected(s submission.Submission) error {
	if s.State != submission.Refused {
		return nil
	}
	corrected, err := r.db.CorrectedBy(r.w.ctx, s.ID)
	if err != nil {
		return err
	}
	if other := corrected[s.ID]; other != "" {
		return fmt.Errorf("submission %s was corrected by %s, which its visitor posted later: sending both would make two; --force does it all the same", s.ID, other)
	}
	return nil
}

// remake sets the fields and maps the submission anew, by the mapping that was asked for. It changes s only when all went well.
func (r *replay) remake(s *submission.Submission) ([]submission.Change, *submission.Revision, error) {
	if r.Mapping == "old" {
		return nil, nil, fmt.Errorf("submission %s has no entity yet, because its mapping failed when it was posted: mend the profile and leave out --mapping old", s.ID)
	}
	p, err := r.current(s.Profile)
	if err != nil {
		return nil, nil, err
	}
	return r.remakeBy(p, s)
}

func (r *replay) remakeBy(p *profile.Profile, s *submission.Submission) ([]submission.Change, *submission.Revision, error) {
	next := *s
	next.Pairs = slices.Clone(s.Pairs)
	var changes []submission.Change
	for _, set := range r.Set {
		name, value, _ := strings.Cut(set, "=")
		if err := r.meant(p, *s, name); err != nil {
			return nil, nil, err
		}
		field, old := setField(&next.Pairs, name, value)
		changes = append(changes, submission.Change{Who: r.who, Kind: submission.FieldSet, Field: field, Old: old, New: value})
	}
	result := p.Mapping.Apply(recordedInput(next, false))
	if len(result.Corrections)+len(result.Problems) > 0 {
		var told bytes.Buffer
		tellFaults(&told, p, result)
		return nil, nil, fmt.Errorf("submission %s cannot be mapped by %s (mend the profile, or correct the field with --set):\n%s", s.ID, p.File, strings.TrimSuffix(told.String(), "\n"))
	}
	if len(s.Entity) > 0 && (s.Revision != p.Hash || !bytes.Equal(s.Entity, result.Entity)) {
		changes = append(changes, submission.Change{Who: r.who, Kind: submission.Remapped, Old: s.Revision, New: p.Hash, Entity: s.Entity})
	}
	next.Entity, next.SourceUUID, next.Mark, next.MarkField = result.Entity, result.SourceUUID, result.Mark, result.MarkField
	next.Kind, next.SourceID, next.Account, next.Revision = p.Creates, p.SourceID, p.Account, p.Hash
	*s = next
	return changes, &submission.Revision{Hash: p.Hash, Profile: p.Name, Text: p.Text}, nil
}

// meant refuses the name of a field that was not posted and that the profile does not read: a slip in it would change nothing, and the
// order would go out as it was.
func (r *replay) meant(p *profile.Profile, s submission.Submission, name string) error {
	posted := make([]string, len(s.Pairs))
	for i, pair := range s.Pairs {
		posted[i] = pair.Name
	}
	known, near := p.Mapping.Knows(name, posted)
	if known || r.Force {
		return nil
	}
	if near != "" {
		near = "did you mean " + near + "? "
	}
	return fmt.Errorf("submission %s: the form posted no field %q and the profile reads none; %s--force sets it all the same", s.ID, name, near)
}

// setField gives a field a value: the last pair of that name, as the mapping reads it; a new pair where there is none. A name may be
// written as the mapping writes it, your_name for your-name. It returns the name that was posted and the value before.
func setField(pairs *[]form.Pair, name, value string) (field, old string) {
	same := func(posted string) bool { return posted == name }
	if !slices.ContainsFunc(*pairs, func(p form.Pair) bool { return same(p.Name) }) {
		same = func(posted string) bool { return identifier(posted) == name }
	}
	for i, p := range slices.Backward(*pairs) {
		if same(p.Name) {
			(*pairs)[i].Value = value
			return p.Name, p.Value
		}
	}
	*pairs = append(*pairs, form.Pair{Name: name, Value: value})
	return name, ""
}

// identifier is the name by which expressions can call a field.
func identifier(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return '_'
	}, name)
}

// current reads a profile as it stands now, in the folder or in the database.
func (r *replay) current(name string) (*profile.Profile, error) {
	if p := r.profiles[name]; p != nil {
		return p, nil
	}
	text, label, err := lyingText(r.w.ctx, r.Profiles, name, r.db.StoredProfiles)
	if err != nil {
		return nil, err
	}
	p, faults := profile.Parse(name, label, text, r.options)
	if len(faults) > 0 {
		return nil, fmt.Errorf("the profile %s (%s) is broken, mend it first: `formrelay profiles show %s` prints it, `formrelay check FILE` tells every fault", name, label, name)
	}
	r.profiles[name] = p
	return p, nil
}

// again makes a second submission of a delivered one and says so.
func (r *replay) again(id string) error {
	first, err := oneSubmission(r.w, r.db.Store, id)
	if err != nil {
		return err
	}
	links, err := r.mayGoAgain(first)
	if err != nil {
		return err
	}
	p, err := r.forAgain(first)
	if err != nil {
		return err
	}
	next := submission.Submission{
		ID: submission.NewID(), Profile: first.Profile, ReceivedAt: time.Now().UTC().Truncate(time.Millisecond),
		Pairs: first.Pairs, Charset: first.Charset, Raw: first.Raw, Visitor: first.Visitor, State: submission.Queued,
	}
	changes, revision, err := r.remakeBy(p, &next)
	if err != nil {
		complain(r.w.stderr, err)
		return errNothingChanged
	}
	if err := ownUUID(&next); err != nil {
		return err
	}
	if err := r.db.Again(r.w.ctx, first, next, links, *revision, r.who, changes); err != nil {
		return err
	}
	_, err = fmt.Fprintf(r.w.stdout, "%s makes a second %s in KeyCRM, beside %d of submission %s\n", next.ID, next.Kind, first.CRMID, first.ID)
	return err
}

// mayGoAgain tells how often a delivered submission was sent again already; once more than once needs --force.
func (r *replay) mayGoAgain(first submission.Submission) (links int, err error) {
	switch {
	case first.State != submission.Delivered:
		return 0, fmt.Errorf("submission %s is %s: --again is for delivered ones, replay it without", first.ID, first.State)
	case !first.EmptiedAt.IsZero():
		return 0, fmt.Errorf("submission %s has no values any more: there is nothing to send", first.ID)
	}
	changes, err := r.db.Changes(r.w.ctx, first.ID)
	if err != nil {
		return 0, err
	}
	other := ""
	for _, c := range changes {
		if c.Kind == submission.SentAgain {
			links, other = links+1, c.Other
		}
	}
	if links > 0 && !r.Force {
		return 0, fmt.Errorf("submission %s was sent again already, as %s: --force does it once more", first.ID, other)
	}
	return links, nil
}

// forAgain is the profile that maps the second one: the revision that made the first, unless the current one was asked for. An entity
// holds its submission's id, so that the first one's bytes cannot be sent a second time.
func (r *replay) forAgain(first submission.Submission) (*profile.Profile, error) {
	if r.Mapping == "current" || len(r.Set) > 0 {
		return r.current(first.Profile)
	}
	p, faults, err := takenBy(r.w.ctx, r.db.Revision, first, r.options)
	if err != nil {
		return nil, err
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("the revision that made submission %s does not fit this version or its accounts: use --mapping current", first.ID)
	}
	return p, nil
}

// ownUUID gives an order whose source_uuid came from its form its own id in its place: KeyCRM has the other one already.
func ownUUID(s *submission.Submission) error {
	if s.Kind != keycrm.KindOrder || s.SourceUUID == s.ID {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(s.Entity))
	if _, err := decoder.Token(); err != nil {
		return err
	}
	out := []byte{'{'}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return err
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return err
		}
		if name == "source_uuid" {
			value = json.RawMessage(`"` + s.ID + `"`)
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = fmt.Appendf(out, "%q:%s", name, value)
	}
	s.Entity, s.SourceUUID = append(out, '}'), s.ID
	return nil
}
