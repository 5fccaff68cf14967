package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"strings"
	"time"

	"formrelay/internal/submission"
)

// keySize is how many random bytes an own key has.
const keySize = 32

// Key gives the relay's own key of that name: 32 random bytes that are made when they are first asked for and are the same ever after,
// for every replica.
func (s *Store) Key(ctx context.Context, name string) ([]byte, error) {
	fresh := make([]byte, keySize)
	_, _ = rand.Read(fresh) // never fails
	var key []byte
	err := s.update(ctx, func(t *tx) error {
		if _, err := t.exec(ctx, `INSERT INTO own_keys (name, value, made_at) VALUES (?, ?, ?) ON CONFLICT (name) DO NOTHING`,
			name, fresh, micros(t.now)); err != nil {
			return err
		}
		return t.one(ctx, `SELECT value FROM own_keys WHERE name = ?`, []any{name}, &key)
	})
	return key, err
}

// encodeGuard makes the columns of what the guard found.
func (p *pending) encodeGuard() error {
	var signals, captcha error
	if len(p.sub.Signals) > 0 {
		p.text.signals, signals = encodeJSON(p.sub.Signals)
	}
	if p.sub.Captcha.Pending() {
		p.text.captcha, captcha = encodeJSON(p.sub.Captcha)
	}
	return errors.Join(signals, captcha)
}

// unchecked tells whether p waits for its captcha to be verified. What is not queued is not sent, so there is nothing to verify.
func (p *pending) unchecked() bool { return p.text.captcha != "" && p.fate.state == submission.Queued }

// insertGuard writes what the guard found about a batch's rows. It is a statement of its own because most rows have nothing of it.
func (t *tx) insertGuard(ctx context.Context, batch []*pending) error {
	for _, p := range batch {
		captcha := ""
		if p.unchecked() {
			captcha = p.text.captcha
		}
		if p.text.signals == "" && captcha == "" {
			continue
		}
		if _, err := t.exec(ctx, `UPDATE submissions SET signals = ?, captcha = ? WHERE id = ?`, p.text.signals, captcha, p.sub.ID); err != nil {
			return err
		}
	}
	return nil
}

const (
	// unverified repeats the condition of the index submissions_unchecked word for word.
	unverified = `captcha <> '' AND state = 'queued'`

	// freeToCheck leaves out what somebody has claimed. A lease that has ended is taken over here and not by a courier's Expire: the
	// account may have none any more.
	freeToCheck = ` AND (owner = '' OR lease_until <= ?)`
)

// ClaimChecks gives owner the right to verify the captchas of up to n submissions, those that arrived first first, for as long as lease.
// No courier can have them meanwhile, nor before SettleCheck. One whose lease has ended may be claimed again, whoever had it, and then has
// Captcha.Asked.
func (s *Store) ClaimChecks(ctx context.Context, owner string, n int, lease time.Duration) ([]submission.Claim, error) {
	if owner == "" {
		return nil, errors.New("a claim needs an owner")
	}
	var first int64
	err := s.read.QueryRowContext(ctx, `SELECT seq FROM submissions WHERE `+unverified+` LIMIT 1`).Scan(&first)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil // the common case costs no writing transaction
	}
	if err != nil {
		return nil, s.explained(err)
	}
	var claims []submission.Claim
	err = s.update(ctx, func(t *tx) (err error) {
		s.leased(lease)
		claims, err = t.claim(ctx, n, owner, t.now.Add(lease),
			`SELECT seq FROM submissions WHERE `+unverified+freeToCheck+` ORDER BY seq LIMIT ?`, micros(t.now))
		if err != nil {
			return err
		}
		for _, c := range claims {
			if err := t.noteAsked(ctx, c); err != nil {
				return err
			}
		}
		return nil
	})
	return claims, err
}

// noteAsked writes that a claim's captcha is about to be asked about: an answer is good once, so whoever comes after must know.
func (t *tx) noteAsked(ctx context.Context, c submission.Claim) error {
	if c.Captcha.Asked {
		return nil
	}
	c.Captcha.Asked = true
	text, err := encodeJSON(c.Captcha)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, `UPDATE submissions SET captcha = ? WHERE id = ?`, text, c.ID)
	return err
}

// SettleCheck writes what verifying the captcha of a claim came to, and forgets its answer: the submission may be sent, or is held.
// submission.ErrFenced when somebody else has decided about it meanwhile.
func (s *Store) SettleCheck(ctx context.Context, claim submission.Claim, v submission.Verdict) error {
	next := claim.Submission
	var settled bool
	if v.Hold {
		next.State, next.Reason, next.Error, settled = submission.Held, v.Signal.Reason, v.Signal.Text, true
	}
	signals := ""
	if v.Signal != (submission.Signal{}) {
		next.Signals = append(next.Signals[:len(next.Signals):len(next.Signals)], v.Signal)
	}
	if len(next.Signals) > 0 {
		var err error
		if signals, err = encodeJSON(next.Signals); err != nil {
			return err
		}
	}
	return s.update(ctx, func(t *tx) error {
		at := int64(0)
		if settled {
			at = micros(t.now)
		}
		n, err := t.exec(ctx, `UPDATE submissions SET state = ?, reason = ?, error = ?, signals = ?, captcha = '', settled_at = ?,
			owner = '', lease_until = 0 WHERE id = ? AND owner = ? AND owner <> '' AND captcha <> '' AND state = 'queued'`,
			string(next.State), string(next.Reason), plain(next.Error), signals, at, next.ID, claim.Owner)
		if err == nil && n == 0 {
			return submission.ErrFenced
		}
		return err
	})
}

// likeWord is a reason as a pattern of LIKE that means itself: reasons are small letters.
func likeWord(r submission.Reason) string {
	return strings.Map(func(c rune) rune {
		if c < 'a' || c > 'z' {
			return -1
		}
		return c
	}, string(r))
}
