package keycrm

import (
	"bytes"
	"encoding/json"
)

// The entities are the bodies of KeyCRM's two creating calls, with every field of the vendor's file (version 1.2.0), in its order.
// Each field's tags are the one description of it:
//
//   - json: KeyCRM's name. What is empty is left out: KeyCRM treats a field that is absent as not said, while the effect of an
//     empty text is unknown. A number or a boolean that was set to 0 or false is not empty and is sent.
//   - schema: the same name, as the element of a dotted path ("products.0.price") that gorilla/schema decodes.
//   - crm: what KeyCRM reads the text as (see [Word]); where there is none, the Go type says it. ",required" marks an object that
//     must be there, which validate says through the fields inside it.
//   - validate: what KeyCRM would refuse or silently ignore, found before the call.
//   - doc: KeyCRM's meaning, for people; [Schema] hands it out as the language's reference.
//
// Decoding is the dearest step of a submission, and these shapes are the cheap ones for gorilla/schema: it looks at every nil pointer
// of a struct anew for each path, so numbers are texts and integers, not pointers; and it walks every struct value once more at the
// end for defaults, so the two parts that most forms lack are pointers.

// Order is the body of POST /order.
type Order struct {
	SourceID        ID            `json:"source_id,omitempty"        schema:"source_id"        validate:"required"                                      doc:"The order source in KeyCRM the order is filed under. Every account has its own ids; one source for each site keeps reports apart."`
	SourceUUID      string        `json:"source_uuid,omitempty"      schema:"source_uuid"      validate:"omitempty,excludes=0x2C"                       doc:"The order's number at the source. It is how the order is found again, so it must be unique and hold no comma."`
	BuyerComment    string        `json:"buyer_comment,omitempty"    schema:"buyer_comment"    doc:"What the buyer wrote."`
	ManagerID       ID            `json:"manager_id,omitempty"       schema:"manager_id"       doc:"The manager in charge, a user's id."`
	ManagerComment  string        `json:"manager_comment,omitempty"  schema:"manager_comment"  doc:"An internal comment that the buyer does not see."`
	Promocode       string        `json:"promocode,omitempty"        schema:"promocode"        doc:"The promotion code that was used."`
	DiscountPercent Decimal       `json:"discount_percent,omitempty" schema:"discount_percent" crm:"number" validate:"omitempty,gte=0,lte=100"           doc:"A discount on the whole order in percent. Prices already reduced would be reduced twice."`
	DiscountAmount  Decimal       `json:"discount_amount,omitempty"  schema:"discount_amount"  crm:"amount" validate:"omitempty,gte=0"                   doc:"A discount on the whole order as a sum of money."`
	ShippingPrice   Decimal       `json:"shipping_price,omitempty"   schema:"shipping_price"   crm:"amount" validate:"omitempty,gte=0"                   doc:"What delivery costs. It belongs here, not inside shipping, where it would be ignored."`
	WrapPrice       Decimal       `json:"wrap_price,omitempty"       schema:"wrap_price"       crm:"amount" validate:"omitempty,gte=0"                   doc:"What gift wrapping costs."`
	GiftMessage     string        `json:"gift_message,omitempty"     schema:"gift_message"     doc:"The greeting that goes with a gift."`
	IsGift          Bool          `json:"is_gift,omitempty"          schema:"is_gift"          doc:"Whether the order is a gift."`
	GiftWrap        Bool          `json:"gift_wrap,omitempty"        schema:"gift_wrap"        doc:"Whether it is to be gift-wrapped."`
	Taxes           Decimal       `json:"taxes,omitempty"            schema:"taxes"            crm:"amount" validate:"omitempty,gte=0"                   doc:"The sum of taxes."`
	OrderedAt       string        `json:"ordered_at,omitempty"       schema:"ordered_at"       crm:"time"   validate:"omitempty,datetime=2006-01-02 15:04:05" doc:"When the order was made, in UTC. KeyCRM takes the present time when it is absent, and created_between searches by it."`
	Buyer           Buyer         `json:"buyer,omitzero"             schema:"buyer"            crm:",required" doc:"Who buys. A name, an email or a phone is needed."`
	Shipping        *Shipping     `json:"shipping,omitempty"         schema:"shipping"         doc:"Where the order goes and how."`
	Marketing       *Marketing    `json:"marketing,omitempty"        schema:"marketing"        doc:"The campaign the buyer came from."`
	Products        []Product     `json:"products,omitempty"         schema:"products"         validate:"omitempty,dive"                                doc:"The lines of the order."`
	Payments        []Payment     `json:"payments,omitempty"         schema:"payments"         validate:"omitempty,dive"                                doc:"What was paid or is to be paid."`
	CustomFields    []CustomField `json:"custom_fields,omitempty"    schema:"custom_fields"    validate:"omitempty,dive"                                doc:"The account's own fields of an order, with uuids such as OR_1021. A uuid that the account does not have is ignored without an error."`
}

// Card is the body of POST /pipelines/cards.
type Card struct {
	Title          string        `json:"title,omitempty"           schema:"title"           doc:"The card's name. KeyCRM takes the card's id when it is absent."`
	SourceID       ID            `json:"source_id,omitempty"       schema:"source_id"       doc:"The source in KeyCRM the card is filed under."`
	ManagerComment string        `json:"manager_comment,omitempty" schema:"manager_comment" doc:"An internal comment, the only free text of a new card; it cannot be changed by the API later."`
	ManagerID      ID            `json:"manager_id,omitempty"      schema:"manager_id"      doc:"The manager in charge, a user's id."`
	PipelineID     ID            `json:"pipeline_id,omitempty"     schema:"pipeline_id"     doc:"The pipeline the card is put into. KeyCRM takes the first of the list when it is absent."`
	CommunicateAt  string        `json:"communicate_at,omitempty"  schema:"communicate_at"  crm:"time" validate:"omitempty,datetime=2006-01-02 15:04:05" doc:"When to get in touch next, in UTC."`
	Contact        Contact       `json:"contact,omitzero"          schema:"contact"         crm:",required" doc:"Who asks. A name, an email or a phone is needed, or the id of a buyer who is there."`
	UTMSource      string        `json:"utm_source,omitempty"      schema:"utm_source"      doc:"The campaign's source, such as facebook."`
	UTMMedium      string        `json:"utm_medium,omitempty"      schema:"utm_medium"      doc:"The kind of traffic, such as banner."`
	UTMCampaign    string        `json:"utm_campaign,omitempty"    schema:"utm_campaign"    doc:"The campaign's name."`
	UTMTerm        string        `json:"utm_term,omitempty"        schema:"utm_term"        doc:"The search word."`
	UTMContent     string        `json:"utm_content,omitempty"     schema:"utm_content"     doc:"Which advertisement it was."`
	Products       []CardProduct `json:"products,omitempty"        schema:"products"        validate:"omitempty,dive" doc:"The lines of the card. The pipeline's products block must be switched on in KeyCRM."`
	Payments       []Payment     `json:"payments,omitempty"        schema:"payments"        validate:"omitempty,dive" doc:"What was paid or is to be paid. The pipeline's payments block must be switched on in KeyCRM."`
	CustomFields   []CustomField `json:"custom_fields,omitempty"   schema:"custom_fields"   validate:"omitempty,dive" doc:"The account's own fields of a card, with uuids such as LD_1021. A uuid that the account does not have is ignored without an error."`
}

// Buyer is who an order is for. KeyCRM joins it to a buyer it knows only when name and phone (and email, if given) are the same.
type Buyer struct {
	FullName string `json:"full_name,omitempty" schema:"full_name" validate:"required_without_all=Email Phone" doc:"The buyer's name."`
	Email    string `json:"email,omitempty"     schema:"email"     crm:"email" validate:"omitempty,email"         doc:"The buyer's email. KeyCRM refuses the order when it is no email."`
	Phone    string `json:"phone,omitempty"     schema:"phone"     crm:"phone" doc:"The buyer's phone, best in the international form with a plus."`
}

// Contact is who a card is about. It becomes a buyer in KeyCRM only through ClientID or by a manager's hand.
type Contact struct {
	FullName string `json:"full_name,omitempty" schema:"full_name" validate:"required_without_all=Email Phone ClientID" doc:"The contact's name."`
	Email    string `json:"email,omitempty"     schema:"email"     crm:"email" validate:"omitempty,email"                  doc:"The contact's email. KeyCRM refuses the card when it is no email."`
	Phone    string `json:"phone,omitempty"     schema:"phone"     crm:"phone" doc:"The contact's phone, best in the international form with a plus."`
	ClientID ID     `json:"client_id,omitempty" schema:"client_id" doc:"The id of a buyer who is in KeyCRM already; the other fields of the contact are ignored then."`
}

// Shipping is where an order goes.
type Shipping struct {
	DeliveryServiceID      ID     `json:"delivery_service_id,omitempty"      schema:"delivery_service_id"      validate:"required_with=WarehouseRef" doc:"The delivery service, by its id in this account."`
	TrackingCode           string `json:"tracking_code,omitempty"            schema:"tracking_code"            doc:"The delivery service's number of the parcel."`
	ShippingService        string `json:"shipping_service,omitempty"         schema:"shipping_service"         doc:"The delivery service's name as free text."`
	ShippingAddressCity    string `json:"shipping_address_city,omitempty"    schema:"shipping_address_city"    doc:"The town."`
	ShippingAddressCountry string `json:"shipping_address_country,omitempty" schema:"shipping_address_country" doc:"The country."`
	ShippingAddressRegion  string `json:"shipping_address_region,omitempty"  schema:"shipping_address_region"  doc:"The region, state or oblast."`
	ShippingAddressZip     string `json:"shipping_address_zip,omitempty"     schema:"shipping_address_zip"     doc:"The post code."`
	ShippingSecondaryLine  string `json:"shipping_secondary_line,omitempty"  schema:"shipping_secondary_line"  doc:"The second line of the address; street and house of a courier delivery go here."`
	ShippingReceivePoint   string `json:"shipping_receive_point,omitempty"   schema:"shipping_receive_point"   doc:"The point the parcel is picked up at, as text."`
	RecipientFullName      string `json:"recipient_full_name,omitempty"      schema:"recipient_full_name"      doc:"Who receives the parcel, when it is not the buyer."`
	RecipientPhone         string `json:"recipient_phone,omitempty"          schema:"recipient_phone"          crm:"phone" doc:"The recipient's phone, when it is not the buyer's, best in the international form with a plus."`
	WarehouseRef           string `json:"warehouse_ref,omitempty"            schema:"warehouse_ref"            doc:"The UUID of a Nova Poshta branch. It counts only together with delivery_service_id of the account's Nova Poshta service."`
	ShippingDate           string `json:"shipping_date,omitempty"            schema:"shipping_date"            crm:"day" validate:"omitempty,datetime=2006-01-02" doc:"The day of delivery, a calendar date of no time zone."`
}

// Marketing is an order's campaign; a card has the same five fields at its top level.
type Marketing struct {
	UTMSource   string `json:"utm_source,omitempty"   schema:"utm_source"   doc:"The campaign's source, such as facebook."`
	UTMMedium   string `json:"utm_medium,omitempty"   schema:"utm_medium"   doc:"The kind of traffic, such as banner."`
	UTMCampaign string `json:"utm_campaign,omitempty" schema:"utm_campaign" doc:"The campaign's name."`
	UTMTerm     string `json:"utm_term,omitempty"     schema:"utm_term"     doc:"The search word."`
	UTMContent  string `json:"utm_content,omitempty"  schema:"utm_content"  doc:"Which advertisement it was."`
}

// Product is one line of an order. A sku of the catalogue links the line to it; any other line lives in this order only.
type Product struct {
	SKU             string     `json:"sku,omitempty"              schema:"sku"              doc:"The article's number. One of the catalogue links the line to its product."`
	Price           Decimal    `json:"price,omitempty"            schema:"price"            crm:"amount" validate:"omitempty,gte=0"         doc:"The price of one unit."`
	PurchasedPrice  Decimal    `json:"purchased_price,omitempty"  schema:"purchased_price"  crm:"amount" validate:"omitempty,gte=0"         doc:"What one unit cost the shop."`
	DiscountPercent Decimal    `json:"discount_percent,omitempty" schema:"discount_percent" crm:"number" validate:"omitempty,gte=0,lte=100" doc:"A discount on this line in percent."`
	DiscountAmount  Decimal    `json:"discount_amount,omitempty"  schema:"discount_amount"  crm:"amount" validate:"omitempty,gte=0"         doc:"A discount on this line as a sum of money."`
	Quantity        Decimal    `json:"quantity,omitempty"         schema:"quantity"         crm:"number" validate:"omitempty,gt=0"          doc:"How many units."`
	UnitType        string     `json:"unit_type,omitempty"        schema:"unit_type"        doc:"The unit, such as kg; pieces when absent."`
	Name            string     `json:"name,omitempty"             schema:"name"             doc:"The product's name."`
	Comment         string     `json:"comment,omitempty"          schema:"comment"          doc:"A comment on this line."`
	Picture         string     `json:"picture,omitempty"          schema:"picture"          doc:"The address of the product's picture."`
	Properties      []Property `json:"properties,omitempty"       schema:"properties"       doc:"Attributes such as the colour. KeyCRM ignores one that lacks its name or its value."`
}

// CardProduct is one line of a card: fewer fields than an order's line, no comment, properties or discounts.
type CardProduct struct {
	SKU      string  `json:"sku,omitempty"       schema:"sku"       doc:"The article's number. One of the catalogue links the line to its product."`
	Price    Decimal `json:"price,omitempty"     schema:"price"     crm:"amount" validate:"omitempty,gte=0" doc:"The price of one unit."`
	Quantity Decimal `json:"quantity,omitempty"  schema:"quantity"  crm:"number" validate:"omitempty,gt=0"  doc:"How many units."`
	UnitType string  `json:"unit_type,omitempty" schema:"unit_type" doc:"The unit, such as kg; pieces when absent."`
	Name     string  `json:"name,omitempty"      schema:"name"      doc:"The product's name."`
	Picture  string  `json:"picture,omitempty"   schema:"picture"   doc:"The address of the product's picture."`
}

// Property is one attribute of an order's line.
type Property struct {
	Name  string `json:"name,omitempty"  schema:"name"  doc:"The attribute's name, such as Color."`
	Value string `json:"value,omitempty" schema:"value" doc:"The attribute's value, such as Space Gray."`
}

// Payment is one payment of an order or a card. The status refund is not in the vendor's file; the scripts that KeyCRM hands out
// for copying name it.
type Payment struct {
	PaymentMethodID ID      `json:"payment_method_id,omitempty" schema:"payment_method_id" validate:"required_without=PaymentMethod" doc:"The payment method, by its id in this account. This or payment_method is needed."`
	PaymentMethod   string  `json:"payment_method,omitempty"    schema:"payment_method"    doc:"The payment method's name. This or payment_method_id is needed."`
	Amount          Decimal `json:"amount,omitempty"            schema:"amount"            crm:"amount" validate:"required,gte=0" doc:"The sum of the payment."`
	Description     string  `json:"description,omitempty"       schema:"description"       doc:"A comment on the payment."`
	PaymentDate     string  `json:"payment_date,omitempty"      schema:"payment_date"      crm:"time" validate:"omitempty,datetime=2006-01-02 15:04:05" doc:"When it was paid, in UTC. KeyCRM takes the present time when it is absent."`
	Status          string  `json:"status,omitempty"            schema:"status"            validate:"omitempty,oneof=paid not_paid canceled refund" doc:"The payment's state."`
}

// CustomField is one of the account's own fields. A text field takes Value; a list field (select) takes the chosen options as
// Values, which win when they are not nil.
type CustomField struct {
	UUID   string   `json:"uuid"            schema:"uuid"   validate:"required" doc:"The field's id: OR_ and a number for an order's, LD_ for a card's."`
	Value  string   `json:"value,omitempty" schema:"value"  crm:"texts" doc:"The field's value: a text, or a list of texts for a list field."`
	Values []string `json:"-"               schema:"values" crm:"-"`
}

// MarshalJSON writes {"uuid", "value"}, where value is an array when Values is not nil, a text otherwise, and absent when empty.
func (f CustomField) MarshalJSON() ([]byte, error) {
	out := struct {
		UUID  string `json:"uuid"`
		Value any    `json:"value,omitempty"`
	}{UUID: f.UUID}
	switch {
	case f.Values != nil:
		out.Value = f.Values
	case f.Value != "":
		out.Value = f.Value
	}
	// The caller's encoder decides about HTML escapes: it adds them to what is written here, but it could not take them away.
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(out); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}
