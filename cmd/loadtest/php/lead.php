<?php
// The same for the call-back form, which becomes a card.
function field(string $name): string
{
    return $_POST[$name] ?? '';
}

$card = [
    'title' => field('title'),
    'source_id' => 1,
    'manager_id' => 1,
    'manager_comment' => field('manager_comment'),
    'contact' => ['full_name' => field('name'), 'phone' => field('phone')],
    'utm_source' => field('utm_source'),
];
require __DIR__ . '/send.php';
send('/pipelines/cards', $card);
