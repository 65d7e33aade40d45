package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/internal/gate"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/setup"
	"github.com/pathgate/pathgate/internal/text"
	"github.com/pathgate/pathgate/policy"
)

const syncHelp = `Sync fetches the stamps of an environment that is on another host, proves them,
and puts on record what is new, so that pushes need not bring them, and learn of
what was withdrawn. URL is what git fetches from, by any transport; {service}
stands in it for the service's name. Without --service it does so for each
service with a repository here that comes after the environment. Hooks do not
run, and git takes its keys from the user who runs it. Run it from a timer, as
the user that git runs as; it may run at any moment. One run takes 256 MiB at
most; what is more, git fetch can bring into the repository before.

--accept lets the ledger of that ID, or that begins with these eight digits or
more, take the place of the one whose stamps were
taken before: after the other host has begun a new ledger, has lost the history
of its notes, or has mended a ledger that contradicted itself. Find out first
why it did. From then on only what that ledger stamps counts, from here on; what
was on record stays there, and counts no more.

Stamps that do not count are told reason by reason, again at each run for as
long as the reason lasts: until the policy has the key, say, or the commit is
deployed again there. (For that, up to 4,096 notes are looked at again; where
more have changed, they are told once.) Those of a ledger whose place another
took are no failure.

Status 0: done; 1: stamps were refused, or --from has none of the environment,
where none of any service was found, there are those of other environments, or
there were some before; 3: the stamps could not be fetched or not be put on
record.`

// syncFlags are the flags of sync.
type syncFlags struct {
	from, accept, reason string
	services             []string
	quiet                bool
}

func (a *app) sync() *cobra.Command {
	var f syncFlags
	cmd := &cobra.Command{
		Use:   "sync ENVIRONMENT --from URL",
		Short: "fetch the stamps of an environment on another host",
		Long:  syncHelp,
		Args:  words("ENVIRONMENT"),
		RunE:  func(cmd *cobra.Command, args []string) error { return a.runSync(cmd.Context(), args[0], f) },
	}
	cmd.Flags().StringVar(&f.from, "from", "", "the repository with the stamps, a `URL`")
	cmd.Flags().StringArrayVar(&f.services, "service", nil, "only this `SERVICE`; may be repeated (default: all)")
	cmd.Flags().StringVar(&f.accept, "accept", "", "let the ledger of this `ID` take the place of the one known")
	cmd.Flags().StringVar(&f.reason, "reason", "", "why, with --accept")
	cmd.Flags().BoolVarP(&f.quiet, "quiet", "q", false, "print nothing when there was nothing new")
	return cmd
}

func (a *app) runSync(ctx context.Context, environment string, f syncFlags) error {
	reason, err := spoken("reason", f.reason, f.accept != "")
	if err != nil {
		return err
	}
	if f.accept != "" && (len(f.accept) < 8 || len(f.accept) > 32 || strings.Trim(f.accept, "0123456789abcdef") != "") {
		return fmt.Errorf("--accept must be the ID of a ledger, or its first 8 digits or more, not %q", f.accept)
	}
	if f.from == "" {
		return errors.New("say where the stamps are with --from")
	}
	pol, _, err := a.loadPolicy()
	if err != nil {
		return err
	}
	env, err := environmentNamed(pol, environment)
	if err != nil {
		return err
	}
	if env.Elsewhere == nil {
		return fmt.Errorf("%s is an environment of this host: there is nothing to fetch", env.Name)
	}
	services, err := syncServices(pol, env, f.services)
	if err != nil {
		return err
	}
	if len(services) > 1 && !strings.Contains(f.from, "{service}") {
		return fmt.Errorf("--from must have {service} in it, or --service name one of %d services", len(services))
	}
	return a.syncAll(ctx, gate.Fetch{Policy: pol, Environment: env, URL: f.from, Accept: f.accept, Reason: reason,
		Principal: operator(pol)}, services, f.quiet)
}

func (a *app) syncAll(ctx context.Context, f gate.Fetch, services []policy.Service, quiet bool) (err error) {
	wrong, present, from := false, false, f.URL
	for _, service := range services {
		f.Service, f.URL = service, strings.ReplaceAll(from, "{service}", string(service))
		f.Tell = func(e *ledger.Entry) {
			fmt.Fprintf(a.stdout, "%s: %s\n", syncedOf(f.Environment, service), syncedLine(e))
		}
		found, failed := gate.Sync(ctx, f, a.now)
		for i := range found {
			s := &found[i]
			a.printSynced(f.Environment, service, s, quiet)
			wrong = wrong || s.Wrong() || s.Absent && (len(s.Others) > 0 || s.Before != "")
			if !s.Absent {
				present = true
			}
		}
		if failed != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", service, failed))
		}
	}
	switch {
	case err != nil:
		return faulted(err)
	case !wrong && !present:
		return refused(fmt.Errorf("no stamps of %s were found there", f.Environment.Name))
	case wrong:
		return no()
	}
	return nil
}

// syncServices are the services named, or all with a repository here that comes
// after the environment.
func syncServices(pol *policy.Policy, env *policy.Environment, named []string) (services []policy.Service, err error) {
	for _, name := range named {
		service := policy.Service(name)
		if !slices.Contains(services, service) {
			services = append(services, service)
		}
	}
	if len(named) > 0 {
		return services, nil
	}
	paths, err := setup.Repositories(pol)
	if err != nil {
		return nil, faulted(err)
	}
	for _, path := range paths {
		name, err := filepath.Rel(pol.Root, path)
		if err != nil {
			return nil, faulted(err)
		}
		site, _ := pol.Site(filepath.ToSlash(name))
		rests := slices.ContainsFunc(site.Environments, func(e *policy.Environment) bool { return slices.Contains(e.After, env.Name) })
		if rests && env.Elsewhere.Speaks(site.Service) && !slices.Contains(services, site.Service) {
			services = append(services, site.Service)
		}
	}
	if len(services) == 0 {
		return nil, refused(fmt.Errorf("there is no repository here that comes after %s", env.Name))
	}
	return services, nil
}

// syncedOf says what the stamps are of.
func syncedOf(env *policy.Environment, service policy.Service) string {
	return fmt.Sprintf("%s of %s", env.Name, text.Clean(string(service), 120))
}

func (a *app) printSynced(env *policy.Environment, service policy.Service, s *gate.Synced, quiet bool) {
	what := syncedOf(env, service)
	if s.Absent {
		a.printAbsent(env, what, s, quiet)
		return
	}
	a.printRefused(what, s, quiet)
	if s.Admitted+len(s.Refused) == 0 && s.Successor == 0 && !quiet {
		fmt.Fprintf(a.stdout, "%s: nothing new\n", what)
	}
}

// printAbsent tells that the other repository has no notes of the environment.
func (a *app) printAbsent(env *policy.Environment, what string, s *gate.Synced, quiet bool) {
	if s.Before != "" {
		fmt.Fprintf(a.stdout, "refused: %s: there are no stamps any more, and some of ledger %.8s were received before\n", what, s.Before)
	}
	if len(s.Others) > 0 {
		names := make([]string, 0, 4)
		for _, name := range s.Others[:min(len(s.Others), cap(names))] {
			names = append(names, text.Clean(string(name), 60))
		}
		fmt.Fprintf(a.stdout, "refused: %s: there are stamps of %s and none of %s: does --from name its repository?\n", what, strings.Join(names, ", "), env.Name)
		return
	}
	if s.Before == "" && !quiet {
		fmt.Fprintf(a.stdout, "%s: there are no stamps: nothing was deployed there since it has a key, or --from names another repository\n", what)
	}
}

// printRefused tells of stamps that do not count.
func (a *app) printRefused(what string, s *gate.Synced, quiet bool) {
	accept := ""
	for _, r := range s.Refused {
		switch {
		case r.Former && !quiet:
			fmt.Fprintf(a.stdout, "note: %s: %s of the former ledger %.8s, which do not count\n", what, stampsOf(&r), r.Why.Ledger)
		case r.Former:
		case r.Count == 0:
			fmt.Fprintf(a.stdout, "refused: %s: %s\n", what, r.Why.Reason)
		default:
			fmt.Fprintf(a.stdout, "refused: %s: %s: %s\n", what, stampsOf(&r), r.Why.Reason)
		}
		if accept == "" && !r.Former {
			accept = r.Why.Ledger
		}
	}
	if s.More > 0 {
		fmt.Fprintf(a.stdout, "refused: %s: and of %d more, for other reasons\n", what, s.More)
	}
	if s.Kept.Reason != "" && !quiet {
		fmt.Fprintf(a.stdout, "note: %s: %s keeps its own notes: %s\n", what, text.Clean(s.Repository, 200), s.Kept.Reason)
		accept = cmp.Or(accept, s.Kept.Ledger)
	}
	if accept != "" {
		fmt.Fprintf(a.stdout, "hint: %s\n", explain.Accepting(accept))
	}
}

// stampsOf says of which commits stamps were refused.
func stampsOf(r *gate.RefusedStamps) string {
	if r.Count == 1 {
		return "a stamp of " + r.Commits[0].Short()
	}
	short := make([]string, len(r.Commits))
	for i, id := range r.Commits {
		short[i] = id.Short()
	}
	more := ""
	if r.Count > len(short) {
		more = " ..."
	}
	return fmt.Sprintf("stamps of %d commits (%s%s)", r.Count, strings.Join(short, " "), more)
}

// syncedLine tells of one stamp that went on record.
func syncedLine(e *ledger.Entry) string {
	commit := policy.ObjectID(e.Commit).Short()
	there := fmt.Sprintf("%s there, record %d here", explain.Time(e.Stamped), e.Seq)
	switch e.Kind {
	case ledger.KindSuccessor:
		return fmt.Sprintf("the ledger is accepted, record %d", e.Seq)
	case ledger.KindFork:
		return "CONTRADICTION: " + text.Clean(e.Reason, 300) + ": " + there
	case ledger.KindStatus:
		return fmt.Sprintf("%s %s, %s", commit, text.Clean(e.State, 20), there)
	case ledger.KindWithdrawal:
		return fmt.Sprintf("%s withdrawn, %s", commit, there)
	}
	return fmt.Sprintf("%s deployed, %s", commit, there)
}
