package intake

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// formspreeCore is Formspree's own client as its users install it, unchanged.
const formspreeCore = "https://registry.npmjs.org/@formspree/core/-/core-4.0.0.tgz"

// formspreeScript drives it as a page does. The library asks for a browser's window when it starts a session, and for nothing of it.
const formspreeScript = `
globalThis.window = globalThis.window || {};
globalThis.document = { documentElement: { getAttribute: () => null } };
if (!('webdriver' in (globalThis.navigator || {}))) Object.defineProperty(globalThis, 'navigator', { value: { webdriver: false }, configurable: true });
const { createClient, isSubmissionError } = require(process.argv[2]);
const endpoint = process.argv[3];
const report = (result) => isSubmissionError(result)
  ? { form: result.getFormErrors(), fields: result.getAllFieldErrors() }
  : { kind: result.kind, next: result.next };
(async () => {
  const client = createClient();
  const data = new FormData();
  data.append('name', 'Олена');
  data.append('phone', '050 111 22 33');
  const out = {};
  out.success = report(await client.submitForm('lamp', data, { endpoint, clientName: 'test' }));
  out.object = report(await client.submitForm('lamp', { name: 'Olena', email: 'olena@shop.example' }, { endpoint }));
  out.field = report(await client.submitForm('lamp', { name: 'Olena', email: 'olena@' }, { endpoint }));
  out.gone = report(await client.submitForm('closed', { name: 'Olena' }, { endpoint }));
  out.unknown = report(await client.submitForm('none', { name: 'Olena' }, { endpoint }));
  console.log(JSON.stringify(out));
})();
`

// fetched unpacks the package's script into a folder; it skips the test, and says why, where there is no network or no node.
func fetched(t *testing.T) (node, script string) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skipf("SKIPPED: node is not installed, so that Formspree's client cannot be tried: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, formspreeCore, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		t.Skipf("SKIPPED: Formspree's client cannot be fetched: %v", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Skipf("SKIPPED: Formspree's client cannot be fetched: %s", resp.Status)
	}
	packed, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		t.Skipf("SKIPPED: Formspree's client cannot be fetched: %v", err)
	}
	return node, unpacked(t, packed, "package/dist/index.js")
}

// unpacked writes one file of a package into a folder of the test's.
func unpacked(t *testing.T, packed []byte, name string) string {
	t.Helper()
	plain, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	files := tar.NewReader(plain)
	for {
		head, err := files.Next()
		if errors.Is(err, io.EOF) {
			t.Fatalf("the package has no %s", name)
		}
		if err != nil {
			t.Fatal(err)
		}
		if path.Clean(head.Name) != name {
			continue
		}
		text, err := io.ReadAll(io.LimitReader(files, 1<<20))
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "core.js")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
}

// told is what the client made of an answer.
type told struct {
	Kind, Next string
	Form       []struct{ Code, Message string }
	Fields     [][2]json.RawMessage
}

// A page that was written for Formspree works when it is pointed here: its own client, unchanged, sees success, the fault of a field under
// the field's name and with Formspree's code, and a form that is closed or not there. What its requests carry passes a preflight.
func TestFormspreesClient(t *testing.T) {
	t.Parallel()
	node, script := fetched(t)
	b := setup(t, "closed", closed)
	var mu sync.Mutex
	var asked []string // the headers that are no simple ones
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		for name := range r.Header {
			if !slices.Contains([]string{"Accept", "Accept-Language", "Content-Length", "User-Agent", "Connection", "Accept-Encoding", "Sec-Fetch-Mode"}, name) {
				asked = append(asked, strings.ToLower(name))
			}
		}
		mu.Unlock()
		b.server.ServeHTTP(w, r)
	}))
	defer srv.Close()
	run := exec.CommandContext(t.Context(), node, "-e", "process.argv.splice(1, 0, 'script');"+formspreeScript, script, srv.URL)
	var problems bytes.Buffer
	run.Stderr = &problems
	out, err := run.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, problems.String())
	}
	var got map[string]told
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, name := range []string{"success", "object"} {
		if g := got[name]; g.Kind != "success" || !strings.HasPrefix(g.Next, srv.URL+"/forms/lamp/") {
			t.Errorf("%s: %+v", name, g)
		}
	}
	if f := got["field"].Fields; len(f) != 1 || string(f[0][0]) != `"email"` || !strings.Contains(string(f[0][1]), `"TYPE_EMAIL"`) {
		t.Errorf("a field's fault: %s", out)
	}
	if f := got["gone"].Form; len(f) != 1 || f[0].Code != "INACTIVE" || f[0].Message == "" {
		t.Errorf("a closed form: %s", out)
	}
	if f := got["unknown"].Form; len(f) != 1 || f[0].Code != "FORM_NOT_FOUND" {
		t.Errorf("no form: %s", out)
	}
	checkPreflight(t, srv.URL+"/f/lamp", asked)
}

// checkPreflight asks, as a browser does before such a request, whether the headers may be sent.
func checkPreflight(t *testing.T, address string, headers []string) {
	t.Helper()
	slices.Sort(headers)
	headers = slices.Compact(headers)
	if !slices.Contains(headers, "formspree-client") {
		t.Errorf("the client sent only %v", headers)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Origin", "https://shop.example")
	r.Header.Set("Access-Control-Request-Method", http.MethodPost)
	r.Header.Set("Access-Control-Request-Headers", strings.Join(headers, ","))
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent || resp.Header.Get("Access-Control-Allow-Origin") != "*" ||
		resp.Header.Get("Access-Control-Allow-Headers") != strings.Join(headers, ",") || !strings.Contains(resp.Header.Get("Access-Control-Allow-Methods"), "POST") {
		t.Errorf("%s %v", resp.Status, resp.Header)
	}
}
