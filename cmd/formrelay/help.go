package main

import (
	"strings"

	"github.com/alecthomas/kong"
)

// described is a flag's line in the help: what it does, what holds without it, and the variable that sets it. Kong shows a default only
// where a flag has no placeholder, and ours have one, so that a line says what is to be written.
func described(v *kong.Value) string {
	shown := *v
	if v.Tag.PlaceHolder != "" && v.HasDefault && v.Default != "" {
		shown.Help = strings.TrimSuffix(v.Help, ".") + "; without it " + v.Default + "."
	}
	return kong.DefaultHelpValueFormatter(&shown)
}
