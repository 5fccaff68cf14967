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
	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"

	"formrelay/internal/config"
)

// The exit codes: what was asked had a problem, or it was asked wrongly.
const (
	exitFine    = 0
	exitProblem = 1
	exitUsage   = 2
)

// world is what a command may touch of the process around it.
type world struct {
	ctx     context.Context
	program string // what the operator called, for lines that are there to be copied; a sentence says formrelay
	stdin   io.Reader
	stdout  io.Writer
	stderr  io.Writer
	getenv  func(string) string
	// captchas are asked in place of the providers' own addresses, by provider. Only tests have any.
	captchas map[string]string
}

// cli is the command line. Each command is a type of its own in a file of its own.
type cli struct {
	Demo        demoCmd        `cmd:"" help:"Show everything at work on this machine: a shop page, the relay and a stand-in for KeyCRM."`
	Serve       serveCmd       `cmd:"" help:"Take forms and deliver them to KeyCRM."`
	Sandbox     sandboxCmd     `cmd:"" help:"Run the stand-in for KeyCRM alone."`
	Check       checkCmd       `cmd:"" help:"Read profiles and report every fault."`
	Import      importCmd      `cmd:"" help:"Turn the PHP script that sent a form to KeyCRM into a profile."`
	Scaffold    scaffoldCmd    `cmd:"" help:"Make a profile of the form in a page of HTML."`
	Preview     previewCmd     `cmd:"" help:"Print the exact JSON that KeyCRM would get."`
	Profiles    profilesCmd    `cmd:"" help:"Look at the profiles and their history, and change those in the database."`
	Schema      schemaCmd      `cmd:"" help:"Print the JSON Schema of a profile, for editors."`
	Help        helpCmd        `cmd:"" help:"Print this, or explain at length: help profile."`
	Submissions submissionsCmd `cmd:"" help:"Look at what was posted, and decide about it."`
	Backup      backupCmd      `cmd:"" help:"Copy the SQLite database to a file while a server is at work on it."`
	Migrate     migrateCmd     `cmd:"" help:"Move everything from one database to another."`
	Account     accountCmd     `cmd:"" help:"Look at the KeyCRM accounts, pause and resume them."`
	Healthcheck healthcheckCmd `cmd:"" help:"Ask a running server whether it lives; exit 0 if it does."`
	Version     versionCmd     `cmd:"" help:"Print the version."`
}

// usageError is a fault in how the command was called: exit 2.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// silentError ends a command with exit 1 after it has said itself what is wrong.
type silentError struct{}

func (silentError) Error() string { return "said already" }

// run is the program: it reads the command line (args[0] is its own name), runs the command and turns its error into words and an exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer, getenv func(string) string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	w := &world{ctx: ctx, program: args[0], stdin: stdin, stdout: stdout, stderr: stderr, getenv: getenv}
	err := dispatch(args[1:], w)
	var usage usageError
	switch {
	case err == nil:
		return exitFine
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return exitFine // it was told to stop and did, however early
	case errors.As(err, &usage) && errors.As(err, &silentError{}):
		return exitUsage
	case errors.As(err, &silentError{}):
		return exitProblem
	case errors.As(err, &usage):
		complain(stderr, err)
		return exitUsage
	}
	complain(stderr, err)
	return exitProblem
}

// complain prints an error as "formrelay: …", one line for each of its parts.
func complain(stderr io.Writer, err error) {
	for line := range strings.SplitSeq(err.Error(), "\n") {
		fmt.Fprintln(stderr, "formrelay:", line)
	}
}

// helped is what kong's exit function panics with after it printed the help.
type helped struct{ code int }

func dispatch(args []string, w *world) (err error) {
	var commands cli
	parser, err := kong.New(&commands,
		kong.Name("formrelay"),
		kong.Description("Takes a website's forms and brings them into KeyCRM, none lost, none twice.\n\nStart with: formrelay demo"),
		kong.Writers(w.stdout, w.stderr),
		kong.Exit(func(code int) { panic(helped{code}) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.ValueFormatter(described),
	)
	if err != nil {
		return err
	}
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(helped); !ok {
				panic(r)
			}
			if err = nil; len(args) == 0 {
				err = usageError{silentError{}}
			}
		}
	}()
	if len(args) == 0 {
		return overview(parser, w.stderr)
	}
	if len(args) == 1 && args[0] == "help" {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if err != nil {
		return usageError{fmt.Errorf("%w\nrun formrelay --help, or formrelay COMMAND --help", err)}
	}
	return command.Run(w)
}

// overview prints every command for somebody who named none: that is wrong usage, but no reason to leave them guessing.
func overview(parser *kong.Kong, to io.Writer) error {
	parser.Stdout = to
	fmt.Fprintln(to, "formrelay: name a command")
	_, err := parser.Parse([]string{"--help"}) // it prints, and ends with the exit function
	return err
}

// logger writes to standard error: a line of JSON each, or words on a terminal.
func logger(w *world, o config.Log) zerolog.Logger {
	level, err := zerolog.ParseLevel(o.Level)
	if err != nil {
		level = zerolog.InfoLevel
	}
	out := w.stderr
	if o.Format == "console" || o.Format == "auto" && terminal(w.stderr) {
		out = zerolog.ConsoleWriter{Out: w.stderr, TimeFormat: "15:04:05", NoColor: !terminal(w.stderr)}
	}
	return zerolog.New(out).Level(level).With().Timestamp().Logger()
}

// terminal tells whether a person reads what is written there.
func terminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	return ok && isatty.IsTerminal(file.Fd())
}
