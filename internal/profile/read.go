package profile

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"formrelay/internal/form"
	"formrelay/internal/keycrm"
	"formrelay/internal/mapping"
	"formrelay/internal/mapping/value"
)

// What a profile without these keys gets. KeyCRM is a Ukrainian product and its shops'
// visitors type 050 111 22 33: without a region such a phone could not be read, and without a
// zone a time would arrive in KeyCRM two or three hours late.
const (
	defaultRegion   = "UA"
	defaultTimezone = "Europe/Kyiv"
)

// languages are those in which the relay speaks to visitors.
func languages() []string { return []string{"uk", "ru", "en", "pl"} }

// reader turns the tree into a document and the document into a profile.
type reader struct {
	*collector
	options Options
	meant   map[string]bool // keys told to be misspelt or misshapen: they are not told to be missing as well
}

// readDocument reads a profile from its tree. Every key is read even after a fault, so that
// all of them are told at once. The profile is of use only when no fault was added.
func readDocument(c *collector, root *mapping.Node, o Options) *Profile {
	r := &reader{collector: c, options: o, meant: make(map[string]bool)}
	var d document
	r.object("", root, &d)
	p := &Profile{
		Creates: r.kind(&d), SourceID: r.sourceID(&d), Account: r.account(&d.Account), Enabled: r.truth(&d.Enabled, true),
		Limits: r.limits(&d.Guard), FileTypes: r.fileTypes(d.Guard.Files.Types), Charset: r.charset(&d.Form.Charset),
		Origins: r.origins(d.Form.Origins), Success: r.success(&d.Answer.Success), Failure: r.failure(&d.Answer.Failure), Lang: r.oneOf(&d.Answer.Lang, languages()...),
		Wait: r.wait(&d.Answer.Wait), Dedupe: r.dedupe(&d.Guard.Dedupe),
		HoldInvalid: r.oneOf(&d.Answer.Invalid, "refuse", "hold") == "hold",
		Guard:       r.guard(&d.Guard),
	}
	r.reachable(&d, p)
	p.Mapping = r.mapping(&d, p)
	p.Tests = d.Tests
	p.places, p.mark = d.places(), d.Mark.text
	return p
}

// object reads the keys of n into the fields of the struct that into points to; every field is
// a part or a block of parts. The structs are the one list of the keys there are: what they do
// not have is unknown.
func (r *reader) object(path string, n *mapping.Node, into any) {
	v := reflect.ValueOf(into).Elem()
	keys := make([]string, v.NumField())
	for i := range keys {
		keys[i] = v.Type().Field(i).Tag.Get("yaml")
	}
	if !r.isObject(path, n, keys[0]+": …") {
		return
	}
	for _, e := range n.Entries {
		i := slices.Index(keys, e.Key)
		if i < 0 {
			r.unknown(e, path, keys)
			continue
		}
		full := strings.TrimPrefix(path+"."+e.Key, ".")
		field := v.Field(i).Addr().Interface()
		if p, ok := field.(part); ok {
			p.read(r, full, e)
		} else {
			r.object(full, e.Value, field)
		}
	}
}

// isObject tells whether n has keys. Nothing at all is an object without keys; anything else
// is a fault.
func (r *reader) isObject(path string, n *mapping.Node, example string) bool {
	if n.Kind != mapping.Map && n.Kind != mapping.Null {
		r.add(n.Pos, path+" is "+n.Kind.String()+", where keys belong", "write keys under it, such as "+example)
	}
	return n.Kind == mapping.Map
}

// unknown tells of a key that the language does not have there, with what was most likely
// meant: a key of this block with a slip in it, else the same key in another block, else the
// list to choose from.
func (r *reader) unknown(e mapping.Entry, path string, keys []string) {
	where := "of a profile"
	if path != "" {
		where = "of " + path
	}
	do := "its keys are: " + strings.Join(keys, ", ")
	if near := value.Nearest(e.Key, keys); near != "" {
		do = "did you mean " + near + "?"
		r.meant[strings.TrimPrefix(path+"."+near, ".")] = true
	} else if home := homeOf(e.Key); home != "" && home != path {
		do = "it belongs under " + home
	}
	r.add(e.Pos, quote(e.Key)+" is no key "+where, do)
}

// homeOf is the block to which a key belongs that stands in the wrong one, "" when no block
// has it.
func homeOf(key string) string {
	d := reflect.TypeFor[document]()
	for block := range d.Fields() {
		if block.Type.Kind() != reflect.Struct {
			continue
		}
		for field := range block.Type.Fields() {
			if tag := field.Tag.Get("yaml"); tag != "" && tag == key {
				return block.Tag.Get("yaml")
			}
		}
	}
	for _, kind := range []keycrm.Kind{keycrm.KindOrder, keycrm.KindCard} {
		if keycrm.Schema(kind).Child(key) != nil {
			return "map"
		}
	}
	return ""
}

// missing tells of a key that must be there, at the beginning of the file, for it has no place
// of its own. One slip is one fault: a key that was found misspelt is not missing too.
func (r *reader) missing(key, what, do string) {
	if !r.meant[key] {
		r.add(mapping.Pos{Line: 1, Column: 1}, key+" is missing"+what, do)
	}
}

// oneOf is the word a value must be, "" when it is left out or another.
func (r *reader) oneOf(s *scalar, words ...string) string {
	if !s.set || slices.Contains(words, s.text) {
		return s.text
	}
	do := "write one of: " + strings.Join(words, ", ")
	if near := value.Nearest(s.text, words); near != "" {
		do = "did you mean " + near + "?"
	}
	r.add(s.pos, s.path+" cannot be "+quote(s.text), do)
	return ""
}

// kind reads `creates`. Without a readable one, the entity is guessed from the mapping, so
// that the mapping's faults are told too.
func (r *reader) kind(d *document) keycrm.Kind {
	if !d.Creates.set {
		r.missing("creates", ", which says what a post becomes in KeyCRM", "write creates: order or creates: card")
	}
	if kind := r.oneOf(&d.Creates, string(keycrm.KindOrder), string(keycrm.KindCard)); kind != "" {
		return keycrm.Kind(kind)
	}
	if near := value.Nearest(d.Creates.text, []string{string(keycrm.KindOrder), string(keycrm.KindCard)}); near != "" {
		return keycrm.Kind(near)
	}
	if d.Map.node != nil {
		for _, e := range d.Map.node.Entries {
			if keycrm.Schema(keycrm.KindOrder).Child(e.Key) == nil && keycrm.Schema(keycrm.KindCard).Child(e.Key) != nil {
				return keycrm.KindCard
			}
		}
	}
	return keycrm.KindOrder
}

// sourceID reads `source_id`. It is a number and no expression by design: reports, and the
// look-up that keeps an order from arriving twice, rest on it.
func (r *reader) sourceID(d *document) int64 {
	s := &d.SourceID
	const which = "write the number that KeyCRM's settings show for the source, such as source_id: 22"
	switch {
	case !s.set && d.Creates.text == string(keycrm.KindCard):
		return 0
	case !s.set:
		r.missing("source_id", ": KeyCRM takes no order without its source", which)
		return 0
	case strings.Contains(s.text, "${"):
		r.add(s.pos, "source_id cannot be an expression: whoever posts the form could choose the source", which)
		return 0
	}
	n, ok := digits(s.text)
	if !ok || n < 1 {
		r.add(s.pos, "source_id is a plain number, not "+quote(s.text), which)
		return 0
	}
	return n
}

// digits reads a number written in digits alone, without a sign, a leading zero or anything
// else that YAML would read numbers in.
func digits(s string) (int64, bool) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && (s[0] != '0' || n == 0 && s == "0")
}

// account reads `account`. With one account there is nothing to choose. A list that is empty
// is not the same as none: with nil nobody knows the accounts (a file is checked without its
// server), with an empty one there are none.
func (r *reader) account(s *scalar) string {
	all := r.options.Accounts
	switch {
	case all == nil:
		return s.text
	case s.set:
		return r.oneOf(s, all...)
	case len(all) == 1:
		return all[0]
	case len(all) == 0:
		r.add(mapping.Pos{Line: 1, Column: 1}, "the server has no account this profile could use", "name one under accounts in the server's configuration")
	default:
		r.missing("account", ": the server has more than one", "write one of: "+strings.Join(all, ", "))
	}
	return ""
}

// truth reads true or false. YAML's many other words for them are texts here, as in YAML 1.2;
// whoever writes one is told the right one and not understood by half.
func (r *reader) truth(s *scalar, otherwise bool) bool {
	if !s.set {
		return otherwise
	}
	switch strings.ToLower(s.text) {
	case "true":
		return true
	case "false":
		return false
	}
	do := "write true or false"
	switch strings.ToLower(s.text) {
	case "yes", "on", "y", "1":
		do = "write true"
	case "no", "off", "n", "0":
		do = "write false"
	}
	r.add(s.pos, s.path+" cannot be "+quote(s.text), do)
	return otherwise
}

// charset reads `form.charset`. The decoder knows which labels there are.
func (r *reader) charset(s *scalar) string {
	if s.set && !form.CharsetKnown(s.text) {
		r.add(s.pos, quote(s.text)+" is no known encoding", "write a name that browsers know, such as utf-8, windows-1251 or koi8-u")
	}
	return s.text
}

// region reads `form.region`. Letters in the wrong case are a fault and not mended: UK is a
// word people write for Ukraine, and is no region.
func (r *reader) region(s *scalar) string {
	if !s.set {
		return defaultRegion
	}
	all := value.Regions()
	if slices.Contains(all, s.text) {
		return s.text
	}
	do := "write the country's two capital letters, such as UA, PL or DE"
	if upper := strings.ToUpper(s.text); slices.Contains(all, upper) {
		do = "write " + upper
	}
	r.add(s.pos, quote(s.text)+" is no country whose phone numbers are known", do)
	return defaultRegion
}

// timezone reads `form.timezone`. "Local" would mean another time on every machine.
func (r *reader) timezone(s *scalar) *time.Location {
	name := defaultTimezone
	if s.set {
		name = s.text
	}
	loc, err := time.LoadLocation(name)
	if err == nil && name != "Local" {
		return loc
	}
	pos := s.pos
	if !s.set {
		pos = mapping.Pos{Line: 1, Column: 1}
	}
	r.add(pos, quote(name)+" is no time zone", "write a name such as Europe/Kyiv or Europe/Warsaw, or UTC")
	return time.UTC
}

// limits reads `guard`. The bounds on the bounds: below them no form could be posted at all,
// above them one post could cost the server more memory or time than it has.
func (r *reader) limits(g *guardBlock) form.Limits {
	l := form.DefaultLimits()
	l.Body = r.size(&g.MaxBody, l.Body, 1<<10, 32<<20)
	l.Pairs = int(r.count(&g.MaxPairs, int64(l.Pairs), 1, 10_000))
	l.Name = int(r.size(&g.MaxName, int64(l.Name), 16, 64<<10))
	l.Value = int(r.size(&g.MaxValue, int64(l.Value), 1<<10, 32<<20))
	l.Depth = int(r.count(&g.MaxDepth, int64(l.Depth), 1, 100))
	l.Files = int(r.count(&g.Files.Max, int64(l.Files), 0, maxFiles))
	l.FileSize = r.size(&g.Files.Size, l.FileSize, 1<<10, maxFileSize)
	if g.MaxValue.set && int64(l.Value) > l.Body {
		r.add(g.MaxValue.pos, g.MaxValue.path+" is "+sizeText(int64(l.Value))+", and all values together may have "+sizeText(l.Body)+" (guard.max_body)",
			"lower it, or raise guard.max_body")
	}
	return l
}

// count reads a number between two bounds.
func (r *reader) count(s *scalar, otherwise, least, most int64) int64 {
	if !s.set {
		return otherwise
	}
	n, ok := digits(s.text)
	if !ok || n < least || n > most {
		r.add(s.pos, s.path+" cannot be "+quote(s.text), fmt.Sprintf("write a number from %d to %d", least, most))
		return otherwise
	}
	return n
}

// size reads a number of bytes between two bounds. n is compared before it is multiplied, so
// that it cannot overflow.
func (r *reader) size(s *scalar, otherwise, least, most int64) int64 {
	if !s.set {
		return otherwise
	}
	text, unit := strings.ToUpper(s.text), int64(1)
	for _, u := range []struct {
		name  string
		bytes int64
	}{{"MB", 1 << 20}, {"KB", 1 << 10}, {"B", 1}} {
		if cut, ok := strings.CutSuffix(text, u.name); ok {
			text, unit = strings.TrimRight(cut, " "), u.bytes
			break
		}
	}
	n, ok := digits(text)
	if !ok || n > most || n*unit < least || n*unit > most {
		r.add(s.pos, s.path+" cannot be "+quote(s.text), "write a size from "+sizeText(least)+" to "+sizeText(most))
		return otherwise
	}
	return n * unit
}

// sizeText is a size as a profile writes it.
func sizeText(n int64) string {
	switch {
	case n%(1<<20) == 0:
		return strconv.FormatInt(n>>20, 10) + "MB"
	case n%(1<<10) == 0:
		return strconv.FormatInt(n>>10, 10) + "KB"
	default:
		return strconv.FormatInt(n, 10) + "B"
	}
}

// mapping has `map` and what belongs to it compiled. That is done in spite of other faults,
// with the defaults in place of what could not be read: the mapping is where most faults are.
func (r *reader) mapping(d *document, p *Profile) *mapping.Mapping {
	region, location := r.region(&d.Form.Region), r.timezone(&d.Form.Timezone)
	if d.Map.node == nil {
		r.missing("map", ", which says where in KeyCRM the form's fields go",
			`write map: and under it KeyCRM's fields, such as buyer: {full_name: "${name}"}`)
		return nil
	}
	m, faults := mapping.Compile(mapping.Spec{
		Kind: p.Creates, SourceID: max(p.SourceID, d.placeholder()), Map: d.Map.node, MapPos: d.Map.key,
		Fields: d.Form.Fields, Tables: d.Tables,
		Rest: d.Rest.text, RestPos: d.Rest.pos, RestExcept: d.RestExcept,
		Mark: d.Mark.text, MarkPos: d.Mark.pos, Region: region, Location: location, Lang: p.Lang,
		Posted: d.posted(),
	})
	for _, f := range faults {
		pos := f.Pos
		if pos.Line == 0 {
			pos = d.Map.key
		}
		r.add(pos, f.What, f.Do)
	}
	return m
}

// posted are the names of the fields that the profile's tests post.
func (d *document) posted() []string {
	var names []string
	for _, t := range d.Tests {
		for _, pair := range t.Form {
			names = append(names, pair.Name)
		}
	}
	return names
}

// placeholder keeps a source_id that was told already from being told again by the mapping. A
// profile with one never serves.
func (d *document) placeholder() int64 {
	if d.SourceID.set || d.Creates.text != string(keycrm.KindCard) {
		return 1
	}
	return 0
}
