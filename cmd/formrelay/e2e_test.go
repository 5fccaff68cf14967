package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"formrelay/internal/keycrm"
	"formrelay/internal/keycrm/openapitest"
	"formrelay/internal/keycrm/sandbox"
	"formrelay/internal/submission"
)

// The vendor's own file lies beside the project where the project is made; where it does not, openapitest says that it skips.
var vendorFile = filepath.Join("..", "..", "..", "shared", "keycrm", "open-api.yml")

// site is one relay with its stand-in for KeyCRM and its own data.
type site struct {
	*process
	crm      *sandbox.Sandbox
	database string
	env      []string
	args     []string
}

// newSite starts a relay with the example profiles and whatever else extra says, by profile name.
func newSite(t *testing.T, o sandbox.Options, extra map[string]string, args ...string) *site {
	t.Helper()
	folder := t.TempDir()
	profiles := filepath.Join(folder, "profiles")
	if err := writeProfiles(profiles); err != nil {
		t.Fatal(err)
	}
	for name, text := range extra {
		if err := os.WriteFile(filepath.Join(profiles, name+".yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := &site{database: "sqlite:" + filepath.Join(folder, "formrelay.db"), env: []string{"KEYCRM_TOKEN=" + sandboxToken}}
	var address string
	s.crm, address = crm(t, o)
	s.args = append([]string{"--profiles", profiles, "--database", s.database, "--keycrm-url", address, "--keycrm-settle", "1s"}, args...)
	s.process = serve(t, s.env, s.args...)
	return s
}

// restart starts the relay again on the same data.
func (s *site) restart() {
	s.t.Helper()
	s.process = serve(s.t, s.env, s.args...)
}

// submit posts a form as a script would, each time as a fill of its own, and gives the id it was acknowledged with.
func (s *site) submit(profile string, form url.Values) string {
	s.t.Helper()
	response, text := post(s.t, s.address+"/forms/"+profile, form.Encode(), "Accept", "application/json", "Idempotency-Key", submission.NewID())
	var answer struct {
		OK bool   `json:"ok"`
		ID string `json:"id"`
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil || response.StatusCode != http.StatusAccepted || !answer.OK {
		s.t.Fatalf("%s: %s", response.Status, text)
	}
	return answer.ID
}

// shown is what `submissions show ID --json` prints.
type shown struct {
	ID       string          `json:"id"`
	Profile  string          `json:"profile"`
	State    string          `json:"state"`
	Reason   string          `json:"reason"`
	Fields   [][2]string     `json:"fields"`
	Entity   json.RawMessage `json:"entity"`
	Attempts []struct {
		Kind    string `json:"kind"`
		Outcome string `json:"outcome"`
	} `json:"attempts"`
	CRMID *int64  `json:"crm_id"`
	Error *string `json:"error"`
}

func (s *site) show(id string) shown {
	s.t.Helper()
	out, problems, code := formrelay(s.t, "submissions", "show", id, "--json", "--database", s.database)
	if code != 0 {
		s.t.Fatalf("show %s: %s", id, problems)
	}
	var got shown
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		s.t.Fatal(err)
	}
	return got
}

// settled waits until the submission has come into the state.
func (s *site) settled(id, state string) shown {
	s.t.Helper()
	var got shown
	eventually(s.t, "submission "+id+" is "+state, func() bool {
		got = s.show(id)
		return got.State == state
	})
	return got
}

// delivered tells whether all of them are.
func (s *site) delivered(ids []string) bool {
	s.t.Helper()
	out, problems, code := formrelay(s.t, "submissions", "list", "--state", "delivered", "--limit", "1000", "--json", "--database", s.database)
	if code != 0 {
		s.t.Fatalf("list: %s", problems)
	}
	return !slices.ContainsFunc(ids, func(id string) bool { return !strings.Contains(out, id) })
}

func TestOrderFormArrivesWhole(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{}, nil)
	id := s.submit("order", orderBody())
	got := s.settled(id, "delivered")
	orders := s.crm.Orders()
	if len(orders) != 1 || got.CRMID == nil || *got.CRMID != orders[0].ID {
		t.Fatalf("KeyCRM has %d orders, the submission's id there is %v", len(orders), got.CRMID)
	}
	body := orders[0].Body
	openapitest.Check(t, vendorFile, keycrm.KindOrder, body)
	want := map[string]any{
		"source_id": 22.0, "source_uuid": id, "ordered_at": "TIME",
		"buyer": map[string]any{"full_name": "Олена Іваненко", "email": "olena@shop.example", "phone": "+380501112233"},
		"shipping": map[string]any{
			"shipping_address_city": "Львів", "shipping_receive_point": "Відділення №5", "shipping_address_country": "Україна",
			"shipping_address_region": "Львівська", "shipping_address_zip": "79000", "shipping_secondary_line": "під'їзд 2",
			"recipient_full_name": "Петро Іваненко", "recipient_phone": "+380672223344",
			"warehouse_ref": "1ec09d88-e1c2-11e3-8c4a-0050568002cf", "delivery_service_id": 1.0, "shipping_date": "2026-03-06",
		},
		"marketing": map[string]any{"utm_source": "google", "utm_medium": "cpc", "utm_campaign": "spring", "utm_term": "лампа", "utm_content": "banner-2"},
		"products": []any{map[string]any{
			"price": 1299.0, "quantity": 1.0, "name": "Лампа «Світанок»", "picture": "https://shop.example/img/lamp.jpg",
			"properties": []any{map[string]any{"name": "Color", "value": "Space Gray"}},
		}},
		"payments": []any{map[string]any{
			"payment_method_id": 2.0, "payment_method": "Картка", "amount": 1299.0, "description": "Передплата",
			"payment_date": "2026-03-04 09:15:00", "status": "not_paid",
		}},
		"custom_fields": []any{
			map[string]any{"uuid": "OR_1021", "value": "Із сайту"},
			map[string]any{"uuid": "OR_1022", "value": []any{"червоний", "синій", "зелений"}},
		},
	}
	if diff := cmp.Diff(want, withoutTime(t, body)); diff != "" {
		t.Errorf("the order differs (-want +got):\n%s", diff)
	}
}

func TestCardFormArrivesWhole(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{}, nil)
	id := s.submit("lead", leadBody())
	s.settled(id, "delivered")
	cards := s.crm.Cards()
	if len(cards) != 1 {
		t.Fatalf("KeyCRM has %d cards", len(cards))
	}
	body := cards[0].Body
	openapitest.Check(t, vendorFile, keycrm.KindCard, body)
	want := map[string]any{
		"title": "Консультація", "source_id": 1.0, "manager_id": 1.0, "pipeline_id": 3.0,
		"manager_comment": "[formrelay " + id + "]\nПодзвонити після 18:00",
		"contact":         map[string]any{"full_name": "Олена Іваненко", "email": "olena@shop.example", "phone": "+380501112233"},
		"utm_source":      "google", "utm_medium": "cpc", "utm_campaign": "spring", "utm_term": "лампа", "utm_content": "banner-2",
		"products": []any{map[string]any{
			"name": "Лампа «Світанок»", "sku": "LAMP-01", "quantity": 2.0, "price": 1299.0, "picture": "https://shop.example/img/lamp.jpg",
		}},
		"payments": []any{map[string]any{
			"payment_method_id": 2.0, "payment_method": "Картка", "amount": 2598.0, "description": "Передплата",
			"payment_date": "2026-03-04 09:15:00", "status": "not_paid",
		}},
		"custom_fields": []any{
			map[string]any{"uuid": "LD_1021", "value": "Із сайту"},
			map[string]any{"uuid": "LD_1022", "value": []any{"червоний", "синій", "зелений"}},
		},
	}
	if diff := cmp.Diff(want, withoutTime(t, body)); diff != "" {
		t.Errorf("the card differs (-want +got):\n%s", diff)
	}
}

// withoutTime decodes an entity and replaces ordered_at, which is when it was received, after looking at its form.
func withoutTime(t *testing.T, body []byte) map[string]any {
	t.Helper()
	var got map[string]any
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	if at, ok := got["ordered_at"].(string); ok {
		if _, err := time.Parse(time.DateTime, at); err != nil {
			t.Error(err)
		}
		got["ordered_at"] = "TIME"
	}
	return got
}

func TestEmptyFieldIsNotSent(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{}, nil)
	form := url.Values{}
	for name := range orderBody() {
		form.Set(name, " ")
	}
	form.Set("phone", "0501112233")
	s.settled(s.submit("order", form), "delivered")
	body := s.crm.Orders()[0].Body
	openapitest.Check(t, vendorFile, keycrm.KindOrder, body)
	for _, name := range []string{"email", "full_name", "shipping", "marketing", "payments", "custom_fields", "null", `""`} {
		if bytes.Contains(body, []byte(name)) {
			t.Errorf("%s stands in %s", name, body)
		}
	}
}

// What a visitor can correct is told, what ops must mend is held, and neither reaches KeyCRM.
func TestNothingWrongReachesKeyCRM(t *testing.T) {
	t.Parallel()
	const status = `
creates: order
source_id: 22
map:
  buyer: {full_name: "${name}", email: "${email}", phone: "${phone}"}
  payments: [{payment_method_id: 2, amount: "${amount}", status: "${status}"}]
`
	s := newSite(t, sandbox.Options{}, map[string]string{"status": status})

	t.Run("WrongEmail", func(t *testing.T) {
		response, text := post(t, s.address+"/forms/order", "name=Olena&email=olena%40", "Accept", "application/json")
		refused(t, s, response, text, "email")
	})
	t.Run("NoContact", func(t *testing.T) {
		response, text := post(t, s.address+"/forms/lead", "title=Hello", "Accept", "application/json")
		refused(t, s, response, text, "phone")
	})
	t.Run("WrongStatus", func(t *testing.T) {
		id := s.submit("status", url.Values{"name": {"Olena"}, "amount": {"10"}, "status": {"maybe"}})
		got := s.show(id)
		if got.State != "held" || got.Reason != "mapping" || got.Error == nil || !strings.Contains(*got.Error, "status") {
			t.Errorf("it is %s for %s: %v", got.State, got.Reason, got.Error)
		}
	})
	if n := len(s.crm.Calls()); n != 0 {
		t.Errorf("KeyCRM was called %d times", n)
	}
}

func refused(t *testing.T, s *site, response *http.Response, text, field string) {
	t.Helper()
	var answer struct {
		ID     string `json:"id"`
		Errors []struct {
			Field   string `json:"field"`
			Message string `json:"message"`
		} `json:"errors"`
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if response.StatusCode != http.StatusUnprocessableEntity || len(answer.Errors) == 0 {
		t.Fatalf("%s: %s", response.Status, text)
	}
	named := slices.ContainsFunc(answer.Errors, func(e struct {
		Field   string `json:"field"`
		Message string `json:"message"`
	},
	) bool {
		return e.Field == field && e.Message != ""
	})
	if !named {
		t.Errorf("%s is not named in %s", field, text)
	}
	if got := s.show(answer.ID); got.State != "refused" {
		t.Errorf("it is %s, want refused", got.State)
	}
}

func TestOddBodiesLoseNothing(t *testing.T) {
	t.Parallel()
	const profile = `
creates: card
map:
  contact: {full_name: "${name}", phone: "${phone}"}
rest: manager_comment
`
	s := newSite(t, sandbox.Options{}, map[string]string{"odd": profile})
	address := s.address + "/forms/odd"
	_, text := post(t, address, "phone=0501112233&discount=100%&a;b=1", "Accept", "application/json")
	var answer struct{ ID string }
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatal(err)
	}
	got := s.settled(answer.ID, "delivered")
	want := [][2]string{{"phone", "0501112233"}, {"discount", "100%"}, {"a;b", "1"}}
	if diff := cmp.Diff(want, got.Fields); diff != "" {
		t.Errorf("fields differ (-want +got):\n%s", diff)
	}
	if comment := string(s.crm.Cards()[0].Body); !strings.Contains(comment, `discount: 100%\na;b: 1`) {
		t.Errorf("the comment has no trace of them: %s", comment)
	}

	// Олена in windows-1251, as an old page sends it without saying so.
	_, text = post(t, address, "name=%CE%EB%E5%ED%E0&phone=0501112233", "Accept", "application/json")
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatal(err)
	}
	if got := s.settled(answer.ID, "delivered"); got.Fields[0] != [2]string{"name", "Олена"} {
		t.Errorf("got %q", got.Fields[0])
	}
}

func TestPreviewIsWhatWasSent(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{}, nil)
	id := s.submit("order", orderBody())
	s.settled(id, "delivered")
	sent := string(s.crm.Orders()[0].Body)

	out, problems, code := formrelay(t, "preview", "--submission", id, "--database", s.database)
	if code != 0 || out != sent+"\n" {
		t.Errorf("exit %d %s\nprinted %s\nsent    %s", code, problems, out, sent)
	}

	var entity struct {
		OrderedAt string `json:"ordered_at"`
	}
	if err := json.Unmarshal([]byte(sent), &entity); err != nil {
		t.Fatal(err)
	}
	at, err := time.Parse(time.DateTime, entity.OrderedAt)
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"preview", "order", "--profiles", filepath.Join("..", "..", "deploy", "profiles"), "--id", id, "--now", at.Format(time.RFC3339)}
	for name, values := range orderBody() {
		args = append(args, "-F", name+"="+values[0])
	}
	out, problems, code = formrelay(t, args...)
	if code != 0 || out != sent+"\n" {
		t.Errorf("exit %d %s\nprinted %s\nsent    %s", code, problems, out, sent)
	}
}

// A power cut while visitors post: what was answered arrives, and arrives once.
func TestKillLosesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{Limit: 100_000}, nil, "--keycrm-pace", "5000/1s", "--keycrm-timeout", "1s")
	var (
		mu       sync.Mutex
		answered []string
		visitors sync.WaitGroup
	)
	enough := make(chan struct{})
	for range 4 {
		visitors.Go(func() {
			for {
				id, err := acknowledged(s.address + "/forms/lead")
				if err != nil {
					return // the relay is gone
				}
				mu.Lock()
				answered = append(answered, id)
				if len(answered) == 150 {
					close(enough)
				}
				mu.Unlock()
			}
		})
	}
	<-enough
	s.kill()
	visitors.Wait()
	s.restart()
	eventually(t, "everything is delivered", func() bool { return s.delivered(answered) })
	times := map[string]int{}
	for _, card := range s.crm.Cards() {
		times[mark(t, card.Body)]++
	}
	for _, id := range answered {
		if times[id] != 1 {
			t.Errorf("%s arrived %d times", id, times[id])
		}
	}
}

// acknowledged posts one lead and gives its id, or an error when the relay broke off.
func acknowledged(address string) (string, error) {
	request, err := http.NewRequest(http.MethodPost, address, strings.NewReader("name=Olena&phone=0501112233"))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept", "application/json")
	response, err := browser().Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var answer struct{ ID string }
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return "", err
	}
	if response.StatusCode != http.StatusAccepted {
		return "", fmt.Errorf("answered %s", response.Status)
	}
	return answer.ID, nil
}

// mark is the submission's id that a card carries.
func mark(t *testing.T, body []byte) string {
	t.Helper()
	var card struct {
		Comment string `json:"manager_comment"`
	}
	if err := json.Unmarshal(body, &card); err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(card.Comment, "\n")
	return strings.TrimSuffix(strings.TrimPrefix(line, "[formrelay "), "]")
}

// TestPace brings a backlog through a pace that the stand-in holds the relay to. Scaled down from 240 at 60 in 10 s, which the same
// test runs when FORMRELAY_LONG is set.
func TestPace(t *testing.T) {
	t.Parallel()
	count, calls, window := 80, 20, time.Second
	if os.Getenv("FORMRELAY_LONG") != "" {
		count, calls, window = 240, 60, 10*time.Second
	}
	s := newSite(t, sandbox.Options{Limit: calls, Window: window}, nil, "--keycrm-pace", fmt.Sprintf("%d/%s", calls, window))
	start := time.Now()
	var last string
	for range count {
		last = s.submit("lead", callbackBody())
	}
	s.settled(last, "delivered")
	eventually(t, "all have arrived", func() bool { return len(s.crm.Cards()) == count })
	took := time.Since(start)
	made := s.crm.Calls()
	for i, call := range made {
		if call.Status == http.StatusTooManyRequests {
			t.Errorf("call %d was answered 429", i)
		}
		if i >= calls && call.At.Sub(made[i-calls].At) < window {
			t.Errorf("%d calls within %s", calls+1, call.At.Sub(made[i-calls].At))
		}
	}
	t.Logf("%d submissions at %d/%s arrived in %.1f s with %d calls", count, calls, window, took.Seconds(), len(made))
}

// Neither the token nor anything a visitor typed stands in a log line, at any level.
func TestLogHoldsNoSecretAndNoValue(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{Token: "TOKENMARKER"}, nil, "--log-level", "debug")
	if s.env[0] = "KEYCRM_TOKEN=TOKENMARKER"; s.stop() != 0 {
		t.Fatalf("serve did not stop cleanly:\n%s", s.log)
	}
	s.restart()
	form := url.Values{}
	for name := range orderBody() {
		form.Set(name, "VISITORMARKER")
	}
	form.Set("email", "VISITORMARKER@shop.example")
	form.Set("phone", "0509998877")
	post(t, s.address+"/forms/order?utm=VISITORMARKER", form.Encode(), "User-Agent", "VISITORMARKER", "Referer", "https://shop.example/VISITORMARKER")
	s.settled(s.submit("lead", url.Values{"name": {"VISITORMARKER"}, "phone": {"0509998877"}}), "delivered")
	post(t, s.address+"/forms/lead", "email=VISITORMARKER")
	post(t, s.address+"/forms/VISITORMARKER", "email=VISITORMARKER")
	post(t, s.address+"/forms/lead", "{VISITORMARKER", "Content-Type", "application/json")
	if err := s.crm.Inject(sandbox.Fault{Kind: sandbox.Status, Status: http.StatusUnprocessableEntity}); err != nil {
		t.Fatal(err)
	}
	rejected := s.submit("lead", url.Values{"name": {"VISITORMARKER"}, "phone": {"0509998877"}})
	s.settled(rejected, "rejected")
	if code := s.stop(); code != 0 {
		t.Errorf("exit %d", code)
	}
	if log := s.log.String(); regexp.MustCompile(`(?i)marker|9998877`).MatchString(log) {
		t.Errorf("the log gives away a token or a value:\n%s", log)
	}
}

// A relay that knows no token takes forms all the same, says why it sends nothing, and stops cleanly.
func TestServesWithoutTokenAndWithBrokenProfiles(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	profiles := filepath.Join(folder, "profiles")
	if err := writeProfiles(profiles); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(profiles, "broken.yaml"), []byte("creates: [\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, address := crm(t, sandbox.Options{})
	s := &site{database: "sqlite:" + filepath.Join(folder, "formrelay.db")}
	s.process = serve(t, nil, "--profiles", profiles, "--database", s.database, "--keycrm-url", address)
	id := s.submit("lead", callbackBody())
	eventually(t, "the log says why nothing is sent", func() bool {
		return strings.Contains(s.log.String(), "account paused: forms are taken, nothing is sent until what the reason says is mended")
	})
	first := get(t, s.ops+"/readyz")
	eventually(t, "it is asked again", func() bool { return get(t, s.ops+"/readyz") != first })
	if said := s.log.String(); strings.Count(said, "here is no KeyCRM token") != 1 || !strings.Contains(said, "and start again.") {
		t.Errorf("it is not said once why:\n%s", said)
	}
	if got := s.show(id); got.State != "queued" {
		t.Errorf("it is %s, want queued", got.State)
	}
	if response, text := post(t, s.address+"/forms/broken", "a=b"); response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" {
		t.Errorf("a broken profile answers %s: %s", response.Status, text)
	}
	if !strings.Contains(s.log.String(), "broken.yaml:") {
		t.Errorf("the log does not name the broken file:\n%s", s.log)
	}
	for _, address := range []string{s.address, s.ops} {
		for _, path := range []string{"/healthz", "/readyz"} {
			if text := get(t, address+path); text == "" {
				t.Errorf("%s%s answers nothing", address, path)
			}
		}
	}
	if out, problems, code := formrelay(t, "healthcheck", "--ops-listen", strings.TrimPrefix(s.ops, "http://")); code != 0 {
		t.Errorf("healthcheck: exit %d %s%s", code, out, problems)
	}
	if code := s.stop(); code != 0 {
		t.Errorf("exit %d:\n%s", code, s.log)
	}
}

// A broken file leaves the revision serving that took the last submission, also after a restart.
func TestLastGoodRevisionServesOn(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{}, nil)
	s.submit("lead", callbackBody())
	if code := s.stop(); code != 0 {
		t.Fatalf("exit %d", code)
	}
	file := filepath.Join(s.args[1], "lead.yaml")
	if err := os.WriteFile(file, []byte("creates: card\nmap: {contct: 1}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.restart()
	s.settled(s.submit("lead", callbackBody()), "delivered")
	if !strings.Contains(s.log.String(), "its last stored revision serves on") {
		t.Errorf("the log does not say so:\n%s", s.log)
	}
}

// get asks for a page as a browser does and gives its text.
func get(t *testing.T, address string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", "text/html")
	response, err := browser().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		t.Errorf("%s: %s", address, response.Status)
	}
	return string(text)
}
