package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"formrelay/internal/keycrm/sandbox"
	"formrelay/internal/profile"
)

// deployed is a file of the folder that operators start from.
func deployed(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// recipe is one page builder: how it posts, and what KeyCRM must get. ID and TIME stand in an entity for what differs each time.
type recipe struct {
	profile string
	body    string // a file of testdata/recipes
	media   string
	agent   string
	want    string
}

const (
	formMedia = "application/x-www-form-urlencoded"
	jsonMedia = "application/json; charset=UTF-8"
)

// recipes are made by hand. No body was recorded from a live account; each is what its source says that the builder sends.
func recipes() []recipe {
	return []recipe{
		{ // from Tilda's help on webhooks, and from the bodies in tests of public handlers (payment[products][0][name])
			"tilda", "tilda.txt", formMedia, "Tilda", `{
			"source_id": 1, "source_uuid": "ID", "ordered_at": "TIME",
			"buyer": {"full_name": "Олена Шевченко", "email": "olena@example.com", "phone": "+380501112233"},
			"marketing": {"utm_source": "facebook"},
			"products": [{"sku": "A-1", "name": "Лампа", "quantity": 2, "price": 450}, {"name": "Абажур", "quantity": 1, "price": 1200}],
			"manager_comment": "Спосіб доставки: Нова пошта = 80\npayment[orderid]: 1557604691\npayment[products][0][options][0][option]: Колір\npayment[products][0][options][0][variant]: теплий\npayment[amount]: 2180"}`,
		},
		{ // from developers.webflow.com: data/docs/working-with-webhooks, data/reference/webhooks/events/form-submission
			"webflow", "webflow.json", "application/json", "axios/1.7", `{
			"title": "Contact Us", "source_id": 1, "pipeline_id": 1,
			"contact": {"full_name": "Олена Шевченко", "email": "olena@example.com", "phone": "+380501112233"},
			"manager_comment": "[formrelay ID]\npayload[data][Коли зручно?]: після 18:00"}`,
		},
		{ // from the code of github.com/mariovalney/cf7-to-zapier (CF7 to Webhook) 5: modules/cf7, modules/zapier
			"cf7", "cf7.json", jsonMedia, "WordPress/6.8; https://shop.example", `{
			"title": "Доставка", "source_id": 1, "pipeline_id": 1,
			"contact": {"full_name": "Олена Шевченко", "email": "olena@example.com", "phone": "+380501112233"},
			"manager_comment": "[formrelay ID]\npage_url: https://shop.example/contact/\ncolors[0]: теплий\ncolors[1]: білий\nПовідомлення: Коли доставите?\r\nДякую"}`,
		},
		{ // from the code of the WPForms Webhooks addon: src/Process.php
			"wpforms", "wpforms.json", jsonMedia, "wpforms-webhooks/1.3.0", `{
			"source_id": 1, "pipeline_id": 1,
			"contact": {"full_name": "Олена Шевченко", "email": "olena@example.com", "phone": "+380501112233"},
			"manager_comment": "[formrelay ID]\ncolors: теплий||білий\nday[value]: 21.11.2026\nday[unix]: 1795219200\nСторінка: https://shop.example/contact/"}`,
		},
		{ // from the code of Elementor Pro: modules/forms/actions/webhook.php, modules/forms/classes/form-record.php
			"elementor", "elementor.txt", formMedia, "WordPress/6.8; https://shop.example", `{
			"title": "Зворотний дзвінок", "source_id": 1, "pipeline_id": 1,
			"contact": {"full_name": "Олена Шевченко", "email": "olena@example.com", "phone": "+380501112233"},
			"manager_comment": "[formrelay ID]\nЩо вас цікавить?: Лампи, Абажури\nNo Label field_8f1c2d3: так\nPage URL: https://shop.example/callback/?utm_source=facebook"}`,
		},
		{ // from public handlers of Weblium's webhook, and from the help of an editor with the same fields (help.sitecliq.com)
			"weblium", "weblium.json", "application/json", "axios/0.21", `{
			"title": "Зворотний дзвінок", "source_id": 1, "pipeline_id": 1,
			"contact": {"full_name": "Олена Шевченко", "email": "olena@example.com", "phone": "+380501112233"},
			"manager_comment": "[formrelay ID]\nfields[7d56d144-2895-4ada-9bcd-e807699cbc31][title]: Розмір\nfields[7d56d144-2895-4ada-9bcd-e807699cbc31][value][0]: M\nfields[7d56d144-2895-4ada-9bcd-e807699cbc31][value][1]: L\nfields[7d56d144-2895-4ada-9bcd-e807699cbc31][type]: checkbox\nfields[f0a1][title]: Фото\nfields[f0a1][value][url]: //res2.weblium.site/files/a.jpg\nfields[f0a1][value][fileName]: a.jpg\nfields[f0a1][type]: file\nreferer: https://shop.example/?utm_source=facebook\ntime: 2026-11-21T16:30:00.000Z"}`,
		},
		{ // from developers.google.com/google-ads/webhook/docs/implementation
			"google-ads", "google-ads.json", "application/json", "Google-Ads-Leads", `{
			"title": "Google Ads", "source_id": 1, "pipeline_id": 1, "utm_source": "google", "utm_medium": "cpc",
			"contact": {"full_name": "Олена Шевченко", "email": "olena@example.com", "phone": "+380501112233"},
			"manager_comment": "[formrelay ID]\nFull Name: Олена Шевченко\nUser Phone: +380501112233\nUser Email: olena@example.com\nCITY: Львів\nЯка лампа?: Настільна\nlead_id: TeSt_LeAd_iD_4711\ncampaign_id: 987654321\ngcl_id: TeSt-GcLiD\nadgroup_id: 20000000000\ncreative_id: 30000000000"}`,
		},
	}
}

// newBuilders starts a relay with every profile of deploy/profiles and the example of --config.
func newBuilders(t *testing.T) *site {
	t.Helper()
	folder := t.TempDir()
	s := &site{database: "sqlite:" + filepath.Join(folder, "formrelay.db"), env: []string{"KEYCRM_TOKEN=" + sandboxToken, "GOOGLE_KEY=K3Y-4711"}}
	var address string
	s.crm, address = crm(t, sandbox.Options{})
	s.args = []string{
		"--profiles", filepath.Join("..", "..", "deploy", "profiles"), "--config", filepath.Join("..", "..", "deploy", "formrelay.yaml"),
		"--database", s.database, "--keycrm-url", address, "--keycrm-settle", "1s",
	}
	s.process = serve(t, s.env, s.args...)
	return s
}

// webhook posts as a builder's server does, which follows no redirect, and gives the id of the answer. Tilda waits 5 s for it.
func (s *site) webhook(name, media, agent, body string, headers ...string) (id string) {
	s.t.Helper()
	began := time.Now()
	response, text := post(s.t, s.address+"/forms/"+name, body, append([]string{"Content-Type", media, "User-Agent", agent, "Accept", "*/*"}, headers...)...)
	var answer struct {
		OK bool   `json:"ok"`
		ID string `json:"id"`
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil || response.StatusCode != http.StatusOK || !answer.OK {
		s.t.Fatalf("%s: %s: %s", name, response.Status, text)
	}
	if took := time.Since(began); took > 5*time.Second {
		s.t.Errorf("%s: answered after %s", name, took)
	}
	return answer.ID
}

// recorded is a body of testdata/recipes.
func recorded(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "recipes", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// sameEntity compares what a submission became with a recipe's want.
func sameEntity(t *testing.T, got shown, want string) {
	t.Helper()
	text := strings.ReplaceAll(string(got.Entity), got.ID, "ID")
	text = regexp.MustCompile(`("ordered_at": ?)"[^"]*"`).ReplaceAllString(text, `$1"TIME"`)
	var have, expect any
	if err := errors.Join(json.Unmarshal([]byte(text), &have), json.Unmarshal([]byte(want), &expect)); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if diff := cmp.Diff(expect, have); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Each builder's body, posted to the real relay with the shipped profile, arrives in KeyCRM, and posted again arrives no second time.
func TestRecipes(t *testing.T) {
	t.Parallel()
	s := newBuilders(t)
	for _, r := range recipes() {
		body := recorded(t, r.body)
		id := s.webhook(r.profile, r.media, r.agent, body)
		sameEntity(t, s.settled(id, "delivered"), r.want)
		if again := s.webhook(r.profile, r.media, r.agent, body); again != id {
			t.Errorf("%s: the same again is %s after %s", r.profile, again, id)
		}
	}
	if orders, cards := len(s.crm.Orders()), len(s.crm.Cards()); orders != 1 || cards != len(recipes())-1 {
		t.Errorf("KeyCRM has %d orders and %d cards", orders, cards)
	}
}

// A builder's own number makes a post known when it comes again from another address, under another name; other data under it is another
// submission.
func TestRecipesKnowTheBuildersNumber(t *testing.T) {
	t.Parallel()
	s := newBuilders(t)
	for _, r := range recipes() {
		switch r.profile {
		case "tilda", "webflow", "google-ads":
		default:
			continue
		}
		body := recorded(t, r.body)
		id := s.webhook(r.profile, r.media, r.agent, body)
		if again := s.webhook(r.profile, r.media, "another", body); again != id {
			t.Errorf("%s: with its number again it is %s after %s", r.profile, again, id)
		}
		if other := s.webhook(r.profile, r.media, r.agent, strings.Replace(body, "olena", "oksana", 1)); other == id {
			t.Errorf("%s: other data under the same number is lost", r.profile)
		}
	}
}

// Tilda's question whether anybody is there is answered, and makes nothing.
func TestRecipeTildaProbe(t *testing.T) {
	t.Parallel()
	s := newBuilders(t)
	response, text := post(t, s.address+"/forms/tilda", "test=test", "Accept", "*/*")
	if response.StatusCode != http.StatusOK || text != "ok" {
		t.Errorf("%s: %s", response.Status, text)
	}
	if rows := s.must("submissions", "list", "--json"); rows != "" {
		t.Errorf("it made a submission:\n%s", rows)
	}
}

// What a visitor could correct is held, and its builder, which nobody could tell, gets what it gets for everything.
func TestRecipesHoldWhatIsWrong(t *testing.T) {
	t.Parallel()
	s := newBuilders(t)
	for _, r := range recipes() {
		body := strings.NewReplacer("olena@example.com", "olena", "olena%40example.com", "olena").Replace(recorded(t, r.body))
		got := s.show(s.webhook(r.profile, r.media, r.agent, body))
		if got.State != "held" || got.Reason != "invalid" || got.Error == nil || !strings.Contains(*got.Error, "is not an email address") {
			t.Errorf("%s: %+v", r.profile, got)
		}
	}
}

// Google's key is looked at and never kept; its test lead goes to nobody.
func TestRecipeGoogleAds(t *testing.T) {
	t.Parallel()
	s := newBuilders(t)
	body := recorded(t, "google-ads.json")
	for name, tc := range map[string]struct{ old, new, reason string }{
		"a wrong key": {"K3Y-4711", "K3Y-wrong", "secret"},
		"no key":      {`"google_key": "K3Y-4711",`, "", "secret"},
		"a test":      {`"is_test": false`, `"is_test": true`, "test"},
	} {
		changed := strings.Replace(strings.Replace(body, tc.old, tc.new, 1), "TeSt_LeAd_iD", name, 1)
		id := s.webhook("google-ads", "application/json", "Google-Ads-Leads", changed)
		if got := s.show(id); got.State != "held" || got.Reason != tc.reason || len(got.Entity) == 0 {
			t.Errorf("%s: %+v", name, got)
		}
		if all := s.must("submissions", "show", id); strings.Contains(all, "K3Y") {
			t.Errorf("%s: the key is kept:\n%s", name, all)
		}
	}
	if n := len(s.crm.Cards()); n != 0 {
		t.Errorf("KeyCRM has %d cards", n)
	}
}

// appsScript runs the script of the recipe, which takes the place of its line SCRIPT, as Google does, with stand-ins for Google's objects
// that fail at first, and prints what it posts.
const appsScript = `
const posts = [], pauses = [];
let made = "";
const item = (title, answer) => ({ getItem: () => ({ getTitle: () => title }), getResponse: () => answer });
const FormApp = { getActiveForm: () => "form" };
const ScriptApp = { newTrigger: (f) => ({ forForm: () => ({ onFormSubmit: () => ({ create: () => { made = f; } }) }) }) };
const Utilities = { sleep: (ms) => pauses.push(ms) };
const UrlFetchApp = { fetch: (url, options) => {
  posts.push({ url, ...options });
  if (posts.length === 1) throw new Error("Address unavailable");
  return { getResponseCode: () => posts.length === 2 ? 503 : 200, getContentText: () => "busy" };
} };
//SCRIPT
setUp();
toRelay({ response: {
  getId: () => "2_ABaOnuc", getRespondentEmail: () => "olena@example.com",
  getItemResponses: () => [item("Ім'я", "Олена Шевченко"), item("Телефон", "050 111 22 33"), item("Що вас цікавить?", ["Лампи", "Абажури"]),
    item("Примітка", "перша"), item("Примітка", "друга")],
} });
console.log(JSON.stringify({ made, pauses, posts }));
`

// The script of the recipe posts again while nobody answers, always the same under the same key, and what it posts arrives.
func TestRecipeGoogleForms(t *testing.T) {
	t.Parallel()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skipf("SKIPPED: node is not installed, so that the script for Google Forms cannot be run: %v", err)
	}
	_, rest, _ := strings.Cut(deployed(t, "recipes.md"), "```js\n")
	script, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("the recipe has no script")
	}
	run := exec.CommandContext(t.Context(), node, "-")
	run.Stdin = strings.NewReader(strings.Replace(appsScript, "//SCRIPT", script, 1))
	out, err := run.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var did struct {
		Made   string
		Pauses []int
		Posts  []struct {
			URL, Method, ContentType, Payload string
			Headers                           map[string]string
			MuteHTTPExceptions                bool `json:"muteHttpExceptions"`
		}
	}
	if err := json.Unmarshal(out, &did); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if did.Made != "toRelay" || len(did.Posts) != 3 || !cmp.Equal(did.Pauses, []int{0, 10_000, 60_000}) {
		t.Fatalf("%+v", did)
	}
	s := newBuilders(t)
	ids := map[string]bool{}
	var id string
	for _, p := range did.Posts {
		if p.Method != "post" || !p.MuteHTTPExceptions || !strings.HasSuffix(p.URL, "/forms/google-forms") {
			t.Errorf("%+v", p)
		}
		id = s.webhook("google-forms", p.ContentType, "Mozilla/5.0 (compatible; Google-Apps-Script)", p.Payload, "Idempotency-Key", p.Headers["Idempotency-Key"])
		ids[id] = true
	}
	if len(ids) != 1 {
		t.Errorf("it counts %d times", len(ids))
	}
	sameEntity(t, s.settled(id, "delivered"), `{
		"title": "Google Forms", "source_id": 1, "pipeline_id": 1,
		"contact": {"full_name": "Олена Шевченко", "email": "olena@example.com", "phone": "+380501112233"},
		"manager_comment": "[formrelay ID]\nЩо вас цікавить?[0]: Лампи\nЩо вас цікавить?[1]: Абажури\nПримітка: перша\nПримітка 2: друга"}`)
}

// Every expression of the page can be copied into a profile as it stands.
func TestRecipesExpressions(t *testing.T) {
	t.Parallel()
	found := regexp.MustCompile("`(?:[a-z_]+: )?(\\$\\{[^`]+\\})`").FindAllStringSubmatch(deployed(t, "recipes.md"), -1)
	if len(found) < 10 {
		t.Fatalf("only %d are found", len(found))
	}
	for _, match := range found {
		value, err := json.Marshal(match[1]) // which YAML reads as well
		if err != nil {
			t.Fatal(err)
		}
		text := "creates: card\nmap:\n  contact: {phone: \"${phone}\"}\n  custom_fields: [{uuid: LD_1, value: " + string(value) + "}]\ntables: {pipeline: {Contact Us: 3}}\n"
		if _, faults := profile.Parse("copied", "copied.yaml", []byte(text), profile.Options{}); len(faults) > 0 {
			t.Errorf("%s: %v", match[1], faults)
		}
	}
}

// Every profile of a recipe holds what is wrong, and says where its recipe stands; every recipe has its profile and its test.
func TestRecipesAreWhole(t *testing.T) {
	t.Parallel()
	page := deployed(t, "recipes.md")
	folder, err := profile.LoadDir(filepath.Join("..", "..", "deploy", "profiles"), profile.Options{Accounts: []string{"main"}})
	if err != nil {
		t.Fatal(err)
	}
	tried := map[string]bool{"google-forms": true}
	for _, r := range recipes() {
		tried[r.profile] = true
	}
	for _, name := range folder.Names() {
		if name == "order" || name == "lead" { // the user's own script, no builder's
			continue
		}
		p, ok := folder.Get(name)
		if !ok || !p.HoldInvalid || len(p.Tests) == 0 || !tried[name] {
			t.Errorf("%s: %v, holds %v, %d tests, tried %v", name, ok, p.HoldInvalid, len(p.Tests), tried[name])
		}
		_, anchor, _ := strings.Cut(deployed(t, "profiles/"+name+".yaml"), "(../recipes.md#")
		anchor, _, _ = strings.Cut(anchor, ")")
		heading := regexp.MustCompile(`(?mi)^## ` + strings.ReplaceAll(anchor, "-", "[ -]") + `$`)
		if !strings.Contains(page, "](#"+anchor+")") || !strings.Contains(page, "(profiles/"+name+".yaml)") || anchor == "" || !heading.MatchString(page) {
			t.Errorf("%s: its recipe #%s is not there", name, anchor)
		}
		delete(tried, name)
	}
	if len(tried) > 0 {
		t.Errorf("there is no profile of %v", tried)
	}
}
