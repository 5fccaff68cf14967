package main

import "formrelay/internal/profile/reference"

// helpCmd is what is explained at length.
type helpCmd struct {
	Profile helpProfileCmd `cmd:"" help:"The language of profiles: every key, function and field, with examples."`
}

type helpProfileCmd struct{}

// Run prints the reference of the language.
func (helpProfileCmd) Run(w *world) error { return reference.Text(w.stdout) }

// schemaCmd is what an editor is given.
type schemaCmd struct{}

// Run prints the JSON Schema of a profile.
func (schemaCmd) Run(w *world) error {
	schema, err := reference.Schema()
	if err != nil {
		return err
	}
	_, err = w.stdout.Write(schema)
	return err
}
