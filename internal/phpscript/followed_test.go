package phpscript

import (
	"strings"
	"testing"
)

// construct is a way in which scripts come by their array. What is not said by a note must come out as PHP has it, for each post.
type construct struct {
	script string
	posts  []string
	said   []string // beginnings of notes, with their lines of script
}

// inArray is the script of a construct: the array's first lines, which all have in common, and what the construct adds.
func (c construct) whole() string {
	if strings.Contains(c.script, "'source_id'") {
		return "<?php\n" + c.script + "\n$url = 'https://openapi.keycrm.app/v1/order';"
	}
	return "<?php\n$data = ['source_id' => 7, 'buyer' => ['phone' => $_POST['phone']]];\n" + c.script + "\n$url = 'https://openapi.keycrm.app/v1/order';"
}

// followed are the constructs that are turned wholly.
func followed() map[string]construct {
	return map[string]construct{
		"switch": {script: `switch ($_POST['kind']) { case 'a': $data['products'][] = ['sku' => 'A']; $data['manager_id'] = 3; break;
			case 'b': case 'c': $data['products'][] = ['sku' => 'B']; break; default: $data['buyer_comment'] = 'other'; }`, posts: []string{"kind=a", "kind=b", "kind=c", "kind=d"}},
		"for with numbers": {
			script: `for ($i = 1; $i <= 3; $i++) { if (!empty($_POST["sku$i"])) { $data['products'][] = ['sku' => $_POST["sku$i"], 'quantity' => $_POST['qty' . $i] ?? 1]; } }`,
			posts:  []string{"sku1=A&qty1=2&sku3=C", "sku2=B"},
		},
		"methods": {script: `class Order { private array $post; const SOURCE = 7;
			public function __construct(array $post) { $this->post = $post; }
			private function get(string $k, $d = null) { return $this->post[$k] ?? $d; }
			public function build(): array { return ['source_id' => self::SOURCE, 'buyer' => $this->buyer(), 'products' => [['sku' => $this->get('sku', 'X'), 'quantity' => 1]]]; }
			private function buyer() { return ['full_name' => $this->get('name'), 'phone' => $this->post['phone']]; } }
			$order = new Order($_POST); $data = $order->build();`, posts: []string{"name=O&sku=A", "name=O"}},
		"promoted property": {script: `class Order { public function __construct(private array $post) {}
			public function build() { return ['source_id' => 7, 'buyer' => ['phone' => $this->post['phone']]]; } }
			$data = (new Order($_POST))->build();`, posts: []string{""}},
		"static methods": {script: `class P { public static $d = [];
			public static function run() { self::$d['source_id'] = 7; static::$d['buyer'] = ['phone' => $_POST['phone'], 'full_name' => static::name()]; return self::$d; }
			static function name() { return $_POST['name']; } } $data = P::run();`, posts: []string{"name=O"}},
		"closures":               {script: `$get = function ($key, $default = '') { return isset($_POST[$key]) ? $_POST[$key] : $default; }; $f = fn($k) => $_POST[$k] ?? null; $data['buyer']['full_name'] = $get('name', 'none'); $data['buyer_comment'] = $f('note');`, posts: []string{"name=O&note=x", ""}},
		"array_map":              {script: `$data['products'] = array_map(function ($p) { return ['sku' => $p['sku'], 'quantity' => $p['qty']]; }, $_POST['products']);`, posts: []string{"products[0][sku]=A&products[0][qty]=2&products[1][sku]=B&products[1][qty]=1"}},
		"array_map of fn":        {script: `$data['products'] = array_map(fn($p) => ['sku' => $p['sku'], 'quantity' => 1], $_POST['products']);`, posts: []string{"products[0][sku]=A"}},
		"compact":                {script: `extract($_POST); $full_name = $name; $source_id = 7; $buyer = compact('full_name', 'phone'); $data = ['source_id' => 7, 'buyer' => $buyer];`, posts: []string{"name=O"}},
		"taken apart":            {script: `[$a, $b] = [$_POST['name'], 'x']; list('note' => $n) = $_POST; $data['buyer']['full_name'] = $a; $data['buyer_comment'] = $n; [$data['gift_message']] = ['hello'];`, posts: []string{"name=O&note=n"}},
		"a field given":          {script: `$_POST['source'] = 'site'; $post = $_POST; $post['note'] = 'Note: ' . $post['note']; $data['buyer_comment'] = $post['note'] . $_POST['source']; $data['buyer']['full_name'] = $post['name'];`, posts: []string{"name=O&note=n"}},
		"by reference":           {script: `function add(&$d) { $d['buyer_comment'] = $_POST['note']; } add($data); function more() { global $data; $data['manager_comment'] = $_POST['name']; } more();`, posts: []string{"name=O&note=n"}},
		"items by reference":     {script: `$lines = [['sku' => 'A'], ['sku' => $_POST['sku']]]; foreach ($lines as &$l) { $l['quantity'] = 2; } unset($l); $data['products'] = $lines;`, posts: []string{"sku=B"}},
		"unset":                  {script: `$data['buyer_comment'] = 'x'; $data['buyer']['full_name'] = 'y'; unset($data['buyer_comment'], $data['buyer']['full_name']);`, posts: []string{""}},
		"unset if":               {script: `$data['buyer_comment'] = 'x'; if (empty($_POST['name'])) unset($data['buyer_comment']);`, posts: []string{"", "name=O"}},
		"array_push":             {script: `$data['products'] = []; array_push($data['products'], ['sku' => 'A'], ['sku' => $_POST['sku']]);`, posts: []string{"sku=B"}},
		"one more":               {script: `$n = 3; $n++; $data['manager_id'] = $n;`, posts: []string{""}},
		"variables of variables": {script: `foreach ($_POST as $key => $value) { $$key = $value; } $data = ['source_id' => 7, 'buyer' => ['phone' => $phone, 'full_name' => $name]];`, posts: []string{"name=O"}},
		"a list added":           {script: `$data += ['buyer_comment' => 'x', 'buyer' => []]; $data = $data + ['gift_message' => $_POST['name']];`, posts: []string{"name=O"}},
		"match":                  {script: `$sum = (float) $_POST['sum']; $data['discount_percent'] = match (true) { $sum >= 1000 => 10, $sum >= 500 => 5, default => 1 };`, posts: []string{"sum=700", "sum=1000", "sum=3"}},
		"a payment if": {
			script: `if (!empty($_POST['card'])) { $data['payments'][] = ['payment_method_id' => 2, 'amount' => $_POST['sum'], 'status' => 'not_paid']; }`,
			posts:  []string{"card=1&sum=450", "sum=450", ""},
		},
		"a payment if it has an amount": {
			script: `if ($_POST['sum'] > 0) { $data['payments'] = [['payment_method_id' => 2, 'amount' => $_POST['sum'], 'status' => 'not_paid']]; }`,
			posts:  []string{"sum=450", "sum=0", ""},
		},
		"an object": {script: `$o = new stdClass(); $o->source_id = 7; $o->buyer = new stdClass(); $o->buyer->phone = $_POST['phone']; $o->products = [(object) ['sku' => 'A']]; $data = ['source_id' => 7] + (array) $o;`, posts: []string{""}},
	}
}

// TestFollowed: these come out as PHP has them, and nothing is said to be left.
func TestFollowed(t *testing.T) {
	t.Parallel()
	for name, c := range followed() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, p := imported(t, c.whole())
			if notes := notesText(r); strings.Contains(notes, "not turned") || strings.Contains(notes, "nowhere in the profile") || r.Left > 0 {
				t.Errorf("%s\n%s", notes, r.Profile)
			}
			for _, post := range c.posts {
				agree(t, c.whole(), p, "phone=%2B380501112233&"+post)
			}
		})
	}
}

// TestSaid: what is not followed is said with its line and stands in the profile as a comment; the rest of the array is there.
func TestSaid(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]construct{
		"while":                {script: "$i = 1;\nwhile (isset($_POST[\"sku_$i\"])) {\n$data['products'][] = ['sku' => $_POST[\"sku_$i\"]];\n$i++; }", said: []string{"5: not turned: $data['products'][] ="}},
		"a list made in while": {script: "while ($row = next($rows)) {\n$lines[] = ['sku' => $row]; }\n$data['products'] = $lines;", said: []string{"3: products is not turned: it is put together inside `while`"}},
		"do":                   {script: "$i = 0;\ndo {\n$data['products'][] = ['sku' => $_POST['p'][$i]]; $i++; } while ($i < count($_POST['p']));", said: []string{"5: not turned: $data['products'][] ="}},
		"catch":                {script: "try { $data['manager_id'] = 4; }\ncatch (Exception $e) {\n$data['manager_id'] = 5;\n$data['buyer_comment'] = $_POST['note']; }", said: []string{"5: not turned: $data['manager_id'] = 5;", "6: not turned: $data['buyer_comment'] = $_POST['note'];"}},
		"a case that runs on":  {script: "switch ($_POST['kind']) {\ncase 'a':\n$data['manager_id'] = 3;\ncase 'b':\n$data['products'][] = ['sku' => 'B']; }", said: []string{"7: not turned: $data['products'][] ="}},
		"for with steps":       {script: "for ($j = 0; $j < 5; $j += 2) {\n$data['custom_fields'][] = ['uuid' => \"OR_$j\", 'value' => $j]; }", said: []string{"4: not turned: $data['custom_fields'][] ="}},
		"a reference":          {script: "$buyer = &$data['buyer'];\n$buyer['full_name'] = $_POST['name'];", said: []string{"3: not turned: $buyer = &$data['buyer'];", "4: the form's field name is read here"}},
		"array_walk":           {script: "array_walk($data['buyer'], function (&$v) { $v = strrev($v); });", said: []string{"3: not turned: array_walk($data['buyer']"}},
		"sort":                 {script: "$lines = [['sku' => 'B'], ['sku' => 'A']];\nsort($lines);\n$data['products'] = $lines;", said: []string{"4: not turned: sort($lines);"}},
		"preg_match":           {script: "preg_match('/(.*) (.*)/', $_POST['name'], $m);\n$data['buyer']['full_name'] = $m[1];", said: []string{"3: full_name is not turned: preg_match(…) gives it its value"}},
		"behind the end":       {script: "exit;\n$data['buyer_comment'] = 'x';", said: []string{"4: not turned: $data['buyer_comment'] = 'x';"}},
		"a member by a value":  {script: "$o = 'buyer';\n$data[$_POST['key']] = 'x';", said: []string{"4: not turned: $data[$_POST['key']] = 'x';"}},
		"two lists added":      {script: "$data['products'] = [['sku' => 'A']] + [['sku' => 'B'], ['sku' => 'C']];", said: []string{"3: products is not turned: two lists are added by +"}},
		"array_filter":         {script: "$items = array_filter($_POST['items'], fn($i) => $i['qty'] > 0);\nforeach ($items as $i) { $data['products'][] = ['sku' => $i['sku']]; }", said: []string{"3: array_filter(…) is left out with the function"}},
		"array_map":            {script: "$data['buyer_comment'] = implode(', ', array_map('strrev', $_POST['colors']));", said: []string{"3: array_map(…) is left out"}},
		"a chosen entry":       {script: "$managers = ['kyiv' => 1];\n$data['manager_id'] = $managers[$_POST['city']] ?? 3;", said: []string{"4: manager_id is not turned: an array's entry is chosen"}},
		"a chosen constant":    {script: "class C { const M = ['kyiv' => 1]; }\n$data['manager_id'] = C::M[$_POST['city']];", said: []string{"4: manager_id is not turned: an array's entry is chosen"}},
		"JSON of a list":       {script: "$data['buyer_comment'] = json_encode($_POST['colors']);", said: []string{"3: buyer_comment is not turned: json_encode(…)"}},
		"a hook":               {script: "add_filter('crm', function ($d) use ($data) {\n$data['buyer_comment'] = $_POST['note'];\nreturn $data; });", said: nil},
		"a typed 0":            {script: "$data['buyer_comment'] = !empty($_POST['note']) ? $_POST['note'] : '';", said: []string{"3: PHP takes a 0 that is typed here for nothing"}},
		"an unread field":      {script: "mail('a@example.com', 'x', $_POST['wish']);", said: []string{"3: the form's field wish is read here"}},
		"a broken statement":   {script: "$data->{'x'}['buyer_comment'] = $_POST['note'];", said: []string{"3: not turned: $data->{'x'}"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, _ := imported(t, c.whole())
			notes := "\n" + notesText(r)
			for _, said := range c.said {
				if !strings.Contains(notes, "\n"+said) {
					t.Errorf("no note %q in%s\n%s", said, notes, r.Profile)
				}
				_, source, left := strings.Cut(said, " not turned: $")
				if left && !strings.Contains(string(r.Profile), "not turned: $"+source) {
					t.Errorf("no comment %q in\n%s", source, r.Profile)
				}
			}
			if !strings.Contains(string(r.Profile), "phone: ${phone}") {
				t.Errorf("the phone is lost:\n%s", r.Profile)
			}
		})
	}
}
