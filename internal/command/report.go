package command

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/text"
	"github.com/pathgate/pathgate/policy"
)

// A report is what somebody says of a deployment that pathgate does not run.
type report struct {
	environment, commit, state string
	service, url, message      string
}

func (a *app) report() *cobra.Command {
	var r report
	cmd := &cobra.Command{
		Use:   "report ENVIRONMENT COMMIT success|failure",
		Short: "say how a deployment outside of pathgate ended",
		Long: "Report records the outcome of a commit's newest deployment in an environment\n" +
			"that has deploy = \"external\". It may be reported again: the newest counts.\n" +
			"COMMIT is a full ID, or anything that git understands in one of the\n" +
			"service's repositories or the current one. Status 1: the commit is not\n" +
			"deployed there, or the policy does not name you among the reporters.",
		Args: words("ENVIRONMENT", "COMMIT", "success|failure"),
		RunE: func(cmd *cobra.Command, args []string) error {
			r.environment, r.commit, r.state = args[0], args[1], args[2]
			if err := r.check(); err != nil {
				return err
			}
			return a.runReport(cmd.Context(), r)
		},
	}
	cmd.Flags().StringVar(&r.service, "service", "", "the `SERVICE`; not needed inside one of its repositories or if there is only one")
	cmd.Flags().StringVar(&r.url, "url", "", "where to read more, a `URL` of http or https")
	cmd.Flags().StringVar(&r.message, "message", "", "what happened, in words")
	return cmd
}

// check looks at what was typed.
func (r *report) check() (err error) {
	if r.state != ledger.StateSuccess && r.state != ledger.StateFailure {
		return fmt.Errorf("the outcome must be success or failure, not %q", r.state)
	}
	if r.message, err = spoken("message", r.message, false); err != nil {
		return err
	}
	if r.url, err = spoken("url", r.url, false); err != nil || r.url == "" {
		return err
	}
	u, err := url.Parse(r.url)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || !text.Printable(r.url) {
		return errors.New("--url must be a URL of http or https, without a password")
	}
	return nil
}

func (a *app) runReport(ctx context.Context, r report) error {
	pol, _, err := a.loadPolicy()
	if err != nil {
		return err
	}
	env, err := environmentNamed(pol, r.environment)
	if err != nil {
		return err
	}
	if err := notElsewhere(env, "report it there"); err != nil {
		return err
	}
	who := operator(pol)
	if err := mayReport(env, who); err != nil {
		return err
	}
	service, err := a.serviceOf(ctx, pol, r.service)
	if err != nil {
		return err
	}
	id, err := a.serviceCommit(ctx, pol, service, r.commit)
	if err != nil {
		return err
	}
	var e *ledger.Entry
	err = a.change(ctx, pol, func(l *ledger.Ledger) error {
		deployed, err := reported(l, env, service, id)
		if err != nil {
			return err
		}
		e = ledger.StatusOf(deployed, r.state)
		e.Principal, e.Via, e.URL, e.Message, e.Policy = who, viaLocal, r.url, r.message, pol.Hash
		return l.Append(e)
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "%s of %s: the deployment of %s, record %d, is reported as %s, record %d\n",
		env.Name, service, id.Short(), e.Record, r.state, e.Seq)
	a.stamped(ctx, pol, e)
	return nil
}

// mayReport is an error unless the policy lets the principal report outcomes
// in the environment.
func mayReport(env *policy.Environment, who string) error {
	if env.Deploy == nil || !env.Deploy.External {
		return refused(fmt.Errorf("%s takes no reports: the policy does not say deploy = \"external\" there", env.Name))
	}
	if env.Reporters == nil || !env.Reporters.Has(who) {
		return refused(fmt.Errorf("%s may not report for %s: the policy names other reporters", who, env.Name))
	}
	return nil
}

// reported finds the deployment that a report is about.
func reported(l *ledger.Ledger, env *policy.Environment, service policy.Service, id policy.ObjectID) (*ledger.Entry, error) {
	standing, e, err := l.StandingRecord(policy.Lookup{Service: service, Environment: env.Name,
		Repository: env.Repository.Path(service), Refs: env.Refs, Commit: id})
	switch {
	case err != nil:
		return nil, err
	case standing.Record == 0:
		return nil, refused(fmt.Errorf("%s is not deployed in %s of %s", id.Short(), env.Name, service))
	case standing.Withdrawn != 0:
		return nil, refused(fmt.Errorf("%s is not deployed in %s of %s any more: record %d rolled back from it",
			id.Short(), env.Name, service, standing.Withdrawn))
	case e.Type != ledger.TypeDeployed || e.Deploy != ledger.DeployExternal:
		return nil, refused(fmt.Errorf("the deployment of %s in %s of %s, record %d, has no outcome to report: deploy it again",
			id.Short(), env.Name, service, standing.Record))
	}
	return &e, nil
}
