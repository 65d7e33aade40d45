package command

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/internal/gate"
	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/internal/setup"
	"github.com/pathgate/pathgate/policy"
)

func (a *app) explain() *cobra.Command {
	var service, ref, format, who string
	cmd := &cobra.Command{
		Use:   "explain ENVIRONMENT COMMIT",
		Short: "say what the gate would answer to a push, and why",
		Long: "Explain judges the commit as a push to the environment would be judged\n" +
			"now, or as its release where branches are released into it, and writes\n" +
			"nothing; whether it can be merged is not tried. COMMIT is a full ID, or\n" +
			"anything that git understands in the environment's repository or the\n" +
			"current one. Status 0: it would be let in; 1: it would be refused, or\n" +
			"nothing is known of the service or the commit; 3: that could not be found\n" +
			"out.",
		Args: words("ENVIRONMENT", "COMMIT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := oneOf("format", format, "table", "json"); err != nil {
				return err
			}
			return a.runExplain(cmd.Context(), args[0], args[1], policy.Service(service), ref, who, format)
		},
	}
	cmd.Flags().StringVar(&service, "service", "", "the `SERVICE`; not needed inside one of its repositories or if there is only one")
	cmd.Flags().StringVar(&ref, "ref", "", "the environment's `REF`, if it has several")
	cmd.Flags().StringVar(&who, "as", "", "judge as if this `NAME` pushed (default: you)")
	formatFlag(cmd, &format, "table", "table or json")
	return cmd
}

func (a *app) runExplain(ctx context.Context, environment, commit string, service policy.Service, ref, who, format string) error {
	if who == "" {
		who = setup.OperatingUser()
	}
	pol, _, err := a.loadPolicy()
	if err != nil {
		return err
	}
	env, ok := pol.Environment(policy.EnvironmentName(environment))
	if !ok {
		return fmt.Errorf("the policy has no environment %q", environment)
	}
	if service == "" {
		if service, err = a.onlyService(ctx, pol); err != nil {
			return err
		}
	}
	if err := a.knownService(ctx, pol, service); err != nil {
		return err
	}
	if env.Elsewhere != nil {
		return a.explainElsewhere(ctx, pol, env, service, ref, commit, format)
	}
	target, err := targetRef(env, ref)
	if err != nil {
		return err
	}
	if err := noHead(commit); err != nil {
		return err
	}
	repo, id, err := a.findCommit(ctx, pol, env, service, commit)
	if err != nil {
		return err
	}
	r, err := gate.Rehearse(ctx, gate.Question{Policy: pol, Environment: env, Service: service, Ref: target, Commit: id, Repository: repo,
		Principal: pol.Canonical(who)}, a.now)
	if err != nil {
		return faulted(err)
	}
	if format == "json" {
		err = a.json(rehearsalJSON(env, r))
	} else {
		a.printRehearsal(env, r, branchNamed(pol, commit), commandFor(pol, env, r, commit))
	}
	if err == nil && !r.Decision.Allowed {
		return no()
	}
	return err
}

// onlyService finds the service when the command line does not name it.
func (a *app) onlyService(ctx context.Context, pol *policy.Policy) (policy.Service, error) {
	if repo, err := gitfacts.Open("."); err == nil {
		if name, under := repo.Relative(pol.Root); under {
			if site, ok := pol.Site(name); ok {
				return site.Service, nil
			}
		}
	}
	services, err := a.services(ctx, pol)
	if err != nil {
		return "", err
	}
	if len(services) == 1 {
		return services[0], nil
	}
	return "", fmt.Errorf("name the service with --service; on record are %s", counted(len(services), "service"))
}

// knownService is an error if a service has neither a record nor a repository.
func (a *app) knownService(ctx context.Context, pol *policy.Policy, service policy.Service) error {
	for _, env := range pol.Environments {
		if env.Elsewhere != nil {
			continue
		}
		name := env.Repository.Path(service)
		if _, err := gitfacts.Open(filepath.Join(pol.Root, filepath.FromSlash(name))); err == nil && validService(pol, name) {
			return nil
		}
	}
	services, err := a.services(ctx, pol)
	if err == nil && !contains(services, service) {
		err = refused(fmt.Errorf("nothing is known of a service %q: it has no repository and no record", service))
	}
	return err
}

func validService(pol *policy.Policy, name string) bool {
	_, ok := pol.Site(name)
	return ok
}

func targetRef(env *policy.Environment, ref string) (policy.RefName, error) {
	if len(env.Refs) == 0 {
		return "", fmt.Errorf("%s is on another host, and the policy here does not tell its refs", env.Name)
	}
	if ref == "" {
		if env.Refs[0].Exact() {
			return policy.RefName(env.Refs[0].String()), nil
		}
		return "", fmt.Errorf("name one of the environment's refs with --ref; they are %s", env.Refs[0])
	}
	full := fullRef(ref)
	for _, pattern := range env.Refs {
		if pattern.Match(full) {
			return full, nil
		}
	}
	return "", fmt.Errorf("%s is not a ref of %s", full, env.Name)
}

// noHead refuses a name that means another commit in each repository.
func noHead(commit string) error {
	if strings.HasPrefix(commit, "HEAD") || strings.HasPrefix(commit, "@") {
		return fmt.Errorf("%s means another commit in each repository: name the commit by its ID", commit)
	}
	return nil
}

// findCommit turns what was typed into a full ID, asking the environment's
// repository first and the current one after it.
func (a *app) findCommit(ctx context.Context, pol *policy.Policy, env *policy.Environment, service policy.Service, commit string) (*gitfacts.Repository, policy.ObjectID, error) {
	repo, err := gitfacts.Open(filepath.Join(pol.Root, filepath.FromSlash(env.Repository.Path(service))))
	if err != nil {
		repo = nil
	}
	here, err := gitfacts.Open(".")
	if err != nil {
		here = nil
	}
	for _, r := range []*gitfacts.Repository{repo, here} {
		if r == nil {
			continue
		}
		out, exit, err := r.Git(ctx, nil, "rev-parse", "--verify", "--quiet", "--end-of-options", commit+"^{commit}")
		if err != nil {
			return nil, "", faulted(err)
		}
		if exit == 0 {
			return repo, policy.ObjectID(strings.TrimSpace(string(out))), nil
		}
	}
	if (len(commit) == 40 || len(commit) == 64) && strings.Trim(commit, "0123456789abcdef") == "" {
		return repo, policy.ObjectID(commit), nil
	}
	return nil, "", refused(fmt.Errorf("no commit %q in the environment's repository or here; give its full ID", commit))
}

func (a *app) printRehearsal(env *policy.Environment, r gate.Rehearsal, branch, push string) {
	if r.Decision.Allowed {
		fmt.Fprintf(a.stdout, "%s would take %s %q as %s\n", env.Name, r.Commit.Short(), shorten(r.Subject), article(env, r.Decision.Kind))
		for _, v := range r.Decision.Verdicts {
			says := "yes"
			if !v.OK {
				says = "no " // told and recorded, where the environment only reports
			}
			rule := v.RulePlace()
			if rule == "" {
				rule = v.Name
			}
			fmt.Fprintf(a.stdout, "  %s  %s%s\n", says, rule, onRecord(v))
		}
		if env.ReportOnly {
			fmt.Fprintf(a.stdout, "%s only reports: its rules judge and refuse nothing (enforce = false)\n", env.Name)
		}
		fmt.Fprintf(a.stdout, "hint: %s\n", push)
		return
	}
	refusal := r.Refusal(env)
	// The name may mean another commit where the command is typed.
	refusal.Branch, refusal.Elsewhere = branch, branch != ""
	explain.Refusals(a.stdout, []explain.Refusal{refusal}, 0, 1)
}

func article(env *policy.Environment, kind policy.Kind) string {
	switch {
	case kind == policy.Overridden:
		return "an override"
	case env.Release != nil && (kind == policy.Deploy || kind == policy.Promote):
		return "a release"
	}
	return "a " + string(kind)
}

func onRecord(v policy.Verdict) string {
	out := ""
	if v.Environment != "" {
		out = ": " + string(v.Environment)
	}
	if v.Record != 0 {
		out += fmt.Sprintf(", record %d", v.Record)
	}
	return out
}

func rehearsalJSON(env *policy.Environment, r gate.Rehearsal) map[string]any {
	verdicts := []map[string]any{}
	for _, v := range r.Decision.Verdicts {
		verdicts = append(verdicts, map[string]any{"rule": v.Rule, "place": v.Place.String(), "ok": v.OK,
			"code": v.Code, "environment": v.Environment, "record": v.Record})
	}
	return map[string]any{"service": r.Service, "environment": env.Name, "ref": r.Ref, "commit": r.Commit,
		"subject": r.Subject, "allowed": r.Decision.Allowed, "report_only": env.ReportOnly, "kind": r.Decision.Kind,
		"evidence": append([]uint64{}, r.Decision.Evidence...), "verdicts": verdicts}
}
