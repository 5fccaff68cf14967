// Package keycrm is KeyCRM's public API v1 as the relay uses it: the two entities it creates, the client that creates and finds
// them, and what an answer means. Sources: the vendor's OpenAPI file (version 1.2.0) and the user's own two scripts; a rule that
// comes from elsewhere says so where it stands.
package keycrm

import "time"

// Kind is which entity a profile creates.
type Kind string

// The two kinds of entity.
const (
	KindOrder Kind = "order" // POST /order
	KindCard  Kind = "card"  // POST /pipelines/cards
)

// Outcome is what one call came to. It is all that delivery knows of HTTP.
type Outcome string

// The outcomes of a call, and what each proves.
const (
	Done         Outcome = "done"          // 201 with an id (create), or 200 and a readable list (look-up)
	Limited      Outcome = "limited"       // 429: nothing happened, wait Answer.RetryAfter
	Unauthorised Outcome = "unauthorised"  // 401, or no token to send: nothing happened, nothing will until the token is mended
	WrongAddress Outcome = "wrong_address" // a 405, or a 404 that is not KeyCRM's JSON or says that there is no such route: the base URL is wrong
	Rejected     Outcome = "rejected"      // any other 4xx but 408: KeyCRM said no for good, Answer.Messages say why
	Duplicate    Outcome = "duplicate"     // a 422 that names source_uuid: KeyCRM has it already, look it up
	NotSent      Outcome = "not_sent"      // no byte of the body left this machine (refused, DNS, TLS, deadline before the write)
	Uncertain    Outcome = "uncertain"     // timeout, reset, 408, 3xx, 5xx, 2xx without a readable id: KeyCRM may have it
)

// Message is one of KeyCRM's own sentences about one field, of a 422 in Laravel's shape.
type Message struct {
	Path string `json:"path"` // KeyCRM's path: "buyer.email", "products.0.price"; empty when the sentence is about the whole
	Text string `json:"text"`
}

// Answer is what a call brought back, in words that may be stored and shown: it never holds the token, nor raw HTML.
type Answer struct {
	Outcome    Outcome
	ID         int64         // the entity's id, with Done of a create
	Status     int           // HTTP's status, 0 when there was none
	RetryAfter time.Duration // with Limited (and 503): what KeyCRM asked for; 0 when it named none
	Messages   []Message     // with Rejected and Duplicate
	Text       string        // one English sentence for ops: what happened
	Started    time.Time     // just before the call
	Ended      time.Time     // just after it
}

// Query describes the entity a look-up searches for.
type Query struct {
	Kind       Kind
	SourceID   int64     // compared exactly when not 0
	SourceUUID string    // orders: compared exactly
	Own        bool      // orders: SourceUUID is a random id of the relay's, so a row that carries it is ours however old it looks
	Mark       string    // cards: the line "[formrelay <id>]" that the entity carries in its manager_comment, or in MarkField
	MarkField  string    // cards: the uuid of the custom field that holds the mark; empty: the comment
	From, To   time.Time // created within, by this machine's clock; zero: unbounded
	Early      bool      // cards: a miss proves nothing yet, so From and To need not be widened as far
}

// Page is one page of a look-up. A look-up is over when Found is not 0 or More is false; only then, and only with Done on every
// page, is "not found" proved.
type Page struct {
	Answer
	Found int64 // the id of the entity that matches, or 0
	More  bool  // there is a next page
	First int64 // the id of the page's first row, by which two pages can be told apart; 0: none
}
