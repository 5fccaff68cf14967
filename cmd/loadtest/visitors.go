package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// visitorPatience is how long a visitor waits for an answer.
	visitorPatience = 30 * time.Second
	// refusedPause is how long a visitor who posts as fast as it goes waits after nobody took the connection: without it a relay that
	// is down would be met by thousands of connections a second, which no visitors make.
	refusedPause = 20 * time.Millisecond
	// overtime is how long after the end posts that were due before it may still begin.
	overtime = 10 * time.Second
)

// fate is what became of a post, as its visitor saw it.
type fate int

// The fates. Only an acknowledged post is promised to arrive; a post without an answer may arrive, once.
const (
	acknowledged fate = iota + 1 // an answer of success
	turnedAway                   // another answer, such as 503
	refused                      // no connection came about: nothing was sent
	unknown                      // sent, or partly, and no answer came
)

// post is one form that a visitor sent.
type post struct {
	seq     int
	due     time.Time     // when it was to be sent; sent as fast as it goes, when it was
	latency time.Duration // from due to the answer's end
	fate    fate
	status  int
	profile string
	id      string // the submission's, when acknowledged
}

// target is what visitors post to.
type target struct {
	addresses []string                    // each post goes to the next of them
	path      func(profile string) string // the form's address below it
}

// crowd is a number of visitors who post to a target. A visitor retries nothing.
type crowd struct {
	visitors int
	rate     float64 // 0: each as fast as it goes
	length   time.Duration
	forms    []visitorForm
	limit    int // of posts
}

// drive has the crowd post until its time is over or ctx ends, and gives every post, in no order. missed is how many posts were due
// and could not begin, because every visitor was waiting for an answer.
func (c crowd) drive(ctx context.Context, t target) (posts []post, missed int) {
	client := &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: c.visitors, DisableCompression: true, IdleConnTimeout: time.Minute},
		Timeout:       visitorPatience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	defer client.CloseIdleConnections()
	d := &drive{crowd: c, target: t, client: client, start: time.Now()}
	sent := make([][]post, c.visitors)
	var visitors sync.WaitGroup
	for i := range c.visitors {
		visitors.Go(func() { sent[i] = d.visitor(ctx) })
	}
	visitors.Wait()
	for _, s := range sent {
		posts = append(posts, s...)
	}
	return posts, int(d.missed.Load())
}

// drive is a crowd at work.
type drive struct {
	crowd
	target target
	client *http.Client
	start  time.Time
	next   atomic.Int64 // the number of the next post
	missed atomic.Int64
}

// visitor posts one form after the other.
func (d *drive) visitor(ctx context.Context) []post {
	var sent []post
	for {
		seq, due, ok := d.turn(ctx)
		if !ok {
			return sent
		}
		p := d.post(ctx, seq, due)
		sent = append(sent, p)
		if p.fate == refused && d.rate == 0 {
			pause(ctx, refusedPause)
		}
	}
}

// turn takes the next post's number and waits until it is due.
func (d *drive) turn(ctx context.Context) (seq int, due time.Time, ok bool) {
	for ctx.Err() == nil {
		seq = int(d.next.Add(1) - 1)
		if seq >= d.limit {
			return 0, time.Time{}, false
		}
		if d.rate == 0 {
			now := time.Now()
			return seq, now, now.Sub(d.start) < d.length
		}
		offset := time.Duration(float64(seq) / d.rate * float64(time.Second))
		if offset >= d.length {
			return 0, time.Time{}, false
		}
		due = d.start.Add(offset)
		if time.Since(d.start) < d.length+overtime {
			return seq, due, pause(ctx, time.Until(due))
		}
		d.missed.Add(1)
	}
	return 0, time.Time{}, false
}

// pause waits for d; false when ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// post sends one form as a browser does and waits for the answer.
func (d *drive) post(ctx context.Context, seq int, due time.Time) post {
	form := d.forms[seq%len(d.forms)]
	p := post{seq: seq, due: due, fate: unknown, profile: form.profile}
	address := d.target.addresses[seq/len(d.forms)%len(d.target.addresses)] + d.target.path(form.profile)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.body(seq)))
	if err != nil {
		p.fate = refused
		return p
	}
	request.GetBody = nil // so that net/http sends nothing again by itself
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept", "text/html")
	response, err := d.client.Do(request)
	if err == nil {
		_, err = io.Copy(io.Discard, response.Body)
		err = errors.Join(err, response.Body.Close())
	}
	p.latency = time.Since(due)
	switch {
	case err != nil && neverConnected(err):
		p.fate = refused
	case err != nil:
		p.fate = unknown
	case response.StatusCode >= 200 && response.StatusCode < 400:
		p.fate, p.status = acknowledged, response.StatusCode
		p.id = thanked(response.Header.Get("Location"))
	default:
		p.fate, p.status = turnedAway, response.StatusCode
	}
	return p
}

// neverConnected tells whether the connection never came about, so that nothing can have been sent.
func neverConnected(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// thanked takes the submission's id out of the address of the thank-you page.
func thanked(location string) string {
	location, _, _ = strings.Cut(location, "?")
	return path.Base(location)
}
