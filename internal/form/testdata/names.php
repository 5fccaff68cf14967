<?php
// Prints names.json: what PHP makes of form bodies, as a list of leaves with their paths. Run: php names.php > names.json
$bodies = [
    'a=1', '=x', '[a]=1', '[]=1', '[=1', ']=1', 'a[b=1', 'a[b[c=1', 'a[b c.d=1', 'a.b[c=1', 'a.b[c d.e=1', 'a[b]c=1', 'a[b]c[d]=1',
    'a[b][c=1', 'a[b][c d.e=1', 'a[b[c]=1', 'a[b[c]d]=1', 'a[[b]]=1', 'a[]]=1', 'a[ ]=1', 'a[  ]=1', 'a[ b]=1', 'a[b ]=1', "a[\t]=1",
    "a[\n]=1", 'a[][b]=1&a[][c]=2', ' a=1', '  a b.c =1', 'a%20b[c d.e]=1', 'a[5]=x&a[]=y', 'a[-5]=x&a[]=y', 'a[05]=x&a[]=y',
    'a[9223372036854775808]=x&a[]=y', 'a[-0]=x&a[]=y', 'a[%2B1]=x&a[]=y', 'a[-9223372036854775808]=x', 'a[1.5]=x', 'a=1&a[b]=2',
    'a[b]=2&a=1', 'a[]=1&a=2&a[]=3', 'a[b]=1&a[b][c]=2', 'a[b][c]=2&a[b]=1', 'a=1&a=2', 'a[x]=1&a[x]=2', 'x=1&a[b]=1&y=2&a=3',
    'First Name=A&First_Name=B', 'a.b[x]=1&a_b[y]=2', 'a_b[x]=1&a.b[y]=2', 'a..b=1', 'a[.]=1', 'a[b.c]=1', ' [a]=1', ' =1', 'a[b]]=1',
    'a[b]]]c=1', 'a]b=1', 'a]b[c]=1', 'a[b]=1&a[]=2&a[c]=3&a[]=4', 'a[0]=x&a[k]=y', 'a[1]=x&a[0]=y', 'a;b=1', 'a[b[=1', 'a[[b=1',
    'a[=1', 'a[]b=1', 'a[][=1', 'a[][b=1', 'a[ =1', 'a[ b=1', '_a=1', '.a=1', '..=1', ' .a=1', '[[]]=1',
    'a[]=1&a[3]=2&a[]=3&a[b]=4&a[]=5', '0=x&1=y', '0[]=x', 'a%5Bb%5D=1', 'a[b%5D]=1', 'a[%20]=1', '+a=1', "a[\u{a0}]=1",
    'a[b][]=1&a[b][]=2', 'a[b]c[]=1', 'a[b] [c]=1', 'a[b].[c]=1', 'a[ ]b=1', 'a[ ][c]=1', 'a[-1]=x&a[-3]=y&a[]=z',
    'products[0][sku]=A&products[0][qty]=2&products[1][sku]=B&products[1][qty]=1', 'products[0][sku]=A& products[0][qty]=2',
    'a=100%&a;b=1', 'a&b=&c', 'ім%27я[ключ]=x', 'a[b][c][d][e]=1&a[b][c]=2&a[b][c][d]=3',
];
function leaves(array $level, array $path): array {
    $all = [];
    foreach ($level as $key => $value) {
        $at = [...$path, (string) $key];
        array_push($all, ...(is_array($value) ? leaves($value, $at) : [[$at, $value]]));
    }
    return $all;
}
$out = [];
foreach ($bodies as $body) {
    parse_str($body, $post);
    $out[] = ['body' => $body, 'leaves' => leaves($post, [])];
}
echo "{\n  \"made_by\": \"PHP ", PHP_VERSION, "\",\n  \"posts\": [\n    ",
    implode(",\n    ", array_map(fn($o) => json_encode($o, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES), $out)), "\n  ]\n}\n";
