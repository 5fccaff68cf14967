package scaffold

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"formrelay/internal/keycrm"
	"formrelay/internal/profile"
)

// draft is a profile while it is made.
type draft struct {
	form    *Form
	options Options
	mapper  *mapper
	rules   []*rule
	root    []*node
	keys    []*node // beside the map: rest_except, guard, answer
	test    []string

	lines []string
	nodes map[int]*node // whose a line is, by its number from 1
	ruled map[int]*rule
}

// Profile writes the form as a profile. It always passes formrelay check: what the profile's reader would refuse, and what the test's
// post would be held or refused for, is a comment.
func (f *Form) Profile(o Options) *Result {
	m := &mapper{form: f, order: f.sells(), used: map[*field]bool{}}
	d := &draft{form: f, options: o, mapper: m, root: m.build(), rules: f.rules(), keys: present(f.except(), f.guard(), f.answer())}
	p := d.sound()
	p = d.tried(p)
	return &Result{
		Name: d.suggested(), Profile: p.Text, Creates: p.Creates, Mapped: len(m.used), Rest: len(d.left()), Guessed: d.guesses(), Changes: f.changes(d),
	}
}

// sound writes the profile until its reader has nothing against it.
func (d *draft) sound() *profile.Profile {
	for range maxRounds {
		p, faults := d.parse()
		if p != nil {
			return p
		}
		if !d.refuse(faults) {
			break
		}
	}
	d.root, d.rules, d.keys, d.test = d.least(), nil, nil, nil
	p, _ := d.parse()
	return p
}

func (d *draft) parse() (*profile.Profile, profile.Faults) {
	d.write()
	return profile.Parse("scaffold", "scaffold", []byte(strings.Join(d.lines, "\n")+"\n"), profile.Options{})
}

// least is a map without a word of the page's.
func (d *draft) least() []*node {
	person := "contact"
	if d.mapper.order {
		person = "buyer"
	}
	d.mapper.used = map[*field]bool{}
	return []*node{{key: person, children: []*node{{key: "phone", text: "${phone}", tail: "TODO the page's fields could not be mapped: write the name of the one with the phone"}}}}
}

// refuse makes comments of the lines that the reader refuses, and tells whether there were any.
func (d *draft) refuse(faults profile.Faults) bool {
	found := false
	for _, fault := range faults {
		found = d.drop(fault.Line, fault.What) || found
	}
	return found
}

// drop makes a comment of one line.
func (d *draft) drop(line int, why string) bool {
	if n := d.nodes[line]; n != nil && n.off == "" {
		n.off = clean(why)
		return true
	}
	if r := d.ruled[line]; r != nil && !r.off {
		r.off = true
		return true
	}
	return false
}

// write makes the lines.
func (d *draft) write() {
	d.lines, d.nodes, d.ruled = nil, map[int]*node{}, map[int]*rule{}
	d.head()
	d.fields()
	d.add("map:")
	if !d.mapper.order {
		d.add("  # pipeline_id: 1   # TODO the number of the pipeline; without it KeyCRM takes the first of its list")
	}
	for i, n := range d.root {
		if i > 0 && alive(n) && (len(n.children) > 0 || len(d.root[i-1].children) > 0) {
			d.add("")
		}
		d.node(n, "  ")
	}
	d.unpaid()
	d.customs()
	d.add("")
	d.add("rest: manager_comment   # what nothing above uses is added to the manager's comment, so that nothing typed is lost")
	for _, n := range d.keys {
		if len(n.children) > 0 {
			d.add("")
		}
		d.node(n, "")
	}
	d.lines = append(d.lines, d.test...)
}

func (d *draft) add(line string) { d.lines = append(d.lines, strings.TrimRight(line, " ")) }

// head says where the profile is from and what to do next.
func (d *draft) head() {
	name := d.suggested()
	file := orElse(clean(filepath.Base(d.options.File)), "a page")
	d.add("# Made by formrelay scaffold from " + d.form.title() + " of " + file + ". Left is KeyCRM's field, right the form's.")
	d.add("# 1. Save it as profiles/" + name + ".yaml: the form posts to /forms/" + name + " then; another name will do.")
	d.add("# 2. Look at each TODO below, and at what scaffold said is to be changed in the page.")
	d.add("# 3. formrelay check " + name + ", then see what KeyCRM would get: formrelay preview " + name + " --page PAGE.html")
	d.add("")
	why := "a card in a pipeline: the form names no product, price, payment or delivery; order makes an order of it"
	if d.mapper.order {
		why = "an order: the form names a product, a price, a payment or a delivery; card makes a card of a pipeline of it"
	}
	d.add("creates: " + d.suggestedKind() + "   # " + why)
	d.add("source_id: 1   # TODO the number of the source in KeyCRM under which these are filed")
	d.add("")
	d.add("form:")
	d.add("  region: " + d.form.region() + "   # how local phone numbers are read")
	zone := "Europe/Kyiv"
	if d.form.region() == "PL" {
		zone = "Europe/Warsaw"
	}
	d.add("  timezone: " + zone + "   # form times are local, KeyCRM gets UTC")
	d.add("  # origins: [https://shop.example]   # TODO the sites whose pages may post; without it any page may")
}

// ownAddress finds the profile's name in an action that leads to a relay already.
var ownAddress = regexp.MustCompile(`/(?:forms|f)/([a-z0-9][a-z0-9_-]{0,63})$`)

// NameOf is what a profile is called that is made of a page's file: landing for sites/landing.html; "" where that can be no name.
func NameOf(file string) string {
	base := filepath.Base(file)
	name := strings.NewReplacer(" ", "-", ".", "-").Replace(strings.ToLower(strings.TrimSuffix(base, filepath.Ext(base))))
	if !profile.ValidName(name) {
		return ""
	}
	return name
}

// suggested is a name for the profile: the one to which the page posts already, else the wanted one.
func (d *draft) suggested() string {
	if m := ownAddress.FindStringSubmatch(d.form.action); m != nil {
		return m[1]
	}
	if d.options.Name != "" {
		return d.options.Name
	}
	if d.mapper.order {
		return "order"
	}
	return "lead"
}

func (d *draft) suggestedKind() string {
	if d.mapper.order {
		return string(keycrm.KindOrder)
	}
	return string(keycrm.KindCard)
}

// fields writes the rules.
func (d *draft) fields() {
	if len(d.rules) > 0 {
		d.add("  fields:   # the rules that the page states, and what its visitors read beside a field that is to be corrected")
	}
	for _, r := range d.rules {
		for _, said := range r.said {
			d.add("    # " + r.field.called() + ": " + said)
		}
		if line := r.line(d.form.page.lang); line != "" {
			d.ruled[len(d.lines)+1] = r
			d.add("    " + line)
		}
	}
	d.add("")
}

// line is one entry of form.fields, "" when there is nothing to say.
func (r *rule) line(lang string) string {
	if r.off {
		return ""
	}
	var keys []string
	if r.typ != "" && !r.wide {
		keys = append(keys, "type: "+r.typ)
	}
	if len(r.tags) > 0 && !r.wide {
		keys = append(keys, "validate: "+quote(strings.Join(r.tags, ",")))
	}
	if label := r.field.forPeople(); label != "" {
		keys = append(keys, "label: {"+lang+": "+quote(label)+"}")
	}
	if len(keys) == 0 {
		return ""
	}
	return key(r.name) + ": {" + strings.Join(keys, ", ") + "}"
}

// node writes one key with what is below it.
func (d *draft) node(n *node, indent string) {
	for _, said := range n.head {
		d.add(indent + "# " + said)
	}
	switch {
	case !alive(n):
		d.dead(n, indent)
	case n.list:
		d.item(n, indent)
	case len(n.children) > 0:
		d.own(n)
		d.add(indent + n.key + ":" + tailOf(n.tail))
		for _, child := range n.children {
			d.node(child, indent+"  ")
		}
	default:
		d.own(n)
		d.add(indent + n.key + ": " + n.text + tailOf(n.tail))
	}
}

func (d *draft) own(n *node) { d.nodes[len(d.lines)+1] = n }

// item writes a list's item: its first living line begins with the dash.
func (d *draft) item(n *node, indent string) {
	from := len(d.lines)
	for _, child := range n.children {
		d.node(child, indent+"  ")
	}
	for i := from; i < len(d.lines); i++ {
		if line := strings.TrimLeft(d.lines[i], " "); !strings.HasPrefix(line, "#") {
			d.lines[i] = indent + "- " + line
			return
		}
	}
}

// dead writes a node that is a comment.
func (d *draft) dead(n *node, indent string) {
	switch {
	case n.off != "" && len(n.children) == 0:
		d.add(indent + "# " + strings.TrimPrefix(n.key+": ", ": ") + n.text + "   (left out: " + n.off + ")")
	case n.off != "":
		d.add(indent + "# " + n.key + " is left out: " + n.off)
	default:
		for _, child := range n.children {
			d.dead(child, indent)
		}
	}
}

// alive tells whether anything of a node stands in the profile. An item of which only fixed values are left would be sent for every
// post.
func alive(n *node) bool {
	if n.off != "" {
		return false
	}
	if len(n.children) == 0 {
		return n.text != ""
	}
	if n.list {
		return slices.ContainsFunc(n.children, func(c *node) bool { return alive(c) && !c.fixed && c.key != "when" && c.key != "each" })
	}
	return slices.ContainsFunc(n.children, alive)
}

func tailOf(said string) string {
	if said == "" {
		return ""
	}
	return "   # " + said
}

// left are the fields that go into the manager's comment.
func (d *draft) left() []*field {
	var all []*field
	for _, c := range d.form.fields {
		if !d.mapper.used[c] && c.kind != "submit" && c.role != roleMachine && c.role != roleTrap && c.role != roleFile && c.role != roleSecret {
			all = append(all, c)
		}
	}
	return all
}

// unpaid says why the way to pay is no payment where the form names no sum.
func (d *draft) unpaid() {
	c := d.form.first(rolePayment)
	if c == nil || d.mapper.used[c] {
		return
	}
	if expr, ok := expression(c); ok {
		d.add("")
		d.add("  # The way to pay goes into the manager's comment: KeyCRM takes no payment without a sum, and the form names none. With one:")
		d.add("  # payments:")
		d.add("  #   - {payment_method: " + commented(expr) + ", amount: …, status: not_paid}   # TODO the sum, such as \"${tables.price[sku] * qty}\"")
	}
}

// customs lists the fields that go into the manager's comment, and how one goes into a field of the account's own.
func (d *draft) customs() {
	prefix := "LD_"
	if d.mapper.order {
		prefix = "OR_"
	}
	shown := 0
	for _, c := range d.left() {
		if c.kind == "hidden" && c.role != roleOther || c.role == roleConsent || c.role == roleClick || c.role == rolePayment {
			continue
		}
		expr, ok := expression(c)
		if !ok {
			continue
		}
		if shown == 0 {
			d.add("")
			d.add("  # These fields of the form have no field of KeyCRM's and go into the manager's comment. For one that has a field of your own in")
			d.add("  # KeyCRM, take the # away and write its uuid:")
			d.add("  # custom_fields:")
		}
		if shown++; shown > maxOptions {
			return
		}
		if c.typ() == "bool" { // a manager reads a word, and nothing where the box was left
			expr += ` == true ? "` + d.form.page.yes() + `" : nil`
		}
		d.add("  #   - {uuid: " + prefix + "1021, value: " + commented(expr) + "}   # " + c.called())
	}
}

// commented is an expression inside of brackets in a comment that somebody will take the # from.
func commented(expr string) string {
	text := "${" + expr + "}"
	if strings.Contains(text, `"`) {
		return "'" + text + "'"
	}
	return `"` + text + `"`
}

// except keeps what scripts post for themselves out of the comment, nil when they post nothing.
func (f *Form) except() *node {
	var names []string
	for _, c := range f.fields {
		if (c.role == roleMachine || c.role == roleTrap) && !strings.HasPrefix(c.name, "_") && safe(c.name, maxName) && c.name != f.trap() &&
			!slices.Contains(names, quote(c.name)) {
			names = append(names, quote(c.name))
		}
	}
	if len(names) == 0 {
		return nil
	}
	return &node{key: "rest_except", text: "[" + strings.Join(names, ", ") + "]", tail: "what the page's own scripts post, and no person types"}
}

// guard is what the page says of files and honeypots, nil when it says nothing.
func (f *Form) guard() *node {
	g := &node{key: "guard"}
	if trap := f.trap(); safe(trap, maxName) {
		g.children = append(g.children, &node{key: "honeypot", text: quote(trap), tail: "hidden from people: a post that fills it is held"})
	}
	if files := f.files(); files != nil {
		g.children = append(g.children, files)
	}
	if len(g.children) == 0 {
		return nil
	}
	return g
}

// manyFiles is how many files are taken of a field that takes several.
const manyFiles = 10

// files bounds the files, nil when the form has none.
func (f *Form) files() *node {
	count := 0
	for _, c := range f.fields {
		switch {
		case c.kind != "file":
		case c.multiple:
			count += manyFiles
		default:
			count++
		}
	}
	if count == 0 {
		return nil
	}
	n := &node{key: "files", children: []*node{
		{key: "max", text: itoa(min(count, 2*manyFiles)), fixed: true},
		{key: "size", text: "10MB", fixed: true, tail: "of one; the most that KeyCRM takes"},
	}}
	if types := f.fileTypes(); len(types) > 0 {
		for i, t := range types {
			types[i] = quote(t)
		}
		n.children = append(n.children, &node{key: "types", text: "[" + strings.Join(types, ", ") + "]", fixed: true, tail: "as the page's accept says"})
	}
	return n
}

// answer is where the page sends its visitors afterwards, as far as it says so.
func (f *Form) answer() *node {
	if f.page.builder == "tilda" {
		return &node{key: "answer", children: []*node{{key: "invalid", text: "hold", tail: "Tilda posts it, and shows no visitor what to correct"}}}
	}
	if !strings.HasPrefix(f.success, "https://") || !safe(f.success, maxValue) {
		return nil
	}
	return &node{key: "answer", children: []*node{{key: "success", text: quote(f.success), tail: "where the page sends its visitors"}}}
}

// guesses counts the fields whose meaning was guessed from words.
func (d *draft) guesses() int {
	n := 0
	for c := range d.mapper.used {
		if c.guessed != "" {
			n++
		}
	}
	return n
}
