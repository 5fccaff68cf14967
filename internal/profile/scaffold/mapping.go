package scaffold

import (
	"slices"
	"strings"

	"formrelay/internal/form"
)

// node is one key of the profile's map, or one item of a list.
type node struct {
	key      string
	text     string // its value as YAML has it, "" for one that has children
	fixed    bool   // the value stands in the profile and is no field of the form
	head     []string
	tail     string
	children []*node
	list     bool
	off      string // why it is a comment
}

// mapper builds the map.
type mapper struct {
	form   *Form
	order  bool
	used   map[*field]bool
	asking string // the field that the mapping reads although the page has none, "" when it has a contact
}

// build makes the map's nodes.
func (m *mapper) build() []*node {
	if m.order {
		return present(m.contact("buyer"), m.leaf("buyer_comment", roleComment), m.leaf("promocode", rolePromo), m.leaf("gift_message", roleGift),
			m.leaf("shipping_price", roleDeliveryPrice), m.shipping(), m.object("marketing", m.utm()...), m.products(), m.payments())
	}
	all := present(m.title(), m.contact("contact"), m.leaf("manager_comment", roleComment))
	all = append(all, m.utm()...)
	return append(all, present(m.products(), m.payments())...)
}

// present leaves out what there is none of.
func present(all ...*node) []*node {
	return slices.DeleteFunc(all, func(n *node) bool { return n == nil })
}

// object is a node with children, nil without any.
func (m *mapper) object(key string, children ...*node) *node {
	if children = present(children...); len(children) > 0 {
		return &node{key: key, children: children}
	}
	return nil
}

// take finds the first field of a role that nothing has used, and its expression.
func (m *mapper) take(wanted role) (*field, string) {
	for _, c := range m.form.fields {
		if c.role != wanted || m.used[c] || c.kind == "submit" {
			continue
		}
		if expr, ok := expression(c); ok && !inItem(c.name) {
			m.used[c] = true
			return c, expr
		}
	}
	return nil, ""
}

// leaf maps the first field of a role to a key, nil when there is none.
func (m *mapper) leaf(key string, wanted role) *node {
	c, expr := m.take(wanted)
	if c == nil {
		return nil
	}
	return &node{key: key, text: placed("${" + expr + "}"), tail: c.remark()}
}

// remark is what is to be said beside a field's line.
func (c *field) remark() string {
	var said []string
	if c.unnamed {
		said = append(said, `TODO the page gives it no name: add name="`+c.name+`" to it`)
	}
	if c.guessed != "" {
		said = append(said, "guessed from "+c.guessed)
	}
	return strings.Join(said, "; ")
}

// contact is who it is about. KeyCRM takes nobody without a name, an email or a phone.
func (m *mapper) contact(key string) *node {
	n := m.object(key, m.fullName(), m.leaf("email", roleEmail), m.leaf("phone", rolePhone))
	if n != nil {
		return n
	}
	m.asking = "phone"
	for slices.ContainsFunc(m.form.fields, func(c *field) bool { return c.name == m.asking }) {
		m.asking = "contact_" + m.asking
		if len(m.asking) > maxName {
			m.asking = "visitors_phone_number" // no page has as many
			break
		}
	}
	return &node{key: key, children: []*node{{
		key: "phone", text: placed("${" + m.asking + "}"),
		tail: `TODO the page asks for no name, email or phone, and KeyCRM takes nobody without: add a field name="` + m.asking + `", or write the name of the one that is meant`,
	}}}
}

// fullName is the name, put together where the form asks for its parts, in the form's order.
func (m *mapper) fullName() *node {
	var parts, said []string
	whole := ""
	for _, c := range m.form.fields {
		if c.role != roleName && c.role != roleLast && c.role != roleMiddle || m.used[c] {
			continue
		}
		expr, ok := expression(c)
		if !ok || inItem(c.name) || whole != "" && c.role == roleName {
			continue
		}
		if c.role == roleName {
			whole = expr
		}
		m.used[c] = true
		parts = append(parts, expr)
		if remark := c.remark(); remark != "" {
			said = append(said, remark)
		}
	}
	switch len(parts) {
	case 0:
		return nil
	case 1:
		return &node{key: "full_name", text: placed("${" + parts[0] + "}"), tail: strings.Join(said, "; ")}
	}
	return &node{key: "full_name", text: placed(`${join(" ", ` + strings.Join(parts, ", ") + `)}`), tail: strings.Join(said, "; ")}
}

// title names a card: by a field, else by the page.
func (m *mapper) title() *node {
	if n := m.leaf("title", roleSubject); n != nil {
		return n
	}
	if m.form.page.title == "" {
		return nil
	}
	return &node{key: "title", text: quote(m.form.page.title), fixed: true, tail: "the page's title"}
}

// utm maps the campaign's fields.
func (m *mapper) utm() []*node {
	var all []*node
	for _, key := range []string{"utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"} {
		for _, c := range m.form.fields {
			if c.role != roleUTM || !strings.EqualFold(c.name, key) || m.used[c] {
				continue
			}
			m.used[c] = true
			all = append(all, &node{key: key, text: "${" + c.name + "}"})
			break
		}
	}
	return all
}

// shipping is where an order goes.
func (m *mapper) shipping() *node {
	return m.object("shipping",
		m.leaf("shipping_service", roleDelivery), m.leaf("shipping_address_country", roleCountry), m.leaf("shipping_address_region", roleRegion),
		m.leaf("shipping_address_city", roleCity), m.leaf("shipping_address_zip", roleZip), m.leaf("shipping_receive_point", roleBranch),
		m.leaf("shipping_secondary_line", roleStreet), m.leaf("recipient_full_name", roleRecipient), m.leaf("recipient_phone", roleRecipientPhone),
		m.leaf("shipping_date", roleDeliveryDate))
}

// products are the order's lines: a list that the form numbers, boxes to be ticked, or one product.
func (m *mapper) products() *node {
	for _, make := range []func() *node{m.numbered, m.ticked, m.single} {
		if item := make(); item != nil {
			item.list = true
			return &node{key: "products", children: []*node{item}}
		}
	}
	return nil
}

// numbered is a line for each of products[0][sku], products[1][sku], …
func (m *mapper) numbered() *node {
	root := ""
	item := &node{}
	for _, c := range m.form.fields {
		path := form.Path(c.name)
		if len(path) != 3 || !inItem(c.name) || !safe(c.name, maxName) || !plainKey.MatchString(path[0]) || root != "" && root != path[0] {
			continue
		}
		key := lineKey(path[2], c.role)
		if key == "" || key == "properties" {
			continue
		}
		root = path[0]
		m.used[c] = true
		if slices.ContainsFunc(item.children, func(n *node) bool { return n.key == key }) {
			continue
		}
		n := &node{key: key, text: placed("${" + member("item", path[2]) + "}"), tail: c.remark()}
		if key == "price" {
			n.head = priced(c, "item.sku")
		}
		item.children = append(item.children, n)
	}
	if root == "" {
		return nil
	}
	item.children = slices.Insert(item.children, 0, &node{key: "each", text: "${" + bareRoot(root) + "}", tail: "one line for each " + root + "[0], " + root + "[1], …"})
	return item
}

// lineKey is the key of a product's line that a field's own name, or its role, speaks of.
func lineKey(name string, r role) string {
	switch strings.ToLower(name) {
	case "id", "sku", "article":
		return "sku"
	case "name", "title", "product":
		return "name"
	case "image", "img", "picture", "photo":
		return "picture"
	}
	switch r {
	case roleSKU:
		return "sku"
	case roleProduct:
		return "name"
	case rolePrice:
		return "price"
	case roleQuantity:
		return "quantity"
	case rolePicture:
		return "picture"
	}
	return ""
}

// ticked is a line for each product of a list of which several can be chosen.
func (m *mapper) ticked() *node {
	c := m.form.first(roleProduct)
	if c == nil || m.used[c] || c.boxes < 2 && !c.multiple || c.kind == "radio" {
		return nil
	}
	_, expr := m.take(roleProduct)
	if expr == "" {
		return nil
	}
	return &node{children: []*node{
		{key: "each", text: placed("${" + expr + "}"), tail: "one line for each that is chosen"},
		{key: "name", text: "${item}", tail: c.remark()},
		{key: "quantity", text: "1", fixed: true},
	}}
}

// single is the one line of a form that sells one product.
func (m *mapper) single() *node {
	item, sku := &node{}, ""
	var conditions []string
	for _, p := range []struct {
		key  string
		role role
	}{{"sku", roleSKU}, {"name", roleProduct}, {"price", rolePrice}, {"picture", rolePicture}} {
		c, expr := m.take(p.role)
		if c == nil {
			continue
		}
		item.children = append(item.children, &node{key: p.key, text: placed("${" + expr + "}"), tail: c.remark()})
		if p.role == rolePrice {
			item.children[len(item.children)-1].head = priced(c, orElse(sku, "sku"))
		}
		if p.role == roleSKU {
			sku = expr
		}
		conditions = append(conditions, expr+" != nil")
	}
	if len(conditions) == 0 {
		return nil
	}
	when := &node{key: "when", text: placed("${" + strings.Join(conditions, " or ") + "}"), tail: "no line without one"}
	item.children = slices.Insert(item.children, 0, when)
	if n := m.leaf("quantity", roleQuantity); n != nil {
		item.children = append(item.children, n)
	} else {
		item.children = append(item.children, &node{key: "quantity", text: "1", fixed: true})
	}
	if n := m.properties(); n != nil && m.order {
		item.children = append(item.children, n)
	}
	return item
}

// priced warns of a price that the page holds.
func priced(c *field, sku string) []string {
	return []string{
		"TODO this comes from " + c.where() + ", which a visitor can edit. Safer from the server: price: ${tables.price[" + sku + "]}",
		"with tables: price: and under it a line for each article, such as A-1: 450",
	}
}

// where says in which kind of field a sum of money stands.
func (c *field) where() string {
	if c.kind == "hidden" {
		return "a hidden field of the page"
	}
	return "a field of the page"
}

// properties are colour and size.
func (m *mapper) properties() *node {
	list := &node{key: "properties"}
	for {
		c, expr := m.take(roleProperty)
		if c == nil {
			break
		}
		list.children = append(list.children, &node{list: true, children: []*node{
			{key: "name", text: quote(c.called()), fixed: true}, {key: "value", text: placed("${" + expr + "}"), tail: c.remark()},
		}})
	}
	if len(list.children) == 0 {
		return nil
	}
	return list
}

// payments are there where the form names a sum: KeyCRM takes no payment without.
func (m *mapper) payments() *node {
	c, amount := m.take(roleAmount)
	if c == nil {
		return nil
	}
	item := &node{list: true, children: []*node{{key: "when", text: placed("${" + amount + "}"), tail: "left out when there is none"}}}
	method := m.leaf("payment_method_id", rolePaymentID)
	if method == nil {
		method = m.leaf("payment_method", rolePayment)
	}
	if method == nil {
		method = &node{key: "payment_method_id", text: "1", fixed: true, tail: "TODO the number of the payment method in KeyCRM: the page names none"}
	}
	item.children = append(item.children, method,
		&node{key: "amount", text: placed("${" + amount + "}"), tail: c.remark(), head: []string{"TODO this comes from " + c.where() + ", which a visitor can edit: look at the sum before you ship"}},
		&node{key: "status", text: "not_paid", fixed: true})
	return &node{key: "payments", children: []*node{item}}
}

// inItem tells a name below the items of a list: products[0][sku].
func inItem(name string) bool {
	path := form.Path(name)
	return len(path) > 2 && strings.Trim(path[1], "0123456789") == ""
}

// expression is how an expression reads a field; false for a name that is better left to `rest`.
func expression(c *field) (string, bool) {
	if !safe(c.name, maxName) || strings.HasPrefix(c.name, "_") || strings.ContainsAny(c.name, "'\"\\`#") || strings.TrimSpace(c.name) != c.name {
		return "", false
	}
	root, below, nested := strings.Cut(c.name, "[")
	if root == "" {
		return "", false
	}
	expr := bareRoot(root)
	many := c.boxes > 1 && c.kind == "checkbox" || c.multiple
	if nested {
		steps := form.Path(c.name)[1:]
		if strings.HasSuffix("["+below, "[]") && len(steps) > 0 {
			many, steps = true, steps[:len(steps)-1]
		}
		for _, step := range steps {
			if strings.Trim(step, "0123456789") == "" {
				return "", false
			}
			expr = member(expr, step)
		}
	}
	if many {
		expr = "list(" + expr + ")"
		if c.role != roleProduct {
			expr = `join(", ", ` + expr + `)`
		}
	}
	return expr, true
}

// bareRoot is a field's name in an expression.
func bareRoot(root string) string {
	if plainKey.MatchString(root) && !reserved(root) {
		return root
	}
	return `form["` + root + `"]`
}

// member is what lies below a name.
func member(of, step string) string {
	if plainKey.MatchString(step) && !reserved(step) {
		return of + "." + step
	}
	return of + `["` + step + `"]`
}

// reserved tells the words that an expression reads as its own.
func reserved(word string) bool {
	return slices.Contains([]string{
		"form", "tables", "item", "index", "now", "visitor", "let", "if", "else", "in", "not", "and", "or", "true", "false", "nil", "matches",
		"contains", "startsWith", "endsWith",
	}, word)
}

// placed is an expression as a value of YAML: in quotes where it holds any, or a sign that YAML would read.
func placed(text string) string {
	if strings.ContainsAny(text, "\"'\\#:,[]") {
		return "'" + strings.ReplaceAll(text, "'", "''") + "'"
	}
	return text
}

// called is a field as people call it.
func (c *field) called() string {
	for _, text := range []string{c.label, c.placeholder, clean(c.name), clean(c.id)} {
		if text != "" {
			return text
		}
	}
	return "a field"
}
