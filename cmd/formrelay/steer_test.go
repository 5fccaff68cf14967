package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"formrelay/internal/form"
	"formrelay/internal/keycrm"
	"formrelay/internal/keycrm/sandbox"
	"formrelay/internal/store"
	"formrelay/internal/submission"
)

// asOps runs a command on the site's database as a person beside the server would, with input on standard input.
func (s *site) asOps(input string, args ...string) (stdout, stderr string, code int) {
	s.t.Helper()
	command := exec.CommandContext(s.t.Context(), "formrelay", args...)
	command.Env = append(os.Environ(), "FORMRELAY_DATABASE="+s.database, "FORMRELAY_PROFILES="+s.args[1])
	var out, problems bytes.Buffer
	command.Stdin, command.Stdout, command.Stderr = strings.NewReader(input), &out, &problems
	err := command.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		s.t.Fatal(err)
	}
	return out.String(), problems.String(), command.ProcessState.ExitCode()
}

// must is asOps where the command has to succeed; it gives what was printed.
func (s *site) must(args ...string) string {
	s.t.Helper()
	out, problems, code := s.asOps("", args...)
	if code != 0 {
		s.t.Fatalf("%s: exit %d\n%s%s", strings.Join(args, " "), code, out, problems)
	}
	return out
}

// fails is asOps where the command has to fail, with a sentence that holds each of the texts.
func (s *site) fails(input string, code int, texts []string, args ...string) {
	s.t.Helper()
	out, problems, got := s.asOps(input, args...)
	if got != code {
		s.t.Errorf("%s: exit %d, want %d\n%s%s", strings.Join(args, " "), got, code, out, problems)
	}
	for _, text := range texts {
		if !strings.Contains(problems, text) {
			s.t.Errorf("%s: %q is not said in\n%s", strings.Join(args, " "), text, problems)
		}
	}
}

// refuse makes KeyCRM refuse the next n creates for good.
func (s *site) refuse(n int) {
	s.t.Helper()
	fault := sandbox.Fault{Status: http.StatusUnprocessableEntity, Method: http.MethodPost, Times: n, Body: `{"message":"The given data was invalid.","errors":{"contact":["no"]}}`}
	if err := s.crm.Inject(fault); err != nil {
		s.t.Fatal(err)
	}
}

// steered is what tests look at in `submissions show --json` beside shown.
type steered struct {
	Changes     []submission.Change `json:"changes"`
	MadeFrom    string              `json:"made_from"`
	SentAgain   []string            `json:"sent_again"`
	CorrectedBy string              `json:"corrected_by"`
}

func (s *site) changes(id string) (got steered) {
	s.t.Helper()
	if err := json.Unmarshal([]byte(s.must("submissions", "show", id, "--json")), &got); err != nil {
		s.t.Fatal(err)
	}
	return got
}

// statusProfile is a profile whose status is the form's own.
const statusProfile = `
creates: order
source_id: 22
map:
  buyer: {full_name: "${name}", email: "${email}", phone: "${phone}"}
  payments: [{payment_method_id: 2, amount: "${amount}", status: "${status}"}]
`

// A post without any contact is one fault, however many fields could mend it.
func TestShowSaysAFaultOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{}, map[string]string{"hook": strings.Replace(statusProfile, "map:", "answer: {invalid: hold}\nmap:", 1)})
	_, answer := post(t, s.address+"/forms/hook", "amount=10", "Accept", "application/json")
	page := s.must("submissions", "show", regexp.MustCompile(`[0-9A-Z]{26}`).FindString(answer))
	if strings.Count(page, "no name, email or phone at all") != 1 || !strings.Contains(page, "(the fields name, email, phone)") || strings.Contains(page, "fault") {
		t.Errorf("it is not said once:\n%s", page)
	}
}

func TestReplayRejected(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{}, nil)
	s.refuse(3)
	var ids []string
	for range 3 {
		id := s.submit("lead", callbackBody())
		s.settled(id, "rejected")
		ids = append(ids, id)
	}
	s.fails("2\n", 1, []string{"3 submissions to be sent, or looked up. Type 3 to go on", "nothing was changed"}, "submissions", "replay", "--state", "rejected")
	s.fails("", 1, []string{"nothing was changed"}, "submissions", "replay", "--state", "rejected")
	s.fails("", 1, []string{"--yes=17, but it is 3 submissions", "nothing was changed"}, "submissions", "replay", "--state", "rejected", "--yes=17")
	if out := s.must("submissions", "replay", ids[0]); out != "1 submission replayed\n" {
		t.Errorf("%q", out)
	}
	s.settled(ids[0], "delivered")
	s.must("submissions", "replay", "--state", "rejected,held", "--since", "1h", "--profile", "lead", "--yes=2")
	for _, id := range ids {
		s.settled(id, "delivered")
	}
	if n := len(s.crm.Cards()); n != 3 {
		t.Errorf("KeyCRM has %d cards", n)
	}
	page := strings.Join(strings.Fields(s.must("submissions", "show", ids[0])), " ")
	for _, text := range []string{" received ", "create rejected 422", "contact: no", "replayed by ", "create done 201"} {
		if !strings.Contains(page, text) {
			t.Errorf("%q is not shown in\n%s", text, page)
		}
	}
	s.fails("", 1, []string{"is delivered", "--again"}, "submissions", "replay", ids[0])
}

// Two of ops who replay the same make one of it.
func TestReplayTwiceAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{}, nil)
	s.refuse(1)
	id := s.submit("lead", callbackBody())
	s.settled(id, "rejected")
	var ops sync.WaitGroup
	codes := make([]int, 3)
	for i := range codes {
		ops.Go(func() { _, _, codes[i] = s.asOps("", "submissions", "replay", id) })
	}
	ops.Wait()
	s.settled(id, "delivered")
	if n, changes := len(s.crm.Cards()), s.changes(id).Changes; n != 1 || len(changes) != 1 {
		t.Errorf("KeyCRM has %d cards, exit codes %v, changes %v", n, codes, changes)
	}
}

func TestReplayWithAField(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{}, map[string]string{"status": statusProfile})
	id := s.submit("status", url.Values{"name": {"Olena"}, "amount": {"10"}, "status": {"maybe"}})
	s.settled(id, "held")
	s.fails("", 1, []string{"cannot be mapped by", "status.yaml:6:", "nothing was changed"}, "submissions", "release", id)
	s.fails("", 1, []string{"has no entity yet"}, "submissions", "release", id, "--mapping", "old")
	s.fails("", 1, []string{"nothing was changed"}, "submissions", "release", id, "--set", "status=perhaps")
	s.fails("", 1, []string{`submission ` + id + `: the form posted no field "statsu" and the profile reads none; did you mean status? --force sets it all the same`},
		"submissions", "release", id, "--set", "statsu=paid")
	s.fails("", 1, []string{`no field "colour" and the profile reads none; --force sets it`}, "submissions", "replay", id, "--set", "status=paid", "--set", "colour=red")
	s.fails("", 2, []string{"write field=value"}, "submissions", "release", id, "--set", "status")
	if got := s.show(id); got.State != "held" {
		t.Errorf("it is %s", got.State)
	}
	why := s.must("submissions", "show", id)
	if sentence := `it is "maybe" and must be one of`; strings.Count(why, sentence) != 1 || !regexp.MustCompile(`(?m)^fault +in the field status \(payments\.0\.status\)$`).MatchString(why) {
		t.Errorf("it is not said once what is wrong, and where:\n%s", why)
	}
	s.must("submissions", "release", id, "--set", "status=paid")
	s.settled(id, "delivered")
	if body := string(s.crm.Orders()[0].Body); !strings.Contains(body, `"status":"paid"`) {
		t.Errorf("sent %s", body)
	}
	got := s.changes(id).Changes
	if len(got) != 2 || got[0].Kind != submission.Released || got[1].Kind != submission.FieldSet || got[1].Field != "status" || got[1].Old != "maybe" ||
		got[1].New != "paid" || got[1].Who == "" || got[1].At.IsZero() {
		t.Errorf("recorded: %+v", got)
	}
	if page := s.must("submissions", "show", id); !strings.Contains(page, `status from "maybe" to "paid"`) {
		t.Errorf("not shown in\n%s", page)
	}
}

// A mended profile maps what KeyCRM refused; the entity that it refused is kept beside the new one.
func TestReplayByTheCurrentMapping(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{}, map[string]string{"status": statusProfile})
	s.refuse(2)
	first := s.submit("status", url.Values{"name": {"Olena"}, "amount": {"10"}, "status": {"paid"}})
	second := s.submit("status", url.Values{"name": {"Taras"}, "amount": {"10"}, "status": {"paid"}})
	was := s.settled(first, "rejected")
	s.settled(second, "rejected")
	mended := strings.Replace(statusProfile, "source_id: 22", "source_id: 23", 1)
	if err := os.WriteFile(filepath.Join(s.args[1], "status.yaml"), []byte(mended), 0o600); err != nil {
		t.Fatal(err)
	}
	s.must("submissions", "replay", first, "--mapping", "current")
	s.must("submissions", "replay", second)
	s.settled(first, "delivered")
	s.settled(second, "delivered")
	for _, order := range s.crm.Orders() {
		want := `"source_id":22`
		if strings.Contains(string(order.Body), "Olena") {
			want = `"source_id":23`
		}
		if !strings.Contains(string(order.Body), want) {
			t.Errorf("%s is not in %s", want, order.Body)
		}
	}
	changes := s.changes(first).Changes
	var old bytes.Buffer
	if err := json.Compact(&old, was.Entity); err != nil {
		t.Fatal(err)
	}
	if len(changes) != 2 || changes[1].Kind != submission.Remapped {
		t.Fatalf("recorded: %+v", changes)
	}
	var kept bytes.Buffer
	if err := json.Compact(&kept, changes[1].Entity); err != nil || kept.String() != old.String() {
		t.Errorf("%v: kept %s, was %s", err, kept.String(), old.String())
	}
}

// A profile of the database maps what it held or refused just as one of the folder does, and can be looked at by `preview`.
func TestReplayByAProfileOfTheDatabase(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{}, nil)
	file := filepath.Join(t.TempDir(), "shop.yaml")
	put := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s.must("profiles", "put", file)
	}
	put(statusProfile)
	eventually(t, "the form is there", func() bool { return s.status("shop") != http.StatusNotFound })
	held := s.submit("shop", url.Values{"name": {"Olena"}, "amount": {"10"}, "status": {"maybe"}})
	s.settled(held, "held")
	s.fails("", 1, []string{"cannot be mapped by shop in the database", "nothing was changed"}, "submissions", "release", held)
	s.must("submissions", "release", held, "--set", "status=paid")
	s.settled(held, "delivered")

	s.refuse(1)
	rejected := s.submit("shop", url.Values{"name": {"Taras"}, "amount": {"10"}, "status": {"paid"}})
	s.settled(rejected, "rejected")
	put(strings.Replace(statusProfile, "source_id: 22", "source_id: 23", 1))
	if sent := s.must("preview", "shop", "--submission", rejected); !strings.Contains(sent, `"source_id":23`) {
		t.Errorf("preview shows %s", sent)
	}
	s.must("submissions", "replay", rejected, "--mapping", "current")
	s.settled(rejected, "delivered")
	if orders := s.crm.Orders(); len(orders) != 2 || !strings.Contains(string(orders[1].Body), `"source_id":23`) {
		t.Errorf("sent %+v", orders)
	}
	s.fails("", 1, []string{"there is no profile nobody, neither in", "nor in the database: look at its name, or name the folder with --profiles"}, "preview", "nobody", "-F", "a=b")
}

func TestReplayAgain(t *testing.T) {
	t.Parallel()
	const numbered = statusProfile + "  source_uuid: \"${number}\"\n"
	s := newSite(t, sandbox.Options{}, map[string]string{"numbered": numbered})
	id := s.submit("numbered", url.Values{"name": {"Olena"}, "amount": {"10"}, "status": {"paid"}, "number": {"N-1"}})
	s.settled(id, "delivered")
	s.fails("", 2, []string{"name the one submission by its id"}, "submissions", "replay", "--again", "--state", "delivered")
	out := s.must("submissions", "replay", id, "--again")
	again := out[:26]
	if !strings.Contains(out, "makes a second order in KeyCRM") {
		t.Errorf("%q", out)
	}
	s.settled(again, "delivered")
	orders := s.crm.Orders()
	if len(orders) != 2 || !strings.Contains(string(orders[1].Body), `"source_uuid":"`+again+`"`) {
		t.Fatalf("KeyCRM has %d orders, the last is %s", len(orders), orders[len(orders)-1].Body)
	}
	if from, to := s.changes(again).MadeFrom, s.changes(id).SentAgain; from != id || len(to) != 1 || to[0] != again {
		t.Errorf("linked to %q and %q", from, to)
	}
	s.fails("", 1, []string{"was sent again already, as " + again}, "submissions", "replay", id, "--again")
	s.fails("", 1, []string{"--again is for delivered ones"}, "submissions", "replay", s.rejectedLead(), "--again")
}

func (s *site) rejectedLead() string {
	s.t.Helper()
	s.refuse(1)
	id := s.submit("lead", callbackBody())
	s.settled(id, "rejected")
	return id
}

// An uncertain one is looked up at once and not sent; one that was discarded in doubt comes back to be looked up.
func TestReplayUncertain(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{}, nil)
	for _, fault := range []sandbox.Fault{
		{Kind: sandbox.Cut, Stored: true, Method: http.MethodPost},
		{Status: http.StatusServiceUnavailable, Method: http.MethodGet, Times: -1},
	} {
		if err := s.crm.Inject(fault); err != nil {
			t.Fatal(err)
		}
	}
	id := s.submit("lead", callbackBody())
	s.settled(id, "uncertain")
	s.fails("", 1, []string{"may be in KeyCRM already"}, "submissions", "replay", id, "--mapping", "current")
	s.fails("", 1, []string{"is uncertain: discard it first"}, "submissions", "erase", id)
	// It may be looked up just now; then ops are told to wait.
	eventually(t, "it is discarded", func() bool { _, _, code := s.asOps("", "submissions", "discard", id); return code == 0 })
	s.must("submissions", "replay", id)
	if got := s.show(id); got.State != "uncertain" {
		t.Errorf("it is %s", got.State)
	}
	s.crm.Reset()
	eventually(t, "it is looked up", func() bool {
		state := s.show(id).State
		if state == "uncertain" {
			s.asOps("", "submissions", "replay", id)
		}
		return state == "delivered"
	})
	if n := len(s.crm.Cards()); n != 1 {
		t.Errorf("KeyCRM has %d cards", n)
	}
}

func TestReleaseRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{}, nil)
	refuse := func(body string) string {
		_, text := post(t, s.address+"/forms/lead", body, "Accept", "application/json")
		var answer struct{ ID string }
		if err := json.Unmarshal([]byte(text), &answer); err != nil {
			t.Fatal(err)
		}
		return answer.ID
	}
	corrected := refuse("name=Olena&phone=0501112233&email=olena%40")
	left := refuse("name=Taras&phone=0671112233&email=taras%40")
	answer := s.submit("lead", url.Values{"name": {"Olena"}, "phone": {"+38 (050) 111-22-33"}, "email": {"olena@shop.example"}})
	s.settled(answer, "delivered")
	if got := s.changes(corrected).CorrectedBy; got != answer {
		t.Errorf("corrected by %q", got)
	}
	if out := s.must("submissions", "list", "--state", "refused"); !strings.Contains(out, "corrected by "+answer) || strings.Count(out, "corrected by") != 1 {
		t.Errorf("list:\n%s", out)
	}
	s.fails("", 1, []string{"was corrected by " + answer, "--force"}, "submissions", "release", corrected, "--set", "email=")
	s.must("submissions", "release", left, "--set", "email=taras@shop.example")
	s.settled(left, "delivered")
	s.must("submissions", "release", corrected, "--set", "email=", "--force")
	s.settled(corrected, "delivered")
	if n := len(s.crm.Cards()); n != 3 {
		t.Errorf("KeyCRM has %d cards", n)
	}
}

func TestAccountPauseAndResume(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{}, nil)
	if out := s.must("account", "list"); !strings.Contains(out, "main") || !strings.Contains(out, "nothing sent yet") {
		t.Errorf("list:\n%s", out)
	}
	s.fails("", 1, []string{`there is no account "mian"; the accounts are main`}, "account", "pause", "mian")
	s.must("account", "pause", "main", "--reason", "stocktaking")
	eventually(t, "the log says so", func() bool { return strings.Contains(s.log.String(), "stocktaking") })
	if out := get(t, s.ops+"/readyz"); !strings.Contains(out, "account main: paused by ") || !strings.Contains(out, ": stocktaking; until: formrelay account resume main\n") {
		t.Errorf("/readyz says\n%s", out)
	}
	calls := len(s.crm.Calls())
	id := s.submit("lead", callbackBody())
	if out := s.must("account", "list", "--json"); !strings.Contains(out, `"status":"paused by ops","reason":"paused by `) || !strings.Contains(out, `"waiting":1`) {
		t.Errorf("list:\n%s", out)
	}
	for _, command := range [][]string{{"submissions", "list"}, {"submissions", "list", "--json"}, {"submissions", "show", id}, {"submissions", "show", id, "--json"}} {
		if out := s.must(command...); !strings.Contains(out, "account main is paused by ") || !strings.Contains(out, ": stocktaking") {
			t.Errorf("%v does not say what it waits for:\n%s", command, out)
		}
	}
	// Longer than the first probe of an account that is paused for its health would take.
	time.AfterFunc(2500*time.Millisecond, func() { s.asOps("", "account", "resume", "main") })
	eventually(t, "it is resumed", func() bool {
		made := len(s.crm.Calls()) // before the list: what was called then, and is still paused after, was called while it was
		listed, _, _ := s.asOps("", "account", "list")
		if paused := strings.Contains(listed, "paused by ops"); paused && made != calls {
			t.Fatal("KeyCRM was called while ops had the account paused")
		}
		return !strings.Contains(listed, "paused by ops")
	})
	s.settled(id, "delivered")
	if out := s.must("account", "list") + get(t, s.ops+"/readyz"); strings.Count(out, "delivering") != 2 {
		t.Errorf("after an order KeyCRM is known to answer:\n%s", out)
	}
}

// Nobody is told that an account sends again while KeyCRM's own pause holds.
func TestAccountResumeDuringARetryAfter(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{}, nil)
	if err := s.crm.Inject(sandbox.Fault{Kind: sandbox.Status, Status: http.StatusTooManyRequests, RetryAfter: "3600"}); err != nil {
		t.Fatal(err)
	}
	s.submit("lead", callbackBody())
	eventually(t, "the account is limited", func() bool { return strings.Contains(s.must("account", "list"), "limited") })
	if out := s.must("account", "resume", "main"); !strings.Contains(out, "KeyCRM asked for a pause (429), so nothing is sent before ") {
		t.Errorf("resume says %q", out)
	}
	if n := len(s.crm.Calls()); n != 1 {
		t.Errorf("%d calls", n)
	}
}

// A person's values are in no byte of the database's files while the server goes on.
func TestEraseAPerson(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{}, nil)
	refusing := s.rejectedLead()
	person := url.Values{"name": {"VISITORMARKER"}, "phone": {"050 777 66 55"}, "email": {"marker@shop.example"}, "manager_comment": {strings.Repeat("VISITORMARKER ", 2000)}}
	first := s.submit("lead", person)
	s.settled(first, "delivered")
	s.refuse(1)
	second := s.submit("lead", url.Values{"name": {"VISITORMARKER"}, "phone": {"0631112233"}, "manager_comment": {"or call VISITORMARKER at +38(050)777-66-55 after 18"}})
	s.settled(second, "rejected")
	s.must("submissions", "replay", second, "--set", "name=VISITORMARKER2")
	s.settled(second, "delivered")
	other := s.submit("lead", url.Values{"name": {"Taras"}, "phone": {"0507776656"}})
	s.settled(other, "delivered")

	s.fails("1\n", 1, []string{"2 submissions to be erased for ever", "nothing was changed"}, "submissions", "erase", "--phone", "+380507776655")
	out := s.must("submissions", "erase", "--phone", "+380507776655", "--yes=2")
	if !strings.Contains(out, "2 submissions erased") || strings.Count(out, "KeyCRM keeps its own copy: the card") != 2 {
		t.Errorf("%s", out)
	}
	path := strings.TrimPrefix(s.database, "sqlite:")
	for _, file := range []string{path, path + "-wal", path + "-shm"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, trace := range []string{"VISITORMARKER", "777 66 55", "777-66-55", "0507776655", "80507776655", "marker@shop.example"} {
			if bytes.Contains(text, []byte(trace)) {
				t.Errorf("%s stands in %s", trace, file)
			}
		}
	}
	got := s.show(first)
	if got.State != "delivered" || got.CRMID == nil || len(got.Fields) != 0 || len(got.Attempts) != 0 || string(got.Entity) != "null" {
		t.Errorf("left is %+v", got)
	}
	if len(s.show(other).Fields) != 2 || len(s.show(refusing).Fields) == 0 {
		t.Error("somebody else was erased")
	}
	s.fails("", 1, []string{"has no values any more"}, "submissions", "replay", first, "--again")
	s.settled(s.submit("lead", callbackBody()), "delivered") // the server goes on
}

// Retention needs nobody: what is older than it may be is empty soon after the start.
func TestRetentionRunsByItself(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{}, nil)
	if s.stop() != 0 {
		t.Fatal("serve did not stop")
	}
	long := time.Now().Add(-30 * 24 * time.Hour)
	db, err := store.Open(t.Context(), store.Options{URL: s.database, Now: func() time.Time { return long }})
	if err != nil {
		t.Fatal(err)
	}
	var refused, held []string
	for i := range 60 {
		sub := &submission.Submission{
			ID: submission.NewID(), Profile: "lead", Account: "main", Revision: "x", ReceivedAt: long, Kind: keycrm.KindCard,
			State: submission.Refused, Pairs: []form.Pair{{Name: "name", Value: "Olena"}},
		}
		if i%2 == 0 {
			sub.State = submission.Held
			held = append(held, sub.ID)
		} else {
			refused = append(refused, sub.ID)
		}
		if err := db.Accept(t.Context(), sub, submission.Revision{Hash: "x", Profile: "lead", Text: []byte("creates: card\n")}); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s.restart()
	eventually(t, "the refused ones are empty", func() bool { return len(s.show(refused[len(refused)-1]).Fields) == 0 })
	for _, id := range refused {
		if got := s.show(id); len(got.Fields) != 0 || got.State != "refused" || got.Profile != "lead" {
			t.Errorf("left is %+v", got)
		}
	}
	for _, id := range held {
		if len(s.show(id).Fields) != 1 {
			t.Errorf("%s is held and has expired", id)
		}
	}
}

func TestExport(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{}, nil)
	for i, name := range []string{"=HYPERLINK(1)", "-12,50", "+380501112233", "Олена; \"Ім'я\",\nдва", "\t@x"} {
		s.settled(s.submit("lead", url.Values{"name": {name}, "phone": {"0501112233"}, "id": {strconv.Itoa(i)}}), "delivered")
	}
	file := filepath.Join(t.TempDir(), "out.csv")
	s.fails("", 0, []string{"wrote 5 submissions to " + file}, "submissions", "export", "--output", file)
	s.fails("", 1, []string{"--output: " + file + " exists already, and an export overwrites nothing: name another file, or move that one away"}, "submissions", "export", "--output", file)
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, mode %v", err, info.Mode())
	}
	rows := readCSV(t, file)
	if got := strings.Join(rows[0], " "); got != "id received_at profile state reason crm_id error form.id name phone" {
		t.Errorf("columns %s", got)
	}
	want := []string{"'=HYPERLINK(1)", "-12,50", "+380501112233", "Олена; \"Ім'я\",\nдва", "'\t'@x"}
	for i, row := range rows[1:] {
		if row[3] != "delivered" || row[5] == "" || row[7] != strconv.Itoa(i) || row[8] != want[i] {
			t.Errorf("row %d is %q", i, row)
		}
	}
	lines := strings.Split(strings.TrimSpace(s.must("submissions", "export", "--format", "jsonl", "--text", "ОЛЕНА")), "\n")
	if len(lines) != 1 || !strings.Contains(lines[0], `["name","Олена; \"Ім'я\",\nдва"]`) {
		t.Errorf("%d lines: %s", len(lines), lines[0])
	}
	if out := s.must("submissions", "export", "--state", "held", "--excel"); out != "\ufeff\"id\";\"received_at\";\"profile\";\"state\";\"reason\";\"crm_id\";\"error\"\r\n" {
		t.Errorf("%q", out)
	}
	s.fails("", 1, []string{"--output"}, "submissions", "export", "--output", filepath.Join(file, "below"))
}
