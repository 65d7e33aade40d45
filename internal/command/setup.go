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
		Long: "Install wires pathgate's hooks into repositories and sets what git needs for\n" +
			"them in their configuration. A pre-receive or post-receive hook that is there\n" +
			"already keeps its say. If there is no ledger yet, it is made. Running it again\n" +
			"changes nothing, or follows the policy where that has changed.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := a.setupOptions(args[0], hooks)
			if err != nil {
				return err
			}
			return a.eachRepository(args, func(repo string) (string, int, error) {
				report, err := setup.Install(cmd.Context(), o, repo)
				return report.String(), len(report.Problems), err
			})
		},
	}
	cmd.Flags().StringVar(&hooks, "hooks", "", "the `DIR` of pathgate's hooks (default: ../lib/pathgate/hooks beside this command)")
	return cmd
}

func (a *app) uninstall() *cobra.Command {
	var hooks string
	cmd := &cobra.Command{
		Use:   "uninstall REPO...",
		Short: "take repositories out of the gate",
		Long: "Uninstall removes what install has put into repositories and restores the hooks\n" +
			"that were there before. The policy and the ledger stay.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o := setup.Options{Now: a.now}
			if pol, path, err := a.loadPolicy(args[0]); err == nil {
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
	cmd.Flags().StringVar(&hooks, "hooks", "", "the `DIR` of pathgate's hooks (default: ../lib/pathgate/hooks beside this command)")
	return cmd
}

// setupOptions gathers what install and doctor work with. The policy must be
// sound: an unsound one would refuse every push.
func (a *app) setupOptions(repository, hooks string) (setup.Options, error) {
	pol, path, err := a.loadPolicy(repository)
	if err != nil {
		if wrong := (policy.Errors)(nil); errors.As(err, &wrong) {
			return setup.Options{}, refused(fmt.Errorf("the policy is not sound; see: pathgate check %s", path))
		}
		return setup.Options{}, err
	}
	dir, err := hooksDir(hooks)
	return setup.Options{Policy: pol, PolicyPath: path, Default: path == policyfile.Default, HooksDir: dir, Now: a.now}, err
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
	failed, problems := 0, 0
	for _, repo := range repos {
		report, found, err := do(repo)
		if err != nil {
			failed++
			fmt.Fprintf(a.stderr, "pathgate: %s: %v\n", repo, err)
			continue
		}
		problems += found
		fmt.Fprint(a.stdout, report)
	}
	if failed > 0 {
		return faulted(fmt.Errorf("%d of %d failed", failed, len(repos)))
	}
	if problems > 0 {
		return no()
	}
	return nil
}

func (a *app) adopt() *cobra.Command {
	var also []string
	var ref, reason string
	cmd := &cobra.Command{
		Use:   "adopt REPO...",
		Short: "record what is live on a server that ran before pathgate",
		Long: "Adopt records the environments' refs of repositories as deployed, so that they\n" +
			"are evidence for the environments after them and can be rolled back to. --also\n" +
			"names earlier commits, oldest first, as targets for a rollback on day one.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(also) > 0 && len(args) > 1 {
				return errors.New("--also goes with one repository")
			}
			o, err := a.setupOptions(args[0], "")
			if err != nil {
				return err
			}
			return a.runAdopt(cmd.Context(), setup.AdoptOptions{Options: o, Also: also, Ref: policy.RefName(ref), Reason: reason}, args)
		},
	}
	cmd.Flags().StringSliceVar(&also, "also", nil, "earlier `COMMITS` of the ref, oldest first")
	cmd.Flags().StringVar(&ref, "ref", "", "only this `REF` of the repository")
	cmd.Flags().StringVar(&reason, "reason", "", "why; needed for a ref that is on record already")
	return cmd
}

func (a *app) runAdopt(ctx context.Context, o setup.AdoptOptions, repos []string) error {
	return a.eachRepository(repos, func(repo string) (string, int, error) {
		entries, err := setup.Adopt(ctx, o, repo)
		if errors.Is(err, setup.ErrNothing) {
			return err.Error() + "\n", 0, nil
		}
		return setup.Adopted(entries), 0, err
	})
}

func (a *app) doctor() *cobra.Command {
	var hooks, format string
	var all bool
	cmd := &cobra.Command{
		Use:   "doctor [REPO...]",
		Short: "look for what is wrong with the set-up, each with its mend",
		Long: "Doctor looks at the policy, the ledger and at repositories: all that the policy\n" +
			"matches, or those named. Run it as the user that git runs as. Status 0: nothing\n" +
			"stands in the way; 1: something does.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := oneOf("format", format, "table", "json"); err != nil {
				return err
			}
			first := ""
			if len(args) > 0 {
				first = args[0]
			}
			path, err := a.policyPath(first)
			if err != nil {
				return err
			}
			dir, err := hooksDir(hooks)
			if err != nil {
				return err
			}
			found := setup.Doctor(cmd.Context(), setup.Options{PolicyPath: path, Default: path == policyfile.Default, HooksDir: dir, Now: a.now}, args)
			return a.printDoctor(found, format, all)
		},
	}
	cmd.Flags().StringVar(&hooks, "hooks", "", "the `DIR` of pathgate's hooks (default: ../lib/pathgate/hooks beside this command)")
	cmd.Flags().BoolVar(&all, "all", false, "show also what is in order")
	formatFlag(cmd, &format, "table", "table or json")
	return cmd
}

func (a *app) printDoctor(found []setup.Finding, format string, all bool) error {
	count := map[setup.Severity]int{}
	rows := []map[string]any{}
	for _, f := range found {
		count[f.Severity]++
		rows = append(rows, map[string]any{"severity": f.Severity, "repository": f.Repository, "what": f.What, "why": f.Why, "mend": f.Mend})
		if format == "table" && (all || f.Severity != setup.OK) {
			fmt.Fprint(a.stdout, f.String())
		}
	}
	if format == "json" {
		if err := a.json(rows); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(a.stdout, "%s in order, %s, %s\n", counted(count[setup.OK], "thing"), counted(count[setup.Warn], "warning"), counted(count[setup.Fail], "failure"))
	}
	if count[setup.Fail] > 0 {
		return no()
	}
	return nil
}
