<?php
// Prints multipart.json: what PHP's own parser makes of multipart bodies with the boundary XX. It needs php-cgi.
// Run: php multipart.php > multipart.json
if (php_sapi_name() !== 'cli') {
    $files = array_map(fn($f) => [$f['name'], $f['error'] ? null : file_get_contents($f['tmp_name'])], $_FILES);
    echo json_encode(['post' => (object) $_POST, 'files' => (object) $files]);
    exit;
}
$cd = 'Content-Disposition: form-data; name=';
$a = "--XX\r\n$cd\"a\"\r\n\r\n1\r\n";
$b = "--XX\r\n$cd\"b\"\r\n\r\n2\r\n";
$end = "--XX--\r\n";
$bodies = [
    'plain' => "$a$b$end",
    'no last delimiter' => "$a$b",
    'cut in the last delimiter' => "$a$b--X",
    'cut in a value' => "$a--XX\r\n$cd\"b\"\r\n\r\n22",
    'cut in headers' => "$a--XX\r\n$cd\"b\"\r\n",
    'cut after a delimiter' => "$a--XX\r\n",
    'LF only' => str_replace("\r\n", "\n", "$a$b$end"),
    'preamble and epilogue' => "hello\r\n$a$b{$end}bye\r\n",
    'escaped quote' => "--XX\r\n$cd\"a\\\"b\"\r\n\r\n1\r\n$end",
    'single quotes' => "--XX\r\n$cd'a b'\r\n\r\n1\r\n$end",
    'no quotes' => "--XX\r\n{$cd}ab\r\n\r\n1\r\n$end",
    'nested' => "--XX\r\n$cd\"p[0][sku]\"\r\n\r\nA\r\n--XX\r\n$cd\"p[0][n]\"\r\n\r\n2\r\n$end",
    'quoted-printable' => "--XX\r\n$cd\"a\"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na=3Db=20\r\n$end",
    'folded header' => "--XX\r\nContent-Disposition: form-data;\r\n name=\"a\"\r\n\r\n1\r\n$end",
    'small letters' => "--XX\r\ncontent-disposition:form-data;name=\"a\"\r\n\r\n1\r\n$end",
    'empty file input' => "--XX\r\n$cd\"f\"; filename=\"\"\r\nContent-Type: application/octet-stream\r\n\r\n\r\n$a$end",
    'file' => "--XX\r\n$cd\"f\"; filename=\"x.txt\"\r\nContent-Type: text/plain\r\n\r\nline\r\n--X\r\nline\r\n$a$end",
    'value with line breaks' => "--XX\r\n$cd\"a\"\r\n\r\n\r\n1\r\n\r\n2\r\n\r\n$end",
    'longer delimiter' => "--XX\r\n$cd\"a\"\r\n\r\n1\r\n--XXY\r\nmore\r\n$b$end",
    'wrong boundary' => str_replace('XX', 'YY', "$a$end"),
];
$out = [];
foreach ($bodies as $name => $body) {
    $env = ['CONTENT_TYPE' => 'multipart/form-data; boundary=XX', 'CONTENT_LENGTH' => strlen($body), 'REQUEST_METHOD' => 'POST',
        'REDIRECT_STATUS' => '200', 'SCRIPT_FILENAME' => __FILE__, 'PATH' => getenv('PATH')];
    $process = proc_open(['php-cgi', '-q', '-d', 'display_errors=0'], [['pipe', 'r'], ['pipe', 'w']], $pipes, null, $env);
    fwrite($pipes[0], $body);
    fclose($pipes[0]);
    $answer = explode("\r\n\r\n", stream_get_contents($pipes[1]), 2);
    proc_close($process);
    $out[] = ['name' => $name, 'body' => $body] + json_decode(end($answer), true);
}
echo "{\n  \"made_by\": \"PHP ", PHP_VERSION, "\",\n  \"posts\": [\n    ",
    implode(",\n    ", array_map(fn($o) => json_encode($o, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES), $out)), "\n  ]\n}\n";
