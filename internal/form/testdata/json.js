// Makes json.json: what Node and PHP read out of JSON bodies. Run: node json.js > json.json (it calls php).
const { execFileSync } = require('node:child_process');

const bodies = [
  '{}', ' {\r\n\t"a" : "b" }\n', '{"name":"Олена","phone":"050 111 22 33"}', '{"a":""}', '{"":"x"}', '{"a":null,"b":true,"c":false}',
  '{"n":0,"m":-0,"k":1.5,"e":1e3,"E":-2.5E-3,"big":9007199254740993,"huge":12345678901234567890,"long":0.1000000000000000055511151231257827}',
  '{"a":{"b":{"c":"d"}}}', '{"a":["x","y",["z"]]}', '{"a":[{"sku":"A-1","quantity":2},{"sku":"B-7"}]}', '{"a":[],"b":{},"c":[[]],"d":[{}]}',
  '{"a":1,"a":2}', '{"0":"x","1":"y","10":"z"}', '{"__proto__":"x","constructor":"y","length":"z"}',
  '{"a":"\\u0416\\u0456\\ud83d\\ude00"}', '{"a":"\\"\\\\\\/\\b\\f\\n\\r\\t"}', '{"a":"\\u0000","b":"x\\u0000y"}', '{"a":"{[]},:"}', '{"\\u0430":"x","First Name":"y"}',
  '{"a":"\\u2028\\u2029\u2028"}', '{"a":"\ufeff"}', '{"a":"  x  "}', '{"a b":{"c d":"x"}}', '{"a.b":"x","a-b":"y","a%b":"z"}', '{"a":"' + 'й'.repeat(300) + '"}',
  '{"a":' + '['.repeat(29) + '"x"' + ']'.repeat(29) + '}',
  // What both refuse.
  '', ' ', '{', '{"a":1', '{"a":1}}', '{"a":1}x', '{"a"}', '{"a":}', '{a:1}', "{'a':1}", '{"a":1,}', '{"a":[1,]}', '{"a":01}', '{"a":+1}', '{"a":.5}', '{"a":1.}', '{"a":1e}',
  '{"a":0x1}', '{"a":NaN}', '{"a":Infinity}', '{"a":tru}', '{"a":undefined}', '{"a":"\n"}', '{"a":"\t"}', '{"a":"\\x"}', '{"a":"\\u12"}', '{"a":"x}', '{"a":1 "b":2}', '{"a":1,,"b":2}',
  '{"a":1}/* */', '{/**/"a":1}', '{"a":[1}', '{"a":{]}', '\u00a0{"a":1}',
];

// A leaf is the keys that lead to it, its type and its text.
const leaves = (value, path) => {
  if (value === null || typeof value !== 'object') return [[path, value === null ? 'null' : typeof value, value === null ? '' : String(value)]];
  const entries = Object.entries(value);
  return entries.length ? entries.flatMap(([key, inner]) => leaves(inner, [...path, key])) : [[path, 'empty', '']];
};

const php = String.raw`
function leaves($value, $path) {
  if ($value === null) return [[$path, 'null', '']];
  if (is_bool($value)) return [[$path, 'boolean', $value ? 'true' : 'false']];
  if (is_int($value) || is_float($value)) return [[$path, 'number', json_encode($value)]];
  if (is_string($value)) return [[$path, 'string', $value]];
  if (!$value) return [[$path, 'empty', '']];
  $all = [];
  foreach ($value as $key => $inner) $all = array_merge($all, leaves($inner, array_merge($path, [(string) $key])));
  return $all;
}
$read = [];
foreach (json_decode(stream_get_contents(STDIN)) as $body) {
  $value = json_decode($body, true);
  $read[] = json_last_error() ? null : leaves($value, []);
}
echo json_encode([PHP_VERSION, $read], JSON_UNESCAPED_UNICODE);
`;
const [version, byPHP] = JSON.parse(execFileSync('php', ['-d', 'serialize_precision=-1', '-r', php], { input: JSON.stringify(bodies) }));
const inside = (all) => all && all.filter(([path]) => path.length); // nothing is no leaf
const posts = bodies.map((body, i) => {
  let node = null;
  try { node = leaves(JSON.parse(body), []); } catch {}
  return { body, node: inside(node), php: inside(byPHP[i]) };
});
const lines = posts.map((post) => '    ' + JSON.stringify(post)).join(',\n');
console.log(`{\n  "made_by": "Node ${process.versions.node}, PHP ${version}",\n  "posts": [\n${lines}\n  ]\n}`);
