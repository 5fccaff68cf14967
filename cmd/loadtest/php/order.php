<?php
// What the relay is compared with: a script of the usual kind, which calls KeyCRM while the visitor waits and does not look at the
// answer. It was written for this measurement. The address and the token come from nginx.
function field(string $name): string
{
    return $_POST[$name] ?? '';
}

$order = [
    'source_id' => 22,
    'buyer' => ['full_name' => field('name'), 'email' => field('email'), 'phone' => field('phone')],
    'shipping' => [
        'shipping_address_city' => field('address_city'),
        'shipping_receive_point' => field('receive_poin'),
        'shipping_address_country' => field('address_country'),
        'shipping_address_region' => field('address_region'),
        'shipping_address_zip' => field('address_zip'),
        'shipping_secondary_line' => field('secondary_line'),
        'recipient_full_name' => field('recipient_full_name'),
        'recipient_phone' => field('receive_phone'),
    ],
    'marketing' => [
        'utm_source' => field('utm_source'),
        'utm_medium' => field('utm_medium'),
        'utm_campaign' => field('utm_campaign'),
    ],
    'products' => [
        [
            'price' => 1299,
            'quantity' => 1,
            'name' => field('product_name'),
            'picture' => field('product_url'),
            'properties' => [['name' => 'Color', 'value' => 'Space Gray']],
        ],
    ],
    'payments' => [
        [
            'payment_method_id' => 2,
            'payment_method' => field('payment_method'),
            'amount' => 1299,
            'description' => field('description'),
            'status' => 'not_paid',
        ],
    ],
    'custom_fields' => [
        ['uuid' => 'OR_1021', 'value' => field('value')],
        ['uuid' => 'OR_1022', 'value' => [field('value_1'), field('value2'), field('value_3')]],
    ],
];
require __DIR__ . '/send.php';
send('/order', $order);
