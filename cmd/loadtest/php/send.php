<?php
// send posts the array to KeyCRM, waits for the answer, does not look at it, and thanks the visitor.
function send(string $path, array $data): void
{
    $call = curl_init($_SERVER['CRM_URL'] . $path);
    curl_setopt_array($call, [
        CURLOPT_POST => true,
        CURLOPT_POSTFIELDS => json_encode($data),
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_HTTPHEADER => [
            'Content-type: application/json',
            'Accept: application/json',
            'Authorization: Bearer ' . $_SERVER['CRM_TOKEN'],
        ],
    ]);
    curl_exec($call);
    curl_close($call);
    echo 'Дякуємо!';
}
