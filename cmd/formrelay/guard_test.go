package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"formrelay/internal/config"
	"formrelay/internal/keycrm/sandbox"
)

// trapProfile has every guard that needs something beside the profile.
const trapProfile = `creates: order
source_id: 7
map: {buyer: {full_name: "${name}", phone: "${phone}"}}
guard: {captcha: shop, rate: 4/1h, flood: 5/1h, block: {words: [казино]}}
`

// widget stands in for a captcha's provider: what it says is what a test has set.
type widget struct {
	mu   sync.Mutex
	body string // "" hangs until the question is given up
}

func (w *widget) say(body string) { w.mu.Lock(); defer w.mu.Unlock(); w.body = body }

func (w *widget) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.mu.Lock()
	body := w.body
	w.mu.Unlock()
	if body == "" {
		<-r.Context().Done()
		return
	}
	_, _ = io.WriteString(out, body)
}

// inProcess starts a relay inside the test, whose captchas are asked of the stand-in. It is behind a proxy that it trusts, as every
// request of a test comes from this machine.
func inProcess(t *testing.T, w *widget) *site {
	t.Helper()
	asked := httptest.NewServer(w)
	t.Cleanup(asked.Close)
	folder := t.TempDir()
	for name, text := range map[string]string{
		"profiles/trap.yaml": trapProfile, "turnstile": "S3CR3T-4711\n",
		"formrelay.yaml": "secrets:\n  shop: {provider: turnstile, token_file: turnstile}\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(folder, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := &site{database: "sqlite:" + filepath.Join(folder, "formrelay.db")}
	var address string
	s.crm, address = crm(t, sandbox.Options{})
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	log := &logBook{}
	inner := &world{ctx: ctx, program: "formrelay", stdout: io.Discard, stderr: log, captchas: map[string]string{"turnstile": asked.URL}}
	inner.getenv = func(name string) string { return map[string]string{config.EnvToken: sandboxToken}[name] }
	checked, err := config.Server{
		Listen: "127.0.0.1:0", Ops: config.Ops{OpsListen: "127.0.0.1:0"}, File: config.File{Config: filepath.Join(folder, "formrelay.yaml")},
		Data:           config.Data{Profiles: filepath.Join(folder, "profiles"), Database: s.database},
		KeyCRM:         config.KeyCRM{URL: address, Pace: "60/1m", Timeout: 15 * time.Second, Settle: time.Second},
		TrustedProxies: []string{"127.0.0.1"}, Log: config.Log{Format: "json", Level: "debug"},
	}.Check(rules(inner))
	if err != nil {
		t.Fatal(err)
	}
	r, err := openRelay(inner, checked, nil)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- r.run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		for _, secret := range []string{"S3CR3T-4711", "ANSWER-4711"} {
			if strings.Contains(log.String(), secret) {
				t.Errorf("the log holds %s:\n%s", secret, log)
			}
		}
	})
	s.process = &process{t: t, log: log, address: "http://" + r.public.Addr().String(), ops: "http://" + r.ops.Addr().String()}
	return s
}

// from posts as a visitor with that address, each time something else, and gives the answer's status and the id.
func (s *site) from(ip string, fields url.Values) (status int, id string) {
	s.t.Helper()
	fields.Set("note", fields.Get("note")+"!") // the same again would be a repeat
	w, text := post(s.t, s.address+"/forms/trap", fields.Encode(), "Accept", "application/json", "X-Forwarded-For", ip)
	_, rest, _ := strings.Cut(text, `"id":"`)
	id, _, _ = strings.Cut(rest, `"`)
	return w.StatusCode, id
}

// A captcha is verified after the answer and before the delivery; whatever comes of it, and whatever else the guard finds, the sender
// reads the same, ops see why, and release delivers.
func TestGuardFromPostToRelease(t *testing.T) {
	t.Parallel()
	w := &widget{}
	s := inProcess(t, w)
	solved := url.Values{"name": {"Олена"}, "phone": {"0501112233"}, "cf-turnstile-response": {"ANSWER-4711"}}

	w.say(`{"success":true}`)
	_, person := s.from("198.51.100.1", solved)
	s.settled(person, "delivered")

	w.say(`{"success":false,"error-codes":["invalid-input-response"]}`)
	status, robot := s.from("198.51.100.1", solved)
	if got := s.settled(robot, "held"); status != http.StatusAccepted || got.Reason != "captcha" || !strings.Contains(*got.Error, "answer is wrong") {
		t.Errorf("%d %+v", status, got)
	}

	w.say("")
	began := time.Now()
	status, lucky := s.from("198.51.100.1", solved)
	if took := time.Since(began); status != http.StatusAccepted || took > 3*time.Second {
		t.Errorf("%d after %s: a visitor waited for a captcha's provider", status, took)
	}
	s.settled(lucky, "delivered")
	if out, _, _ := formrelay(t, "submissions", "show", lucky, "--database", s.database); !strings.Contains(out, "captcha: not verified, sent all the same: turnstile did not answer within 5s") {
		t.Errorf("ops do not see that nobody verified it:\n%s", out)
	}

	delete(solved, "cf-turnstile-response")
	solved.Set("text", "Казино!")
	s.from("198.51.100.2", solved)
	solved.Set("_gotcha", "x")
	var worst string
	for n := range 4 {
		if status, worst = s.from("198.51.100.2", solved); status != http.StatusAccepted {
			t.Errorf("post %d: %d", n+2, status)
		}
	}
	out, _, _ := formrelay(t, "submissions", "show", worst, "--database", s.database)
	for _, want := range []string{"held (spam)", "signal    spam: ", "signal    rate: ", "signal    captcha: ", "signal    block: "} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	if status, _ = s.from("198.51.100.2", solved); status != http.StatusTooManyRequests {
		t.Errorf("over the flood: %d", status)
	}
	if out, problems, code := formrelay(t, "submissions", "release", worst, robot, "--yes", "2", "--database", s.database); code != 0 {
		t.Fatalf("%s%s", out, problems)
	}
	s.settled(worst, "delivered")
	s.settled(robot, "delivered")
	if n := len(s.crm.Orders()); n != 4 {
		t.Errorf("KeyCRM has %d orders, want 4", n)
	}
	figures := get(t, s.ops+"/metrics")
	for _, want := range []string{
		`formrelay_held_total{profile="trap",reason="spam"} 4`, `formrelay_held_total{profile="trap",reason="rate"} 1`,
		`formrelay_held_total{profile="trap",reason="block"} 5`, `formrelay_held_total{profile="trap",reason="captcha"} 6`,
		`formrelay_captcha_checks_total{outcome="passed",secret="shop"} 1`, `formrelay_captcha_checks_total{outcome="failed",secret="shop"} 1`,
		`formrelay_captcha_checks_total{outcome="unanswered",secret="shop"} 1`, `formrelay_posts_total{code="429",profile="trap"} 1`,
	} {
		if !strings.Contains(figures, want) {
			t.Errorf("%s is missing in\n%s", want, figures)
		}
	}
}
