package captcha

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"formrelay/internal/submission"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// secretText and answerText must never be logged nor told to ops.
const (
	secretText = "S3CR3T-4711"
	answerText = "ANSWER-4711"
)

// queue is a store in memory.
type queue struct {
	mu      sync.Mutex
	waiting []submission.Claim
	settled map[string]submission.Verdict
	fail    error
	fenced  bool
	done    chan string // the ids that were settled
}

func newQueue(claims ...submission.Claim) *queue {
	return &queue{waiting: claims, settled: map[string]submission.Verdict{}, done: make(chan string, 1000)}
}

func (q *queue) ClaimChecks(_ context.Context, owner string, n int, lease time.Duration) ([]submission.Claim, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.fail != nil {
		return nil, q.fail
	}
	n = min(n, len(q.waiting))
	claims := slices.Clone(q.waiting[:n])
	q.waiting = q.waiting[n:]
	for i := range claims {
		claims[i].Owner, claims[i].Until = owner, time.Now().Add(lease)
	}
	return claims, nil
}

func (q *queue) SettleCheck(_ context.Context, c submission.Claim, v submission.Verdict) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.fail == nil {
		q.settled[c.ID] = v
		q.done <- c.ID
	}
	if q.fenced {
		return submission.ErrFenced
	}
	return q.fail
}

func (q *queue) verdict(id string) submission.Verdict {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.settled[id]
}

// buffer is a log that several goroutines write.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) { b.mu.Lock(); defer b.mu.Unlock(); return b.b.Write(p) }

func (b *buffer) String() string { b.mu.Lock(); defer b.mu.Unlock(); return b.b.String() }

// claim is a submission whose captcha shop was answered an age ago.
func claim(id string, age time.Duration) submission.Claim {
	return submission.Claim{Submission: submission.Submission{
		ID: id, Profile: "order", Account: "main", ReceivedAt: time.Now().Add(-age), State: submission.Queued,
		Captcha: submission.Captcha{Secret: "shop", Answer: answerText},
	}}
}

// bench is a checker at work on a queue.
type bench struct {
	queue    *queue
	log      *buffer
	mu       sync.Mutex
	outcomes []Outcome
	ready    []string
}

// start has a checker work until the test ends. at is where every provider is.
func start(t *testing.T, q *queue, at string, secret Secret) *bench {
	t.Helper()
	b := &bench{queue: q, log: &buffer{}}
	if secret.Value == nil {
		secret.Value = func() (string, error) { return secretText, nil }
	}
	c := New(Options{
		Queue: q, Secrets: map[string]Secret{"shop": secret}, Log: zerolog.New(b.log),
		Addresses: map[string]string{"turnstile": at, "hcaptcha": at, "recaptcha": at},
		OnChecked: func(_, _ string, o Outcome) { b.mu.Lock(); defer b.mu.Unlock(); b.outcomes = append(b.outcomes, o) },
		OnReady:   func(account string) { b.mu.Lock(); defer b.mu.Unlock(); b.ready = append(b.ready, account) },
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); c.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-ended
		if log := b.log.String(); strings.Contains(log, secretText) || strings.Contains(log, answerText) {
			t.Errorf("the log holds a secret or an answer:\n%s", log)
		}
	})
	return b
}

// provider stands in for a provider: it takes what real ones do and answers with status and body.
func provider(t *testing.T, status int, body string) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.FormValue("secret") != secretText || r.FormValue("response") != answerText {
			t.Errorf("%s %s %v", r.Method, r.Header.Get("Content-Type"), r.Form)
		}
		if len(r.Form) != 2 {
			t.Errorf("more is told than must be: %v", r.Form)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(s.Close)
	return s
}

// What each provider answers, by its documentation, and what comes of it.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		provider string
		status   int
		body     string
		outcome  Outcome
	}{
		{"turnstile", 200, `{"success":true,"challenge_ts":"2026-03-04T05:06:07Z","hostname":"shop.example","error-codes":[],"action":"","cdata":""}`, Passed},
		{"turnstile", 200, `{"success":false,"error-codes":["invalid-input-response"]}`, Failed},
		{"turnstile", 200, `{"success":false,"error-codes":["timeout-or-duplicate"]}`, Failed},
		{"turnstile", 400, `{"success":false,"error-codes":["bad-request"]}`, Failed},
		{"turnstile", 200, `{"success":false,"error-codes":["invalid-input-secret"]}`, Misconfigured},
		{"turnstile", 200, `{"success":false,"error-codes":["internal-error"]}`, Unanswered},
		{"turnstile", 500, `{"success":false,"error-codes":["internal-error"]}`, Unanswered},
		{"turnstile", 200, `{"success":false}`, Failed},
		{"turnstile", 200, `{"error-codes":[]}`, Unanswered},
		{"turnstile", 200, `<html>`, Unanswered},
		{"turnstile", 403, `blocked`, Unanswered},
		{"turnstile", 302, ``, Unanswered},
		{"turnstile", 200, `{"success":true,"x":"` + strings.Repeat("x", maxVerdict) + `"}`, Unanswered},
		{"hcaptcha", 200, `{"success":true,"challenge_ts":"2026-03-04T05:06:07Z","hostname":"shop.example","score":0.1}`, Passed},
		{"hcaptcha", 200, `{"success":false,"error-codes":["missing-input-response"]}`, Failed},
		{"hcaptcha", 200, `{"success":false,"error-codes":["invalid-or-already-seen-response"]}`, Failed},
		{"hcaptcha", 200, `{"success":false,"error-codes":["sitekey-secret-mismatch"]}`, Failed},
		{"hcaptcha", 200, `{"success":false,"error-codes":["missing-input-secret"]}`, Misconfigured},
		{"recaptcha", 200, `{"success":true,"challenge_ts":"2026-03-04T05:06:07Z","hostname":"shop.example"}`, Passed},
		{"recaptcha", 200, `{"success":true,"score":0.5,"action":"submit"}`, Passed},
		{"recaptcha", 200, `{"success":true,"score":0.4,"action":"submit"}`, Failed},
		{"recaptcha", 200, `{"success":false,"error-codes":["invalid-input-secret"]}`, Misconfigured},
	} {
		t.Run(fmt.Sprintf("%s %d %.60s", tc.provider, tc.status, tc.body), func(t *testing.T) {
			t.Parallel()
			q := newQueue(claim("A", 0))
			b := start(t, q, provider(t, tc.status, tc.body).URL, Secret{Provider: tc.provider, MinScore: 0.5})
			<-q.done
			v := q.verdict("A")
			b.mu.Lock()
			defer b.mu.Unlock()
			if diff := cmp.Diff([]Outcome{tc.outcome}, b.outcomes); diff != "" {
				t.Errorf("%s %+v", diff, v)
			}
			if v.Hold != (tc.outcome == Failed) || (v.Signal == submission.Signal{}) != (tc.outcome == Passed) {
				t.Errorf("%+v", v)
			}
			if v.Signal.Reason != "" && v.Signal.Reason != submission.ReasonCaptcha || strings.Contains(v.Signal.Text, answerText) {
				t.Errorf("%+v", v.Signal)
			}
			told := strings.Contains(b.log.String(), "the captcha cannot be verified")
			if want := tc.outcome == Unanswered || tc.outcome == Misconfigured; told != want {
				t.Errorf("ops were told: %v, want %v: %s", told, want, b.log)
			}
		})
	}
}

// A provider that nobody can connect to, one whose secret cannot be read, and one that the configuration does not know hold nothing.
func TestNobodyToAsk(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := "http://" + l.Addr().String()
	_ = l.Close()
	unknown := claim("A", 0)
	unknown.Captcha.Secret = "other"
	for name, tc := range map[string]struct {
		claim   submission.Claim
		secret  Secret
		outcome Outcome
		text    string
	}{
		"down":    {claim("A", 0), Secret{Provider: "turnstile"}, Unanswered, "turnstile could not be reached"},
		"secret":  {claim("A", 0), Secret{Provider: "turnstile", Value: func() (string, error) { return "", errors.New("the file is empty") }}, Misconfigured, "the file is empty"},
		"unknown": {unknown, Secret{Provider: "turnstile"}, Misconfigured, "has no captcha other"},
		"late":    {claim("A", tooLate+time.Second), Secret{Provider: "turnstile"}, Late, "too late"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := newQueue(tc.claim)
			b := start(t, q, gone, tc.secret)
			<-q.done
			v := q.verdict("A")
			if v.Hold || !strings.HasPrefix(v.Signal.Text, "not verified, sent all the same: ") || !strings.Contains(v.Signal.Text, tc.text) {
				t.Errorf("%+v", v)
			}
			b.mu.Lock()
			defer b.mu.Unlock()
			if !slices.Equal(b.outcomes, []Outcome{tc.outcome}) {
				t.Error(b.outcomes)
			}
		})
	}
}

// A provider that takes its time is waited for no longer than it may, and others are asked meanwhile.
func TestSlowProvider(t *testing.T) {
	t.Parallel()
	began := time.Now()
	first := make(chan struct{}, 1)
	first <- struct{}{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-first:
			<-r.Context().Done()
		default:
			_, _ = io.WriteString(w, `{"success":true}`)
		}
	}))
	t.Cleanup(s.Close)
	q := newQueue(claim("A", 0), claim("B", 0), claim("C", 0))
	b := start(t, q, s.URL, Secret{Provider: "hcaptcha"})
	passed := []string{<-q.done, <-q.done}
	if took := time.Since(began); took > within/2 {
		t.Errorf("the others took %s", took)
	}
	slow := <-q.done
	if took := time.Since(began); took > within+2*time.Second {
		t.Errorf("it took %s", took)
	}
	if v := q.verdict(slow); v.Hold || !strings.Contains(v.Signal.Text, "hcaptcha did not answer within 5s") {
		t.Errorf("%s after %v: %+v", slow, passed, v)
	}
	if log := b.log.String(); !strings.Contains(log, `"outcome":"unanswered"`) {
		t.Error(log)
	}
}

// "Used before" is a verdict about the sender only as long as the relay cannot have been the one who used it, or who let it expire.
func TestUsedAnswers(t *testing.T) {
	t.Parallel()
	s := provider(t, 200, `{"success":false,"error-codes":["timeout-or-duplicate"]}`)
	asked := claim("ASKED", 0)
	asked.Captcha.Asked = true
	q := newQueue(claim("PROMPT", prompt/2), claim("LATER", prompt+time.Second), asked)
	start(t, q, s.URL, Secret{Provider: "turnstile"})
	for range 3 {
		<-q.done
	}
	if !q.verdict("PROMPT").Hold || q.verdict("LATER").Hold || q.verdict("ASKED").Hold {
		t.Errorf("%+v", q.settled)
	}
}

// Ops are told once when a captcha fails and once when it works again, however many submissions meet it.
func TestTellsOpsOnce(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	body := `oops`
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(s.Close)
	var many []submission.Claim
	for n := range 3 * atOnce {
		many = append(many, claim(fmt.Sprint("A", n), 0))
	}
	q := newQueue(many...)
	b := start(t, q, s.URL, Secret{Provider: "turnstile"})
	for range many {
		<-q.done
	}
	mu.Lock()
	body = `{"success":true}`
	mu.Unlock()
	q.mu.Lock()
	q.waiting = many[:2]
	q.mu.Unlock()
	<-q.done
	<-q.done
	log := b.log.String()
	if strings.Count(log, "cannot be verified") != 1 || strings.Count(log, "can be verified again") != 1 {
		t.Error(log)
	}
}

// A store that fails loses no verdict to the log's silence, and a row that ops took away is let go.
func TestStoreThatFails(t *testing.T) {
	t.Parallel()
	q := newQueue()
	q.fail = errors.New("the disk is gone")
	b := start(t, q, "http://127.0.0.1:0", Secret{Provider: "turnstile"})
	waitFor(t, func() bool { return strings.Contains(b.log.String(), "the disk is gone") })
	q.mu.Lock()
	q.fail, q.fenced, q.waiting = nil, true, []submission.Claim{claim("A", 2*tooLate)}
	q.mu.Unlock()
	<-q.done
	waitFor(t, func() bool { return strings.Contains(b.log.String(), "captchas are verified again") })
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.ready) != 0 {
		t.Error("an account was told of a submission that ops took away")
	}
}

// waitFor asks until it is true.
func waitFor(t *testing.T, is func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("it never happened")
		}
	}
}

// The account whose submission may go is told of it.
func TestReady(t *testing.T) {
	t.Parallel()
	q := newQueue()
	ready := make(chan string, 1)
	c := New(Options{
		Queue: q, Secrets: map[string]Secret{"shop": {Provider: "turnstile", Value: func() (string, error) { return secretText, nil }}},
		Addresses: map[string]string{"turnstile": provider(t, 200, `{"success":true}`).URL},
		OnReady:   func(account string) { ready <- account }, Log: zerolog.New(&bytes.Buffer{}),
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); c.Run(ctx) }()
	q.mu.Lock()
	q.waiting = []submission.Claim{claim("A", 0)}
	q.mu.Unlock()
	c.Wake()
	if account := <-ready; account != "main" {
		t.Error(account)
	}
	cancel()
	<-ended
}

// Every provider has a field and an address of its own.
func TestProviders(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, p := range []string{"turnstile", "hcaptcha", "recaptcha"} {
		if Field(p) == "" || !strings.HasPrefix(address(p), "https://") || seen[Field(p)] || seen[address(p)] {
			t.Errorf("%s: %q %q", p, Field(p), address(p))
		}
		seen[Field(p)], seen[address(p)] = true, true
	}
	if Field("other") != "" || address("other") != "" {
		t.Error("a provider that is none has a field")
	}
}
