package online

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"formrelay/internal/keycrm"
	"formrelay/internal/mapping"
	words "formrelay/internal/mapping/value"
	"formrelay/internal/profile"
)

// The mapping's words for what this package looks at.
type (
	leaf  = mapping.Leaf
	value = mapping.Value
	pos   = mapping.Pos
)

// row is one entry of a list that ids are looked up in.
type row struct {
	id     int64
	name   string
	wrong  string // what keeps it from being of use: "is switched off"
	driver string // of a delivery service: whose it is
	takes  *keycrm.Flag
}

// label is how a person finds it in KeyCRM: "22 Landing".
func (r row) label() string { return strings.TrimSpace(strconv.FormatInt(r.id, 10) + " " + r.name) }

// book is one list of the account.
type book struct {
	one, many string // "payment method", "payment methods"
	rows      []row
	known     bool // the list is there, and whole
	answer    keycrm.Answer
}

// find is the row with an id.
func (b *book) find(id int64) (row, bool) {
	i := slices.IndexFunc(b.rows, func(r row) bool { return r.id == id })
	if i < 0 {
		return row{}, false
	}
	return b.rows[i], true
}

// reference is where in an entity ids of a list stand.
type reference struct {
	one, many string
	paths     []string
	read      func(ctx context.Context, a *account) (rows []row, whole bool, answer keycrm.Answer, err error)
}

// references are all ids of an entity that a list decides about.
func references() []reference {
	return []reference{
		{"source", "sources", []string{profile.PlaceSourceID}, readSources},
		{"manager", "managers", []string{"manager_id"}, readUsers},
		{"pipeline", "pipelines", []string{pathPipeline}, readPipelines},
		{"delivery service", "delivery services", []string{pathDelivery}, readDelivery},
		{"payment method", "payment methods", []string{"payments[].payment_method_id", pathMethodName}, readMethods},
	}
}

// The paths that more than an id is asked about.
const (
	pathPipeline   = "pipeline_id"
	pathDelivery   = "shipping.delivery_service_id"
	pathMethodName = "payments[].payment_method"
)

func readSources(ctx context.Context, a *account) ([]row, bool, keycrm.Answer, error) {
	return read(ctx, a, a.client.Sources, func(s keycrm.Source) row { return row{id: s.ID, name: s.Name} })
}

func readUsers(ctx context.Context, a *account) ([]row, bool, keycrm.Answer, error) {
	return read(ctx, a, a.client.Users, func(u keycrm.User) row {
		r := row{id: u.ID, name: u.FullName}
		switch u.Status {
		case "blocked":
			r.wrong = "is blocked"
		case "pending":
			r.wrong = "has not accepted the invitation yet"
		}
		return r
	})
}

func readPipelines(ctx context.Context, a *account) ([]row, bool, keycrm.Answer, error) {
	return read(ctx, a, a.client.Pipelines, func(p keycrm.Pipeline) row { return row{id: p.ID, name: p.Label(), takes: p.TakesPayments} })
}

func readDelivery(ctx context.Context, a *account) ([]row, bool, keycrm.Answer, error) {
	return read(ctx, a, a.client.DeliveryServices, func(d keycrm.DeliveryService) row {
		return row{id: d.ID, name: d.Name, driver: d.SourceName}
	})
}

func readMethods(ctx context.Context, a *account) ([]row, bool, keycrm.Answer, error) {
	return read(ctx, a, a.client.PaymentMethods, func(m keycrm.PaymentMethod) row {
		r := row{id: m.ID, name: m.Name}
		if !m.Active {
			r.wrong = "is switched off"
		}
		return r
	})
}

// read reads a whole list as rows.
func read[T any](ctx context.Context, a *account, page func(context.Context, int, time.Time) keycrm.List[T], of func(T) row) ([]row, bool, keycrm.Answer, error) {
	found, whole, answer, err := all(ctx, &a.asker, page)
	rows := make([]row, len(found))
	for i, f := range found {
		rows[i] = of(f)
	}
	return rows, whole, answer, err
}

// book asks for a list once.
func (a *account) book(ctx context.Context, r reference) (*book, error) {
	if b := a.books[r.one]; b != nil {
		return b, nil
	}
	rows, whole, answer, err := r.read(ctx, a)
	if err != nil {
		return nil, err
	}
	b := &book{one: r.one, many: r.many, rows: rows, answer: answer, known: whole}
	switch {
	case answer.Outcome != keycrm.Done && !leadsOff(answer):
		a.note("KeyCRM does not show %s's %s (%d), so %s was not looked at.", a.whose, r.many, answer.Status, strings.Join(r.paths, " and "))
	case answer.Outcome == keycrm.Done && !whole:
		a.note("%s has more than %d %s, so %s was not looked at.", a.whose, len(rows), r.many, strings.Join(r.paths, " and "))
	}
	if a.books == nil {
		a.books = map[string]*book{}
	}
	a.books[r.one] = b
	return b, nil
}

// leadsOff recognises the answer of an account in which leads, and with them pipelines, are not switched on.
func leadsOff(a keycrm.Answer) bool {
	return a.Outcome == keycrm.Rejected && slices.ContainsFunc(a.Messages, func(m keycrm.Message) bool {
		return strings.Contains(strings.ToLower(m.Text), "not enabled")
	})
}

// ids holds every id that the profile names against its list.
func (c *check) ids(ctx context.Context) error {
	for _, r := range references() {
		for _, path := range r.paths {
			values := c.values(path)
			if len(values) == 0 {
				continue
			}
			b, err := c.book(ctx, r)
			if err != nil {
				return err
			}
			if !b.known {
				continue
			}
			for _, v := range values {
				if path == pathMethodName {
					c.named(b, v)
				} else {
					c.id(b, path, v)
				}
			}
		}
	}
	return nil
}

// id holds one id against its list.
func (c *check) id(b *book, path string, v value) {
	where := ""
	if v.Table != "" {
		where = ", which " + v.Table + " gives to " + lastName(path)
	}
	id, err := strconv.ParseInt(strings.TrimSpace(v.Text), 10, 64)
	found, ok := b.find(id)
	switch {
	case err != nil:
		c.add(v, quoted(v.Text)+" is no number of a "+b.one+where, c.offer(b))
	case !ok:
		c.add(v, fmt.Sprintf("%s has no %s %d%s", c.whose, b.one, id, where), c.offer(b))
	case found.wrong != "":
		c.warn(v.Pos, fmt.Sprintf("the %s %s %s in KeyCRM%s", b.one, found.label(), found.wrong, where), "write another, or mend it there: "+c.offer(b))
	}
	if ok && path == pathDelivery {
		c.branch(b, found, v)
	}
}

// novaPoshta is the source_name by which its delivery service is known in every account.
const novaPoshta = "novaposhta"

// branch finds a branch of Nova Poshta that goes to another delivery service.
func (c *check) branch(b *book, found row, v value) {
	if found.driver == "" || found.driver == novaPoshta || len(c.at("shipping.warehouse_ref")) == 0 {
		return
	}
	do := c.whose + " has none: make one in KeyCRM's settings"
	if i := slices.IndexFunc(b.rows, func(r row) bool { return r.driver == novaPoshta }); i >= 0 {
		do = "write Nova Poshta's own: " + b.rows[i].label()
	}
	c.warn(v.Pos, "warehouse_ref is a branch of Nova Poshta, and the delivery service "+found.label()+" is another", do)
}

// named holds a payment method that is given by its name against the list. What KeyCRM makes of a name that it does not know is not
// documented, so it is a warning.
func (c *check) named(b *book, v value) {
	names := make([]string, len(b.rows))
	for i, r := range b.rows {
		if names[i] = r.name; strings.EqualFold(strings.TrimSpace(r.name), strings.TrimSpace(v.Text)) {
			return
		}
	}
	do := c.offer(b)
	if near := words.Nearest(v.Text, names); near != "" {
		do = "did you mean " + near + "?"
	}
	c.warn(v.Pos, c.whose+" has no payment method that is called "+quoted(v.Text), do)
}

// offer tells what the account has instead, those first that are of use.
func (c *check) offer(b *book) string {
	var labels []string
	for _, r := range b.rows {
		if r.wrong == "" {
			labels = append(labels, r.label())
		}
	}
	if len(labels) == 0 {
		return c.whose + " has no " + b.many + " at all: make one in KeyCRM's settings"
	}
	return c.whose + " has the " + b.many + ": " + listed(labels)
}

// pipeline tells a card what its account or its pipeline does not take.
func (c *check) pipeline(ctx context.Context) error {
	if c.order() {
		return nil
	}
	all := references()
	b, err := c.book(ctx, all[slices.IndexFunc(all, func(r reference) bool { return slices.Contains(r.paths, pathPipeline) })])
	if err != nil {
		return err
	}
	if leadsOff(b.answer) {
		c.add(value{Pos: c.p.Place(profile.PlaceCreates)}, "leads are not switched on in "+c.whose+", and without them KeyCRM takes no card",
			"switch them on in KeyCRM's settings, or write creates: order")
		return nil
	}
	pays := slices.ContainsFunc(c.leaves, func(l leaf) bool { return strings.HasPrefix(l.Path, "payments[].") })
	for _, l := range c.at(pathPipeline) {
		for _, v := range l.Values {
			id, _ := strconv.ParseInt(strings.TrimSpace(v.Text), 10, 64)
			if r, ok := b.find(id); ok && pays && r.takes != nil && !bool(*r.takes) {
				c.warn(v.Pos, "the pipeline "+r.label()+" takes no payments, and this profile sends them",
					"switch payments on in the pipeline's settings, write another pipeline, or leave payments out")
			}
		}
	}
	return nil
}
