package scaffold

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"formrelay/internal/form"
	"formrelay/internal/mapping"
	"formrelay/internal/profile"
)

// tried gives the profile a test: a sample of the form, with what becomes of it. Whatever keeps the sample from becoming an order or a
// card is taken out first: the page's own value, then the rule, then the line of the map.
func (d *draft) tried(p *profile.Profile) *profile.Profile {
	plain := map[*field]bool{}
	for range maxRounds {
		pairs := d.posted(plain)
		result := p.Mapping.Apply(mapping.Input{
			ID: "00000000000000000000000000", Now: time.Date(2026, 3, 4, 9, 15, 0, 0, time.UTC),
			Fields: &form.Fields{Pairs: pairs, Charset: "utf-8"},
		})
		if result.Entity != nil {
			return d.tested(p, pairs, result.Entity)
		}
		if !d.yield(result, plain) {
			break
		}
		p = d.sound()
	}
	return p
}

// posted is the test's post: the fields that people fill in and the hidden ones that say something, under names and with values that
// the profile can repeat.
func (d *draft) posted(plain map[*field]bool) []form.Pair {
	pairs := d.form.fill(func(c *field) bool {
		return c.role != roleMachine && c.role != roleTrap && c.role != roleSecret && c.kind != "submit" && safe(c.name, maxName)
	}, plain)
	for i := range pairs {
		if v := strings.TrimSpace(pairs[i].Value); safe(v, maxValue) {
			pairs[i].Value = v
		} else if c := d.form.named(pairs[i].Name); c != nil && !plain[c] {
			plain[c] = true
			return d.posted(plain)
		}
	}
	pairs = slices.DeleteFunc(pairs, func(p form.Pair) bool { return !safe(p.Value, maxValue) })
	if asking := d.mapper.asking; asking != "" {
		pairs = append(pairs, form.Pair{Name: asking, Value: d.form.phone()})
	}
	return pairs
}

// yield gives way to what the sample is refused or held for, and tells whether anything was left to give.
func (d *draft) yield(result mapping.Result, plain map[*field]bool) bool {
	gave := false
	for _, fault := range result.Corrections {
		c := d.form.named(fault.Field)
		if c != nil && !plain[c] {
			plain[c], gave = true, true
			continue
		}
		for _, r := range d.rules {
			if (r.field == c || r.name == fault.Field) && !r.wide {
				r.wide, gave = true, true
				r.said = append(r.said, "the page's own rules leave no value that they take: they are not repeated")
			}
		}
	}
	for _, problem := range result.Problems {
		gave = d.drop(problem.Pos.Line, problem.Text) || gave
	}
	return gave
}

// tested adds the test, unless it fails: then there is none.
func (d *draft) tested(p *profile.Profile, pairs []form.Pair, entity []byte) *profile.Profile {
	expect, ok := d.expected(entity)
	if !ok {
		return p
	}
	d.test = []string{"", "tests:   # tried by formrelay check: a sample of the form, and what KeyCRM gets of it", "  - name: the form, filled in", "    form:"}
	for i, pair := range pairs {
		if slices.ContainsFunc(pairs[:i], func(o form.Pair) bool { return o.Name == pair.Name }) {
			continue
		}
		var values []string
		for _, other := range pairs[i:] {
			if other.Name == pair.Name {
				values = append(values, quote(other.Value))
			}
		}
		text := values[0]
		if len(values) > 1 {
			text = "[" + strings.Join(values, ", ") + "]"
		}
		d.test = append(d.test, "      "+key(pair.Name)+": "+text)
	}
	d.test = append(append(d.test, "    expect:"), expect...)
	if with, _ := d.parse(); with != nil && len(with.RunTests()) == 0 {
		return with
	}
	d.test = nil
	d.write()
	return p
}

// expected writes the entity as a test expects it, without what ops are going to change or what says nothing of the form.
func (d *draft) expected(entity []byte) ([]string, bool) {
	dec := json.NewDecoder(bytes.NewReader(entity))
	dec.UseNumber()
	e := &expecter{decoder: dec, except: map[string]bool{
		"source_id": true, "source_uuid": true, "ordered_at": true, "manager_comment": true,
		"title": d.form.first(roleSubject) == nil, "payment_method_id": d.form.first(rolePaymentID) == nil,
	}}
	if token, err := dec.Token(); err != nil || token != json.Delim('{') {
		return nil, false
	}
	e.object("      ")
	return e.lines, !e.failed && len(e.lines) > 0
}

// expecter turns JSON into the lines of YAML that stand for it, in its order.
type expecter struct {
	decoder *json.Decoder
	except  map[string]bool
	lines   []string
	failed  bool
}

// object writes the keys up to the brace that closes them.
func (e *expecter) object(indent string) {
	for !e.failed && e.decoder.More() {
		name, err := e.decoder.Token()
		if err != nil {
			e.failed = true
			return
		}
		key, _ := name.(string)
		if e.except[key] {
			var passed json.RawMessage
			e.failed = e.decoder.Decode(&passed) != nil
			continue
		}
		e.value(indent, indent+key+":")
	}
	_, err := e.decoder.Token()
	e.failed = e.failed || err != nil
}

// value writes one value behind what it begins with: its key, or its dash.
func (e *expecter) value(indent, begin string) {
	token, err := e.decoder.Token()
	if err != nil {
		e.failed = true
		return
	}
	switch token := token.(type) {
	case json.Delim:
		if token == '[' {
			e.list(indent, begin)
			return
		}
		if strings.HasSuffix(begin, "-") {
			from := len(e.lines)
			e.object(indent + "  ")
			if from < len(e.lines) {
				e.lines[from] = indent + "- " + strings.TrimLeft(e.lines[from], " ")
			}
			e.failed = e.failed || from == len(e.lines)
			return
		}
		e.lines = append(e.lines, begin)
		from := len(e.lines)
		e.object(indent + "  ")
		if from == len(e.lines) {
			e.lines = e.lines[:from-1]
		}
	case json.Number:
		e.lines = append(e.lines, begin+" "+token.String())
	case bool:
		e.lines = append(e.lines, begin+" "+map[bool]string{true: "true", false: "false"}[token])
	case string:
		e.failed = e.failed || !safe(token, 4*maxValue)
		e.lines = append(e.lines, begin+" "+quote(token))
	default:
		e.failed = true
	}
}

// list writes the items up to the bracket that closes them.
func (e *expecter) list(indent, begin string) {
	e.lines = append(e.lines, begin)
	for !e.failed && e.decoder.More() {
		e.value(indent+"  ", indent+"  -")
	}
	_, err := e.decoder.Token()
	e.failed = e.failed || err != nil
}
