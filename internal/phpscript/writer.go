package phpscript

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"formrelay/internal/keycrm"
	"formrelay/internal/profile"
)

// writer writes the profile.
type writer struct {
	*runner
	found   *entity
	options Options

	shaper *shaper
	root   []*node
	lines  []string
	owner  map[int]*node // by line of the profile, from 1
}

// result is the profile of the entity that was found.
func (w *writer) result() *Result {
	w.shaper = &shaper{runner: w.runner, kind: w.found.kind, used: map[string][]string{}}
	uses(w.found.value, w.shaper.used)
	w.root = w.shaper.shape(w.found.value, keycrm.Schema(w.found.kind))
	for range maxRounds {
		w.write()
		if !w.refuse() {
			break
		}
	}
	turned, left := count(w.root, false)
	return &Result{
		Profile: []byte(w.cleaned()), Creates: w.found.kind, Line: w.found.value.line, Turned: turned, Left: left + len(w.leftovers),
	}
}

// cleaned is the profile without tokens. Values that hold one are comments by now; keys and what the relay says of its own stay whole,
// whatever a script takes for a token.
func (w *writer) cleaned() string {
	var b strings.Builder
	for _, line := range w.lines {
		at := 0
		if !strings.HasPrefix(strings.TrimSpace(line), "#") {
			if at = strings.Index(line, "   # "); at < 0 {
				at = len(line)
			}
		}
		b.WriteString(line[:at] + w.clean(line[at:]) + "\n")
	}
	return b.String()
}

// count counts the values that are mapped and those that are comments.
func count(nodes []*node, dead bool) (turned, left int) {
	for _, n := range nodes {
		gone := dead || n.dead
		switch {
		case n.inner && !gone:
			t, l := count(n.children, gone)
			turned, left = turned+t, left+l
		case gone:
			left++
		case !n.added && n.text != "":
			turned++
		}
	}
	return turned, left
}

// refuse makes comments of what the profile's reader refuses, and tells whether there was anything.
func (w *writer) refuse() bool {
	_, faults := profile.Parse("import", "import", []byte(strings.Join(w.lines, "\n")+"\n"), profile.Options{})
	killed := false
	for _, f := range faults {
		n := w.owner[f.Line]
		if n == nil || n.dead {
			continue
		}
		killed = true
		why := f.What
		if len(f.Do) < maxShown {
			why += "; " + f.Do
		}
		w.shaper.kill(n, why, n.line)
	}
	return killed
}

// write makes the profile's lines.
func (w *writer) write() {
	w.lines, w.owner = nil, map[int]*node{}
	w.head()
	w.sourceID()
	w.settings()
	if w.shaper.tables {
		w.add("", "tables:")
		w.add("  ", "ids:")
		w.add("    ", "nova_poshta: 1   # the id of Nova Poshta among the delivery services of your account: put in yours")
		w.add("", "")
	}
	for _, c := range w.found.value.comment {
		w.comment("", c)
	}
	w.add("", "map:"+w.patterns.tailOf(w.found.value.beside))
	for i, n := range w.root {
		if i > 0 && (n.inner || w.root[i-1].inner) {
			w.add("", "")
		}
		w.node(n, "  ", "  ")
	}
	for i, l := range w.leftovers {
		if i == 0 {
			w.add("", "")
		}
		if i < maxLeft {
			w.comment("  ", "line "+itoa(l.line)+", not turned: "+l.source+" ("+l.why+")")
		}
	}
	w.add("", "")
	w.add("", "# rest: manager_comment   # take the first # away, and what nothing above uses is added to the manager's comment")
}

func (w *writer) add(indent, line string) {
	w.lines = append(w.lines, strings.TrimRight(indent+line, " "))
}

// comment adds a comment of the script's.
func (w *writer) comment(indent, words string) {
	w.add(indent, "# "+w.patterns.safeComment(words))
}

// head says where the profile is from and what to do next.
func (w *writer) head() {
	name := oneLine(filepath.Base(orNothing(w.options.Name, "a script")))
	w.comment("", fmt.Sprintf("Made by formrelay import from the array on line %d of %s. Left is KeyCRM's field, right the form's.", w.found.value.line, name))
	w.comment("", "1. Save it as profiles/NAME.yaml: the form posts to /forms/NAME then.")
	w.comment("", "2. formrelay check NAME, then see what KeyCRM would get: formrelay preview NAME -F name=Олена -F phone='050 111 22 33'")
	w.comment("", "3. Put the token into the environment (KEYCRM_TOKEN) and make a new one in KeyCRM: the old one lay in a script.")
	w.comment("", "4. Look at each comment below that says \"not turned\" and at what import said about it.")
	w.add("", "")
	w.add("", "creates: "+string(w.found.kind))
}

// sourceID writes source_id, which is a number and never the form's.
func (w *writer) sourceID() {
	for _, e := range w.found.value.entries {
		if !e.keyed || e.key != "source_id" {
			continue
		}
		for _, c := range e.head {
			w.comment("", c)
		}
		v := plain(e.value)
		if (v.kind == number || v.kind == text) && allDigits(v.text) && v.text[0] != '0' {
			w.add("", "source_id: "+v.text+w.patterns.tailOf(e.tail))
		} else {
			w.comment("", "source_id:   (write its number, and take the # away) "+strings.Join(e.tail, " "))
			w.notes.add(e.line, "source_id is no number in the script, and no visitor may choose it; write the number of the source in KeyCRM")
		}
		for _, c := range e.foot {
			w.comment("", c)
		}
		w.add("", "")
		return
	}
	if w.found.kind == keycrm.KindOrder {
		w.comment("", "source_id:   (write the number of the source in KeyCRM, and take the # away)")
		w.notes.add(w.found.value.line, "the script gives no source_id, without which KeyCRM takes no order; write its number into the profile")
	}
	w.add("", "")
}

// settings write what the script says about time and about where the visitor goes.
func (w *writer) settings() {
	zone := "Europe/Kyiv"
	if w.timezone == "Europe/Kiev" {
		w.timezone = zone
	}
	if _, err := time.LoadLocation(w.timezone); err == nil && w.timezone != "" && w.timezone != "Local" && w.patterns.zone.MatchString(w.timezone) {
		zone = w.timezone
	}
	w.add("", "form:")
	w.add("  ", "region: UA   # how local phone numbers are read")
	w.add("  ", "timezone: "+zone+"   # form times are local, KeyCRM gets UTC")
	w.add("", "")
	targets := slices.Compact(slices.Clone(w.redirects))
	switch {
	case len(targets) == 1 && w.patterns.address.MatchString(targets[0]) && w.clean(targets[0]) == targets[0]:
		w.add("", "answer:")
		w.add("  ", "success: "+w.patterns.quoteYAML(targets[0])+"   # where the script sends the visitor")
		w.add("", "")
	case len(targets) > 0:
		w.comment("", "the script sends visitors to: "+strings.Join(targets, ", ")+"; write answer: {success: \"https://…\"} for the page to thank on")
		w.add("", "")
		w.notes.add(0, "where the visitor goes is not turned ("+strings.Join(targets, ", ")+"); write answer: {success: \"https://…\"}, a whole address")
	}
}

// nodes writes keys.
func (w *writer) nodes(all []*node, indent string) {
	for _, n := range all {
		w.node(n, indent, indent)
	}
}

// node writes one key or item. first is what its first line begins with: an item's first key stands behind its dash.
func (w *writer) node(n *node, indent, first string) {
	for _, c := range n.head {
		w.comment(indent, c)
	}
	switch {
	case n.dead:
		w.deadNode(n, indent)
	case n.inner && n.key == "":
		w.item(n, indent)
	case n.inner:
		if len(n.children) == 0 || !alive(n.children) {
			w.comment(indent, n.key+": nothing in it"+w.patterns.tailOf(n.tail))
			w.nodes(n.children, indent)
			break
		}
		w.own(n)
		w.add(first, w.patterns.keyYAML(n.key)+":"+w.patterns.tailOf(n.tail))
		w.nodes(n.children, indent+"  ")
	case n.text == "" || strings.TrimSpace(n.text) == "":
		w.comment(indent, n.key+": empty in the script, nothing is sent"+w.patterns.tailOf(n.tail))
	default:
		w.own(n)
		out := w.patterns.quoteYAML(n.text)
		if n.plain {
			out = n.text
		}
		w.add(first, w.patterns.keyYAML(n.key)+": "+out+w.patterns.tailOf(n.tail))
	}
	for _, c := range n.foot {
		w.comment(indent, c)
	}
}

// own notes to whom the next line belongs.
func (w *writer) own(n *node) { w.owner[len(w.lines)+1] = n }

// alive tells whether any of the nodes is more than a comment.
func alive(all []*node) bool {
	return slices.ContainsFunc(all, func(n *node) bool {
		return !n.dead && (n.inner && alive(n.children) || !n.inner && strings.TrimSpace(n.text) != "")
	})
}

// item writes an item of a list: its first living key stands behind the dash.
func (w *writer) item(n *node, indent string) {
	if !alive(n.children) {
		w.comment(indent, "an item with nothing in it")
		w.nodes(n.children, indent)
		return
	}
	if len(n.tail) > 0 {
		w.comment(indent, strings.Join(n.tail, " "))
	}
	dash := indent + "- "
	for _, child := range n.children {
		living := alive([]*node{child})
		if dash != "" && living {
			head := child.head
			for _, c := range head {
				w.comment(indent, c)
			}
			bare := *child
			bare.head = nil
			before := len(w.lines)
			w.node(&bare, indent+"  ", dash)
			w.disown(&bare, child, before)
			dash = ""
			continue
		}
		at := indent
		if dash == "" {
			at = indent + "  "
		}
		w.node(child, at, at)
	}
}

// disown gives the lines of a copy to its original.
func (w *writer) disown(from, to *node, before int) {
	for line := before + 1; line <= len(w.lines); line++ {
		if w.owner[line] == from {
			w.owner[line] = to
		}
	}
}

// deadNode writes a node as a comment.
func (w *writer) deadNode(n *node, indent string) {
	said := n.source
	if said == "" && n.text != "" {
		said = n.text
	}
	key := n.key
	if key != "" {
		key += ": "
	}
	why := ""
	if n.why != "" {
		why = "   (not turned: " + n.why + ")"
	}
	w.comment(indent, key+shorten(said)+why+w.patterns.tailOf(n.tail))
	if n.inner {
		for _, child := range n.children {
			c := *child
			c.dead = true
			w.node(&c, indent+"  ", indent+"  ")
		}
	}
}

// tailOf is a comment beside a line.
func (p *patterns) tailOf(comments []string) string {
	if len(comments) == 0 {
		return ""
	}
	return "   # " + p.safeComment(strings.Join(comments, "; "))
}

// safeComment is a text as a comment's line: without what the profile's reader refuses anywhere.
func (p *patterns) safeComment(s string) string {
	return strings.NewReplacer("\ufeff", "", "\x7f", "").Replace(p.withoutTokens(oneLine(s)))
}

// keyYAML is a key as YAML has it.
func (p *patterns) keyYAML(key string) string {
	if plainName(key) {
		return key
	}
	return p.quoteYAML(key)
}

// quoteYAML is a text as YAML has it: bare where that is certain, else in single quotes, or in double ones where there is a line end.
func (p *patterns) quoteYAML(s string) string {
	switch {
	case strings.ContainsAny(s, "\n\t\r"):
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`, "\r", `\r`).Replace(printed(s)) + `"`
	case p.bare.MatchString(s) && strings.TrimSpace(s) == s && !word(s) && !strings.ContainsAny(s, "{}[],&*!|>%@`") || expression(s):
		return s
	}
	return "'" + strings.ReplaceAll(printed(s), "'", "''") + "'"
}

// expression tells a text that is one expression and may stand bare outside of brackets.
func expression(s string) bool {
	return strings.HasPrefix(s, "${") && strings.HasSuffix(s, "}") && strings.Count(s, "${") == 1 && !strings.ContainsAny(s, "#'\\\n\t`%@") &&
		!strings.Contains(s, ": ") && !strings.Contains(s, `"`) && !strings.Contains(s, " :")
}

// word tells the words that YAML takes for something else than a text.
func word(s string) bool {
	return slices.Contains([]string{"true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"}, strings.ToLower(s))
}

// printed is a text without the signs that nobody sees.
func printed(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f || r == '\ufeff' {
			return -1
		}
		return r
	}, s)
}
