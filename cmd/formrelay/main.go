// Command formrelay takes the forms of websites and brings them into KeyCRM as orders and pipeline cards.
package main

import (
	"os"
	_ "time/tzdata" // a profile names its time zone; a container image may hold none
)

// version is set by the build.
var version = "dev"

func main() {
	os.Exit(run(os.Args, os.Stdin, os.Stdout, os.Stderr, os.Getenv))
}
