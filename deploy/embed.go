// Package deploy holds what an operator starts from. Its profiles are embedded, so that the demo runs the very files that the
// documentation shows.
package deploy

import "embed"

// Profiles are the example profiles, at profiles/<name>.yaml.
//
//go:embed profiles/*.yaml
var Profiles embed.FS
