// Package expression is what may stand between `${` and `}` in a profile: github.com/expr-lang/expr,
// with the form's fields as its names, nothing that stays nothing instead of failing, and bounds on
// what one expression can cost.
//
// The functions, besides expr's operators: list, num, date, join and e164 are the relay's own; string,
// trim, trimPrefix, trimSuffix, upper, lower, hasPrefix, hasSuffix, replace, split and fromJSON are for
// texts; int, abs, ceil, floor, round, min, max, mean, median and duration for numbers and times; len,
// first, last, take, reverse, uniq, concat, flatten and sort for lists; and all, any, none, one, count,
// sum, map, filter, find, findIndex, findLast, findLastIndex, sortBy and reduce take a formula for each
// item of one.
//
// An expression is parsed and checked when the profile is loaded; its syntax tree is rewritten so that
// member access, arithmetic and conditions follow the relay's rules; then expr's own compiler and
// machine do the work.
package expression

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"

	"formrelay/internal/mapping/value"
)

// The bounds of one expression. Its source is the profile's, so they only have to keep a slip from
// doing harm; what a visitor posts is bounded before, and maxNesting keeps loops over loops over loops
// of it out.
const (
	maxSource  = 4000 // characters
	maxNodes   = 1000
	maxNesting = 2      // predicates inside predicates
	maxMemory  = 100000 // items of all lists that one run makes
)

// maxWork bounds what all expressions of one post do together, in steps; see [Env.Spend]. What is posted is bounded, but loops over it
// inside loops over it are not bounded enough: they would take many seconds of a few kilobytes. It lets through a loop over 1,000 items
// inside another one, which takes some tenths of a second, and a calculation for each of 500 lines many times over.
const maxWork = 2_000_000

// The prices of work in steps of some tenths of a microsecond. They count what there is to do, never time, so that the same post
// always ends in the same way.
const (
	textStep  = 32 // bytes of a text that one step looks at
	matchStep = 4  // bytes of a text that one step holds against a pattern
	bodyStep  = 8  // nodes of a predicate's formula that one step evaluates
)

// ErrWork is the error of an expression for which the post's budget of work is used up.
var ErrWork = errors.New("the expression does too much work for this form")

// Options is what expressions can know of their profile.
type Options struct {
	Region   string         // how local phone numbers are read
	Location *time.Location // the form's time zone; nil is UTC
	Tables   map[string]*Table
	Numeric  map[string]bool // the form's fields that arrive as numbers
}

// Language compiles the expressions of one profile. It is safe for concurrent use.
type Language struct {
	region     string
	location   *time.Location
	tables     map[string]*Table
	numeric    map[string]bool
	functions  map[string]function
	predicates map[string]bool

	mu   sync.Mutex
	conf *conf.Config // by mu: expr's checker keeps what it learns of types in it
}

// New makes the language of one profile.
func New(o Options) *Language {
	if o.Location == nil {
		o.Location = time.UTC
	}
	l := &Language{
		region: o.Region, location: o.Location, tables: o.Tables, numeric: o.Numeric,
		functions: functions(), predicates: predicates(),
	}
	l.conf = l.config()
	return l
}

// Fault is something wrong with an expression or a template.
type Fault struct {
	Offset   int // characters (runes) before the offending one
	What, Do string
}

// Scope is where an expression stands.
type Scope struct {
	Each  bool // below an `each`: item and index mean something
	Money bool // its value is money: num(…) refuses what could be thousands or decimals
	Lines bool // with Money: its value is lines that have money in them; what only chooses among them is none
}

// Expr is a compiled expression. It is safe for concurrent use.
type Expr struct {
	Source string
	Reads  []Path // what it reads to decide or to compute with
	Passes []Path // what it reads and hands on as it is, in whole or in part
	Typed  bool   // what it comes to is a field's value, or is calculated from one, so that whoever posts the form chooses it

	Known     []Known  // the values that it may come to and that are known before anything is posted
	Open      bool     // it may come to something else than those and nothing
	Many      bool     // what it comes to is certain to be a list, of which Known are items
	Lookups   []Lookup // the tables whose rows it chooses, wherever in it
	Canonical string   // the expression in one spelling, so that two can be compared

	l       *Language
	direct  []Step // with simple: the members that it is
	root    Root
	simple  bool
	program *vm.Program
}

// Path is the path that the whole expression is, ok only when it is nothing but one.
func (x *Expr) Path() (p Path, ok bool) { return Path{Root: x.root, Steps: x.direct}, x.simple }

// Compile compiles one expression or tells every fault in it.
func (l *Language) Compile(source string, in Scope) (*Expr, []Fault) {
	if f, wrong := unreadable(source); wrong {
		return nil, []Fault{f}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	tree, err := parser.ParseWithConfig(source, l.conf)
	if err != nil {
		return nil, []Fault{syntaxFault(source, err)}
	}
	c := check{l: l, in: in, source: []rune(source), lets: map[string]bool{}}
	c.walk(tree.Node)
	if c.faults != nil {
		return nil, c.faults
	}
	values := typed{lets: map[string]bool{}}
	e := &Expr{Source: source, l: l, Typed: values.of(tree.Node)}
	e.foresee(tree.Node)
	r := reader{l: l, lets: map[string]*Path{}}
	r.walk(tree.Node, fate{flows: true})
	e.Reads, e.Passes = r.reads, r.passes
	if e.root, e.direct, e.simple = simple(&r, tree.Node); e.simple {
		return e, nil
	}
	w := rewriter{l: l, lets: map[string]bool{}, in: in}
	w.rewrite(&tree.Node, false)
	if e.program, err = assemble(tree, l.conf); err != nil {
		return nil, []Fault{syntaxFault(source, err)}
	}
	return e, nil
}

// unreadable finds what expr should not even be given.
func unreadable(source string) (Fault, bool) {
	n := runes(source)
	switch {
	case blank(source):
		return Fault{What: "there is no expression between `${` and `}`", Do: "name a form field, as in ${name}"}, true
	case n > maxSource:
		return Fault{
			Offset: maxSource, What: fmt.Sprintf("the expression has %d characters; %d are allowed", n, maxSource),
			Do: "put the cases into a table under `tables`",
		}, true
	}
	return Fault{}, false
}

// simple tells whether the tree is one plain path of constant steps, which needs no machine to
// evaluate.
func simple(r *reader, n ast.Node) (Root, []Step, bool) {
	p := r.path(n)
	if p == nil {
		return 0, nil, false
	}
	for _, s := range p.Steps {
		if s.Any {
			return 0, nil, false
		}
	}
	return p.Root, p.Steps, true
}

// config is expr's configuration. All of its functions but the predicates are replaced by the relay's,
// which take nothing for an answer; unknown names are not its business, since check has seen to them.
func (l *Language) config() *conf.Config {
	config := conf.CreateNew()
	options := []expr.Option{
		expr.DisableAllBuiltins(), expr.Env(map[string]any{}), expr.AllowUndefinedVariables(), expr.MaxNodes(maxNodes),
	}
	for name, f := range l.functions {
		options = append(options, expr.Function(name, l.bind(f)))
	}
	for name, f := range l.hidden() {
		options = append(options, expr.Function(name, f))
	}
	for _, option := range options {
		option(config)
	}
	for name := range config.Disabled {
		delete(config.Builtins, name)
	}
	return config
}

// bind makes one of the functions callable for expr.
func (l *Language) bind(f function) func(...any) (any, error) {
	return func(args ...any) (any, error) {
		e, args := args[0].(*Env), args[1:]
		if err := e.Spend(f.work(args)); err != nil {
			return nil, err
		}
		v, err := f.call(l, args)
		if err != nil {
			return nil, err
		}
		if many, ok := v.([]any); ok && !f.light { // flatten and concat give more than they take
			err = e.Spend(len(many))
		}
		return v, err
	}
}

// assemble has expr check the types of a rewritten tree, which its compiler relies on, and compile it.
func assemble(tree *parser.Tree, config *conf.Config) (*vm.Program, error) {
	if _, err := checker.Check(tree, config); err != nil {
		return nil, err
	}
	return compiler.Compile(tree, config)
}

// Visitor is what expressions read as `visitor`; what is empty is nothing.
type Visitor struct{ IP, UserAgent, Referrer, Page, Language string }

// Env is what one run of expressions reads. It is used by one goroutine at a time, for many expressions
// in turn and, after [Env.Reset], for another post: its machine and maps are used again, which saves
// most of the cost of a run.
type Env struct {
	l       *Language
	form    map[string]any
	item    any
	vars    map[string]any
	visitor map[string]any
	all     func(name string) []any
	lists   map[string][]any // what list(name) gives, by name: loops ask for it again and again
	left    int              // of maxWork
	vm      vm.VM
}

// NewEnv makes an environment. It has to be Reset before it is used.
func NewEnv(l *Language) *Env {
	e := &Env{l: l, vars: make(map[string]any, 8), visitor: make(map[string]any, 5), vm: vm.VM{MemoryBudget: maxMemory}}
	e.vars["visitor"], e.vars[varEnv] = e.visitor, e
	return e
}

// Reset gives the environment another post. all gives every value posted under a plain name, in order;
// nil gives none.
func (e *Env) Reset(form map[string]any, all func(name string) []any, now time.Time, v Visitor) {
	e.form, e.all, e.left = form, all, maxWork
	clear(e.lists)
	e.vars["form"], e.vars["now"] = form, value.Moment{Time: now.In(e.l.location)}
	clear(e.visitor)
	e.know("ip", v.IP)
	e.know("user_agent", v.UserAgent)
	e.know("referrer", v.Referrer)
	e.know("page", v.Page)
	e.know("language", v.Language)
	clear(e.vm.Variables)
	e.At(nil, nil)
}

// know sets a member of visitor; one that is not known stays nothing.
func (e *Env) know(name, text string) {
	if text != "" {
		e.visitor[name] = text
	}
}

// At sets the line that `each` is at.
func (e *Env) At(item, index any) {
	e.item = item
	e.vars["item"], e.vars["index"] = item, index
}

// Item is the line that `each` is at.
func (e *Env) Item() (item, index any) { return e.item, e.vars["index"] }

// Spend takes steps from the post's budget of work, and is [ErrWork] when there are not so many left. An evaluation takes one, a
// function one for each item and each [textStep] bytes that it is given or makes, a predicate one for each item and [bodyStep] nodes of
// its formula.
func (e *Env) Spend(steps int) error {
	if e.left -= steps; e.left < 0 {
		e.left = 0
		return ErrWork
	}
	return nil
}

// posted is list(name) of a plain field: every value posted under the name that is there.
func (e *Env) posted(name string) ([]any, error) {
	if items, known := e.lists[name]; known {
		return items, e.Spend(1)
	}
	items := present(e.all(name))
	if e.lists == nil {
		e.lists = make(map[string][]any)
	}
	e.lists[name] = items
	return items, e.Spend(1 + len(items))
}

// Eval runs the expression. The error is a sentence for ops, without a position; a *MissingKey says
// which table lacks which key, and [ErrWork] ends all evaluations of the post.
func (x *Expr) Eval(e *Env) (any, error) {
	if err := e.Spend(1); err != nil {
		return nil, err
	}
	if !x.simple {
		v, err := e.vm.Run(x.program, e.vars)
		if err != nil {
			return nil, readable(err)
		}
		return v, nil
	}
	var v any = e.form
	if x.root == Item {
		v = e.item
	}
	return x.l.descend(v, x.direct)
}

// descend follows constant steps from a value. It is what the machine would do with the same
// expression, for a fraction of the cost: most expressions of most profiles are one field.
func (l *Language) descend(v any, steps []Step) (any, error) {
	var err error
	for _, s := range steps {
		if v, err = l.fetch(v, s.Key); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// readable is the machine's error without its drawing of the source.
func readable(err error) error {
	var fe *file.Error
	if !errors.As(err, &fe) {
		return err
	}
	if fe.Prev != nil {
		return fe.Prev
	}
	return errors.New(shorten(fe.Message))
}

// blank tells whether there is nothing to parse.
func blank(s string) bool {
	for _, r := range s {
		if r != ' ' && r != '\t' && r != '\n' && r != '\r' {
			return false
		}
	}
	return true
}

// quote writes a name as it has to stand in form["…"].
func quote(s string) string { return strconv.Quote(s) }
