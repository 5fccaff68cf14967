package profile

import (
	"slices"
	"strings"

	"formrelay/internal/mapping"
)

// document is what a profile file may say: one field for each key, its comment the key's
// reference, from which the help, the schema and the page for ops are made. The blocks inside
// it are the types after it. A key that is left out, or has nothing or an empty text behind its
// colon, has its default. The tag words lists the only values of a key; the tag reads says how
// a value is read that is no text: number, truth, size or duration.
type document struct {
	// creates says what a post becomes in KeyCRM: order (POST /order) or card (a pipeline's card,
	// POST /pipelines/cards). Required.
	Creates scalar `yaml:"creates" words:"order card"`

	// source_id is the source in KeyCRM under which the order or card is filed: its number, never
	// an expression, so that no visitor can choose another. Required for an order.
	SourceID scalar `yaml:"source_id" reads:"number"`

	// account names the KeyCRM account, one of `accounts` in the server's configuration. It may be
	// left out when there is one.
	Account scalar `yaml:"account"`

	// enabled is true or false; default true. A profile that is not enabled answers 410 and takes
	// nothing.
	Enabled scalar `yaml:"enabled" reads:"truth"`

	// form is what there is to know about the form.
	Form formBlock `yaml:"form"`

	// map has the shape of KeyCRM's own body: on the left what KeyCRM calls a field, on the right
	// where its value comes from, a fixed value or ${…} with a form field's name or an expression.
	// A file that was posted is its name: ${photo} gives that of the last one posted as photo,
	// ${list(photo)} all of them; the files themselves follow the order or card by themselves.
	// Required.
	Map tree `yaml:"map"`

	// tables holds values that belong on the server and not into a form a visitor can edit, prices
	// first of all: for each table its rows, key: value. Keys and values are taken as they are
	// written: 0501 stays 0501, and yes is the word yes.
	Tables tables `yaml:"tables"`

	// rest names the text field of KeyCRM (manager_comment mostly) to which everything posted is
	// appended that no evaluated expression used, so that nothing typed is lost. Default: nothing
	// is appended.
	Rest scalar `yaml:"rest"`

	// rest_except lists form fields that rest leaves out.
	RestExcept words `yaml:"rest_except"`

	// mark says where a card carries the relay's id, by which it is found again after a call that
	// broke: the uuid of a custom field (LD_…), or none. Default: the first line of
	// manager_comment. For cards only; an order carries it as source_uuid.
	Mark scalar `yaml:"mark"`

	// answer is what the visitor gets back.
	Answer answerBlock `yaml:"answer"`

	// guard bounds what one post may hold, and finds those who are no customers. What it finds is
	// held and its sender reads success, so that nothing is lost and nobody learns how to get by.
	Guard guardBlock `yaml:"guard"`

	// tests lists posts with what must become of them; formrelay check tries each of them.
	Tests testBlocks `yaml:"tests"`
}

// testBlock is one of `tests`. Its post is received at 09:15:00 UTC on 4 March 2026 and has the id
// 00000000000000000000000000, so that it comes out alike every time.
type testBlock struct {
	// name says what the test is about, for whoever reads that it fails.
	Name scalar `yaml:"name"`

	// form is what is posted, by the form's own names: {name: Olena, "products[0][sku]": A-1}. A
	// list posts its name several times.
	Form tree `yaml:"form"`

	// expect is what KeyCRM must get, as much of it as matters: what is written must be there and
	// equal, with as many items in a list; what is not written may be anything. Nothing behind a
	// key says that it must not be sent. Without expect the post need only become an order or a
	// card without a fault.
	Expect tree `yaml:"expect"`
}

// formBlock is the key `form`.
type formBlock struct {
	// region is the country whose local phone numbers the form's visitors type, an ISO 3166 code
	// of two capital letters. Default UA: 050 111 22 33 is +380501112233.
	Region scalar `yaml:"region"`

	// timezone is the zone in which dates and times of the form are meant, an IANA name; KeyCRM
	// gets UTC. Default Europe/Kyiv.
	Timezone scalar `yaml:"timezone"`

	// charset is the encoding of a post that declares none, a label of the WHATWG Encoding
	// Standard such as windows-1251. Default: UTF-8, and windows-1251 for what is no UTF-8.
	Charset scalar `yaml:"charset"`

	// fields says what a visitor is asked for, by the form's own field names; products[][quantity]
	// stands for every item's.
	Fields fieldRules `yaml:"fields"`

	// origins lists the sites whose pages may post, as browsers write them: https://shop.example,
	// or https://*.shop.example for every site below it, at most 100. A post from a page of any
	// other site is answered 403 and held. They are also the sites to which _next may lead.
	// Default: any page may post.
	Origins scalars `yaml:"origins"`
}

// fieldRule is one field of `form.fields`.
type fieldRule struct {
	// type converts the text: text, int, number, date, phone, email or bool. A value that does not
	// convert is told to the visitor.
	Type scalar `yaml:"type" words:"text int number date phone email bool"`

	// validate holds validator rules, parted by commas and run on the converted value:
	// "required,max=120".
	Validate scalar `yaml:"validate"`

	// label is the field's name for people, by language: {uk: Ім'я, en: Name}.
	Label labels `yaml:"label"`

	// default is the value of a field that is absent or blank.
	Default tree `yaml:"default"`
}

// answerBlock is the key `answer`.
type answerBlock struct {
	// success is the page to go to after a post from a browser: a whole address, or a path such as
	// /thanks on the site that the form stands on, when form.origins lists it. {id} in it becomes
	// the submission's id and {crm_id} KeyCRM's, when the answer waited for it. Default: the relay's
	// own thank-you page.
	Success scalar `yaml:"success"`

	// invalid is refuse or hold; default refuse: a visitor whose fields are at fault is told so.
	// With hold the visitor gets success and the submission waits for ops: for senders that are no
	// browsers. Whoever does not ask for a page then gets 200 and JSON, never a redirect.
	Invalid scalar `yaml:"invalid" words:"refuse hold"`

	// lang is the language of pages and messages: uk, ru, en or pl. Default: the visitor's own.
	Lang scalar `yaml:"lang" words:"uk ru en pl"`

	// failure is the page to go to, in place of the relay's own, when a post from a browser has
	// fields to correct, is too large or comes too soon after others; it gets ?error= with the
	// code. A whole address, or a path like that of success. Default: the relay's own page, which
	// keeps what was typed.
	Failure scalar `yaml:"failure"`

	// wait is for how long the answer waits for KeyCRM to take the order or the card, 0s to 10s;
	// default 0s. When KeyCRM has it by then, and nothing else was waiting to be sent, the answer
	// tells KeyCRM's id; otherwise it is the usual one.
	Wait scalar `yaml:"wait" reads:"duration"`
}

// guardBlock is the key `guard`. Sizes are written 1MB or 256KB, where 1 KB is 1,024 bytes; a
// number alone is bytes. What goes beyond a bound is answered 413, naming it.
type guardBlock struct {
	// max_body bounds all fields of a post together, 1KB to 32MB; default 1MB.
	MaxBody scalar `yaml:"max_body" reads:"size"`

	// max_pairs bounds the number of fields, 1 to 10000; default 1000. The first 40 names that begin with _ are not counted: they are for the relay.
	MaxPairs scalar `yaml:"max_pairs" reads:"number"`

	// max_name bounds one field's name, 16 bytes to 64KB; default 1000 bytes.
	MaxName scalar `yaml:"max_name" reads:"size"`

	// max_value bounds one field's value, 1KB to 32MB and no more than max_body; default 256KB.
	MaxValue scalar `yaml:"max_value" reads:"size"`

	// max_depth bounds how deep a name nests, 1 to 100; default 32: a[b] is 2 deep.
	MaxDepth scalar `yaml:"max_depth" reads:"number"`

	// files bounds what visitors may send beside the fields. A file too many or too large is answered 413, one of another type is told
	// to the visitor at its field.
	Files filesBlock `yaml:"files"`

	// dedupe is for how long the same post from the same address and browser is taken for the same
	// one, where the form sends no key that tells them apart: 0s to 24h; default 1m, and 0s turns it
	// off.
	Dedupe scalar `yaml:"dedupe" reads:"duration"`

	// idempotency_key names the field in which a sender numbers its posts, such as lead_id or
	// payload.id: the same number with the same data within 24 hours is the same post. For page
	// builders that post again when an answer is late. Default: the form's own _idempotency_key,
	// the header Idempotency-Key, or Tilda's tranid.
	IdempotencyKey scalar `yaml:"idempotency_key"`

	// honeypot names the field that the form hides from people: a post that fills it is held,
	// reason spam. Default _gotcha.
	Honeypot scalar `yaml:"honeypot"`

	// rate holds what one address posts beyond so many posts in such a time, reason rate: 30/1m,
	// with a time from 1s to 24h. An IPv6 address counts with its whole /64; who comes from a
	// private address that is no trusted proxy is not counted. Not for page builders, whose posts
	// come from few addresses. Default: posts are not counted.
	Rate scalar `yaml:"rate"`

	// flood turns away, with 429, what one address posts beyond so many posts in the time of rate:
	// 600/1m. Nothing of it is kept. Default: 20 times rate.
	Flood scalar `yaml:"flood"`

	// min_time holds a post whose form was open for less, reason time: 100ms to 1h, such as 3s.
	// relay.js fetches the token that tells; a post without one is not looked at. Default: none.
	MinTime scalar `yaml:"min_time" reads:"duration"`

	// captcha names the captcha that a sender must have solved, one of `secrets` in the server's
	// configuration. A wrong answer, or none, is held, reason captcha. When the captcha's provider
	// does not answer, the submission is sent and marked. Default: none.
	Captcha scalar `yaml:"captcha"`

	// secret names the key that a sender must carry, one of `secrets` in the server's
	// configuration: for page builders and Google Ads. A wrong key, or none, is held, reason
	// secret. The key itself is never stored. Default: none.
	Secret scalar `yaml:"secret"`

	// block is words and addresses that are not wanted: what has one is held, reason block.
	Block blockBlock `yaml:"block"`
}

// blockBlock is the key `guard.block`.
type blockBlock struct {
	// words lists words, or words that follow one another, as they stand whole in any field, in
	// capitals or not; at most 1000.
	Words scalars `yaml:"words"`

	// addresses lists senders: IP addresses, networks such as 203.0.113.0/24, email addresses, and
	// @example.com for every email address of a domain and of those below it; at most 1000.
	Addresses scalars `yaml:"addresses"`
}

// filesBlock is the key `guard.files`.
type filesBlock struct {
	// max is how many files one post may hold, 0 to 20; default 3. With 0 no file is taken.
	Max scalar `yaml:"max" reads:"number"`

	// size bounds one file, 1KB to 10MB, which is the most that KeyCRM takes; default 5MB.
	Size scalar `yaml:"size" reads:"size"`

	// types lists the media types that are taken, as a file's content tells them: image/png, image/* or */*. Default: image/* and
	// application/pdf. image/* leaves out image/svg+xml, which may hold scripts and is only taken where it is listed by its name.
	Types scalars `yaml:"types"`
}

// part is one key's value as it is read from the file.
type part interface {
	// read takes over the entry whose full name is path ("form.region").
	read(r *reader, path string, e mapping.Entry)
}

// scalar is one single value, as written.
type scalar struct {
	path string
	set  bool
	pos  mapping.Pos // of the value
	text string
}

func (s *scalar) read(r *reader, path string, e mapping.Entry) {
	switch text := strings.TrimSpace(e.Value.Text); e.Value.Kind {
	case mapping.Null:
		return
	case mapping.Scalar:
		*s = scalar{path: path, set: text != "", pos: e.Value.Pos, text: text}
	default:
		r.meant[path] = true
		r.add(e.Value.Pos, path+" is "+e.Value.Kind.String()+", where one value belongs", "write "+path+": and the value behind it")
	}
}

// tree is a value of any shape, which somebody else reads.
type tree struct {
	key  mapping.Pos
	node *mapping.Node
}

func (t *tree) read(_ *reader, _ string, e mapping.Entry) {
	if e.Value.Kind != mapping.Null {
		*t = tree{key: e.Pos, node: e.Value}
	}
}

// words is a list of single values.
type words []string

func (w *words) read(r *reader, path string, e mapping.Entry) {
	items := []*mapping.Node{e.Value}
	if e.Value.Kind == mapping.List {
		items = e.Value.Items
	}
	for _, item := range items {
		switch item.Kind {
		case mapping.Null:
		case mapping.Scalar:
			*w = append(*w, item.Text)
		default:
			r.add(item.Pos, path+" holds "+item.Kind.String()+", where field names belong", "write a list of names: "+path+": [first, second]")
		}
	}
}

// labels is one text for each language.
type labels map[string]string

func (l *labels) read(r *reader, path string, e mapping.Entry) {
	if e.Value.Kind == mapping.Null {
		return
	}
	if e.Value.Kind != mapping.Map {
		r.add(e.Value.Pos, path+" is "+e.Value.Kind.String()+", where a text for each language belongs", "write it as {uk: Ім'я, en: Name}")
		return
	}
	*l = make(labels, len(e.Value.Entries))
	for _, entry := range e.Value.Entries {
		switch {
		case !slices.Contains(languages(), entry.Key):
			r.unknown(entry, path, languages())
		case entry.Value.Kind != mapping.Scalar:
			r.add(entry.Value.Pos, path+"."+entry.Key+" is "+entry.Value.Kind.String()+", where a text belongs", "write the field's name for people")
		default:
			(*l)[entry.Key] = entry.Value.Text
		}
	}
}

// fieldRules is the key `form.fields`, in the order written.
type fieldRules []mapping.FieldSpec

func (f *fieldRules) read(r *reader, path string, e mapping.Entry) {
	if !r.isObject(path, e.Value, "name: {type: email}") {
		return
	}
	for _, entry := range e.Value.Entries {
		var rule fieldRule
		r.object(path+"."+entry.Key, entry.Value, &rule)
		*f = append(*f, mapping.FieldSpec{
			Name: entry.Key, Pos: entry.Pos,
			Type: rule.Type.text, TypePos: rule.Type.pos,
			Validate: rule.Validate.text, ValidatePos: rule.Validate.pos,
			Label: rule.Label, Default: rule.Default.node,
		})
	}
}

// tables is the key `tables`, in the order written.
type tables []mapping.Table

func (t *tables) read(r *reader, path string, e mapping.Entry) {
	if !r.isObject(path, e.Value, "price: {A-1: 450}") {
		return
	}
	for _, entry := range e.Value.Entries {
		if r.isObject(path+"."+entry.Key, entry.Value, "{A-1: 450}") {
			*t = append(*t, mapping.Table{Name: entry.Key, Pos: entry.Pos, Rows: entry.Value.Entries})
		}
	}
}

// testBlocks is the key `tests`, in the order written.
type testBlocks []Test

func (t *testBlocks) read(r *reader, path string, e mapping.Entry) {
	if e.Value.Kind == mapping.Null {
		return
	}
	if e.Value.Kind != mapping.List {
		r.add(e.Value.Pos, path+" is "+e.Value.Kind.String()+", where a list belongs", "begin each test with `- name: …`")
		return
	}
	for _, item := range e.Value.Items {
		var b testBlock
		if !r.isObject("a test", item, "name: one lamp") {
			continue
		}
		r.object(path, item, &b)
		*t = append(*t, Test{Name: b.Name.text, Pos: item.Pos, Form: r.posted(&b.Form), Expect: r.expected(&b.Expect)})
	}
}
