// Package command is the command pathgate: what operators and auditors type.
//
// Exit status: 0 yes, 1 no, 2 the command line is wrong, 3 pathgate could not
// find out.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/setup"
)

// Version is the version of this build; install.sh sets it at link time.
var Version = "0.1.0-dev"

// Exit statuses.
const (
	exitYes   = 0
	exitNo    = 1
	exitUsage = 2
	exitFault = 3
)

// An app is one run of the command.
type app struct {
	stdout, stderr io.Writer
	getenv         func(string) string
	now            func() time.Time
	policyFlag     string
}

// A failure carries an exit status. Its error is printed unless it is nil: a
// plain no has been explained already.
type failure struct {
	status int
	err    error
}

func (f *failure) Error() string {
	if f.err == nil {
		return "no"
	}
	return f.err.Error()
}

func (f *failure) Unwrap() error { return f.err }

// no ends the command with status 1, its reason already printed.
func no() error { return &failure{status: exitNo} }

// refused ends the command with status 1 and a reason.
func refused(err error) error { return &failure{exitNo, err} }

// faulted ends the command with status 3.
func faulted(err error) error {
	if err == nil {
		return nil
	}
	if already := (*failure)(nil); errors.As(err, &already) {
		return err
	}
	return &failure{exitFault, err}
}

// Run runs the command and returns its exit status.
func Run(args []string, stdout, stderr io.Writer, getenv func(string) string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	a := &app{stdout: stdout, stderr: stderr, getenv: getenv, now: time.Now}
	root := a.root()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitYes
	}
	f := (*failure)(nil)
	if !errors.As(err, &f) {
		fmt.Fprintf(stderr, "pathgate: %v\nhint: %s\n", err, helpOf(cmd))
		return exitUsage
	}
	if f.err != nil {
		fmt.Fprintf(stderr, "pathgate: %v\n", f.err)
		a.ledgerHint(f.err)
		a.userHint(f.err)
	}
	return f.status
}

// helpOf is the command that prints the help of a verb.
func helpOf(cmd *cobra.Command) string {
	if !cmd.HasParent() {
		return cmd.CommandPath() + " help"
	}
	return cmd.CommandPath() + " --help"
}

// userHint says to whom something is closed who he is, and who may.
func (a *app) userHint(err error) {
	if !errors.Is(err, fs.ErrPermission) || os.Geteuid() == 0 {
		return
	}
	whose := " or as the ledger's owner"
	if pol, _, err := a.loadPolicy(); err == nil && !pol.Shared() {
		switch name := setup.OwnerOf(pol.Ledger); name {
		case "":
		case "root":
			whose = ""
		default:
			whose += ", " + name
		}
	}
	fmt.Fprintf(a.stderr, "hint: you are %s; run it as root%s\n", setup.OperatingUser(), whose)
}

// ledgerHint prints what an operator can do about a ledger that must be accepted
// before anything goes on.
func (a *app) ledgerHint(err error) {
	if !errors.Is(err, ledger.ErrCut) && !errors.Is(err, ledger.ErrRoot) && !errors.Is(err, ledger.ErrClock) {
		return
	}
	named := ""
	if a.policyFlag != "" {
		named = " " + setup.Command("--policy", a.policyFlag)
	}
	fmt.Fprintf(a.stderr, "hint: find out why: pathgate doctor%s\nhint: then, to go on for ever on record: pathgate ledger repair --reason TEXT%s\n", named, named)
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "pathgate",
		Short:         "git server-side hooks that keep the path to production",
		Long:          rootHelp,
		SilenceErrors: true, SilenceUsage: true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		Args:              aVerb,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.PersistentFlags().StringVar(&a.policyFlag, "policy", "",
		"the policy `FILE` (default: the one that the repository names, else /etc/pathgate/policy.toml)")
	root.AddCommand(a.check(), a.install(), a.uninstall(), a.adopt(), a.status(), a.log(),
		a.explain(), a.reconcile(), a.doctor(), a.ledger(), a.shell(), a.version())
	root.AddCommand(a.lock(), a.unlock(), a.veto(), a.report())
	root.AddCommand(a.attest())
	root.AddCommand(a.board())
	root.AddCommand(a.evidence())
	root.AddCommand(a.metrics())
	root.AddCommand(a.witness())
	root.AddCommand(a.sync())
	root.AddCommand(a.stamp())
	root.AddCommand(topics(a.stdout)...)
	plainHelp(root)
	return root
}

func (a *app) version() *cobra.Command {
	return &cobra.Command{Use: "version", Short: "print the version",
		Long: "Version prints the version of pathgate, and \"with PostgreSQL\" if it can keep\n" +
			"the ledger there.", Args: words(),
		RunE: func(*cobra.Command, []string) error {
			with := ""
			if ledger.Linked {
				with = " with PostgreSQL"
			}
			fmt.Fprintln(a.stdout, "pathgate", Version+with)
			return nil
		}}
}
