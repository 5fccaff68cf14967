package keycrm

import (
	"errors"
	"slices"
	"testing"

	"github.com/go-playground/validator/v10"
	"github.com/google/go-cmp/cmp"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	buyer := Buyer{Phone: "+380501112233"}
	tests := []struct {
		name   string
		entity any
		want   []string // path and tag
	}{
		{"the least order", Order{SourceID: 22, Buyer: buyer}, nil},
		{"the least card", Card{Contact: Contact{Email: "o@example.test"}}, nil},
		{"a card of a buyer who is there", Card{Contact: Contact{ClientID: 7}}, nil},
		{"an empty order", Order{}, []string{"buyer.full_name required_without_all", "source_id required"}},
		{"an empty card", Card{}, []string{"contact.full_name required_without_all"}},
		{"an email that is none", Order{SourceID: 1, Buyer: Buyer{Email: "olena"}}, []string{"buyer.email email"}},
		{"a number with a comma", Order{SourceID: 1, Buyer: buyer, SourceUUID: "a,b"}, []string{"source_uuid excludes"}},
		{"money below 0", Order{
			SourceID: 1, Buyer: buyer, Taxes: "-0.01", ShippingPrice: "-1",
			Products: []Product{{Price: "1"}, {Price: "-1"}}, Payments: []Payment{{Amount: "-5", PaymentMethodID: 2}},
		}, []string{"payments.0.amount gte", "products.1.price gte", "shipping_price gte", "taxes gte"}},
		{"0 is money but no quantity", Order{
			SourceID: 1, Buyer: buyer, DiscountAmount: "0", Products: []Product{{Price: "0", Quantity: "0"}},
			Payments: []Payment{{Amount: "0.00", PaymentMethod: "cash"}},
		}, []string{"products.0.quantity gt"}},
		{
			"a discount above everything",
			Order{SourceID: 1, Buyer: buyer, DiscountPercent: "100.01", Products: []Product{{DiscountPercent: "100"}}},
			[]string{"discount_percent lte"},
		},
		{
			"a payment of nothing",
			Card{Contact: Contact{Phone: "1"}, Payments: []Payment{{Status: "cancelled"}}},
			[]string{"payments.0.amount required", "payments.0.payment_method_id required_without", "payments.0.status oneof"},
		},
		{"refund, which the script names", Card{Contact: Contact{Phone: "1"}, Payments: []Payment{{Amount: "1", PaymentMethod: "x", Status: "refund"}}}, nil},
		{
			"a branch without its service",
			Order{SourceID: 1, Buyer: buyer, Shipping: &Shipping{WarehouseRef: "1ec0"}},
			[]string{"shipping.delivery_service_id required_with"},
		},
		{"a branch with its service", Order{SourceID: 1, Buyer: buyer, Shipping: &Shipping{WarehouseRef: "1ec0", DeliveryServiceID: 1}}, nil},
		{"times that are none of KeyCRM's", Order{
			SourceID: 1, Buyer: buyer, OrderedAt: "2026-03-04T09:15:00Z", Shipping: &Shipping{ShippingDate: "04.03.2026"},
		}, []string{"ordered_at datetime", "shipping.shipping_date datetime"}},
		{"a custom field without its uuid", Card{Contact: Contact{Phone: "1"}, CustomFields: []CustomField{{Value: "x"}}}, []string{"custom_fields.0.uuid required"}},
		{
			"a number that is none",
			Order{SourceID: 1, Buyer: buyer, Products: []Product{{Price: "NaN", Quantity: "x"}, {Price: "Inf"}}},
			[]string{"products.0.price gte", "products.0.quantity gt", "products.1.price gte"},
		},
	}
	v := NewValidator()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			var faults validator.ValidationErrors
			if err := v.Struct(tt.entity); err != nil && !errors.As(err, &faults) {
				t.Fatal(err)
			}
			for _, fe := range faults {
				got = append(got, PathOf(fe)+" "+fe.Tag())
			}
			slices.Sort(got)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
