package intake

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"formrelay/internal/form"
)

// postedBody is a body that some form, script or page builder sends.
type postedBody struct{ Type, Body string }

// bodies are what the judges below are asked about: the standard's urlencoded cases, and what browsers, curl and scripts send as
// multipart and JSON. UTF-8 is declared, since the judges know no other encoding.
func bodies() []postedBody {
	const urlencoded, multi = "application/x-www-form-urlencoded;charset=UTF-8", "multipart/form-data; boundary=XX"
	part := func(name, value string) string {
		return "--XX\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n"
	}
	const end = "--XX--\r\n"
	var all []postedBody
	for _, body := range []string{
		"a=b&c=d", "a=b&a=c", "&&&a=b&&&&c=d&", "a==a", "=b", "a", "a=a+b+c+d", "%=a", "%a=a", "%a_=a", "%61+%4d%4D=", "id=0&value=%", "b=%2sf%2a",
		"b=%2%2af%2a", "b=%%2a", "discount=100%&a;b=1", "name=%D0%9E%D0%BB%D0%B5%D0%BD%D0%B0", "a=%f0%9f%92%a1", "a=1%0D%0A2", "First+Name=x",
		"a[b]=1&a[c]=2", "a[]=1&a[]=2", "p[0][sku]=A&p[0][n]=2&p[1][sku]=B", "a=%2B+%26%3D", "test",
	} {
		all = append(all, postedBody{urlencoded, body})
	}
	for _, body := range []string{
		part("a", "1") + part("b", "2") + end, part("a", "1") + part("a", "2") + end, part("a", "") + end, part("Ім’я", "Олена 💡") + end,
		part("a%22b", "1") + end, part("a%0D%0Ab", "1") + end, part("a", "1\r\n\r\n2\r\n") + end, part("a", "--X\r\n-XX") + end,
		part("p[0][sku]", "A") + part("p[0][n]", "2") + end, part("a[]", "1") + part("a[]", "2") + end,
		part("a", "1") + "--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"\"\r\nContent-Type: application/octet-stream\r\n\r\n\r\n" + end,
		part("a", "1") + "--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x.png\"\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n\x1a\n\r\n" + end,
		"--XX\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n1\r\n" + end,
		"--XX\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\n1\r\n" + end, part("a b", "100%") + part("c;d", "e&f=g+h") + end,
	} {
		all = append(all, postedBody{multi, body})
	}
	for _, body := range []string{
		`{"name":"Олена","phone":"050"}`, `{"a":{"b":{"c":"x"}}}`, `{"a":["x","y",{"k":"z"}]}`, `{"a":"\u0416\ud83d\ude00\n"}`, " {\n\"a\" : \"b\"\t} ",
		`{"n":5,"m":-3,"t":"1.50"}`, `{"a":"","b":"x"}`, `{"a b":"1","c;d":"2"}`, `{"a":"100%","b":"c&d=e"}`, `{"a":"\"<b>\\\/"}`,
	} {
		all = append(all, postedBody{"application/json", body})
	}
	return all
}

// verdict is what a judge made of a body; nil: it did not take it.
type verdict struct {
	Pairs  [][2]string // in order, as posted
	Leaves [][2]string // nested names taken apart and joined with /
}

// nodeScript reads the bodies and writes what the platform's own parsers make of them.
const nodeScript = `
const leaves = (value, path, all) => {
  if (value !== null && typeof value === 'object') for (const [k, v] of Object.entries(value)) leaves(v, path ? path + '/' + k : k, all);
  else all.push([path, String(value)]);
  return all;
};
(async () => {
  const out = [];
  for (const { Type, Body } of JSON.parse(require('fs').readFileSync(0, 'utf8'))) {
    const body = Buffer.from(Body, 'base64');
    try {
      if (Type.startsWith('application/json')) out.push({ Leaves: leaves(JSON.parse(body.toString('utf8')), '', []) });
      else {
        const form = await new Response(body, { headers: { 'content-type': Type } }).formData();
        out.push({ Pairs: [...form].filter(([, v]) => typeof v === 'string') });
      }
    } catch (e) { out.push(null); }
  }
  console.log(JSON.stringify(out));
})();
`

// phpScript answers each post with what PHP made of it.
const phpScript = `<?php
function leaves($value, $path, &$all) {
    if (is_array($value)) { foreach ($value as $k => $v) leaves($v, $path === '' ? (string) $k : $path . '/' . $k, $all); }
    else $all[] = [$path, (string) $value];
}
$json = str_starts_with($_SERVER['CONTENT_TYPE'] ?? '', 'application/json');
$value = $json ? json_decode(file_get_contents('php://input'), true) : $_POST;
$all = [];
if ($value !== null) leaves($value, '', $all);
header('Content-Type: application/json');
echo json_encode($value === null ? null : ['Leaves' => $all]);
`

// judgedByNode asks node about all bodies.
func judgedByNode(t *testing.T, all []postedBody) []*verdict {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skipf("SKIPPED: node is not installed: %v", err)
	}
	asked := make([]postedBody, len(all))
	for n, b := range all {
		asked[n] = postedBody{b.Type, base64.StdEncoding.EncodeToString([]byte(b.Body))}
	}
	in, err := json.Marshal(asked)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), node, "-e", nodeScript)
	command.Stdin = bytes.NewReader(in)
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got []*verdict
	if err := json.Unmarshal(out, &got); err != nil || len(got) != len(all) {
		t.Fatalf("%v: %s", err, out)
	}
	return got
}

// judgedByPHP posts all bodies to PHP's own server.
func judgedByPHP(t *testing.T, all []postedBody) []*verdict {
	t.Helper()
	php, err := exec.LookPath("php")
	if err != nil {
		t.Skipf("SKIPPED: php is not installed: %v", err)
	}
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "index.php"), []byte(phpScript), 0o600); err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	command := exec.Command(php, "-d", "display_errors=0", "-S", address, "-t", folder)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Process.Kill(); _ = command.Wait() })
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	got := make([]*verdict, len(all))
	for n, b := range all {
		answer := tried(t, func() (*http.Response, error) {
			return client.Post("http://"+address+"/index.php", b.Type, strings.NewReader(b.Body))
		})
		err := json.NewDecoder(answer.Body).Decode(&got[n])
		_ = answer.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
	}
	return got
}

// freeAddress is one that nobody listened on a moment ago: PHP cannot choose one itself.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// tried asks until the other process listens.
func tried(t *testing.T, ask func() (*http.Response, error)) *http.Response {
	t.Helper()
	late := time.NewTimer(30 * time.Second)
	defer late.Stop()
	for {
		answer, err := ask()
		if err == nil {
			return answer
		}
		select {
		case <-late.C:
			t.Fatal(err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// What a judge takes, the relay takes over HTTP, and stores the same values.
func TestNodeAndPHPAgree(t *testing.T) {
	t.Parallel()
	all := bodies()
	for name, judge := range map[string]func(*testing.T, []postedBody) []*verdict{"node": judgedByNode, "php": judgedByPHP} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.shelf.good["lamp"].Limits.Files, b.shelf.good["lamp"].Limits.FileSize = 3, 1<<20
			b.shelf.good["lamp"].HoldInvalid = true
			srv := httptest.NewServer(b.server)
			defer srv.Close()
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			taken := 0
			for n, want := range judge(t, all) {
				if want == nil {
					continue
				}
				taken++
				if escaped := strings.Contains(all[n].Body, `"a%`); escaped && name == "php" { // it leaves a name as browsers escape it
					continue
				}
				r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+"/f/lamp", strings.NewReader(all[n].Body))
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Content-Type", all[n].Type)
				r.Header.Set("Accept", "application/json")
				answer, err := client.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				text, _ := io.ReadAll(answer.Body)
				_ = answer.Body.Close()
				if answer.StatusCode != http.StatusOK {
					t.Errorf("%s %q: %s %s", all[n].Type, all[n].Body, answer.Status, text)
					continue
				}
				compared(t, all[n], want, b.store.newest().Pairs)
			}
			if taken < len(all)*9/10 {
				t.Errorf("the judge took only %d of %d", taken, len(all))
			}
		})
	}
}

// compared holds stored pairs against a verdict, as it tells them.
func compared(t *testing.T, b postedBody, want *verdict, pairs []form.Pair) {
	t.Helper()
	var got [][2]string
	if want.Pairs != nil {
		for _, p := range pairs {
			got = append(got, [2]string{p.Name, p.Value})
		}
		if diff := cmp.Diff(want.Pairs, got); diff != "" {
			t.Errorf("%s %q: pairs (-judge +relay):\n%s", b.Type, b.Body, diff)
		}
		return
	}
	// Nested, the last one of a name counts.
	leaves := map[string]string{}
	f := &form.Fields{Pairs: pairs}
	for n, path := range f.Tree().Paths() {
		if path[0] == "" { // PHP drops what has no name
			continue
		}
		leaves[strings.Join(path, "/")] = pairs[n].Value
	}
	judged := map[string]string{}
	for _, l := range want.Leaves {
		root, rest, nested := strings.Cut(l[0], "/")
		if root = strings.NewReplacer(" ", "_", ".", "_").Replace(root); nested { // as PHP names what is posted
			root += "/"
		}
		judged[root+rest] = l[1]
	}
	if diff := cmp.Diff(judged, leaves); diff != "" {
		t.Errorf("%s %q: leaves (-judge +relay):\n%s", b.Type, b.Body, diff)
	}
}
