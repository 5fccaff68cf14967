package phpscript

import (
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"formrelay/internal/form"
	"formrelay/internal/mapping"
	"formrelay/internal/profile"
)

// prelude gives a script what a web server would, and prints the array that it leaves in $data however it ends.
const prelude = `<?php
error_reporting(0);
parse_str(stream_get_contents(STDIN), $_POST);
$_GET = $_REQUEST = $_POST;
$_SERVER['REQUEST_METHOD'] = 'POST';
foreach (['curl_init', 'curl_setopt', 'curl_setopt_array', 'curl_exec', 'curl_close', 'mb_strtoupper', 'mb_strtolower', 'mb_substr', 'mb_strlen'] as $f) {
    if (!function_exists($f)) {
        eval("function $f(...\$a) { return '$f' === 'mb_substr' ? implode('', array_slice(preg_split('//u', \$a[0], -1, PREG_SPLIT_NO_EMPTY), \$a[1], \$a[2])) : null; }");
    }
}
register_shutdown_function(function () { echo "\n<<<DATA>>>", json_encode($GLOBALS['data'] ?? null); });
include $argv[1];
`

// php runs a script with a post and gives its array as JSON. The test is skipped aloud where there is no PHP.
func php(t *testing.T, script, body string) any {
	t.Helper()
	binary, err := exec.LookPath("php")
	if err != nil {
		t.Skip("SKIPPED: the comparison with PHP, because php is not installed (install php-cli)")
	}
	dir := t.TempDir()
	if !strings.Contains(script, "<?php") {
		script = "<?php\n" + script
	}
	for name, text := range map[string]string{"prelude.php": prelude, "script.php": script} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.CommandContext(t.Context(), binary, "-d", "date.timezone=Europe/Kyiv", filepath.Join(dir, "prelude.php"), filepath.Join(dir, "script.php"))
	command.Stdin = strings.NewReader(body)
	out, err := command.CombinedOutput()
	_, data, found := strings.Cut(string(out), "<<<DATA>>>")
	if err != nil && !found || !found {
		t.Fatalf("php: %v\n%s", err, out)
	}
	var v any
	if err := json.Unmarshal([]byte(data), &v); err != nil || v == nil {
		t.Fatalf("php: %v\n%s", err, out)
	}
	return v
}

// mapped is what the profile makes of the same post.
func mapped(t *testing.T, p *profile.Profile, body string) any {
	t.Helper()
	fields, err := form.Decode("application/x-www-form-urlencoded", strings.NewReader(body), form.Options{Limits: p.Limits})
	if err != nil {
		t.Fatal(err)
	}
	got := p.Mapping.Apply(mapping.Input{ID: "0123456789ABCDEFGHJKMNPQRS", Now: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC), Fields: fields})
	if len(got.Corrections)+len(got.Problems) > 0 {
		t.Fatalf("corrections %+v\nproblems %+v", got.Corrections, got.Problems)
	}
	var v any
	if err := json.Unmarshal(got.Entity, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// additions are what the relay adds of its own, by name.
func additions() []string { return []string{"source_uuid", "ordered_at", "delivery_service_id"} }

// reduced is a value without what is null or empty, and with the named normalisations undone: numbers and the texts of numbers are the
// same, a time is in UTC, the mark is off the comment.
func reduced(v any, key string) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, member := range v {
			if r := reduced(member, k); r != nil && !slices.Contains(additions(), k) {
				out[k] = r
			}
		}
		if key == "products" && out["sku"] == nil && out["name"] == nil && out["price"] == nil { // a line without a product, which the profile leaves out
			return nil
		}
		if len(out) == 0 || len(out) == 1 && (out["uuid"] != nil || out["status"] == "not_paid") { // nothing but what stands for nothing
			return nil
		}
		return out
	case []any:
		var out []any
		for _, member := range v {
			if r := reduced(member, key); r != nil {
				out = append(out, r)
			}
		}
		if out == nil {
			return nil
		}
		return out
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	case string:
		return loosened(v, key)
	}
	return v
}

// loosened undoes the normalisations of a text.
func loosened(s, key string) any {
	s = strings.TrimSpace(s)
	if rest, ok := strings.CutPrefix(s, "[formrelay 0123456789ABCDEFGHJKMNPQRS]"); ok {
		s = strings.TrimSpace(rest)
	}
	if key == "payment_date" {
		if at, err := time.Parse(time.DateTime, s); err == nil {
			return at.Format(time.DateTime)
		}
	}
	if n, err := strconv.ParseFloat(s, 64); err == nil && key != "phone" && key != "sku" {
		return strconv.FormatFloat(n, 'f', -1, 64)
	}
	if s == "" {
		return nil
	}
	return s
}

// inUTC writes PHP's local payment_date as the relay sends it.
func inUTC(t *testing.T, v any) {
	t.Helper()
	kyiv, err := time.LoadLocation("Europe/Kyiv")
	if err != nil {
		t.Fatal(err)
	}
	m, _ := v.(map[string]any)
	payments, _ := m["payments"].([]any)
	for _, one := range payments {
		payment, _ := one.(map[string]any)
		s, _ := payment["payment_date"].(string)
		if at, err := time.ParseInLocation(time.DateTime, s, kyiv); err == nil {
			payment["payment_date"] = at.UTC().Format(time.DateTime)
		}
	}
}

// agree compares PHP and the profile for one post.
func agree(t *testing.T, script string, p *profile.Profile, body string) {
	t.Helper()
	want := php(t, script, body)
	inUTC(t, want)
	if diff := cmp.Diff(reduced(want, ""), reduced(mapped(t, p, body), "")); diff != "" {
		t.Errorf("%s\n-php +profile:\n%s", body, diff)
	}
}

// TestParity: PHP and the profile make the same of the same posts.
func TestParity(t *testing.T) {
	t.Parallel()
	for name, a := range archives(t) {
		posts := strings.TrimSpace(part(a, "posts"))
		if posts == "" {
			continue
		}
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			script := part(a, "corrected.php")
			if script == "" {
				script = part(a, "script.php")
			}
			_, p := imported(t, part(a, "script.php"))
			for body := range strings.SplitSeq(posts, "\n") {
				agree(t, script, p, body)
			}
		})
	}
}

// everyField posts all fields that the user's two scripts read.
func everyField() url.Values {
	return url.Values{
		"title": {"Дзвінок"}, "manager_comment": {"після 18:00"}, "pipeline_id": {"3"},
		"name": {"Олена Тестова"}, "email": {"olena@example.com"}, "phone": {"+380501112233"},
		"address_city": {"Львів"}, "address_street": {"вул. Городоцька, 5"}, "address_country": {"Україна"}, "address_region": {"Львівська"},
		"address_zip": {"079000"}, "secondary_line": {"кв. 7"}, "receive_poin": {"Відділення № 5"}, "recipient_full_name": {"Іван Тестовий"},
		"receive_phone": {"+380672223344"}, "warehouse_ref": {"1ec09d88-e1c2-11e3-8c4a-0050568002cf"}, "date": {"2026-12-24"},
		"utm_source": {"facebook"}, "utm_medium": {"cpc"}, "utm_campaign": {"lamps"}, "utm_term": {"лампа"}, "utm_content": {"v2"},
		"product_price": {"1299.50"}, "product_name": {"Лампа"}, "product_sku": {"A-1"}, "product_quantity": {"2"}, "product_url": {"https://shop.example/l.jpg"},
		"payment_method_id": {"2"}, "payment_method": {"Готівка"}, "amount": {"1299.50"}, "description": {"після дзвінка"}, "payment_date": {"2026-11-21 10:30:00"},
		"value": {"біла"}, "value 1": {"перше"}, "value2": {"друге"}, "value 3": {"третє"},
	}
}

// TestSeeds: the user's two documents as they stand become profiles that map as the scripts in them would, once PHP can run them.
func TestSeeds(t *testing.T) {
	t.Parallel()
	files, _ := filepath.Glob("../../../shared/seeds/*.txt")
	if len(files) == 0 {
		t.Skip("SKIPPED: the user's two documents are not beside the repository")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, p := imported(t, string(raw))
			least := url.Values{"phone": {"+380501112233"}, "product_name": {"Лампа"}, "receive_poin": {""}}
			for _, form := range []url.Values{everyField(), least} {
				agree(t, correctedSeed(t, string(raw)), p, form.Encode())
			}
		})
	}
}

// correctedSeed is the array of a document as PHP can run it, its slips mended.
func correctedSeed(t *testing.T, page string) string {
	t.Helper()
	from := strings.Index(page, "$data = [")
	to := strings.Index(page, "\n];")
	if from < 0 || to < 0 {
		t.Fatal("the document has no array")
	}
	return strings.NewReplacer(
		`$_POST['"utm_campaign']`, `$_POST['utm_campaign']`,
		`$_POST['value 1', 'value2', 'value 3']`, `[$_POST['value_1'], $_POST['value2'], $_POST['value_3']]`,
		`$_POST['address_zip'] //`, `$_POST['address_zip'], //`,
		`"payment_method" => $_POST['product_url']`, `"payment_method" => $_POST['payment_method']`,
		`"status" => $_POST['description']`, `"status" => $_POST['amount'] ? 'not_paid' : null`,
	).Replace(orderFields(page, page[from:to]+"\n];"))
}

// orderFields gives the order's own fields the ids that an order's have.
func orderFields(page, script string) string {
	if strings.Contains(page, "pipelines/cards") {
		return script
	}
	return strings.ReplaceAll(script, `"LD_`, `"OR_`)
}
