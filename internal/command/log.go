package command

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// A filter chooses entries. An empty field lets everything through.
type filter struct {
	service, environment, principal, commit, push, ticket string
	types                                                 []string
	since, until                                          time.Time
	record                                                uint64 // the first record wanted
}

func (a *app) log() *cobra.Command {
	var f filter
	var o logOptions
	var output uint64
	var since, until string
	cmd := &cobra.Command{
		Use:   "log",
		Short: "show what is on record",
		Long: "Log reads the ledger from its beginning and prints the entries that all\n" +
			"filters let through. json prints the ledger's own lines, byte for byte. With\n" +
			"--type policy alone, the table is the differences between policies.\n" +
			"Times are RFC 3339 (2026-11-21T09:14:00Z), days (2026-11-21, UTC) or a\n" +
			"span back from now (90m, 24h). Status 0 also where nothing was found;\n" +
			"3: the ledger could not be read.\n\n" + shipHelp + "\n\n" + ticketHelp,
		Args: words(),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if err := o.check(&f, output); err != nil {
				return err
			}
			if output != 0 {
				return a.runOutput(output)
			}
			if f.since, f.record, err = parseSince(since, a.now()); err != nil {
				return err
			}
			if f.until, err = parseTime("until", until, a.now()); err != nil {
				return err
			}
			if err := f.check(); err != nil {
				return err
			}
			o.fresh = since == ""
			return a.runLog(cmd.Context(), f, &o)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.service, "service", "", "only this `SERVICE`")
	flags.StringVar(&f.environment, "environment", "", "only this `ENVIRONMENT`, such as prd or shop/prd")
	flags.StringSliceVar(&f.types, "type", nil, "only these `TYPES`, such as deployed,refused")
	flags.StringVar(&f.principal, "principal", "", "only what this `NAME` pushed")
	flags.StringVar(&f.commit, "commit", "", "only this `COMMIT`: its ID or the beginning of it")
	flags.StringVar(&f.push, "push", "", "only the push with this `ID`, as a fault quotes it")
	flags.StringVar(&f.ticket, "ticket", "", "only what happened to this `TICKET`, as it is written")
	flags.StringVar(&since, "since", "", "only from this `RECORD or TIME` on")
	flags.StringVar(&until, "until", "", "only before this `TIME`")
	flags.Uint64Var(&output, "output", 0, "only what the deployment of this `RECORD` has printed")
	flags.BoolVar(&o.follow, "follow", false, "wait for more, until interrupted or --until is over")
	flags.StringVar(&o.cursor, "cursor", "", "go on behind what this `FILE` says, and keep it up to date")
	formatFlag(cmd, &o.format, "table", "table, json, csv, ecs, ocsf, cef or cdevents")
	return cmd
}

// entryTypes are the types that an entry may have.
var entryTypes = [...]ledger.Type{ledger.TypeLedger, ledger.TypeIntent, ledger.TypeDeployed, ledger.TypeAbandoned, ledger.TypeRefused,
	ledger.TypeFault, ledger.TypeDrift, ledger.TypeAdopt, ledger.TypeRepair, ledger.TypeStatus, ledger.TypeApproval, ledger.TypeLock,
	ledger.TypeUnlock, ledger.TypeVeto, ledger.TypePolicy, ledger.TypeStamp}

// check looks whether the filter makes sense, and takes "shop/prd" apart.
func (f *filter) check() error {
	for _, t := range f.types {
		if !slices.Contains(entryTypes[:], ledger.Type(t)) {
			return fmt.Errorf("--type must be of %s, not %q", strings.Trim(fmt.Sprint(entryTypes), "[]"), t)
		}
	}
	if !f.until.IsZero() && f.until.Before(f.since) {
		return fmt.Errorf("--until %s lies before --since %s", f.until.UTC().Format(time.RFC3339), f.since.UTC().Format(time.RFC3339))
	}
	if service, environment, both := strings.Cut(f.environment, "/"); both {
		if f.service != "" && f.service != service {
			return fmt.Errorf("--environment %s is not of the service %s", f.environment, f.service)
		}
		f.service, f.environment = service, environment
	}
	return hexPrefix(f.commit)
}

func hexPrefix(s string) error {
	if strings.Trim(s, "0123456789abcdef") != "" || len(s) > 64 {
		return fmt.Errorf("--commit must be the beginning of an object ID, not %q", s)
	}
	return nil
}

func parseTime(flag, value string, now time.Time) (time.Time, error) {
	if value == "" {
		return time.Time{}, nil
	}
	if span, err := time.ParseDuration(value); err == nil && span >= 0 {
		return now.Add(-span), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02"} {
		if t, err := time.Parse(layout, value); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("--%s must be a time such as 2026-11-21T09:14:00Z, 2026-11-21 or 24h, not %q", flag, value)
}

func (f *filter) match(e *ledger.Entry) bool {
	is := func(want, have string) bool { return want == "" || want == have }
	return is(f.service, e.Service) && is(f.environment, e.Environment) && is(f.principal, e.Principal) && is(f.push, e.Push) &&
		(f.commit == "" || strings.HasPrefix(e.Commit, f.commit) || strings.HasPrefix(e.New, f.commit)) &&
		f.matchType(e.Type) &&
		e.Seq >= f.record && (f.since.IsZero() || !e.Time.Before(f.since)) && (f.until.IsZero() || e.Time.Before(f.until))
}

func (f *filter) matchType(t ledger.Type) bool {
	for _, want := range f.types {
		if string(t) == want {
			return true
		}
	}
	return len(f.types) == 0
}

// An entryWriter prints entries in one format.
type entryWriter interface {
	write(line *ledger.Line) error
	flush() error
}

func (a *app) runLog(ctx context.Context, f filter, o *logOptions) error {
	pol, _, err := a.loadPolicy()
	if err != nil {
		return err
	}
	if o.follow || o.cursor != "" {
		return faulted(a.ship(ctx, pol, &f, o))
	}
	tale, err := storyOf(pol, &f)
	if err != nil {
		return faulted(err)
	}
	out, err := a.logWriter(pol, &f, o, tale, true)
	if err != nil {
		return faulted(err)
	}
	seen := &sightings{}
	err = ledger.ReadSome(pol.Ledger, 0, f.wanted(o, tale, seen), func(line *ledger.Line) error {
		seen.see(&f, &line.Entry)
		// A story must see every entry, also those that others leave out.
		if of := tale == nil || tale.tells(&line.Entry); !of || !f.match(&line.Entry) {
			return pass(out, line)
		}
		seen.matched++
		return out.write(line)
	})
	if err != nil && seen.matched == 0 {
		return faulted(err) // and no lonely head of a table
	}
	if flushed := out.flush(); err == nil {
		err = flushed
	}
	if err == nil {
		a.logNotes(pol, &f, seen)
	}
	return faulted(err)
}

// sightings are what the ledger has of the names in a filter.
type sightings struct {
	matched              int
	service, environment bool
}

func (s *sightings) see(f *filter, e *ledger.Entry) {
	s.service = s.service || e.Service == f.service
	s.environment = s.environment || e.Environment == f.environment
}

// logNotes says on standard error why nothing may have been found.
func (a *app) logNotes(pol *policy.Policy, f *filter, seen *sightings) {
	if f.service != "" && !seen.service {
		fmt.Fprintf(a.stderr, "note: nothing is on record of a service %q\n", f.service)
	}
	if _, known := pol.Environment(policy.EnvironmentName(f.environment)); f.environment != "" && !known && !seen.environment {
		fmt.Fprintf(a.stderr, "note: neither the policy nor the record has an environment %q\n", f.environment)
	}
	if env, known := pol.Environment(policy.EnvironmentName(f.environment)); known && env.Elsewhere != nil {
		fmt.Fprintf(a.stderr, "note: %s is on another host: here is only what its stamps have told\n", env.Name)
	}
	if f.ticket != "" && seen.matched == 0 {
		fmt.Fprintf(a.stderr, "note: nothing is on record of a ticket %q that the other filters let through\n", f.ticket)
	}
	if f.push != "" && seen.matched == 0 {
		fmt.Fprint(a.stderr, "note: nothing is on record of this push; if the policy or the ledger itself\n"+
			"note: failed, the cause is in the system's log\n")
	}
}
