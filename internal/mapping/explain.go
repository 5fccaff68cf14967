package mapping

import (
	"slices"
	"strings"
)

// explain notes how a value came about and returns the route's number.
func (r *run) explain(e emission, from any) int {
	route := Route{Path: e.path, Pos: e.leaf.pos, To: e.text}
	if e.list != nil {
		route.To = strings.Join(e.list, listSeparator)
	}
	route.From, _ = r.text(from)
	switch {
	case e.leaf.template != nil:
		route.Expression = e.leaf.template.source
		route.Fields = r.fieldsOf(e.leaf.template, e.frame)
	default:
		sources := make([]string, len(e.leaf.list))
		for i, t := range e.leaf.list {
			sources[i] = t.source
			route.Fields = append(route.Fields, r.fieldsOf(t, e.frame)...)
		}
		route.Expression = strings.Join(sources, listSeparator)
	}
	r.res.Routes = append(r.res.Routes, route)
	return len(r.res.Routes) - 1
}

// sortedKeys gives a map an order that is the same in every run.
func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
