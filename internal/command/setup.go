package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/pathgate/pathgate/internal/policyfile"
	"github.com/pathgate/pathgate/internal/setup"
	"github.com/pathgate/pathgate/policy"
)

func (a *app) install() *cobra.Command {
	var hooks string
	cmd := &cobra.Command{
		Use:   "install REPO...",
		Short: "put repositories under the gate",
		Long: "Install wires pathgate's hooks into repositories and sets what git needs\n" +
			"for them in their configuration. A pre-receive or post-receive hook that\n" +
			"is there already keeps its say. If there is no ledger yet, it is made.\n" +
			"Running it again changes nothing, or follows the policy where that has\n" +
			"changed. Each repository is done by itself. Status 1: one cannot be under\n" +
			"the gate as it is, or has a problem that is left to you; 3: one could not\n" +
			"be examined or changed.",
		Args: someRepositories,
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := a.setupOptions(args, hooks)
			if err != nil {
				return err
			}
			return a.runInstall(cmd.Context(), o, args)
		},
	}
	hooksFlag(cmd, &hooks)
	return cmd
}

func (a *app) uninstall() *cobra.Command {
	var hooks string
	cmd := &cobra.Command{
		Use:   "uninstall REPO...",
		Short: "take repositories out of the gate",
		Long: "Uninstall removes what install has put into repositories and restores the\n" +
			"hooks that were there before. The policy and the ledger stay. From then on\n" +
			"git makes a real ref of a push to refs/deploy/main. Status 1: one is not a\n" +
			"repository; 3: one could not be examined or changed.",
		Args: someRepositories,
		RunE: func(cmd *cobra.Command, args []string) error {
			o := setup.Options{Now: a.now}
			if pol, path, err := a.loadPolicy(args...); err == nil {
				o.Policy, o.PolicyPath = pol, path
			}
			var err error
			if o.HooksDir, err = hooksDir(hooks); err != nil {
				return err
			}
			return a.eachRepository(args, func(repo string) (string, int, error) {
				report, err := setup.Uninstall(cmd.Context(), o, repo)
				return report.String(), len(report.Problems), err
			})
		},
	}
	hooksFlag(cmd, &hooks)
	return cmd
}

// runInstall installs and says what to do next.
func (a *app) runInstall(ctx context.Context, o setup.Options, repos []string) error {
	var unrecorded []string
	created, done := false, 0
	err := a.eachRepository(repos, func(repo string) (string, int, error) {
		report, err := setup.Install(ctx, o, repo)
		text := ""
		if err == nil {
			if created = created || report.LedgerCreated; done == 0 && !created {
				text = "note: the ledger " + o.Policy.Ledger + " was there\n"
			}
			if done++; report.Unrecorded {
				unrecorded = append(unrecorded, repo)
			}
		}
		return text + report.String(), len(report.Problems), err
	})
	named := []string{}
	if !o.Default {
		named = []string{"--policy", o.PolicyPath}
	}
	if len(unrecorded) > 0 {
		fmt.Fprintf(a.stdout, "next: put on record what is live already: %s\n",
			setup.Command(append(append([]string{"pathgate", "adopt"}, named...), unrecorded...)...))
	}
	if done > 0 {
		fmt.Fprintf(a.stdout, "next: see whether all is well: %s\n", setup.Command(append([]string{"pathgate", "doctor"}, named...)...))
	}
	return err
}

// setupOptions gathers what install and doctor work with. The policy must be
// sound: an unsound one would refuse every push.
func (a *app) setupOptions(repositories []string, hooks string) (setup.Options, error) {
	pol, path, err := a.loadPolicy(repositories...)
	if err != nil {
		if wrong := (policy.Errors)(nil); errors.As(err, &wrong) {
			return setup.Options{}, refused(fmt.Errorf("the policy is not sound; see: pathgate check %s", path))
		}
		return setup.Options{}, err
	}
	dir, err := hooksDir(hooks)
	return setup.Options{Policy: pol, PolicyPath: path, Default: path == policyfile.Default, HooksDir: dir, Now: a.now}, err
}

// hooksFlag adds --hooks to a verb.
func hooksFlag(cmd *cobra.Command, into *string) {
	cmd.Flags().StringVar(into, "hooks", "", "the `DIR` of pathgate's hooks (default: ../lib/pathgate/hooks beside this command)")
}

// hooksDir is the folder of pathgate's hooks: the one named, or the one that
// install.sh has put beside the running command.
func hooksDir(named string) (string, error) {
	if named != "" {
		return filepath.Abs(named)
	}
	self, err := os.Executable()
	if err == nil {
		self, err = filepath.EvalSymlinks(self)
	}
	if err != nil {
		return "", faulted(fmt.Errorf("find the hooks: %w; name their folder with --hooks", err))
	}
	return filepath.Join(filepath.Dir(self), "..", "lib", "pathgate", "hooks"), nil
}

// eachRepository does something with each repository and goes on after a
// failure, so that one broken repository does not keep the others open.
func (a *app) eachRepository(repos []string, do func(repo string) (report string, problems int, err error)) error {
	// A reader that goes away, such as head, must not leave half of them undone.
	signal.Ignore(syscall.SIGPIPE)
	failed, unknown, problems := 0, 0, 0
	for _, repo := range repos {
		report, found, err := do(repo)
		if err != nil {
			failed++
			if !setup.IsNo(err) {
				unknown++
			}
			fmt.Fprintf(a.stderr, "pathgate: %v\n", err)
			a.ledgerHint(err)
			continue
		}
		problems += found
		fmt.Fprint(a.stdout, report)
	}
	var summary error
	if failed > 0 && len(repos) > 1 {
		summary = fmt.Errorf("%d of %d failed", failed, len(repos))
	}
	switch {
	case unknown > 0:
		return &failure{exitFault, summary}
	case failed > 0:
		return &failure{exitNo, summary}
	case problems > 0:
		return no()
	}
	return nil
}
