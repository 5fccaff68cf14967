package mapping

import (
	"slices"
	"strconv"
	"strings"

	"formrelay/internal/form"
	"formrelay/internal/mapping/expression"
	"formrelay/internal/mapping/value"
)

// replyTo is the name under which some form services post the visitor's email.
const replyTo = "_replyto"

// posted finds the pairs of a post that a path of an expression stands for. It is made only for posts
// that need it: for `rest`, for a fault, for explaining.
type posted struct {
	fields *form.Fields
	paths  [][]string       // of each pair, its root in PHP's name
	roots  map[string][]int // the pairs that a root answers by: its raw name, PHP's, and the one an expression can hold
	raw    map[string]bool  // the roots as posted
}

// newPosted indexes a post. A root that was posted as such belongs to that field alone; another field's
// alias never takes it, as in form's own values.
func newPosted(f *form.Fields, t *form.Tree) *posted {
	p := &posted{fields: f, paths: t.Paths(), roots: map[string][]int{}, raw: map[string]bool{}}
	for i := range f.Pairs {
		name := root(f.Pairs[i].Name)
		p.raw[name] = true
		p.roots[name] = append(p.roots[name], i)
	}
	for i := range f.Pairs {
		name := root(f.Pairs[i].Name)
		if form.IsIdentifier(name) {
			continue
		}
		for _, alias := range aliases(name)[1:] {
			if !p.raw[alias] && !slices.Contains(p.roots[alias], i) {
				p.roots[alias] = append(p.roots[alias], i)
			}
		}
	}
	if !p.raw["email"] {
		p.roots["email"] = append(p.roots["email"], p.roots[replyTo]...)
	}
	return p
}

// root is a posted name without its brackets.
func root(name string) string {
	if i := strings.IndexByte(name, '['); i > 0 {
		return name[:i]
	}
	return name
}

// aliases are the names that a posted root answers to: itself first, PHP's name, and the one that an
// expression can hold.
func aliases(root string) []string {
	names := []string{root}
	if form.IsIdentifier(root) {
		return names
	}
	if path := form.Path(root); len(path) > 0 && path[0] != root {
		names = append(names, path[0])
	}
	if id := form.Identifier(root); !slices.Contains(names, id) {
		names = append(names, id)
	}
	return names
}

// pairs are the pairs at or below a path of the form, in posted order.
func (p *posted) pairs(steps []expression.Step) []int {
	if len(steps) == 0 || steps[0].Any {
		all := make([]int, len(p.paths))
		for i := range all {
			all[i] = i
		}
		return all
	}
	found := p.roots[steps[0].Key]
	if len(steps) == 1 {
		return found
	}
	var below []int
	for _, i := range found {
		if under(p.paths[i][1:], steps[1:]) {
			below = append(below, i)
		}
	}
	return below
}

// under tells whether a pair's path lies at or below the steps. A pair whose path ends before them does
// not.
func under(path []string, steps []expression.Step) bool {
	if len(path) < len(steps) {
		return false
	}
	for i, s := range steps {
		if !s.Any && s.Key != path[i] {
			return false
		}
	}
	return true
}

// name is the posted name that a path stands for: of the last pair exactly there, since that one
// counts, else of the first below it.
func (p *posted) name(steps []expression.Step) (name string, ok bool) {
	found := p.pairs(steps)
	for _, i := range slices.Backward(found) {
		if len(p.paths[i]) == len(steps) {
			return p.fields.Pairs[i].Name, true
		}
	}
	if len(steps) > 0 && len(found) > 0 {
		return p.fields.Pairs[found[0]].Name, true
	}
	return p.above(steps)
}

// filled tells whether something was typed into a field.
func (p *posted) filled(name string) bool {
	return slices.ContainsFunc(p.fields.Pairs, func(pair form.Pair) bool {
		return pair.Name == name && strings.TrimSpace(pair.Value) != ""
	})
}

// typed is the pair at or below a path that a text was typed in, -1 when there is none.
func (p *posted) typed(steps []expression.Step, text string) int {
	for _, i := range p.pairs(steps) {
		if strings.TrimSpace(p.fields.Pairs[i].Value) == text {
			return i
		}
	}
	return -1
}

// mark marks the pairs that a read of a path uses. With part it is certain only of a plain value that stands exactly there, and of
// several such, with all, of none. Of a name that is repeated a read gets the pair that counts; the pairs before it are not marked,
// since what was typed into them is nowhere else, unless they say no more than nothing: the hidden half of a checkbox does.
func (p *posted) mark(used []bool, steps []expression.Step, part, all bool) {
	found := p.pairs(steps)
	if part {
		found = slices.DeleteFunc(slices.Clone(found), func(i int) bool { return len(p.paths[i]) != len(steps) })
		if all && len(found) > 1 {
			return
		}
	}
	var hidden map[int]bool
	if !all && len(found) > 1 {
		hidden = p.hidden(found)
	}
	for _, i := range found {
		if !hidden[i] || !value.Truthy(p.fields.Pairs[i].Value) {
			used[i] = true
		}
	}
}

// hidden are those of some pairs, in posted order, whose place a later one of them took: it has the same path, or one that ends where
// the other goes on, or goes on where the other ends.
func (p *posted) hidden(found []int) map[int]bool {
	hidden, leaves, levels := map[int]bool{}, map[string]bool{}, map[string]bool{}
	for _, i := range slices.Backward(found) {
		place := ""
		for n, key := range p.paths[i] {
			hidden[i] = hidden[i] || leaves[place]
			if n > 0 {
				levels[place] = true
			}
			place += "\x00" + key
		}
		hidden[i] = hidden[i] || leaves[place] || levels[place]
		leaves[place] = true
	}
	return hidden
}

// above is the name of a plain value that was posted where the path goes further: `${name.first}` and
// name=O.
func (p *posted) above(steps []expression.Step) (name string, ok bool) {
	for n := len(steps) - 1; n > 0; n-- {
		for _, i := range slices.Backward(p.pairs(steps[:n])) {
			if len(p.paths[i]) == n {
				return p.fields.Pairs[i].Name, true
			}
		}
	}
	return "", false
}

// spelled is the name that a form would post a path under.
func spelled(steps []expression.Step) string {
	var b strings.Builder
	for i, s := range steps {
		key := s.Key
		if s.Any {
			key = ""
		}
		if i == 0 {
			b.WriteString(key)
		} else {
			b.WriteString("[" + key + "]")
		}
	}
	return b.String()
}

// keyAt finds the key that the item at a position of a list was posted under: products[5][sku] alone is
// the first item.
func keyAt(t *form.Tree, prefix []expression.Step, at string) string {
	path := make([]string, len(prefix))
	for i, s := range prefix {
		path[i] = s.Key
	}
	keys := t.Order(path)
	i, err := strconv.Atoi(at)
	if err != nil || i < 0 || i >= len(keys) || !digitsOnly(keys) {
		return at
	}
	return keys[i]
}

// digitsOnly tells whether the keys are all numbers, which is when their values are a list.
func digitsOnly(keys []string) bool {
	for _, key := range keys {
		if _, err := strconv.Atoi(key); err != nil {
			return false
		}
	}
	return true
}
