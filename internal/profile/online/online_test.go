package online

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"formrelay/internal/keycrm"
	"formrelay/internal/keycrm/sandbox"
	"formrelay/internal/profile"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shop is a sandbox behind real HTTP and a client of it.
type shop struct {
	*sandbox.Sandbox
	client *keycrm.Client
	turns  int
	ended  []keycrm.Outcome
}

func newShop(t *testing.T, o sandbox.Options) *shop {
	t.Helper()
	if o.Limit == 0 {
		o.Limit = -1
	}
	s := &shop{Sandbox: sandbox.New(o)}
	server := httptest.NewServer(s)
	t.Cleanup(func() { s.Close(); server.Close() })
	var err error
	s.client, err = keycrm.NewClient(keycrm.Options{BaseURL: server.URL + "/v1", Token: func() (string, error) { return "sandbox", nil }, UserAgent: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.client.Close)
	return s
}

// turn lets every call go at once.
func (s *shop) turn(context.Context) (time.Time, func(keycrm.Answer) error, error) {
	s.turns++
	return time.Now().Add(20 * time.Second), func(a keycrm.Answer) error { s.ended = append(s.ended, a.Outcome); return nil }, nil
}

// set replaces one of the lists.
func (s *shop) set(t *testing.T, path string, rows ...map[string]any) {
	t.Helper()
	if err := s.SetList(path, rows); err != nil {
		t.Fatal(err)
	}
}

// check holds profiles, each a text, against the shop.
func (s *shop) check(t *testing.T, texts ...string) (Report, error) {
	t.Helper()
	var all []*profile.Profile
	for i, text := range texts {
		p, faults := profile.Parse("p", fmt.Sprintf("p%d.yaml", i), []byte(text), profile.Options{})
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		all = append(all, p)
	}
	return Check(t.Context(), Options{Whose: "your account", Client: s.client, Turn: s.turn, Profiles: all})
}

// told is what was found, without the files' names.
func told(r Report) []string {
	lines := []string{}
	for _, f := range r.Found {
		lines = append(lines, strings.TrimPrefix(f.String(), "p0.yaml:"))
	}
	return lines
}

const (
	order = "creates: order\nsource_id: 22\nmap:\n  buyer: {phone: \"${phone}\"}\n"
	card  = "creates: card\nsource_id: 1\nmap:\n  contact: {phone: \"${phone}\"}\n"
)

// Each line of a profile that the account does not agree with is told at its place, with what the account has.
func TestCheck(t *testing.T) {
	t.Parallel()
	const (
		methods = "your account has the payment methods: 1 Cash, 2 Card online, 3 Cash on delivery"
		fields  = `your account has for orders: OR_1021 "Побажання", OR_1022 "Кольори", OR_1023 "Розмір"`
	)
	tests := map[string]struct {
		text string
		want []string
	}{
		"nothing to say": {order, nil},
		"an unknown source": {
			strings.Replace(order, "22", "23", 1),
			[]string{"2:12: your account has no source 23; your account has the sources: 1 Website, 7 Instagram, 22 Landing"},
		},
		"an unknown manager": {
			order + "  manager_id: 9\n",
			[]string{"5:15: your account has no manager 9; your account has the managers: 1 Олена Менеджер, 3 Тарас Менеджер"},
		},
		"a manager who has left": {
			order + "  manager_id: 4\n",
			[]string{"5:15: warning: the manager 4 Ірина Колишня is blocked in KeyCRM; write another, or mend it there: your account has the managers: 1 Олена Менеджер, 3 Тарас Менеджер"},
		},
		"an id in a table": {
			order + "  shipping: {delivery_service_id: \"${tables.ids.np}\"}\ntables: {ids: {np: 8}}\n",
			[]string{"6:20: your account has no delivery service 8, which tables.ids gives to delivery_service_id; your account has the delivery services: 1 Нова Пошта, 2 Укрпошта, 3 Courier"},
		},
		"a row that a post chooses": {
			order + "  manager_id: ${tables.ids[topic]}\ntables: {ids: {a: 1, b: x}}\n",
			[]string{`6:25: warning: "x" is no number of a manager, which tables.ids gives to manager_id; your account has the managers: 1 Олена Менеджер, 3 Тарас Менеджер`},
		},
		"each branch of a condition": {
			order + "  payments: [{amount: 1, payment_method_id: \"${how == 'x' ? 2 : 9}\"}]\n",
			[]string{"5:65: your account has no payment method 9; " + methods},
		},
		"what a form sends is left alone": {order + "  manager_id: ${who}\n", nil},
		"a payment method that is switched off": {
			order + "  payments: [{amount: 1, payment_method_id: 4}]\n",
			[]string{"5:45: warning: the payment method 4 Bank transfer is switched off in KeyCRM; write another, or mend it there: " + methods},
		},
		"a payment method by a name it has": {order + "  payments: [{amount: 1, payment_method: cash}]\n", nil},
		"a payment method by another name": {
			order + "  payments: [{amount: 1, payment_method: Csah}]\n",
			[]string{`5:42: warning: your account has no payment method that is called "Csah"; did you mean Cash?`},
		},
		"a branch of another carrier": {
			order + "  shipping: {warehouse_ref: \"${w}\", shipping_address_city: \"${c}\", delivery_service_id: 2}\n",
			[]string{"5:89: warning: warehouse_ref is a branch of Nova Poshta, and the delivery service 2 Укрпошта is another; write Nova Poshta's own: 1 Нова Пошта"},
		},
		"an unknown field": {
			order + "  custom_fields: [{uuid: OR_1012, value: \"${a}\"}]\n",
			[]string{`5:26: your account has no custom field "OR_1012", and KeyCRM passes over it without a word; did you mean OR_1021? ` + fields},
		},
		"a field of buyers": {
			order + "  custom_fields: [{uuid: CT_1001, value: \"${a}\"}]\n",
			[]string{`5:26: CT_1001 "День народження" is a field of buyers, and this profile creates an order; ` + fields},
		},
		"a list for a text": {
			order + "  custom_fields: [{uuid: OR_1021, value: \"${list(a)}\"}]\n",
			[]string{`5:42: OR_1021 "Побажання" is no list in KeyCRM and takes one value, and this is a list; write one value, or make a text of it: ${join(", ", …)}`},
		},
		"a text for a list": {
			order + "  custom_fields: [{uuid: OR_1022, value: \"${a}\"}]\n",
			[]string{`5:42: warning: OR_1022 "Кольори" is a list in KeyCRM, which wants a list of texts, and this may be a single one; put it into list(…), which is a list whatever is posted: ${list(…)}; or write options in [ ]`},
		},
		"a list for a list": {order + "  custom_fields: [{uuid: OR_1022, value: \"${list(a)}\"}, {uuid: OR_1023, value: [M]}]\n", nil},
		"an option that is none": {
			order + "  custom_fields: [{uuid: OR_1022, value: [White, Blck]}]\n",
			[]string{`5:50: OR_1022 "Кольори" has no option "Blck"; did you mean Black? its options are: White, Black, Blue, Space Gray`},
		},
		"articles": {
			order + "  products:\n    - {sku: \"${sku}\", price: \"${tables.price[sku]}\"}\n    - {sku: X-1}\ntables: {price: {A-1: 450, Z-9: 1}}\n",
			[]string{
				`7:13: warning: the catalogue of your account has no article "X-1"; add the article in KeyCRM or mend the sku: a line without one takes nothing off the stock`,
				`8:28: warning: the catalogue of your account has no article "Z-9"; add the article in KeyCRM or mend the sku: a line without one takes nothing off the stock`,
			},
		},
		"an unknown pipeline": {
			card + "  pipeline_id: 5\n",
			[]string{"5:16: your account has no pipeline 5; your account has the pipelines: 1 Заявки, 2 Зворотний дзвінок"},
		},
		"payments in a pipeline with them": {card + "  pipeline_id: 1\n  payments: [{amount: 1, payment_method_id: 1}]\n", nil},
		"payments in a pipeline without": {
			card + "  pipeline_id: 2\n  payments: [{amount: 1, payment_method_id: 1}]\n",
			[]string{"5:16: warning: the pipeline 2 Зворотний дзвінок takes no payments, and this profile sends them; switch payments on in the pipeline's settings, write another pipeline, or leave payments out"},
		},
		"a mark that no text field carries": {
			"mark: LD_1022\n" + card,
			[]string{`1:7: the mark is a text, and LD_1022 "Цікавить" is a field of the type "select"; write a text field, or make one in KeyCRM's settings`},
		},
		"a mark": {"mark: LD_1023\n" + card, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report, err := newShop(t, sandbox.Options{}).check(t, tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(append([]string{}, tt.want...), told(report)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestRequiredFields(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Options{})
	s.set(t, "/custom-fields",
		map[string]any{"id": 1, "uuid": "OR_1", "name": "Адреса", "model": "order", "type": "text", "required": true},
		map[string]any{"id": 2, "uuid": "LD_2", "name": "Тема", "model": "lead", "type": "text", "required": 1},
		map[string]any{"id": 3, "uuid": "OR_3", "name": "Мета", "model": "order", "type": "text", "required": false})
	const want = `3:1: warning: KeyCRM marks OR_1 "Адреса" as required, and this profile does not fill it; add it to custom_fields: {uuid: OR_1, value: …}, or whoever opens an order must fill it in by hand`
	for text, lines := range map[string][]string{
		order: {want},
		order + "  custom_fields: [{uuid: OR_1, value: \"${a}\"}]\n":     {},
		order + "  custom_fields: [{uuid: \"${f}\", value: \"${a}\"}]\n": {},
	} {
		report, err := s.check(t, text)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(lines, told(report)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

func TestLeadsOff(t *testing.T) {
	t.Parallel()
	report, err := newShop(t, sandbox.Options{NoLeads: true}).check(t, card+"  pipeline_id: 1\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"1:10: leads are not switched on in your account, and without them KeyCRM takes no card; switch them on in KeyCRM's settings, or write creates: order"}
	if diff := cmp.Diff(want, told(report)); diff != "" || report.Notes != nil {
		t.Errorf("notes %q (-want +got):\n%s", report.Notes, diff)
	}
}

// Every list is asked for once however many profiles need it, and none that nobody needs.
func TestCalls(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Options{})
	report, err := s.check(t, order+"  manager_id: 1\n", order+"  manager_id: 3\n  products: [{sku: A-1}]\n", order+"  products: [{sku: B-7}]\n  manager_comment: ${c}\n")
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, call := range s.Calls() {
		paths = append(paths, call.Path)
	}
	if diff := cmp.Diff([]string{"/order/source", "/users", "/custom-fields", "/offers"}, paths); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if report.Calls != 4 || s.turns != 4 || len(s.ended) != 4 || report.Held != 7 || report.Computed != 0 {
		t.Errorf("report %+v, %d turns", report, s.turns)
	}
}

// A long catalogue is asked for in as many calls as it takes, within the bound; what is beyond it is said.
func TestManyArticles(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Options{})
	rows := []map[string]any{}
	var table strings.Builder
	for i := range maxArticles + 7 {
		sku := fmt.Sprintf("Лампа-%04d", i)
		fmt.Fprintf(&table, "    %s: 1\n", sku)
		if i != 3 {
			rows = append(rows, map[string]any{"id": int64(i), "sku": sku})
		}
	}
	s.set(t, "/offers", rows...)
	report, err := s.check(t, order+"  products: [{sku: \"${sku}\", price: \"${tables.price[sku]}\"}]\ntables:\n  price:\n    \"a,b\": 1\n"+table.String())
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Found) != 1 || !strings.Contains(report.Found[0].What, "Лампа-0003") {
		t.Errorf("found %v", report.Found)
	}
	want := []string{
		"1 of the skus hold a comma or are too long, and KeyCRM's catalogue cannot be asked for them.",
		"1000 skus were looked up, which is the most; 7 were not.",
	}
	if diff := cmp.Diff(want, report.Notes); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// More articles than a person reads are counted, and the catalogue's own spelling of one is told.
func TestMissingArticles(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Options{})
	s.set(t, "/offers")
	var lines strings.Builder
	for i := range maxMissing + 2 {
		fmt.Fprintf(&lines, "    - {sku: N-%d}\n", i)
	}
	report, err := s.check(t, order+"  products:\n"+lines.String())
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Found) != maxMissing || !slices.Equal(report.Notes, []string{"p0.yaml: the catalogue of your account has none of 2 more articles."}) {
		t.Errorf("%d found, notes %q", len(report.Found), report.Notes)
	}
	c := check{account: &account{whose: "your account"}}
	c.missing([]value{{Text: "a-1"}}, map[string]bool{"a-1": true}, map[string][]string{"a-1": {"A-1"}})
	if len(c.found) != 1 || c.found[0].Do != `the catalogue writes it "A-1"` {
		t.Errorf("found %+v", c.found)
	}
}

// A list that is longer than what is read of it, and one that KeyCRM does not show, decide about nothing.
func TestListsThatDecideNothing(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Options{})
	rows := []map[string]any{}
	for i := range maxPages*50 + 1 {
		rows = append(rows, map[string]any{"id": int64(i + 100), "name": "s"})
	}
	s.set(t, "/order/source", rows...)
	for _, path := range []string{"/users", "/custom-fields", "/offers"} {
		if err := s.Inject(sandbox.Fault{Kind: sandbox.Status, Status: 403, Body: `{"message":"no"}`, Path: path, Times: -1}); err != nil {
			t.Fatal(err)
		}
	}
	report, err := s.check(t, order+"  manager_id: 99\n  products: [{sku: A-1}]\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"your account has more than 1000 sources, so source_id was not looked at.",
		"KeyCRM does not show your account's managers (403), so manager_id was not looked at.",
		"KeyCRM does not show your account's custom fields (403), so they were not looked at.",
		"KeyCRM's catalogue could not be asked for the skus (403), so they were not looked at.",
	}
	if diff := cmp.Diff(want, report.Notes); diff != "" || len(report.Found) > 0 {
		t.Errorf("found %v (-want +got):\n%s", report.Found, diff)
	}
}

// What keeps an account from being asked is told in words, after as many tries as make sense, and never with the token.
func TestUnasked(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault sandbox.Fault
		calls int
		want  string
	}{
		"once broken":    {sandbox.Fault{Kind: sandbox.Status, Status: 503}, 3, ""},
		"a 429 in time":  {sandbox.Fault{Kind: sandbox.Status, Status: 429, Times: maxTries - 1}, 4, ""},
		"a wrong token":  {sandbox.Fault{Kind: sandbox.Unauthorised}, 1, "KeyCRM does not take the token (401)"},
		"always broken":  {sandbox.Fault{Kind: sandbox.Status, Status: 503, Times: -1}, maxTries, "KeyCRM was called 3 times and gave no answer that can be read (503): try again later"},
		"always cut":     {sandbox.Fault{Kind: sandbox.Cut, Times: -1}, maxTries, "KeyCRM was called 3 times and gave no answer: try again later"},
		"always limited": {sandbox.Fault{Kind: sandbox.Status, Status: 429, Times: -1}, maxTries, "KeyCRM's limit of calls is reached (429), 3 times in a row"},
		"a web page":     {sandbox.Fault{Kind: sandbox.HTML, Times: -1}, maxTries, "gave no answer that can be read"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t, sandbox.Options{})
			if err := s.Inject(tt.fault); err != nil {
				t.Fatal(err)
			}
			report, err := s.check(t, order)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "sandbox")) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if report.Calls != tt.calls || len(s.ended) != tt.calls {
				t.Errorf("%d calls, want %d", report.Calls, tt.calls)
			}
		})
	}
}

// A turn that fails ends the check; what was found before is told.
func TestTurnsThatFail(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Options{})
	broken := errors.New("the store is gone")
	p, _ := profile.Parse("p", "p.yaml", []byte(strings.Replace(order, "22", "23", 1)), profile.Options{})
	o := Options{Whose: "your account", Client: s.client, Profiles: []*profile.Profile{p}}
	o.Turn = func(ctx context.Context) (time.Time, func(keycrm.Answer) error, error) {
		if s.turns > 0 {
			return time.Time{}, nil, broken
		}
		return s.turn(ctx)
	}
	report, err := Check(t.Context(), o)
	if !errors.Is(err, broken) || len(report.Found) != 1 {
		t.Errorf("error %v, found %v", err, report.Found)
	}
	o.Turn = func(context.Context) (time.Time, func(keycrm.Answer) error, error) {
		return time.Now().Add(20 * time.Second), func(keycrm.Answer) error { return broken }, nil
	}
	if _, err := Check(t.Context(), o); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

// An account without anything says so, and long lists are cut.
func TestWords(t *testing.T) {
	t.Parallel()
	s := newShop(t, sandbox.Options{})
	s.set(t, "/order/source")
	s.set(t, "/custom-fields")
	report, err := s.check(t, order+"  custom_fields: [{uuid: OR_1, value: x}]\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"2:12: your account has no source 22; your account has no sources at all: make one in KeyCRM's settings",
		`5:26: your account has no custom field "OR_1", and KeyCRM passes over it without a word; your account has none for orders: make one in KeyCRM's settings`,
	}
	if diff := cmp.Diff(want, told(report)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	labels := slices.Repeat([]string{"x"}, maxListed+1)
	if got := listed(labels); !strings.HasSuffix(got, " and 1 more") {
		t.Error(got)
	}
	if got := listed(labels[1:]); strings.Contains(got, "more") {
		t.Error(got)
	}
	if got := []rune(cut(strings.Repeat("ї", maxWord+1))); len(got) != maxWord || got[maxWord-1] != '…' {
		t.Error(string(got))
	}
}
