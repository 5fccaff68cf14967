package online

import (
	"context"
	"slices"
	"strings"
	"time"

	"formrelay/internal/keycrm"
	words "formrelay/internal/mapping/value"
	"formrelay/internal/profile"
)

// The paths of custom fields.
const (
	pathUUID  = "custom_fields[].uuid"
	pathValue = "custom_fields[].value"
)

// fieldBook is the account's custom fields.
type fieldBook struct {
	rows  []keycrm.CustomFieldInfo
	known bool
}

// customFields asks for the custom fields once; they come all at once.
func (a *account) customFields(ctx context.Context) (*fieldBook, error) {
	if a.custom != nil {
		return a.custom, nil
	}
	l, err := once(ctx, &a.asker, func(ctx context.Context, notAfter time.Time) keycrm.List[keycrm.CustomFieldInfo] {
		return a.client.CustomFields(ctx, notAfter)
	})
	if err != nil {
		return nil, err
	}
	a.custom = &fieldBook{rows: l.Rows, known: l.Outcome == keycrm.Done}
	if !a.custom.known {
		a.note("KeyCRM does not show %s's custom fields (%d), so they were not looked at.", a.whose, l.Status)
	}
	return a.custom, nil
}

// model is what KeyCRM calls the entity among the fields' models.
func (c *check) model() string {
	if c.order() {
		return "order"
	}
	return "lead"
}

// fields holds the custom fields that the profile fills against those of the account, and finds those that it should fill. They are
// asked for even where it fills none: one of them may be required.
func (c *check) fields(ctx context.Context) error {
	b, err := c.customFields(ctx)
	if err != nil || !b.known {
		return err
	}
	for _, l := range c.at(profile.PlaceMark) {
		c.markField(b, l.Values[0])
	}
	for _, uuid := range c.at(pathUUID) {
		if uuid.Open {
			c.report.Computed++
		}
		for _, v := range uuid.Values {
			if f, ok := c.field(b, v); ok && !uuid.Open && len(uuid.Values) == 1 {
				c.fieldValue(f, uuid.Item)
			}
		}
	}
	c.required(b)
	return nil
}

// field finds a custom field that must be the entity's own. An unknown one is a fault because KeyCRM passes over it without a word.
func (c *check) field(b *fieldBook, v value) (keycrm.CustomFieldInfo, bool) {
	c.report.Held++
	uuid := strings.TrimSpace(v.Text)
	i := slices.IndexFunc(b.rows, func(f keycrm.CustomFieldInfo) bool { return f.UUID == uuid })
	switch {
	case i < 0:
		c.add(v, c.whose+" has no custom field "+quoted(uuid)+", and KeyCRM passes over it without a word", c.offerFields(b, uuid))
	case b.rows[i].Model != c.model():
		c.add(v, fieldLabel(b.rows[i])+" is a field of "+whoseField(b.rows[i].Model)+", and this profile creates "+c.entity(), c.offerFields(b, ""))
	default:
		return b.rows[i], true
	}
	return keycrm.CustomFieldInfo{}, false
}

// entity is what the profile creates, with its article.
func (c *check) entity() string {
	if c.order() {
		return "an order"
	}
	return "a card"
}

// offerFields tells which fields the entity has in the account: the one that was most likely meant, else all.
func (c *check) offerFields(b *fieldBook, uuid string) string {
	var uuids, labels []string
	for _, f := range b.rows {
		if f.Model == c.model() {
			uuids, labels = append(uuids, f.UUID), append(labels, fieldLabel(f))
		}
	}
	do := c.whose + " has for " + whoseField(c.model()) + ": " + listed(labels)
	if len(labels) == 0 {
		return c.whose + " has none for " + whoseField(c.model()) + ": make one in KeyCRM's settings"
	}
	if near := words.Nearest(uuid, uuids); uuid != "" && near != "" {
		return "did you mean " + near + "? " + do
	}
	return do
}

// whoseField says whose a custom field is.
func whoseField(model string) string {
	switch model {
	case "order":
		return "orders"
	case "lead":
		return "leads, which are cards"
	case "client":
		return "buyers"
	case "crm_product":
		return "products"
	default:
		return "something else"
	}
}

// fieldLabel is how a person finds a field in KeyCRM: OR_1021 "Побажання".
func fieldLabel(f keycrm.CustomFieldInfo) string {
	if f.Name == "" {
		return f.UUID
	}
	return f.UUID + " " + quoted(f.Name)
}

// fieldValue holds the value that one item of custom_fields gives its field against the field's kind.
func (c *check) fieldValue(f keycrm.CustomFieldInfo, item int) {
	for _, l := range c.at(pathValue) {
		if l.Item != item {
			continue
		}
		c.report.Held += len(l.Values)
		switch {
		case f.Type != "select" && l.Many:
			c.add(value{Pos: l.Pos}, fieldLabel(f)+" is no list in KeyCRM and takes one value, and this is a list",
				`write one value, or make a text of it: ${join(", ", …)}`)
		case f.Type == "select":
			c.options(f, l)
		}
	}
}

// options holds a value against a list field: it must be a list, and what is written out must be options of it.
func (c *check) options(f keycrm.CustomFieldInfo, l leaf) {
	if !l.Many {
		c.warn(l.Pos, fieldLabel(f)+" is a list in KeyCRM, which wants a list of texts, and this may be a single one",
			"put it into list(…), which is a list whatever is posted: ${list(…)}; or write options in [ ]")
	}
	names := make([]string, len(f.Options))
	for i, o := range f.Options {
		names[i] = o.Value
	}
	for _, v := range l.Values {
		if len(names) == 0 || slices.Contains(names, strings.TrimSpace(v.Text)) {
			continue
		}
		do := "its options are: " + listed(names)
		if near := words.Nearest(v.Text, names); near != "" {
			do = "did you mean " + near + "? " + do
		}
		c.add(v, fieldLabel(f)+" has no option "+quoted(v.Text), do)
	}
}

// markField looks at the field that carries a card's mark, which is a text.
func (c *check) markField(b *fieldBook, v value) {
	f, ok := c.field(b, v)
	if ok && f.Type != "text" && f.Type != "textarea" {
		c.add(v, "the mark is a text, and "+fieldLabel(f)+" is a field of the type "+quoted(f.Type), "write a text field, or make one in KeyCRM's settings")
	}
}

// required tells the fields that KeyCRM marks as required and the profile does not fill. It is a warning: whether KeyCRM holds its API
// to it is not documented, while its pages do. Where a uuid is worked out nobody can tell.
func (c *check) required(b *fieldBook) {
	filled := map[string]bool{}
	for _, l := range slices.Concat(c.at(pathUUID), c.at(profile.PlaceMark)) {
		if l.Open {
			return
		}
		for _, v := range l.Values {
			filled[strings.TrimSpace(v.Text)] = true
		}
	}
	for _, f := range b.rows {
		if bool(f.Required) && f.Model == c.model() && !filled[f.UUID] {
			c.warn(c.p.Place(profile.PlaceMap), "KeyCRM marks "+fieldLabel(f)+" as required, and this profile does not fill it",
				"add it to custom_fields: {uuid: "+f.UUID+", value: …}, or whoever opens "+c.entity()+" must fill it in by hand")
		}
	}
}
