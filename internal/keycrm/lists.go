package keycrm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// List is one page of a reference list. Rows are complete when Outcome is Done and More is false on the last page asked for.
type List[T any] struct {
	Answer
	Rows []T
	More bool // there is a next page
}

// Source is an order source.
type Source struct {
	ID       int64  `json:"id"`
	Name     string `json:"name"`
	Alias    string `json:"alias"`
	Driver   string `json:"driver"` // what it is connected to: "other", "opencart", …
	Currency string `json:"currency_code"`
}

// PaymentMethod is a way to pay.
type PaymentMethod struct {
	ID     int64  `json:"id"`
	Name   string `json:"name"`
	Alias  string `json:"alias"`
	Active Flag   `json:"is_active"`
}

// DeliveryService is a way to deliver. Nova Poshta is the one whose SourceName is "novaposhta"; its id differs per account.
type DeliveryService struct {
	ID         int64  `json:"id"`
	Name       string `json:"name"`
	SourceName string `json:"source_name"`
	Alias      string `json:"alias"`
}

// OrderStatus is a status an order can have.
type OrderStatus struct {
	ID      int64  `json:"id"`
	Name    string `json:"name"`
	Alias   string `json:"alias"`
	GroupID int64  `json:"group_id"`
	Active  Flag   `json:"is_active"`
	Closing Flag   `json:"is_closing_order"`
}

// Pipeline is a pipeline of cards. The vendor's file calls its name "name", live accounts answer "title".
type Pipeline struct {
	ID    int64  `json:"id"`
	Title string `json:"title"`
	Name  string `json:"name"`

	// TakesPayments is nil where KeyCRM does not say. That the pipeline's block for payments is meant by it, its name says and nothing else.
	TakesPayments *Flag `json:"use_payments"`
}

// Label is the pipeline's name, wherever KeyCRM wrote it.
func (p Pipeline) Label() string {
	if p.Title != "" {
		return p.Title
	}
	return p.Name
}

// PipelineStatus is a stage of one pipeline.
type PipelineStatus struct {
	ID         int64  `json:"id"`
	PipelineID int64  `json:"pipeline_id"`
	Title      string `json:"title"`
	Alias      string `json:"alias"`
	Final      Flag   `json:"is_final"`
}

// User is a person who works in KeyCRM; a manager's id is one of theirs.
type User struct {
	ID       int64  `json:"id"`
	FullName string `json:"full_name"`
	Status   string `json:"status"` // active, pending or blocked
}

// CustomFieldInfo is a custom field as the account defines it.
type CustomFieldInfo struct {
	ID       int64               `json:"id"`
	Name     string              `json:"name"`
	UUID     string              `json:"uuid"`
	Model    string              `json:"model"` // order, lead, client or crm_product
	Type     string              `json:"type"`  // text, textarea, number, float, select, switcher, date, datetime or link
	Required Flag                `json:"required"`
	Multiple Flag                `json:"is_multiple"` // a list field that takes several options
	Options  []CustomFieldOption `json:"options"`
}

// CustomFieldOption is one choice of a list field; Value is what is sent.
type CustomFieldOption struct {
	ID    int64  `json:"id"`
	Value string `json:"value"`
}

// Offer is an article of the catalogue.
type Offer struct {
	ID        int64       `json:"id"`
	ProductID int64       `json:"product_id"`
	SKU       string      `json:"sku"`
	Price     json.Number `json:"price"`
}

// Flag is a yes or no that KeyCRM writes as a boolean in one list and as 1 or 0 in another.
type Flag bool

// UnmarshalJSON takes true, false, 1, 0 and both in quotes; null is false.
func (f *Flag) UnmarshalJSON(b []byte) error {
	switch strings.Trim(string(b), `"`) {
	case "true", "1":
		*f = true
	case "false", "0", "null", "":
		*f = false
	default:
		return fmt.Errorf("neither yes nor no: %.20q", b)
	}
	return nil
}

// Sources lists one page of the order sources.
func (c *Client) Sources(ctx context.Context, page int, notAfter time.Time) List[Source] {
	return list[Source](ctx, c, paged("/order/source", page), notAfter)
}

// PaymentMethods lists one page of the ways to pay.
func (c *Client) PaymentMethods(ctx context.Context, page int, notAfter time.Time) List[PaymentMethod] {
	return list[PaymentMethod](ctx, c, paged("/order/payment-method", page), notAfter)
}

// DeliveryServices lists one page of the ways to deliver.
func (c *Client) DeliveryServices(ctx context.Context, page int, notAfter time.Time) List[DeliveryService] {
	return list[DeliveryService](ctx, c, paged("/order/delivery-service", page), notAfter)
}

// OrderStatuses lists one page of the statuses of orders.
func (c *Client) OrderStatuses(ctx context.Context, page int, notAfter time.Time) List[OrderStatus] {
	return list[OrderStatus](ctx, c, paged("/order/status", page), notAfter)
}

// Pipelines lists one page of the pipelines. Rejected with "Leads are not enabled" means that the account has none.
func (c *Client) Pipelines(ctx context.Context, page int, notAfter time.Time) List[Pipeline] {
	return list[Pipeline](ctx, c, paged("/pipelines", page), notAfter)
}

// PipelineStatuses lists one page of the stages of one pipeline.
func (c *Client) PipelineStatuses(ctx context.Context, pipeline int64, page int, notAfter time.Time) List[PipelineStatus] {
	return list[PipelineStatus](ctx, c, paged(fmt.Sprintf("/pipelines/%d/statuses", pipeline), page), notAfter)
}

// Users lists one page of the people who work in KeyCRM.
func (c *Client) Users(ctx context.Context, page int, notAfter time.Time) List[User] {
	return list[User](ctx, c, paged("/users", page), notAfter)
}

// CustomFields lists every custom field with the options of list fields. KeyCRM gives them all at once.
func (c *Client) CustomFields(ctx context.Context, notAfter time.Time) List[CustomFieldInfo] {
	return list[CustomFieldInfo](ctx, c, "/custom-fields?include=options", notAfter)
}

// Offers lists one page of the articles with these skus; those that are missing from all pages are not in the catalogue. A sku
// with a comma in it cannot be asked for, since the comma parts skus.
func (c *Client) Offers(ctx context.Context, skus []string, page int, notAfter time.Time) List[Offer] {
	escaped := make([]string, len(skus))
	for i, sku := range skus {
		escaped[i] = escape(sku)
	}
	return list[Offer](ctx, c, paged("/offers?filter[sku]="+strings.Join(escaped, ","), page), notAfter)
}

// paged adds the paging to a target, which may have a query already.
func paged(target string, page int) string {
	separator := "?"
	if strings.Contains(target, "?") {
		separator = "&"
	}
	return fmt.Sprintf("%s%slimit=%d&page=%d", target, separator, pageSize, max(page, 1))
}

// list makes one call and reads its rows. A row that does not read as a T makes the page unreadable as a whole: half a list would
// be taken for the list.
func list[T any](ctx context.Context, c *Client, target string, notAfter time.Time) List[T] {
	var out List[T]
	misshapen := false
	a := c.call(ctx, request{method: http.MethodGet, target: target, notAfter: notAfter}, func(r reply) Answer {
		l, a := readRows(r, func(raw json.RawMessage) bool {
			var one T
			misshapen = json.Unmarshal(raw, &one) != nil
			out.Rows = append(out.Rows, one)
			return !misshapen
		})
		if misshapen {
			a.Text = "KeyCRM's list is not of the shape that its documentation gives."
		}
		out.More = l.more
		return a
	})
	if a.Outcome != Done {
		return List[T]{Answer: a}
	}
	out.Answer = a
	return out
}

// maxRows bounds the rows of one answer. A page has 50; the custom fields come all at once, and no account has as many. A short row
// grows when it is kept, so the bound in bytes alone would allow gigabytes.
const maxRows = 10_000

// listing is what a page of any list says besides its rows.
type listing struct {
	rows int
	more bool
}

// readRows reads the reply to a reading call, a page with "data" or the bare array that /custom-fields answers, and hands each row to
// take as it comes. What take was given counts only with Done: an answer may break off after any row.
func readRows(r reply, take func(json.RawMessage) bool) (listing, Answer) {
	if r.status < 200 || r.status > 299 {
		return listing{}, readRefusal(r)
	}
	a := Answer{Outcome: Uncertain, Status: r.status, Text: fmt.Sprintf("KeyCRM's answer (%d) is not a list that can be read to its end.", r.status)}
	if r.page {
		a.Text = pageText(r.status)
	}
	if r.list == nil {
		return listing{}, a
	}
	l, ok := parseListing(r.list, take)
	if !ok {
		return listing{}, a
	}
	return l, Answer{Outcome: Done, Status: r.status, Text: fmt.Sprintf("KeyCRM answered with a list of %d.", l.rows)}
}

// parseListing reads a page row by row, so that no more than a row of it is held, and whether another page follows. KeyCRM tells so
// in three ways, not all of them always: any that says yes is believed, since a page too many finds nothing and one too few may hide
// the entity. A full page that says nothing counts as yes; an empty one ends the list whatever it says, so that no answer can make a
// look-up endless.
func parseListing(body io.Reader, take func(json.RawMessage) bool) (listing, bool) {
	var (
		l    listing
		said row
		ok   bool
	)
	d := json.NewDecoder(body)
	// An error of Token leaves begin nil, which is no list.
	switch begin, _ := d.Token(); begin {
	case json.Delim('['):
		l.rows, ok = rest(d, take)
	case json.Delim('{'):
		l.rows, said, ok = page(d, take)
	}
	if _, err := d.Token(); !ok || !errors.Is(err, io.EOF) {
		return listing{}, false // whatever follows its end, it was not written as a list
	}
	next := text(said["next_page_url"])
	current, last := json.Number(text(said["current_page"])), json.Number(text(said["last_page"]))
	unsaid := next == "" && last == "" && said != nil // a bare array is all there is
	l.more = l.rows > 0 && (next != "" || positive(current) < positive(last) || unsaid && l.rows >= pageSize)
	return l, true
}

// page reads an object from behind its brace: the rows of its "data", and what it says of its paging. Without such a list it is no
// page; with two of them nobody knows which counts.
func page(d *json.Decoder, take func(json.RawMessage) bool) (rows int, said row, ok bool) {
	said = row{}
	for d.More() {
		name, err := d.Token()
		if err != nil || name == "data" && ok {
			return rows, nil, false
		}
		var value json.RawMessage
		switch name {
		case "data":
			begin, err := d.Token()
			if err != nil || begin != json.Delim('[') {
				return rows, nil, false
			}
			if rows, ok = rest(d, take); !ok {
				return rows, nil, false
			}
			continue
		case "current_page", "last_page", "next_page_url":
			err = d.Decode(&value)
			said[name.(string)] = value
		default:
			err = d.Decode(&value)
		}
		if err != nil {
			return rows, nil, false
		}
	}
	_, err := d.Token()
	return rows, said, ok && err == nil
}

// rest reads an array from behind its bracket to the one that ends it. Its rows are objects, at most maxRows, and take may end it.
func rest(d *json.Decoder, take func(json.RawMessage) bool) (rows int, ok bool) {
	for d.More() {
		var raw json.RawMessage
		if rows++; rows > maxRows || d.Decode(&raw) != nil || raw[0] != '{' || !take(raw) {
			return rows, false
		}
	}
	_, err := d.Token()
	return rows, err == nil
}
