package mapping

import (
	"slices"

	"formrelay/internal/form"
)

// namingFiles puts the names of files behind the pairs, as if they had been typed: an expression sees that there is a photo and what
// it is called, a rule can require one, and `rest` tells a manager which file belongs to the order although KeyCRM may refuse it.
// The caller's fields stay as they are.
func namingFiles(f *form.Fields) *form.Fields {
	if len(f.Files) == 0 {
		return f
	}
	named := &form.Fields{Pairs: slices.Clone(f.Pairs), Charset: f.Charset}
	for _, file := range f.Files {
		named.Pairs = append(named.Pairs, form.Pair{Name: file.Field, Value: file.Name})
	}
	return named
}

// Label is what the profile calls a posted field for people, by language; nil where it says nothing.
func (m *Mapping) Label(field string) map[string]string {
	for _, f := range m.fields {
		if slices.ContainsFunc(aliases(root(field)), func(name string) bool { return name == root(f.name) }) {
			return f.label
		}
	}
	return nil
}
