package mapping

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"formrelay/internal/keycrm"
	"formrelay/internal/mapping/expression"
	"formrelay/internal/mapping/value"
)

// The names in a map that are the relay's and no field of KeyCRM's.
const (
	keyEach = "each" // repeat the item for each value of a list
	keyWhen = "when" // leave the object out unless this is true
)

// object is a compiled object of the map.
type object struct {
	typ    *keycrm.Type
	when   *template
	fields []field // in the order written
}

// field is one entry of an object: exactly one of leaf, object and list is there.
type field struct {
	name   string
	path   string // KeyCRM's path, "" below a list, where it has a number in it
	leaf   *leaf
	object *object
	list   *list
}

// leaf is one value of the entity.
type leaf struct {
	typ      *keycrm.Type
	pos      Pos
	template *template
	list     []*template // instead of template: a list written out
	constant string      // instead of both: a literal, normalised when the profile was loaded
}

// list is a compiled list of objects.
type list struct {
	typ   *keycrm.Type
	items []*item
}

// item is one template of a list's items.
type item struct {
	pos  Pos
	each *template // nil: one item
	body *object
}

// leaf finds the leaf of a field's name.
func (o *object) leaf(name string) *leaf {
	for i := range o.fields {
		if o.fields[i].name == name {
			return o.fields[i].leaf
		}
	}
	return nil
}

// compiler gathers what a Mapping needs, and every fault on the way.
type compiler struct {
	spec   Spec
	schema *keycrm.Type
	lang   *expression.Language
	inList int // items around
	faults []Fault

	expressions int // so far, of all texts
}

// Compile checks a profile's mapping and makes it ready. With faults, which come sorted by their place,
// there is no Mapping.
func Compile(s Spec) (*Mapping, []Fault) {
	if s.Location == nil {
		s.Location = time.UTC
	}
	c := &compiler{spec: s, schema: keycrm.Schema(s.Kind)}
	if c.schema == nil {
		return nil, []Fault{{Pos: s.MapPos, What: fmt.Sprintf("%q is no entity of KeyCRM's", s.Kind), Do: "write creates: order or creates: card"}}
	}
	m := &Mapping{kind: s.Kind, sourceID: s.SourceID, region: s.Region, location: s.Location, person: person(s.Kind), tables: s.Tables, mapPos: s.MapPos, posted: s.Posted}
	m.fields = c.fields()
	tables := c.tables()
	c.lang = expression.New(expression.Options{Region: s.Region, Location: s.Location, Tables: tables, Numeric: numericFields(m.fields)})
	m.lang = c.lang
	m.root = c.root()
	m.rest = c.rest(m)
	m.mark = c.mark(m.root)
	if len(c.faults) > 0 {
		slices.SortStableFunc(c.faults, func(a, b Fault) int { return a.Pos.compare(b.Pos) })
		return nil, slices.Compact(c.faults)
	}
	m.prepare()
	return m, nil
}

// person is the object that holds the name, email and phone.
func person(kind keycrm.Kind) string {
	if kind == keycrm.KindCard {
		return "contact"
	}
	return "buyer"
}

// fault notes one fault. Compiling goes on after it, so that all are told at once.
func (c *compiler) fault(pos Pos, what, do string) {
	c.faults = append(c.faults, Fault{Pos: pos, What: what, Do: do})
}

// root compiles the whole map. Without one there is nothing to check, and the fault says what the least
// mapping is.
func (c *compiler) root() *object {
	if c.spec.Map == nil || c.spec.Map.Kind != Map {
		pos := c.spec.MapPos
		if c.spec.Map != nil && c.spec.Map.Kind != Null {
			pos = c.spec.Map.Pos
		}
		c.fault(pos, "`map` says nothing about the "+string(c.spec.Kind), fmt.Sprintf("write KeyCRM's fields below it, at least %s: {phone: \"${phone}\"}", person(c.spec.Kind)))
		return nil
	}
	root := c.object(c.spec.Map, c.schema, "", expression.Scope{})
	c.contact(c.spec.Map)
	return root
}

// contact finds a mapping that could never say who it is about.
func (c *compiler) contact(n *Node) {
	name := person(c.spec.Kind)
	who, ok := n.get(name)
	if !ok {
		c.fault(c.spec.MapPos, fmt.Sprintf("the %s has no %s", c.spec.Kind, name),
			fmt.Sprintf("add %s with full_name, email or phone: KeyCRM takes none without", name))
		return
	}
	for _, key := range []string{"full_name", "email", "phone", "client_id"} {
		if v, ok := who.get(key); ok && (v.Kind != Null) {
			return
		}
	}
	if who.Kind == Map || who.Kind == Null {
		pos := who.Pos
		if pos == (Pos{}) {
			pos = c.spec.MapPos
		}
		c.fault(pos, name+" has no full_name, email or phone", "add at least one of them")
	}
}

// object compiles an object. path is KeyCRM's path of it, "" for the entity.
func (c *compiler) object(n *Node, typ *keycrm.Type, path string, in expression.Scope) *object {
	o := &object{typ: typ, fields: make([]field, 0, len(n.Entries))}
	seen := map[string]bool{}
	for _, e := range n.Entries {
		if seen[e.Key] {
			c.fault(e.Pos, e.Key+" is there twice", "keep one, or join both with `??`: the first that is not empty counts")
			continue
		}
		seen[e.Key] = true
		switch e.Key {
		case keyWhen:
			if path == "" {
				c.fault(e.Pos, "`when` stands at the top of the map", "put it into the object or the item that it decides about")
				continue
			}
			o.when = c.when(e, in)
		case keyEach:
			// item has taken it; anywhere else it means nothing.
			if typ.Word != keycrm.WordList {
				c.fault(e.Pos, "`each` stands outside a list", "put it into an item of a list: - each: ${products}")
			}
		default:
			if f, ok := c.entry(e, typ, path, in); ok {
				o.fields = append(o.fields, f)
			}
		}
	}
	c.complete(n, typ, path)
	return o
}

// when compiles a condition. A literal is allowed: `when: false` switches an item off without deleting
// it.
func (c *compiler) when(e Entry, in expression.Scope) *template {
	if e.Value.Kind != Scalar {
		c.fault(e.Pos, fmt.Sprintf("`when` is %s", e.Value.Kind), "write one condition: when: ${amount}")
		return nil
	}
	return c.template(e.Value, in)
}

// entry compiles one key of an object against what KeyCRM knows by that name. A key without a value is
// like no key: PHP's array sent nothing for it either.
func (c *compiler) entry(e Entry, typ *keycrm.Type, path string, in expression.Scope) (field, bool) {
	child := typ.Child(e.Key)
	if path == "" && e.Key == "source_id" {
		c.fault(e.Pos, "source_id stands in `map`", "move it to the top level of the profile, as a number, so that no visitor can change it")
		return field{}, false
	}
	if child == nil {
		c.fault(e.Pos, "KeyCRM has no "+quotePath(path, e.Key), c.belongs(e.Key, typ, path))
		return field{}, false
	}
	if e.Value.Kind == Null {
		return field{}, false
	}
	at := join(path, e.Key)
	f := field{name: e.Key, path: at}
	if c.inList > 0 {
		f.path = ""
	}
	switch child.Word {
	case keycrm.WordObject:
		if !c.shape(e, Map, at, "an object", "write its fields below it: "+example(child)) {
			return field{}, false
		}
		f.object = c.object(e.Value, child, at, in)
	case keycrm.WordList:
		if !c.shape(e, List, at, "a list", "begin each of its items with `- `") {
			return field{}, false
		}
		f.list = c.list(e.Value, child, at, in)
	default:
		f.leaf = c.leaf(e, child, at, in)
	}
	return f, f.object != nil || f.list != nil || f.leaf != nil
}

// shape checks that a value has the shape of KeyCRM's field.
func (c *compiler) shape(e Entry, want NodeKind, path, is, do string) bool {
	if e.Value.Kind == want {
		return true
	}
	c.fault(e.Value.Pos, fmt.Sprintf("%s is %s in KeyCRM, and here %s", path, is, e.Value.Kind), do)
	return false
}

// example shows how an object is written, by its first field.
func example(t *keycrm.Type) string {
	if len(t.Children) == 0 {
		return t.Name
	}
	return fmt.Sprintf("%s: {%s: …}", t.Name, t.Children[0].Name)
}

// quotePath names a key that is unknown, with the object that it stands in.
func quotePath(path, key string) string {
	if path == "" {
		return fmt.Sprintf("field %q here", key)
	}
	return fmt.Sprintf("field %q in %s", key, path)
}

// join is KeyCRM's path of a field.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// belongs is what to do about a name that KeyCRM does not have at this place: what has it as the end of its name here, where else KeyCRM
// has it, else the nearest name it has here.
func (c *compiler) belongs(key string, typ *keycrm.Type, path string) string {
	if do := c.moved(key, path); do != "" {
		return do
	}
	names := make([]string, 0, len(typ.Children))
	for _, child := range typ.Children {
		if path != "" || child.Name != "source_id" {
			names = append(names, child.Name)
		}
	}
	here, places := longer(key, names), c.places(c.schema, "", key, path)
	switch {
	case len(here) > 0 && len(places) > 0:
		return "write " + strings.Join(here, " or ") + "; or does it belong " + places[0] + "?"
	case len(here) > 0:
		return "write " + strings.Join(here, " or ")
	case len(places) > 0:
		return "it belongs " + places[0]
	}
	if near := value.Nearest(key, names); near != "" {
		return "write " + near
	}
	return "write one of " + strings.Join(names, ", ")
}

// maxLonger bounds how many names [longer] finds: an "id" or a "name" that is the end of more than that says too little.
const maxLonger = 3

// longer finds the names that end in a key, as buyer_comment and manager_comment end in comment.
func longer(key string, names []string) []string {
	var found []string
	for _, name := range names {
		if key != "" && strings.HasSuffix(name, "_"+key) {
			found = append(found, name)
		}
	}
	if len(found) > maxLonger {
		return nil
	}
	return found
}

// moved knows the names that the other entity has.
func (c *compiler) moved(key, path string) string {
	card := c.spec.Kind == keycrm.KindCard
	switch {
	case path != "":
		return ""
	case card && key == "buyer":
		return "a card's person is contact"
	case !card && key == "contact":
		return "an order's person is buyer"
	case card && key == "marketing":
		return "a card has utm_source and its like at the top, not under marketing"
	case card && key == "source_uuid":
		return "leave it out: a card has none, and the relay marks it in manager_comment"
	case card && key == "buyer_comment":
		return "a card has none: write manager_comment"
	}
	return ""
}

// places finds the other objects that have a field of that name.
func (c *compiler) places(t *keycrm.Type, path, key, not string) []string {
	var found []string
	for _, child := range t.Children {
		at := join(path, child.Name)
		switch {
		case child.Name == key && path != not && path == "":
			found = append(found, "at the top of the map, beside "+t.Children[0].Name)
		case child.Name == key && path != not:
			found = append(found, "under "+path)
		}
		if len(child.Children) > 0 && (child.Word == keycrm.WordObject || not == "" || strings.HasPrefix(not, at)) {
			found = append(found, c.places(child, at, key, not)...)
		}
	}
	return found
}

// list compiles a list of objects.
func (c *compiler) list(n *Node, typ *keycrm.Type, path string, in expression.Scope) *list {
	l := &list{typ: typ}
	for _, node := range n.Items {
		if node.Kind != Map {
			c.fault(node.Pos, fmt.Sprintf("an item of %s is an object in KeyCRM, and here %s", path, node.Kind), "write its fields: "+itemExample(typ))
			continue
		}
		l.items = append(l.items, c.item(node, typ, path, in))
	}
	return l
}

// itemExample shows how an item of a list is written, by its first field.
func itemExample(t *keycrm.Type) string {
	if len(t.Children) == 0 {
		return "- {…}"
	}
	return fmt.Sprintf("- {%s: …}", t.Children[0].Name)
}

// item compiles one item of a list. What stands below its `each` may speak of item and index, its own
// `when` too.
func (c *compiler) item(n *Node, typ *keycrm.Type, path string, in expression.Scope) *item {
	it := &item{pos: n.Pos}
	if e, ok := n.get(keyEach); ok {
		it.each = c.each(e, typ, in)
		in.Each = true
	}
	c.inList++
	it.body = c.object(n, typ, path, in)
	c.inList--
	if typ.Name == "custom_fields" {
		c.customField(n)
	}
	return it
}

// each compiles what an item is repeated for. Text around the expression would make a text of it, and
// that is never a list, so it is refused. Where the lines go into items that have an amount, a number that the expression makes may
// become one.
func (c *compiler) each(n *Node, typ *keycrm.Type, in expression.Scope) *template {
	in.Lines = slices.ContainsFunc(typ.Children, func(t *keycrm.Type) bool { return t.Word == keycrm.WordAmount })
	in.Money = in.Lines
	if n.Kind == Scalar {
		if t := c.template(n, in); t == nil || t.single() != nil {
			return t // nil after a fault of its own
		}
	}
	c.fault(n.Pos, "`each` is no expression", "write one, such as each: ${products}")
	return nil
}

// prefixes are what the uuids of an entity's custom fields begin with, and the other entity's, with whose they are.
func prefixes(kind keycrm.Kind) (own, whose, others, theirs string) {
	if kind == keycrm.KindCard {
		return "LD_", "a card's", "OR_", "an order's"
	}
	return "OR_", "an order's", "LD_", "a card's"
}

// clientPrefix is what the uuids of a client's and of a product's custom fields begin with.
const clientPrefix = "CT_"

// customField checks a custom field's uuid where it is written out. KeyCRM leaves a field out, without a word, whose uuid it does not know.
func (c *compiler) customField(n *Node) {
	uuid, ok := n.get("uuid")
	if !ok || uuid.Kind != Scalar {
		return
	}
	own, whose, others, theirs := prefixes(c.spec.Kind)
	text := strings.TrimSpace(uuid.Text)
	switch {
	case strings.HasPrefix(text, others):
		c.fault(uuid.Pos, fmt.Sprintf("%s is %s field", text, theirs),
			fmt.Sprintf("write the uuid of %s own field; it begins with %s", whose, own))
	case text == "", strings.Contains(text, "${"), strings.HasPrefix(text, own), strings.HasPrefix(text, clientPrefix):
	default:
		do := "write the field's uuid: it stands beside the field in KeyCRM's settings"
		if digits := strings.TrimPrefix(strings.ToUpper(text), own); strings.Trim(digits, "0123456789") == "" {
			do = "write " + own + digits
		}
		c.fault(uuid.Pos, fmt.Sprintf("%q is no uuid of a field; %s begin with %s", text, whose, own), do)
	}
}

// complete finds what an object of the map lacks whatever is posted.
func (c *compiler) complete(n *Node, typ *keycrm.Type, path string) {
	has := func(key string) bool {
		v, ok := n.get(key)
		return ok && v.Kind != Null
	}
	missing := func(what, do string) {
		where := path
		if typ.Word == keycrm.WordList {
			where = "an item of " + path
		}
		c.fault(n.Pos, fmt.Sprintf("%s has no %s", where, what), do)
	}
	switch typ.Name {
	case "custom_fields":
		if !has("uuid") {
			missing("uuid", "add it: it stands beside the field in KeyCRM's settings")
		}
		if !has("value") {
			missing("value", `add it: value: "${…}"`)
		}
	case "properties":
		for _, key := range []string{"name", "value"} {
			if !has(key) {
				missing(key, "add it: KeyCRM ignores a property without")
			}
		}
	case "payments":
		if !has("amount") {
			missing("amount", "add it: KeyCRM takes no payment without")
		}
		if !has("payment_method_id") && !has("payment_method") {
			missing("payment_method_id or payment_method", "add one of them: KeyCRM takes no payment without")
		}
	case "shipping":
		if has("warehouse_ref") && !has("delivery_service_id") {
			missing("delivery_service_id", "add it: KeyCRM heeds warehouse_ref only together with it")
		}
	}
}

// tables compiles the profile's tables.
func (c *compiler) tables() map[string]*expression.Table {
	tables := map[string]*expression.Table{}
	for _, t := range c.spec.Tables {
		tables[t.Name] = c.table(t.Name, t.Rows)
	}
	return tables
}

// table compiles an object of the tables, whose keys stay as they were written.
func (c *compiler) table(name string, rows []Entry) *expression.Table {
	t := &expression.Table{Name: name, Rows: make(map[string]any, len(rows))}
	for _, e := range rows {
		if _, twice := t.Rows[e.Key]; twice {
			c.fault(e.Pos, fmt.Sprintf("the table %s has the key %q twice", name, e.Key), "keep one of them")
		}
		t.Rows[e.Key] = c.cell(name+"."+e.Key, e.Value)
	}
	return t
}

// cell is a table's value: exact numbers, true and false, and text; nested where it was written so.
func (c *compiler) cell(name string, n *Node) any {
	switch n.Kind {
	case Map:
		return c.table(name, n.Entries)
	case List:
		items := make([]any, 0, len(n.Items))
		for _, item := range n.Items {
			items = append(items, c.cell(name, item))
		}
		return items
	case Scalar:
		if n.Text == "" {
			return nil
		}
		return expression.Written(n.Text, n.Quoted)
	default:
		return nil
	}
}
