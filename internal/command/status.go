package command

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/internal/gate"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

func (a *app) status() *cobra.Command {
	var format string
	var w watchFlags
	cmd := &cobra.Command{
		Use:   "status [SERVICE]",
		Short: "show what is live in every environment, what waits, and drift",
		Long: "Status shows what is live in every environment of a service, or of all,\n" +
			"what could go on to the next environment, and refs that are not where the\n" +
			"record has them. Where branches are released into an environment, it shows\n" +
			"those that it holds: each with the commit that was released, by whom and\n" +
			"when, and now \"in main\" if that has the commit, where the branch is if it\n" +
			"has moved on, or \"gone\". Of an environment on another host it shows what\n" +
			"stamps have told, and warns where none counts: none was received, the newest\n" +
			"is older than max_age, their ledger contradicts itself, or its keys expire\n" +
			"within 30 days or have; and where it was rolled back from what is live\n" +
			"here. Its last line is the size of the ledger's tree and\n" +
			"the beginning of its root, as receipts and checkpoints have them. Status 1:\n" +
			"nothing is on record of the service.\n\n" + watchHelp +
			branchesHelp,
		Args: words("[SERVICE]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := oneOf("format", format, "table", "json"); err != nil {
				return err
			}
			service := ""
			if len(args) == 1 {
				service = args[0]
			}
			if err := w.check(cmd.Flags().Changed("interval")); err != nil {
				return err
			}
			show := func(a *app) error { return a.runStatus(cmd.Context(), policy.Service(service), format) }
			if w.on {
				return a.runWatch(cmd.Context(), w.interval, show)
			}
			return show(a)
		},
	}
	formatFlag(cmd, &format, "table", "table or json")
	w.add(cmd)
	return cmd
}

func (a *app) runStatus(ctx context.Context, only policy.Service, format string) error {
	pol, _, err := a.loadPolicy()
	if err != nil {
		return err
	}
	services, err := a.services(ctx, pol)
	if err != nil {
		return err
	}
	if only != "" {
		if !contains(services, only) {
			return refused(fmt.Errorf("nothing is on record of a service %q", only))
		}
		services = []policy.Service{only}
	}
	var all []gate.Status
	held := &branches{}
	for _, service := range services {
		rows, err := gate.Survey(ctx, pol, service, a.now)
		if err != nil {
			return faulted(err)
		}
		all = append(all, rows...)
		more, err := gate.Branches(ctx, pol, service, a.now)
		if err != nil {
			return faulted(err)
		}
		held.rows = append(held.rows, more...)
	}
	held.settle(all)
	r, err := a.railsOf(ctx, pol, all)
	if err != nil {
		return err
	}
	doubts, err := doubtsOf(ctx, pol, services, a.now)
	if err != nil {
		return err
	}
	if format == "json" {
		return a.json(doubts.addTo(held.addTo(r.addTo(statusJSON(all), all), all)))
	}
	a.printStatus(all)
	held.print(a.stdout)
	doubts.print(a.stdout)
	r.print(a.stdout, all, only)
	return nil
}

func (a *app) services(ctx context.Context, pol *policy.Policy) (out []policy.Service, err error) {
	l, err := ledger.Open(ctx, pol.Ledger, ledger.Options{Root: pol.Root, Copy: pol.Copy, Now: a.now, ReadOnly: true})
	if err != nil {
		return nil, faulted(err)
	}
	defer func() { err = errors.Join(err, faulted(l.Close())) }()
	if out, err = l.Services(); err != nil {
		return nil, faulted(err)
	}
	origins, err := l.Origins()
	for _, o := range origins { // of which only stamps tell, so far
		if env, ok := pol.Environment(o.Environment); ok && env.Elsewhere != nil && !contains(out, o.Service) {
			out = append(out, o.Service)
		}
	}
	slices.Sort(out)
	return out, faulted(err)
}

func contains(services []policy.Service, want policy.Service) bool {
	for _, s := range services {
		if s == want {
			return true
		}
	}
	return false
}

func (a *app) printStatus(rows []gate.Status) {
	if len(rows) == 0 {
		fmt.Fprintln(a.stdout, "nothing has been deployed yet")
		return
	}
	t := a.table("service", "environment", "ref", "live", "subject", "since", "by", "record")
	for i := range rows {
		r := &rows[i]
		if r.Live.Record == 0 {
			t.row(string(r.Spot.Service), string(r.Spot.Environment), explain.Branch(r.Spot.Ref), "", "", "", "", "")
			continue
		}
		t.row(string(r.Spot.Service), string(r.Spot.Environment), explain.Branch(r.Spot.Ref), r.Live.Commit.Short(),
			shorten(r.Live.Subject), explain.Time(r.Live.Time), r.Live.Principal, fmt.Sprint(r.Live.Record))
	}
	t.flush()
	for _, host := range crowded(rows) {
		fmt.Fprintf(a.stdout, "elsewhere: %s on host %s, and not looked at from here\n", counted(host.refs, "ref"), host.name)
		rows = host.rest
	}
	for i := range rows {
		a.printNotes(&rows[i])
	}
}

// mostAfar is how many refs of one host are named, each on a line.
const mostAfar = 10

// A crowd is a host that has more refs than are named, and the rows without
// those, and without those of the crowds before.
type crowd struct {
	name string
	refs int
	rest []gate.Status
}

// crowded finds the hosts of which the refs are only counted. Those to which a
// push is under way are named even so.
func crowded(rows []gate.Status) (out []crowd) {
	count := make(map[string]int)
	for i := range rows {
		if rows[i].Host != "" && !rows[i].Moving {
			count[rows[i].Host]++
		}
	}
	rest := rows
	for _, name := range slices.Sorted(maps.Keys(count)) {
		if count[name] <= mostAfar {
			continue
		}
		rest = slices.DeleteFunc(slices.Clone(rest), func(r gate.Status) bool { return r.Host == name && !r.Moving && len(r.Waiting) == 0 })
		out = append(out, crowd{name, count[name], rest})
	}
	return out
}

// printNotes tells what a table has no room for.
func (a *app) printNotes(r *gate.Status) {
	where := fmt.Sprintf("%s %s", r.Spot.Service, r.Spot.Environment)
	for _, w := range r.Waiting {
		again := ""
		if w.Withdrawn {
			again = "; it was rolled back here"
		}
		fmt.Fprintf(a.stdout, "waiting: %s could take %s %q, live in %s since %s%s\n",
			where, w.Live.Commit.Short(), shorten(w.Live.Subject), w.From, explain.Time(w.Live.Time), again)
	}
	switch {
	case r.Host != "" && r.Moving:
		fmt.Fprintf(a.stdout, "moving: %s: a push to %s is under way on host %s, or not settled there yet\n", where, explain.Branch(r.Spot.Ref), r.Host)
	case r.Host != "":
		fmt.Fprintf(a.stdout, "elsewhere: %s: %s is on host %s, and not looked at from here\n", where, explain.Branch(r.Spot.Ref), r.Host)
	case r.Elsewhere && r.Live.Record == 0: // which a doubt says
	case r.Elsewhere:
		fmt.Fprintf(a.stdout, "stamps: %s: what stamps have told of %s; there may be newer\n", where, explain.Branch(r.Spot.Ref))
	case r.Unreadable != nil:
		fmt.Fprintf(a.stdout, "warning: %s: the repository cannot be read: %v\n", where, r.Unreadable)
	case r.Moving:
		fmt.Fprintf(a.stdout, "moving: %s: a push to %s is under way or not settled yet\n", where, explain.Branch(r.Spot.Ref))
	case r.Drift():
		fmt.Fprintf(a.stdout, "drift: %s: %s is at %s, on record is %s\n", where, explain.Branch(r.Spot.Ref),
			orNothing(r.Seen), orNothing(r.Live.New))
	}
}

func orNothing(id policy.ObjectID) string {
	if id == "" || id.IsZero() {
		return "nothing"
	}
	return id.Short()
}

func shorten(s string) string {
	const most = 40
	runes := []rune(s)
	if len(runes) <= most {
		return s
	}
	return string(runes[:most-3]) + "..."
}

func statusJSON(rows []gate.Status) []map[string]any {
	out := []map[string]any{}
	for i := range rows {
		r := &rows[i]
		row := map[string]any{"service": r.Spot.Service, "environment": r.Spot.Environment,
			"repository": r.Spot.Repository, "ref": r.Spot.Ref, "seen": r.Seen, "moving": r.Moving,
			"drift": r.Drift(), "waiting": []any{}}
		if r.Live.Record != 0 {
			row["live"] = liveJSON(r.Live)
		}
		if r.Elsewhere {
			row["elsewhere"] = true
		}
		if r.Host != "" {
			row["host"] = r.Host
		}
		if r.Unreadable != nil {
			row["unreadable"] = r.Unreadable.Error()
		}
		var waiting []any
		for _, w := range r.Waiting {
			row := liveJSON(w.Live)
			row["from"], row["withdrawn"] = w.From, w.Withdrawn
			waiting = append(waiting, row)
		}
		if waiting != nil {
			row["waiting"] = waiting
		}
		out = append(out, row)
	}
	return out
}

func liveJSON(l policy.Live) map[string]any {
	return map[string]any{"record": l.Record, "commit": l.Commit, "new": l.New, "subject": l.Subject,
		"kind": l.Kind, "since": l.Time, "principal": l.Principal}
}
