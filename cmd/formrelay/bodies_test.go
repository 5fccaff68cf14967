package main

import "net/url"

// callbackBody is a call-back form of five fields.
func callbackBody() url.Values {
	return url.Values{
		"title": {"Дзвінок зі сторінки лампи"}, "name": {"Олена Іваненко"}, "phone": {"050 111 22 33"},
		"manager_comment": {"Чи є лампа в зеленому кольорі?"}, "utm_source": {"instagram"},
	}
}

// leadBody is the card form of the user's script for pipelines with every field filled.
func leadBody() url.Values {
	return url.Values{
		"title": {"Консультація"}, "manager_comment": {"Подзвонити після 18:00"}, "pipeline_id": {"3"},
		"name": {"Олена Іваненко"}, "email": {"olena@shop.example"}, "phone": {"050 111 22 33"},
		"utm_source": {"google"}, "utm_medium": {"cpc"}, "utm_campaign": {"spring"}, "utm_term": {"лампа"}, "utm_content": {"banner-2"},
		"product_name": {"Лампа «Світанок»"}, "product_sku": {"LAMP-01"}, "product_quantity": {"2"}, "product_price": {"1 299,00 грн"},
		"product_url":       {"https://shop.example/img/lamp.jpg"},
		"payment_method_id": {"2"}, "payment_method": {"Картка"}, "amount": {"2 598,00"}, "description": {"Передплата"}, "payment_date": {"04.03.2026 11:15"},
		"value": {"Із сайту"}, "value 1": {"червоний"}, "value2": {"синій"}, "value 3": {"зелений"},
		"source_id": {"666"},
	}
}

// orderBody is the order form of the user's script for orders with every field filled.
func orderBody() url.Values {
	return url.Values{
		"name": {"Олена Іваненко"}, "email": {"olena@shop.example"}, "phone": {"050 111 22 33"},
		"address_city": {"Львів"}, "address_street": {"вул. Зелена, 12"}, "address_country": {"Україна"}, "address_region": {"Львівська"},
		"address_zip": {"79000"}, "secondary_line": {"під'їзд 2"}, "receive_poin": {"Відділення №5"},
		"recipient_full_name": {"Петро Іваненко"}, "receive_phone": {"067 222 33 44"},
		"warehouse_ref": {"1ec09d88-e1c2-11e3-8c4a-0050568002cf"}, "delivery_service_id": {"1"}, "date": {"06.03.2026"},
		"utm_source": {"google"}, "utm_medium": {"cpc"}, "utm_campaign": {"spring"}, "utm_term": {"лампа"}, "utm_content": {"banner-2"},
		"product_price": {"1 299,00 грн"}, "product_name": {"Лампа «Світанок»"}, "product_url": {"https://shop.example/img/lamp.jpg"},
		"payment_method_id": {"2"}, "payment_method": {"Картка"}, "amount": {"1 299,00"}, "description": {"Передплата"}, "payment_date": {"04.03.2026 11:15"},
		"value": {"Із сайту"}, "value 1": {"червоний"}, "value2": {"синій"}, "value 3": {"зелений"},
		"source_id": {"666"},
	}
}
