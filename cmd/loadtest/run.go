package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
)

// The exit codes: all as promised, something broken, called wrongly.
const (
	exitFine    = 0
	exitProblem = 1
	exitUsage   = 2
)

// world is what a command may touch of the process around it.
type world struct {
	ctx    context.Context
	stdout io.Writer
	stderr io.Writer
}

// say tells whoever watches how far the run is; the result goes to standard output.
func (w *world) say(format string, args ...any) {
	fmt.Fprintf(w.stderr, "loadtest: "+format+"\n", args...)
}

// usageError is a fault in how the program was called.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// errBroken ends a run whose report says what was broken.
var errBroken = errors.New("what was promised was not kept: see the report")

// run is the program. Ctrl-C ends the run and every process that it started; a second one ends at once.
func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	err := dispatch(args, &world{ctx: ctx, stdout: stdout, stderr: stderr})
	if err == nil {
		return exitFine
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		fmt.Fprintln(stderr, "loadtest:", line)
	}
	if errors.As(err, &usageError{}) {
		return exitUsage
	}
	return exitProblem
}

// helped is what kong's exit function panics with after it printed the help.
type helped struct{}

// dispatch reads the command line and runs the command: a load, or the bare handler, which the program starts of itself.
func dispatch(args []string, w *world) error {
	if len(args) > 0 && args[0] == "bare" {
		var c bareCmd
		return parsed(args[1:], w, &c, c.Run)
	}
	var c loadCmd
	return parsed(args, w, &c, c.Run)
}

// parsed fills the command from the arguments and runs it, unless they ask for help.
func parsed(args []string, w *world, command any, run func(*world) error) (err error) {
	parser, err := kong.New(command,
		kong.Name("loadtest"),
		kong.Description("Puts the relay under load, breaks things, and counts what arrived in KeyCRM: lost 0, doubled 0."),
		kong.Writers(w.stdout, w.stderr),
		kong.Exit(func(int) { panic(helped{}) }),
	)
	if err != nil {
		return err
	}
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(helped); !ok {
				panic(r)
			}
			err = nil
		}
	}()
	if _, err := parser.Parse(args); err != nil {
		return usageError{fmt.Errorf("%w\nrun loadtest --help", err)}
	}
	return run(w)
}
