package command

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

func (a *app) check() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "check [POLICY]",
		Short: "say whether a policy file is sound, and what it means",
		Long: "Check reads a policy file and prints every error in it with its line, or\n" +
			"the path and the rules that it describes; of an environment on another host,\n" +
			"which keys may speak for it. Status 0: sound; 1: wrong, or nothing that this\n" +
			"build or host can use; 3: it could not be read, or may be written by others.",
		Args: words("[POLICY]"),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				if a.policyFlag != "" {
					return errors.New("name the policy file once, as an argument or with --policy")
				}
				a.policyFlag = args[0]
			}
			if err := oneOf("format", format, "table", "json"); err != nil {
				return err
			}
			return a.runCheck(format)
		},
	}
	formatFlag(cmd, &format, "table", "table or json")
	return cmd
}

func (a *app) runCheck(format string) error {
	pol, path, err := a.loadPolicy()
	wrong := (policy.Errors)(nil)
	if errors.As(err, &wrong) {
		if format == "json" {
			return errors.Join(a.json(map[string]any{"policy": path, "sound": false, "errors": checkErrors(wrong)}), no())
		}
		for _, e := range wrong {
			fmt.Fprintf(a.stderr, "%v\n%s\n\n", e, e.Excerpt())
		}
		return refused(fmt.Errorf("%s: %s", path, counted(len(wrong), "error")))
	}
	if err != nil {
		return err
	}
	if err := shareable(pol); err != nil {
		if format == "json" {
			rows := []map[string]any{{"message": err.Error()}}
			return errors.Join(a.json(map[string]any{"policy": path, "sound": false, "errors": rows}), no())
		}
		return refused(fmt.Errorf("%s: %w", path, err))
	}
	if format == "json" {
		out := map[string]any{"policy": path, "sound": true, "sha256": pol.Hash, "path": pathJSON(pol, a.now())}
		if pol.Shared() {
			out["copy"], out["host"] = pol.Copy, pol.Host
		}
		if pol.Audit != nil {
			out["audit"] = sinksJSON(pol.Audit)
		}
		if b := pol.Board; b != nil {
			out["board"] = map[string]any{"out": b.Out, "pause": b.Pause.String()}
		}
		return a.json(out)
	}
	a.printPath(pol, path)
	return nil
}

// shareable is an error if this host cannot use the shared ledger that a sound
// policy names: it was built without, or copy is a folder of something else.
func shareable(pol *policy.Policy) error {
	if !pol.Shared() {
		return nil
	}
	if !ledger.Linked {
		return fmt.Errorf("ledger is a database: %w", ledger.ErrNotLinked)
	}
	if pol.Copy == "" {
		return nil
	}
	if err := ledger.CheckCopyFolder(pol.Copy); err != nil && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}

func (a *app) printPath(pol *policy.Policy, path string) {
	fmt.Fprintf(a.stdout, "%s is sound\n\n", path)
	t := a.table("environment", "repository", "refs", "after", "rollback")
	for _, env := range pol.Environments {
		if env.Elsewhere != nil {
			t.row(string(env.Name), strings.TrimSpace("elsewhere "+env.Repository.String()), joined(env.Refs), "", "")
			continue
		}
		t.row(string(env.Name), env.Repository.String(), joined(env.Refs), after(env), string(env.Rollback))
	}
	t.flush()
	a.printRules(pol)
	fmt.Fprintf(a.stdout, "\nroot      %s\nledger    %s\nidentity  %s, from %s\nunlisted  %s\nsha256    %s\n", pol.Root, pol.Ledger,
		pol.Source, policy.EnvironmentVariable(pol.Source), pol.Unlisted, pol.Hash)
	for _, row := range [][2]string{{"copy", pol.Copy}, {"host", pol.Host}} {
		if row[1] != "" {
			fmt.Fprintf(a.stdout, "%-8s  %s\n", row[0], row[1])
		}
	}
	if sinks := sinkWords(pol.Audit); sinks != "" {
		fmt.Fprintf(a.stdout, "audit     %s\n", sinks)
	}
	if b := pol.Board; b != nil {
		fmt.Fprintf(a.stdout, "board     %s, at most every %s\n", b.Out, b.Pause)
	}
}

func after(env *policy.Environment) string {
	if len(env.After) == 0 {
		return "(first)"
	}
	word := " and "
	if env.AfterMatch == policy.AfterAny {
		word = " or "
	}
	names := make([]string, len(env.After))
	for i, name := range env.After {
		names[i] = string(name)
	}
	return strings.Join(names, word)
}

func joined(refs []policy.RefPattern) string {
	parts := make([]string, len(refs))
	for i, ref := range refs {
		parts[i] = ref.String()
	}
	return strings.Join(parts, " ")
}

func pathJSON(pol *policy.Policy, now time.Time) []map[string]any {
	var out []map[string]any
	for _, env := range pol.Environments {
		refs := make([]string, len(env.Refs))
		for i, ref := range env.Refs {
			refs[i] = ref.String()
		}
		row := map[string]any{"environment": env.Name, "repository": env.Repository.String(), "refs": refs,
			"after": append([]policy.EnvironmentName{}, env.After...), "after_match": env.AfterMatch, "rollback": env.Rollback,
			"match": env.Match, "rules": rulesJSON(pol, env, now)}
		if env.Release != nil {
			row["release"] = releaseJSON(env)
		}
		if env.Elsewhere != nil {
			row["elsewhere"] = elsewhereJSON(env.Elsewhere, now)
		}
		if env.Stamps != nil {
			row["stamps"] = stampsJSON(env.Stamps)
		}
		out = append(out, row)
	}
	return out
}

func checkErrors(wrong policy.Errors) []map[string]any {
	var out []map[string]any
	for _, e := range wrong {
		out = append(out, map[string]any{"file": e.Place.File, "line": e.Place.Line, "column": e.Place.Column, "message": e.Msg})
	}
	return out
}
