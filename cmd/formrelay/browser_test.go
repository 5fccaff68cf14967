package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"formrelay/internal/keycrm/sandbox"
)

// shopProfile is the form of every browser test. Only the shop's own pages may post to it.
const shopProfile = `creates: order
source_id: 22
form:
  region: UA
  origins: ["%s"]
  fields:
    name: {validate: required, label: {uk: Ім’я, en: Name}}
    email: {type: email, label: {uk: Пошта, en: Email}}
map:
  buyer: {full_name: "${name}", email: "${email}", phone: "${phone}"}
  marketing: {utm_source: "${utm_source}"}
rest: manager_comment
`

// shopForm is a form without the browser's own checks, so that it is the relay that finds what is wrong.
const shopForm = `<form %s action="%s" method="post" enctype="multipart/form-data">
<input type="hidden" name="page_id" value="лампа">%s
<label>Ім’я <input name="name"></label>
<label>Телефон <input name="phone"></label>
<label>Пошта <input name="email"></label>
<label>Фото <input name="photo" type="file"></label>
<button name="how" value="button">Замовити</button>
</form>`

// town is a relay, a shop on another origin, what lies between them, and a browser.
type town struct {
	*site
	shop    string // the shop's origin
	between string // the relay's address as the shop's pages have it
	ctx     context.Context

	mu    sync.Mutex
	hooks map[string]hook
	posts map[string]int // by profile
}

// hook stands in for what may happen on the way to the relay and back. It answers itself, or calls the relay.
type hook func(w http.ResponseWriter, r *http.Request, relay http.Handler)

// visits are the browser tests. Each has a profile of its own, after its name.
func visits() map[string]func(*visit) {
	all := map[string]func(*visit){
		"plain": plainForm, "corrected": plainFormCorrected, "next": plainNext, "backplain": plainBack,
		"fetch": fetched, "module": asModule, "faulty": errorsBesideFields, "twice": sentTwice, "offline": offlineThenOnline,
		"lost": lostAnswer, "busy": busyRelay, "refused": neverOnRefusal, "back": backAndChanged, "file": fileWithProgress,
		"keyboard": keyboardAlone, "phone": onPhone, "later": addedLater, "blocked": storageBlocked, "touch": touches, "own": pagesOwnWay,
	}
	maps.Copy(all, oddVisits())
	return all
}

// TestBrowser does in a real Chromium what visitors do, on a page of another origin than the relay, under a strict policy.
func TestBrowser(t *testing.T) {
	t.Parallel()
	b := newTown(t)
	for name, play := range visits() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := b.visit(t, name)
			play(v)
			if violations := eval[string](v, `(window.violations || []).join()`); violations != "" {
				t.Errorf("the page's policy forbids %s", violations)
			}
			for _, told := range v.console() {
				if !strings.HasPrefix(told, "network: ") { // how Chromium reports each status that the visit is about
					t.Errorf("the console says %s", told)
				}
			}
		})
	}
}

// newTown starts everything, or skips the test where there is no Chromium.
func newTown(t *testing.T) *town {
	t.Helper()
	program := chromium()
	if program == "" {
		t.Skip("SKIPPED: the tests in a browser, because there is no Chromium (install chromium)")
	}
	b := &town{hooks: map[string]hook{}, posts: map[string]int{}}
	shop := httptest.NewServer(http.HandlerFunc(b.serveShop))
	t.Cleanup(shop.Close)
	b.shop = strings.Replace(shop.URL, "127.0.0.1", "localhost", 1)
	profiles := map[string]string{}
	for name := range visits() {
		profiles[name] = cmp.Or(oddProfile(name), fmt.Sprintf(shopProfile, b.shop))
	}
	profiles["elsewhere2"] = profiles["elsewhere"]
	for _, name := range []string{"fetch", "later", "days"} {
		profiles[name] += "guard: {min_time: 100ms}\n" // the others are filled in faster than any person could
	}
	b.site = newSite(t, sandbox.Options{Limit: 1000}, profiles)
	to, err := url.Parse(b.address)
	if err != nil {
		t.Fatal(err)
	}
	relay := httputil.NewSingleHostReverseProxy(to)
	between := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { b.pass(w, r, relay) }))
	t.Cleanup(between.Close)
	b.between = between.URL
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("accept-lang", "uk"),
		chromedp.Env("LC_ALL=C.UTF-8")) // where no locale is set Chromium opens no file that has a Ukrainian name
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium's sandbox refuses to run for root
	}
	allocator, end := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	t.Cleanup(end)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Log(err)
		}
		cancel()
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	b.ctx = ctx
	return b
}

// chromium is the browser's program; "" when there is none.
func chromium() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// pass lets a request through to the relay, by way of the profile's hook.
func (b *town) pass(w http.ResponseWriter, r *http.Request, relay http.Handler) {
	_, profile, _ := strings.Cut(r.URL.Path, "/forms/")
	b.mu.Lock()
	via := b.hooks[profile]
	if r.Method == http.MethodPost {
		b.posts[profile]++
	}
	b.mu.Unlock()
	if via != nil && r.Method == http.MethodPost {
		via(w, r, relay)
		return
	}
	relay.ServeHTTP(w, r)
}

// serveShop is the shop: a page /KIND/PROFILE with the form, and /thanks.
func (b *town) serveShop(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", fmt.Sprintf(
		"default-src 'none'; script-src %[1]s; connect-src %[1]s %[2]s; form-action 'self' %[1]s; base-uri 'none'; require-trusted-types-for 'script'", b.between, b.address))
	_, kind, _ := strings.Cut(r.URL.Path, "/")
	kind, profile, _ := strings.Cut(kind, "/")
	action, mark, more, track := b.between+"/forms/"+profile, "data-formrelay", "", ""
	script := `<script src="` + b.between + `/relay.js" async></script>`
	switch kind {
	case "plain":
		mark, script = "", ""
	case "plainnext":
		mark, script, more = "", "", `<input type="hidden" name="_next" value="/thanks?id={id}">`
	case "next":
		more = `<input type="hidden" name="_next" value="/thanks?id={id}">`
	case "module":
		script = `<script type="module" src="` + b.between + `/relay.js"></script>`
	case "untracked":
		track = ` data-formrelay-track="off"`
	case "direct": // nothing lies between
		action = b.address + "/forms/" + profile
	case "empty":
		fmt.Fprintf(w, `<!doctype html><html lang="uk"><head><title>Лампи</title>%s</head><body></body></html>`, script)
		return
	case "thanks":
		fmt.Fprint(w, `<!doctype html><html lang="uk"><title>Дякуємо</title><h1>Дякуємо за замовлення</h1></html>`)
		return
	}
	text := fmt.Sprintf(shopForm, mark, action, more)
	if odd := oddPages()[kind]; odd != "" {
		text = strings.ReplaceAll(odd, "ACTION", action)
	}
	// The script stands before the form: it must not take a form for whole of which only the beginning is there.
	fmt.Fprintf(w, `<!doctype html><html lang="uk"%s><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Лампи</title>%s</head><body>%s</body></html>`, track, script, text)
}

// visit is one visitor: a tab with a storage of its own.
type visit struct {
	*testing.T
	*town
	ctx     context.Context
	profile string
	told    *errorsTold
}

// errorsTold are the red lines of a tab's console, each behind the part of the browser that wrote it.
type errorsTold struct {
	mu    sync.Mutex
	lines []string
}

func (e *errorsTold) hear(event any) {
	entry, ok := event.(*log.EventEntryAdded)
	if !ok || entry.Entry.Level != log.EntryLevelError {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.lines = append(e.lines, string(entry.Entry.Source)+": "+entry.Entry.Text)
}

// console is what the tab's console holds in red. What the page wrote before it evaluates this is there: the browser tells it in order.
func (v *visit) console() []string {
	v.Helper()
	eval[bool](v, "true")
	v.told.mu.Lock()
	defer v.told.mu.Unlock()
	return slices.Clone(v.told.lines)
}

// visit opens a tab.
func (b *town) visit(t *testing.T, profile string) *visit {
	t.Helper()
	tab, end := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(end)
	ctx, cancel := context.WithTimeout(tab, patience)
	t.Cleanup(cancel)
	v := &visit{t, b, ctx, profile, &errorsTold{}}
	if err := chromedp.Listen(ctx, v.told.hear); err != nil {
		t.Fatal(err)
	}
	v.before(`window.violations = []; addEventListener('securitypolicyviolation', e => violations.push(e.violatedDirective + ' ' + e.blockedURI));`)
	return v
}

// before runs a script in every page before its own.
func (v *visit) before(script string) {
	v.Helper()
	if _, err := chromedp.Call(v.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script}); err != nil {
		v.Fatal(err)
	}
}

func (v *visit) do(steps ...chromedp.Action[chromedp.Void]) {
	v.Helper()
	if err := chromedp.Do(v.ctx, steps...); err != nil {
		v.Fatal(err)
	}
}

// open goes to the shop's page of that kind; where it has the script, waits until that is there.
func (v *visit) open(kind, query string) {
	v.Helper()
	v.do(chromedp.Navigate(v.shop + "/" + kind + "/" + v.profile + query))
	if !strings.HasPrefix(kind, "plain") {
		v.until("window.formrelay")
	}
}

// eval is what a JavaScript expression comes to; what a promise promises.
func eval[T any](v *visit, js string) T {
	v.Helper()
	got, err := chromedp.Run(v.ctx, chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
	if err != nil {
		v.Fatalf("%s: %v", js, err)
	}
	return got
}

// until waits until a JavaScript expression is true; also over a change of pages, in the midst of which there is none.
func (v *visit) until(js string) {
	v.Helper()
	eventually(v.T, js, func() bool {
		got, err := chromedp.Run(v.ctx, chromedp.Evaluate[bool]("!!("+js+")"))
		return err == nil && got
	})
}

// fill types into the form's fields, in place of what is there: names and values in turn.
//
// Here and in press a script finds the place and a keyboard or mouse does the rest: the driver's own look-ups hang on a page that came
// back as it was left.
func (v *visit) fill(fields ...string) {
	v.Helper()
	for n := 0; n < len(fields); n += 2 {
		eval[chromedp.Void](v, `(e => { e.focus(); e.select() })(document.querySelector('form [name="`+fields[n]+`"]'))`)
		v.do(chromedp.KeyEvent(fields[n+1]))
	}
}

// press clicks the form's button.
func (v *visit) press() {
	v.Helper()
	at := eval[[2]float64](v, `(e => { e.scrollIntoView({block: 'center', behavior: 'instant'}); const r = e.getBoundingClientRect();
		return [r.x + r.width / 2, r.y + r.height / 2] })(document.querySelector('form button'))`)
	v.do(chromedp.MouseClickXY(at[0], at[1]))
}

// linger waits until the form's time token is older than the guard asks for.
func (v *visit) linger() {
	v.Helper()
	v.until(`performance.getEntriesByType('resource').some(e => e.name.endsWith('/token') && performance.now() - e.responseEnd > 150)`)
}

// state waits until the form is in that state, and gives what it says.
func (v *visit) state(want string) string {
	v.Helper()
	v.until(`document.querySelector('form').dataset.formrelayState == '` + want + `'`)
	return eval[string](v, `document.querySelector('.formrelay-status').textContent`)
}

// via sets what happens on the way.
func (v *visit) via(h hook) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.hooks[v.profile] = h
}

// keepPosts keeps the posts on their way until release is called. Those of a visit that fails go on when it ends: a server waits for the
// requests that it has when it is closed.
func (v *visit) keepPosts() (release func()) {
	on, release := context.WithCancel(v.ctx)
	v.via(func(w http.ResponseWriter, r *http.Request, relay http.Handler) { <-on.Done(); relay.ServeHTTP(w, r) })
	return release
}

// posted is how often the form was posted.
func (v *visit) posted() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.posts[v.profile]
}

// stored are the ids of the visit's submissions by their state, the newest first.
func (v *visit) stored() map[string][]string {
	v.Helper()
	out, problems, code := formrelay(v.T, "submissions", "list", "--profile", v.profile, "--json", "--database", v.database)
	if code != 0 {
		v.Fatal(problems)
	}
	ids := map[string][]string{}
	for line := range strings.Lines(out) {
		var row struct{ ID, State string }
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			v.Fatal(err)
		}
		ids[row.State] = append(ids[row.State], row.ID)
	}
	return ids
}

// delivers waits until so many submissions are delivered, and makes sure that no others are there but what was refused.
func (v *visit) delivers(want int) []string {
	v.Helper()
	var rows map[string][]string
	eventually(v.T, strconv.Itoa(want)+" submissions are delivered", func() bool {
		rows = v.stored()
		return len(rows["delivered"]) >= want
	})
	delivered := rows["delivered"]
	delete(rows, "delivered")
	delete(rows, "refused")
	if len(delivered) != want || len(rows) != 0 {
		v.Errorf("%d submissions are delivered, want %d; others: %v", len(delivered), want, rows)
	}
	return delivered
}

// fields are a submission's, as they were posted.
func (v *visit) fields(id string) map[string]string {
	v.Helper()
	s := *v.site
	s.process = &process{t: v.T}
	fields := map[string]string{}
	for _, f := range s.show(id).Fields {
		fields[f[0]] = f[1]
	}
	return fields
}

const received = "Дякуємо! Ми отримали вашу заявку."

func plainForm(v *visit) {
	v.open("plain", "")
	v.fill("name", "Олена Іваненко", "phone", "050 111 22 33")
	v.press()
	v.until(`location.pathname.startsWith('/forms/plain/') && document.querySelector('h1')`)
	if text := eval[string](v, `document.querySelector('h1').textContent`); text != "Дякуємо!" {
		v.Error(text)
	}
	v.delivers(1)
}

// Without a script the page that asks for a correction keeps what was typed.
func plainFormCorrected(v *visit) {
	v.open("plain", "")
	v.fill("name", "Олена", "phone", "050 111 22 33", "email", "olena@")
	v.press()
	v.until(`document.querySelector('[name=email][aria-invalid]')`)
	if value := eval[string](v, `document.querySelector('[name=email]').value + document.querySelector('[name=name]').value`); value != "olena@Олена" {
		v.Errorf("it keeps %q", value)
	}
	v.until(`document.activeElement.name == 'email'`) // a browser sets autofocus when it draws the page
	v.fill("email", "olena@shop.example")
	v.press()
	v.until(`document.querySelector('h1')?.textContent == 'Дякуємо!'`)
	if got := v.fields(v.delivers(1)[0]); got["name"] != "Олена" || got["page_id"] != "лампа" || got["how"] != "button" {
		v.Errorf("got %q", got)
	}
	if n := len(v.stored()["refused"]); n != 1 {
		v.Errorf("%d are refused", n)
	}
}

func plainNext(v *visit) {
	v.open("plainnext", "")
	v.fill("name", "Олена", "phone", "050 111 22 33")
	v.press()
	v.until(`location.pathname == '/thanks' && location.search`)
	if id := v.delivers(1)[0]; eval[string](v, "location.search") != "?id="+id {
		v.Errorf("%s: the shop's page was given another", id)
	}
}

func plainBack(v *visit) {
	v.open("plainnext", "")
	v.fill("name", "Олена", "phone", "050 111 22 33")
	v.press()
	v.until(`location.pathname == '/thanks'`)
	eval[chromedp.Void](v, `history.back()`)
	v.until(`document.querySelector('[name=name]')`)
	v.fill("name", "Марія")
	v.press()
	v.until(`location.pathname == '/thanks'`)
	v.delivers(2)
}

// Each fill is a submission of its own, also when it is the same again.
func fetched(v *visit) {
	v.open("fetch", "")
	v.linger()
	for range 2 {
		v.fill("name", "Олена Іваненко", "phone", "050 111 22 33")
		v.press()
		if text := v.state("success"); text != received {
			v.Error(text)
		}
		if left := eval[string](v, `location.pathname + document.querySelector('[name=name]').value + document.activeElement.className`); left != "/fetch/fetchformrelay-status" {
			v.Errorf("afterwards there is %q", left)
		}
	}
	if told := v.console(); len(told) > 0 {
		v.Errorf("posts that went well leave on the console: %q", told)
	}
	got := v.fields(v.delivers(2)[0])
	if got["how"] != "button" || got["_lang"] != "uk" || got["_page"] != v.shop+"/fetch/fetch" || got["_idempotency_key"] == "" || got["_token"] == "" {
		v.Errorf("posted: %q", got)
	}
}

func asModule(v *visit) {
	v.open("module", "")
	v.fill("name", "Олена", "phone", "050 111 22 33")
	v.press()
	v.state("success")
	v.delivers(1)
}

func errorsBesideFields(v *visit) {
	v.open("fetch", "")
	v.fill("phone", "050 111 22 33", "email", "olena@")
	v.press()
	if text := v.state("error"); !strings.Contains(text, "Ім’я: Заповніть це поле.") || !strings.Contains(text, "Пошта: ") {
		v.Error(text)
	}
	const beside = `(n => { const e = document.querySelector('[name=' + n + ']'), note = document.getElementById(e.getAttribute('aria-describedby'));
		return [e.getAttribute('aria-invalid'), note && note.textContent, note && note.previousElementSibling == e.parentElement].join('|') })`
	if got := eval[string](v, beside+`('name')`); got != "true|Заповніть це поле.|true" {
		v.Error(got)
	}
	if got := eval[string](v, beside+`('email')`); got != "true|Введіть адресу електронної пошти, наприклад name@example.com.|true" {
		v.Error(got)
	}
	if got := eval[string](v, `document.activeElement.name + document.querySelector('.formrelay-status').getAttribute('role') + document.querySelector('button').disabled`); got != "namealertfalse" {
		v.Errorf("focus, role and button: %s", got)
	}
	v.fill("name", "Олена")
	if n := eval[int](v, `document.querySelectorAll('.formrelay-error').length`); n != 1 {
		v.Errorf("%d errors stand there when one of two is being corrected", n)
	}
	v.fill("email", "olena@shop.example")
	v.press()
	v.state("success")
	if n := eval[int](v, `document.querySelectorAll('.formrelay-error, [aria-invalid]').length`); n != 0 {
		v.Errorf("%d errors are left", n)
	}
	v.delivers(1)
}

// A double click, Enter pressed on top of it and a script that sends as well make one post.
func sentTwice(v *visit) {
	release := v.keepPosts()
	v.open("fetch", "")
	v.fill("name", "Олена", "phone", "050 111 22 33")
	v.do(chromedp.DoubleClick(chromedp.CSS("form button")), chromedp.Focus(chromedp.CSS("[name=name]")), chromedp.KeyEvent(kb.Enter), chromedp.KeyEvent(kb.Enter))
	busy := eval[string](v, `const f = document.querySelector('form'); [f.getAttribute('aria-busy'), f.querySelector('button').disabled, formrelay.send(f) == formrelay.send(f)].join()`)
	if busy != "true,true,true" {
		v.Errorf("meanwhile: %s", busy)
	}
	release()
	v.state("success")
	v.delivers(1)
	if n := v.posted(); n != 1 {
		v.Errorf("it was posted %d times", n)
	}
}

// network sets whether the tab has a connection.
func (v *visit) network(offline bool) {
	v.Helper()
	_, err := chromedp.Call(v.ctx, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
		MatchedNetworkConditions: []*network.Conditions{{Offline: offline, DownloadThroughput: -1, UploadThroughput: -1}},
	})
	if err != nil {
		v.Fatal(err)
	}
	if _, err = chromedp.Call(v.ctx, network.OverrideNetworkState, network.OverrideNetworkStateParams{Offline: offline, DownloadThroughput: -1, UploadThroughput: -1}); err != nil {
		v.Fatal(err)
	}
}

func offlineThenOnline(v *visit) {
	v.open("fetch", "")
	v.fill("name", "Олена", "phone", "050 111 22 33")
	v.network(true)
	v.press()
	if text := v.state("network"); text != "Немає зв’язку. Надішлемо, щойно він з’явиться." {
		v.Error(text)
	}
	if !eval[bool](v, `document.querySelector('button').disabled`) {
		v.Error("the button is on while the form waits for a connection")
	}
	v.network(false)
	v.state("success")
	v.delivers(1)
}

// The relay has the submission, but its answer is lost on the way: the second attempt makes none.
func lostAnswer(v *visit) {
	var once sync.Once
	v.via(func(w http.ResponseWriter, r *http.Request, relay http.Handler) {
		lost := false
		once.Do(func() { lost = true })
		if !lost {
			relay.ServeHTTP(w, r)
			return
		}
		relay.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler) // the connection ends without an answer
	})
	v.open("fetch", "")
	v.fill("name", "Олена", "phone", "050 111 22 33")
	v.press()
	v.state("success")
	v.delivers(1)
	if n := v.posted(); n != 2 {
		v.Errorf("it was posted %d times", n)
	}
}

// A relay, or a proxy before it, that is busy is asked again when it says; a log-in page that answers for it is no success.
func busyRelay(v *visit) {
	var mu sync.Mutex
	answers := []int{http.StatusServiceUnavailable, http.StatusOK}
	v.via(func(w http.ResponseWriter, r *http.Request, relay http.Handler) {
		mu.Lock()
		defer mu.Unlock()
		if len(answers) == 0 {
			relay.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Expose-Headers", "Retry-After")
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(answers[0])
		answers = answers[1:]
		fmt.Fprint(w, "<html>Sign in</html>")
	})
	v.open("fetch", "")
	v.fill("name", "Олена", "phone", "050 111 22 33")
	v.press()
	v.state("success")
	v.delivers(1)
}

// What was refused is not tried again, not even where it says when it may be, and what the relay says about it is shown.
func neverOnRefusal(v *visit) {
	v.via(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Expose-Headers", "Retry-After, X-Request-Id") // as the relay has it on every answer
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
		fmt.Fprint(w, `{"ok":false,"message":"Забагато спроб.","errors":[{"code":"RATE","message":"Забагато спроб."}]}`)
	})
	v.open("fetch", "")
	v.fill("name", "Олена")
	eval[chromedp.Void](v, `addEventListener('formrelay:error', e => { window.told = e.detail.status + e.target.tagName })`)
	v.press()
	if text := v.state("error"); text != "Забагато спроб." || v.posted() != 1 {
		v.Errorf("%q after %d posts", text, v.posted())
	}
	if got := eval[string](v, `told + document.activeElement.className`); got != "429FORMformrelay-status" {
		v.Error(got)
	}
}

func backAndChanged(v *visit) {
	v.open("next", "")
	v.fill("name", "Олена", "phone", "050 111 22 33")
	v.press()
	v.until(`location.pathname == '/thanks'`)
	eval[chromedp.Void](v, `history.back()`)
	v.until(`window.formrelay && !document.querySelector('button').disabled`)
	v.fill("name", "Марія", "phone", "067 222 33 44")
	v.press()
	v.until(`location.pathname == '/thanks'`)
	v.delivers(2)
}

func fileWithProgress(v *visit) {
	release := v.keepPosts()
	name := filepath.Join(v.TempDir(), "лампа.png")
	if err := os.WriteFile(name, picture(v.T, 600), 0o600); err != nil {
		v.Fatal(err)
	}
	v.open("fetch", "")
	v.fill("name", "Олена", "phone", "050 111 22 33")
	v.do(chromedp.SetUploadFiles(chromedp.CSS("[name=photo]"), []string{name}))
	v.press()
	v.until(`document.querySelector('progress')?.value > 0`)
	if label := eval[string](v, `document.querySelector('progress').getAttribute('aria-label')`); label != "лампа.png" {
		v.Error(label)
	}
	release()
	v.state("success")
	if n := eval[int](v, `document.querySelectorAll('progress').length`); n != 0 {
		v.Error("the bar is left")
	}
	out, problems, _ := formrelay(v.T, "submissions", "show", v.delivers(1)[0], "--database", v.database)
	if !strings.Contains(out, "лампа.png") {
		v.Errorf("the file is not there: %s%s", out, problems)
	}
}

// Tab, letters and Enter are enough, also to correct what is wrong.
func keyboardAlone(v *visit) {
	v.open("fetch", "")
	v.do(chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent("0501112233"), chromedp.KeyEvent(kb.Enter))
	v.state("error")
	v.do(chromedp.KeyEvent("Олена"), chromedp.KeyEvent(kb.Enter)) // the focus is on the field that is wrong
	v.state("success")
	if got := v.fields(v.delivers(1)[0]); got["name"] != "Олена" || got["phone"] != "0501112233" {
		v.Errorf("posted: %q", got)
	}
}

func onPhone(v *visit) {
	v.do(chromedp.EmulateViewport(390, 500, chromedp.EmulateMobile, chromedp.EmulateTouch))
	v.open("fetch", "")
	eval[chromedp.Void](v, `document.querySelector('form').before(...Array.from({length: 60}, () => document.createElement('br')))`)
	v.fill("phone", "050 111 22 33")
	v.do(chromedp.Tap(chromedp.CSS("form button")))
	v.state("error")
	const seen = `(e => { const r = e.getBoundingClientRect(); return r.top >= 0 && r.bottom <= innerHeight && r.left >= 0 && r.right <= innerWidth })`
	v.until(seen + `(document.activeElement) && document.activeElement.name == 'name'`)
	if !eval[bool](v, seen+`(document.querySelector('.formrelay-error')) && document.documentElement.scrollWidth <= 390`) {
		v.Error("the error cannot be seen, or the page is wider than the screen")
	}
}

// A form that a shop's script puts into the page later, as a window that opens, is one like any other.
func addedLater(v *visit) {
	v.open("empty", "")
	eval[chromedp.Void](v, fmt.Sprintf(`document.body.append((() => {
		const form = Object.assign(document.createElement('form'), {method: 'post'});
		form.dataset.formrelay = '';
		form.setAttribute('action', %q);
		const name = Object.assign(document.createElement('input'), {name: 'name'}), action = Object.assign(document.createElement('input'), {name: 'action', value: 'x'});
		form.append(name, action, document.createElement('button'));
		return form;
	})())`, v.between+"/forms/later"))
	v.linger()
	v.fill("name", "Олена")
	v.press()
	v.state("success")
	if got := v.fields(v.delivers(1)[0]); got["action"] != "x" || got["_token"] == "" {
		v.Errorf("posted: %q", got)
	}
}

func storageBlocked(v *visit) {
	v.before(`for (const name of ['localStorage', 'sessionStorage'])
		Object.defineProperty(window, name, {get() { throw new DOMException('blocked', 'SecurityError') }})`)
	v.open("fetch", "?utm_source=facebook")
	v.fill("name", "Олена", "phone", "050 111 22 33")
	v.press()
	v.state("success")
	if got := v.fields(v.delivers(1)[0]); got["utm_source"] != "facebook" {
		v.Errorf("posted: %q", got)
	}
}

// The first and the last campaign are known on every page of the shop, and a direct visit changes neither.
func touches(v *visit) {
	v.open("empty", "?utm_source=google&utm_medium=cpc&gclid=G-1")
	v.open("empty", "?utm_source=facebook&fbclid=F-1#top")
	v.open("fetch", "")
	v.fill("name", "Олена", "phone", "050 111 22 33")
	v.press()
	v.state("success")
	got := v.fields(v.delivers(1)[0])
	for name, want := range map[string]string{
		"utm_source": "facebook", "fbclid": "F-1", "gclid": "", "_landing": v.shop + "/empty/touch?utm_source=facebook&fbclid=F-1",
		"_first_utm_source": "google", "_first_utm_medium": "cpc", "_first_gclid": "G-1", "_first_landing": v.shop + "/empty/touch?utm_source=google&utm_medium=cpc&gclid=G-1",
		"_page": v.shop + "/fetch/touch",
	} {
		if got[name] != want {
			v.Errorf("%s: %q, want %q", name, got[name], want)
		}
	}
	if _, err := time.Parse(time.RFC3339, got["_first_at"]); err != nil {
		v.Error(err)
	}
}

// A page that listens does what it likes in place of the redirect.
func pagesOwnWay(v *visit) {
	v.open("next", "")
	eval[chromedp.Void](v, `addEventListener('formrelay:success', e => { e.preventDefault(); window.told = e.detail.redirect })`)
	v.fill("name", "Олена", "phone", "050 111 22 33")
	if id := eval[string](v, `formrelay.send(document.querySelector('form')).then(answer => answer.id)`); id != v.delivers(1)[0] {
		v.Errorf("the promise is for %q", id)
	}
	if got := eval[string](v, `location.pathname + told.split('?')[0] + document.querySelector('[name=name]').value`); got != "/next/own"+v.shop+"/thanksОлена" {
		v.Error(got)
	}
}
