package profile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"formrelay/internal/form"
	"formrelay/internal/mapping"
)

// Test is one post with what must become of it, written beside the mapping.
type Test struct {
	Name   string // may be empty
	Pos    mapping.Pos
	Form   []form.Pair
	Expect *mapping.Node // as much of the entity as matters; nil: only that there is one
}

// The bounds of the tests in a file of at most [MaxFile]: a test costs as much as a post.
const (
	maxTests     = 200
	maxTestPairs = 1000 // as many as a form may post by default
)

// testID is the id of a test's post, and the moment that of its arrival.
const testID = "00000000000000000000000000"

func testTime() time.Time { return time.Date(2026, 3, 4, 9, 15, 0, 0, time.UTC) }

// posted reads a test's form as the pairs that a browser would post.
func (r *reader) posted(t *tree) []form.Pair {
	if t.node == nil || !r.isObject("a test's form", t.node, "name: Olena") {
		return nil
	}
	var pairs []form.Pair
	for _, e := range t.node.Entries {
		switch values := e.Value; values.Kind {
		case mapping.Null:
			pairs = append(pairs, form.Pair{Name: e.Key})
		case mapping.Scalar:
			pairs = append(pairs, form.Pair{Name: e.Key, Value: values.Text})
		case mapping.List:
			pairs = append(pairs, r.repeated(e.Key, values.Items)...)
		case mapping.Map:
			r.add(values.Pos, "a test's form posts values, and "+e.Key+" is an object", `write the name as the form has it: "`+e.Key+`[…]": value`)
		}
	}
	if len(pairs) > maxTestPairs {
		r.add(t.node.Pos, fmt.Sprintf("this test posts %d values; %d are allowed", len(pairs), maxTestPairs), "post fewer")
		return nil
	}
	return pairs
}

// repeated is one name with several values.
func (r *reader) repeated(name string, items []*mapping.Node) []form.Pair {
	var pairs []form.Pair
	for _, item := range items {
		if item.Kind == mapping.Map || item.Kind == mapping.List {
			r.add(item.Pos, "a test's form posts values, and an item of "+name+" is "+item.Kind.String(), "write one value")
			continue
		}
		pairs = append(pairs, form.Pair{Name: name, Value: item.Text})
	}
	return pairs
}

// expected reads what a test expects, which has the entity's own shape.
func (r *reader) expected(t *tree) *mapping.Node {
	if t.node == nil || !r.isObject("a test's expect", t.node, "buyer: {full_name: Olena}") {
		return nil
	}
	return t.node
}

// RunTests tries every test of the profile and tells what came out otherwise than expected, each difference at its place in the file.
func (p *Profile) RunTests() Faults {
	if len(p.Tests) == 0 {
		return nil
	}
	c := p.collector()
	if len(p.Tests) > maxTests {
		c.add(p.Tests[maxTests].Pos, fmt.Sprintf("there are %d tests; %d are allowed in one profile", len(p.Tests), maxTests), "take some out")
		return c.sorted()
	}
	for i, t := range p.Tests {
		name := quote(t.Name)
		if t.Name == "" {
			name = strconv.Itoa(i + 1)
		}
		run := &trial{collector: c, name: "the test " + name}
		run.try(p, t)
	}
	return c.sorted()
}

// trial is one test being tried.
type trial struct {
	*collector
	name string
}

// try maps the test's post and holds what comes out against what is expected.
func (t *trial) try(p *Profile, test Test) {
	result := p.Mapping.Apply(mapping.Input{ID: testID, Now: testTime(), Fields: &form.Fields{Pairs: test.Form, Charset: "utf-8"}})
	for _, c := range result.Corrections {
		t.add(test.Pos, t.name+": the visitor would be told to correct "+quote(c.Field)+correctionText(c), "mend what the test posts, or the rule")
	}
	for _, problem := range result.Problems {
		t.add(problem.Pos, t.name+": the submission would be held: "+problem.Path+": "+problem.Text, "mend the mapping, or what the test posts")
	}
	if result.Entity == nil || test.Expect == nil {
		return
	}
	var entity any
	d := json.NewDecoder(bytes.NewReader(result.Entity))
	d.UseNumber()
	if err := d.Decode(&entity); err != nil {
		t.add(test.Pos, t.name+": the entity cannot be read back", "that is the relay's fault: please report it with the file")
		return
	}
	t.hold("", test.Expect, entity)
}

// correctionText names the rule of a correction.
func correctionText(c mapping.Correction) string {
	rule := strings.TrimSuffix(c.Tag+"="+c.Param, "=")
	if rule == "" {
		rule = strings.ToLower(strings.ReplaceAll(c.Code, "_", " "))
	}
	return " (" + rule + ")"
}

const mendTest = "mend the mapping, or what the test expects"

// hold compares one expected value with what there is at its path.
func (t *trial) hold(path string, want *mapping.Node, got any) {
	switch want.Kind {
	case mapping.Map:
		t.holdObject(path, want, got)
	case mapping.List:
		t.holdList(path, want, got)
	case mapping.Scalar:
		if !equalValue(want, got) {
			t.add(want.Pos, t.name+" expects "+path+" to be "+shownNode(want, got)+", and it is "+shownValue(got), mendTest)
		}
	case mapping.Null:
		if got != nil {
			t.add(want.Pos, t.name+" expects no "+path+", and it is "+shownValue(got), mendTest)
		}
	}
}

func (t *trial) holdObject(path string, want *mapping.Node, got any) {
	object, ok := got.(map[string]any)
	if !ok {
		t.add(want.Pos, t.name+" expects "+path+" to have fields, and it is "+shownValue(got), mendTest)
		return
	}
	for _, e := range want.Entries {
		at := strings.TrimPrefix(path+"."+e.Key, ".")
		value, there := object[e.Key]
		if e.Value.Kind == mapping.Null && e.Value.Pos == (mapping.Pos{}) {
			e.Value.Pos = e.Pos
		}
		if !there && e.Value.Kind != mapping.Null {
			t.add(e.Pos, t.name+" expects "+at+", and it is not sent"+sent(object), mendTest)
			continue
		}
		t.hold(at, e.Value, value)
	}
}

// sent lists what an object has instead of the field that is missing.
func sent(object map[string]any) string {
	keys := sortedKeys(object)
	if len(keys) == 0 {
		return ""
	}
	return "; what is sent there: " + strings.Join(keys, ", ")
}

func (t *trial) holdList(path string, want *mapping.Node, got any) {
	items, ok := got.([]any)
	if !ok {
		t.add(want.Pos, t.name+" expects "+path+" to be a list, and it is "+shownValue(got), mendTest)
		return
	}
	if len(items) != len(want.Items) {
		t.add(want.Pos, fmt.Sprintf("%s expects %s to have %d, and it has %d: %s", t.name, path, len(want.Items), len(items), shownValue(got)), mendTest)
		return
	}
	for i, item := range want.Items {
		t.hold(path+"."+strconv.Itoa(i), item, items[i])
	}
}

// equalValue compares as a person would: numbers by their size, everything else by its text.
func equalValue(want *mapping.Node, got any) bool {
	switch got := got.(type) {
	case string:
		return got == want.Text
	case bool:
		return strconv.FormatBool(got) == strings.ToLower(want.Text)
	case json.Number:
		a, ok := number(want.Text)
		b, also := number(got.String())
		return ok && also && a.Cmp(b) == 0
	}
	return false
}

// number reads a plain decimal. An exponent could ask for a number of a million digits.
func number(text string) (*big.Rat, bool) {
	if text == "" || strings.IndexFunc(text, func(c rune) bool { return !slices.Contains([]rune("0123456789.-"), c) }) >= 0 {
		return nil, false
	}
	return new(big.Rat).SetString(text)
}

// shownNode is an expected value in a sentence, in quotes where what there is has some: a text.
func shownNode(want *mapping.Node, got any) string {
	_, isNumber := number(want.Text)
	_, isText := got.(string)
	if !isText && !want.Quoted && (isNumber || want.Text == "true" || want.Text == "false") {
		return want.Text
	}
	return quote(want.Text)
}

// shownValue is what there is, in a sentence.
func shownValue(v any) string {
	switch v := v.(type) {
	case nil:
		return "not sent"
	case string:
		return quote(v)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "something else"
	}
	return cut(strings.TrimSpace(b.String()), maxSource)
}

// Warnings are what is no fault of the profile and yet goes wrong in a shop sooner or later.
func (p *Profile) Warnings() Faults {
	var found []Finding
	for _, w := range p.Mapping.Warnings() {
		found = append(found, Finding{Pos: w.Pos, What: w.What, Do: w.Do, Warning: true})
	}
	return p.Findings(found)
}
