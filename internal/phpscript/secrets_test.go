package phpscript

import (
	"strings"
	"testing"
)

// TestTokenShapes: whatever the authorization is built from stays out of the profile and of the notes, although the same value is mapped
// too, and the rest of the array is there.
func TestTokenShapes(t *testing.T) {
	t.Parallel()
	const a, b = "TESTONLYfirst90", "TESTONLYother91"
	for name, script := range map[string]string{
		"another name":         `$k = '` + a + `'; $h = ['Authorization: Bearer ' . $k];`,
		"a chain of names":     `$x = '` + a + `'; $k = trim($x); $h = ["Authorization: Bearer $k"];`,
		"define":               `define('CRM', '` + a + `'); $k = CRM; $h = ['Authorization' => 'Bearer ' . CRM];`,
		"const":                `const CRM = '` + a + `'; $k = CRM; $h = ['Authorization' => 'Bearer ' . CRM];`,
		"class constant":       `class C { const CRM = '` + a + `'; function h() { return ['Authorization: Bearer ' . self::CRM]; } } $k = C::CRM;`,
		"property":             `class C { private $crm = '` + a + `'; function h() { return ["Authorization: Bearer {$this->crm}"]; } } $k = '` + a + `';`,
		"constructor":          `class C { function __construct($u, $crm) { $this->crm = $crm; } function h() { return ["Authorization: Bearer {$this->crm}"]; } } $c = new C('x', '` + a + `'); $k = '` + a + `';`,
		"promoted":             `class C { function __construct(private string $crm = '` + a + `') {} function h() { return ["Authorization: Bearer {$this->crm}"]; } } $k = '` + a + `';`,
		"config":               `$config = ['shop' => 'Lamps', 'crm' => ['k' => '` + a + `']]; $k = $config['crm']['k']; $h = ['Authorization: Bearer ' . $config['crm']['k']];`,
		"config by key":        `$config['k'] = '` + a + `'; $k = $config['k']; $h = ['Authorization: Bearer ' . $config['k']];`,
		"halves":               `$k = '` + a + `' . '` + b + `'; $h = ['Authorization: Bearer ' . $k];`,
		"halves in variables":  `$one = '` + a + `'; $two = '` + b + `'; $k = $one . $two; $h = ['Authorization: Bearer ' . $one . $two];`,
		"halves one by one":    `$k = '` + a + `'; $k .= '` + b + `'; $h = ['Authorization: Bearer ' . $k];`,
		"environment":          `$k = getenv('KEYCRM_TOKEN') ?: '` + a + `'; $h = ['Authorization: Bearer ' . $k];`,
		"environment ??":       `$k = $_ENV['CRM'] ?? '` + a + `'; $h = ['Authorization: Bearer ' . $k];`,
		"sprintf":              `$k = '` + a + `'; $h = [sprintf('Authorization: Bearer %s', $k)];`,
		"header's name apart":  `$k = '` + a + `'; $request->withHeader('Authorization', 'Bearer ' . $k);`,
		"a whole header":       `$k = 'Bearer ' . '` + a + `'; $h = ['Authorization' => $k];`,
		"curl's own":           `$k = '` + a + `'; curl_setopt($ch, CURLOPT_XOAUTH2_BEARER, $k);`,
		"a parameter":          `function send($d, $key) { $h = ['Authorization: Bearer ' . $key]; } $k = '` + a + `'; send([], $k);`,
		"a literal handed":     `function send($d, $key) { $h = ['Authorization: Bearer ' . $key]; } send([], '` + a + `'); $k = '` + a + `';`,
		"a named argument":     `function send($d, $key) { $h = ['Authorization: Bearer ' . $key]; } send([], key: '` + a + `'); $k = '` + a + `';`,
		"a result":             `function key() { return '` + a + `'; } $k = key(); $h = ['Authorization: Bearer ' . key()];`,
		"a ternary":            `$k = $test ? '` + a + `' : '` + b + `'; $h = ['Authorization: Bearer ' . $k];`,
		"in the text":          `$h = ['Authorization: Bearer ` + a + `']; $k = '` + a + `';`,
		"base64":               `$k = base64_decode('` + a + `'); $h = ['Authorization: Bearer ' . $k]; $k = '` + a + `';`,
		"a header in a string": `$k = '` + a + `'; $context = stream_context_create(['http' => ['header' => "Accept: application/json\r\nAuthorization: Bearer $k\r\n"]]);`,
		"a heredoc":            "$k = <<<X\n" + a + "\nX;\n $h = ['Authorization: Bearer ' . $k];",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, _ := imported(t, "<?php\n"+script+`
$data = ['source_id' => 7, 'buyer' => ['phone' => $_POST['phone'], 'full_name' => 'Lamps of ' . $_POST['name']], // `+a+`
    'manager_comment' => 'by ' . $k, 'gift_message' => "$k `+a+`", 'buyer_comment' => 'Lamps'];
$url = 'https://openapi.keycrm.app/v1/order';`)
			out := string(r.Profile) + notesText(r)
			if strings.Contains(out, "TESTONLY") || strings.Contains(out, "first90") || strings.Contains(out, "other91") {
				t.Errorf("a token got out:\n%s", out)
			}
			for _, words := range []string{"phone: ${phone}", "Lamps of ${name}", "buyer_comment: Lamps", "KEYCRM_TOKEN", "the API token of the script is left out"} {
				if !strings.Contains(out, words) {
					t.Errorf("no %q in\n%s", words, out)
				}
			}
			if strings.Contains(string(r.Profile), "manager_comment: 'by") {
				t.Errorf("a text without its token is mapped:\n%s", out)
			}
		})
	}
}

// TestTokenWords: a script that gives the header a word of KeyCRM's loses no key by it, and a condition that holds the token is none.
func TestTokenWords(t *testing.T) {
	t.Parallel()
	r, _ := imported(t, `<?php
$h = ['Authorization: Bearer ' . 'source_id', 'Authorization: Bearer ' . 'TESTONLYcondition'];
$data = ['source_id' => 7, 'buyer' => ['phone' => $_POST['phone']]];
if ($_POST['key'] == 'TESTONLYcondition') { $data['products'][] = ['sku' => 'A']; }
$url = 'https://openapi.keycrm.app/v1/order';`)
	if out := string(r.Profile); !strings.Contains(out, "\nsource_id: 7") || strings.Contains(out+notesText(r), "TESTONLY") {
		t.Errorf("%s\n%s", out, notesText(r))
	}
}

// TestTokenBounds: a script made to be looked at for ever is looked at for a while.
func TestTokenBounds(t *testing.T) {
	t.Parallel()
	for _, script := range []string{
		"<?php $h = " + strings.Repeat("'Bearer abcdef' . ", 4000) + "'x';",
		"<?php $token = `curl`; $h = ['Authorization: Bearer ' . `cat \"{$token}\"`];",
		"<?php $h = [" + strings.Repeat("'Authorization', ", 4000) + "];",
		"<?php " + strings.Repeat("$token = $token1 . $b; ", 1000),
		"<?php " + strings.Repeat("function f($key) { return 'Bearer ' . $key; } f('abcdefgh'); ", 1000),
	} {
		if _, err := Import([]byte(script), Options{}); err == nil {
			t.Errorf("%.40q has an order", script)
		}
	}
}
