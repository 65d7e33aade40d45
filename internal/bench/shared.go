package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pathgate/pathgate/internal/pgtest"
)

// shared is how the names of the scenarios begin that hold a ledger in
// PostgreSQL against the journal.
const shared = "shared"

func isShared(scenario string) bool { return strings.HasPrefix(scenario, shared) }

// sharedTrips are the round-trip times between hooks and database.
func sharedTrips() []time.Duration {
	return []time.Duration{0, time.Millisecond, 5 * time.Millisecond, 20 * time.Millisecond}
}

// tripVariant names the variant of a round-trip time.
func tripVariant(trip time.Duration) string { return fmt.Sprintf("rtt-%d", trip.Milliseconds()) }

func isTrip(variant string) bool { return strings.HasPrefix(variant, "rtt-") }

// sharedVariants are those of such a scenario: the journal, and the database
// behind a proxy that is as far away as the variant's name says.
func sharedVariants() []variant {
	out := []variant{
		{noHooks, func(*workshop, string, *lane) error { return nil }},
		{noOp, installNoOp},
		{product, installPathgate},
	}
	for _, trip := range sharedTrips() {
		out = append(out, variant{tripVariant(trip), func(w *workshop, root string, l *lane) error {
			return w.installShared(root, l, trip)
		}})
	}
	return out
}

// A station is what the scenarios of shared ledgers need: a server, and the
// databases that others are copied from.
type station struct {
	server    *pgtest.Server
	templates map[string]string // by the scenario's name
}

// close ends the server, if there is one.
func (w *workshop) close() {
	if w.station != nil {
		w.station.server.Stop()
	}
}

// sharedStation starts the server and builds the hooks for it when they are
// first needed.
func (w *workshop) sharedStation() (*station, error) {
	if w.station != nil {
		return w.station, nil
	}
	w.say("starting PostgreSQL, and building the hooks that know it")
	server, err := pgtest.Launch(pgtest.Options{Durable: true, Settings: []string{"shared_buffers = 512MB"}})
	if err != nil {
		return nil, err
	}
	w.station = &station{server, map[string]string{}}
	for _, name := range append(hookNames(), "pathgate", "deploy") {
		if err := build(w.git.ctx, "github.com/pathgate/pathgate/hooks/"+name, filepath.Join(w.sharedHooks(), name), "postgres"); err != nil {
			return nil, err
		}
	}
	return w.station, nil
}

// sharedHooks is the folder of the hooks that know PostgreSQL, and of the command.
func (w *workshop) sharedHooks() string { return filepath.Join(w.dir, "shared-hooks") }

// installShared gives a lane a database of its own, with the scenario's past,
// behind a proxy.
func (w *workshop) installShared(root string, l *lane, trip time.Duration) error {
	s, err := w.sharedStation()
	if err != nil {
		return err
	}
	command := filepath.Join(w.sharedHooks(), "pathgate")
	template, err := w.sharedTemplate(l.scenario, command)
	if err != nil {
		return fmt.Errorf("fill the database: %w", err)
	}
	name, err := s.server.Clone(template)
	if err != nil {
		return err
	}
	if l.proxy, err = pgtest.NewProxy(s.server.Primary.Address()); err != nil {
		return err
	}
	url := s.server.URL(pgtest.Hooks, name, l.proxy.Address())
	if l.connecting, err = connecting(w.git.ctx, l.proxy, url); err != nil {
		return err
	}
	policy := filepath.Join(root, "policy.toml")
	if err := os.WriteFile(policy, []byte(sharedPolicy(l, sharedRoot(l), url)), 0o644); err != nil {
		return err
	}
	args := append([]string{"install", "--policy", policy, "--hooks", w.sharedHooks()}, l.repos...)
	if err := w.git.run(root, nil, command, args...); err != nil {
		return err
	}
	l.proxy.SetDelay(trip / 2)
	return nil
}

// sharedRoot is the root of a lane's policy, under which its repositories are.
func sharedRoot(l *lane) string { return filepath.Dir(filepath.Dir(l.repos[0])) }

func sharedPolicy(l *lane, root, url string) string {
	return strings.Replace(l.policy(root, url), "\n\n[identity]", "\nhost = \"bench\"\n\n[identity]", 1)
}

// sharedTemplate makes, once for a scenario, the database that its lanes' are
// copied from.
func (w *workshop) sharedTemplate(s scenario, command string) (string, error) {
	t := w.station
	if name := t.templates[s.name]; name != "" {
		return name, nil
	}
	name, err := t.server.Create()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(w.dir, s.name, "past")
	root := filepath.Join(w.dir, s.name)
	if err := fillLedger(w.git.ctx, dir, root, s.entries); err != nil {
		return "", err
	}
	owner := t.server.URL(pgtest.Owner, name)
	for _, args := range [][]string{
		{"ledger", "migrate", owner, "--writer", pgtest.Hooks, "--reader", pgtest.Auditor},
		{"ledger", "copy", dir, t.server.URL(pgtest.Hooks, name)},
	} {
		if err := w.git.run(w.dir, nil, command, args...); err != nil {
			return "", err
		}
	}
	if err := t.server.Primary.Exec(name, "VACUUM ANALYZE"); err != nil {
		return "", err
	}
	t.templates[s.name] = name
	return name, nil
}

// connecting is how many round trips it takes to connect, which the hooks' are
// counted without.
func connecting(ctx context.Context, p *pgtest.Proxy, url string) (int, error) {
	c, err := pgconn.Connect(ctx, url)
	if err != nil {
		return 0, err
	}
	if err := c.Close(ctx); err != nil {
		return 0, err
	}
	return lastTrips(p, 1)[0], nil
}

// lastTrips are the round trips of the last n connections.
func lastTrips(p *pgtest.Proxy, n int) []int {
	all := p.Trips()
	return all[max(0, len(all)-n):]
}

// connections is how many connections there have been to a lane's database.
func (l *lane) connections() int {
	if l.proxy == nil {
		return 0
	}
	return len(lastTrips(l.proxy, 1<<30))
}

// addTrips adds to the usages of one push how many round trips each hook has
// made, where only one push was made: its hooks connect one after the other, in
// the order in which they ended.
func (l *lane) addTrips(all []usage, before int) {
	if l.proxy == nil || len(l.repos) != 1 {
		return
	}
	trips := lastTrips(l.proxy, 1<<30)[before:]
	if len(trips) != len(all) {
		return // a hook that connects twice cannot be told from two
	}
	for i := range all {
		all[i].Trips = trips[i] - l.connecting
	}
}

func mostTrips(all []usage) (most int) {
	for _, u := range all {
		most = max(most, u.Trips)
	}
	return most
}

// What is aimed at with a shared ledger.
const (
	aimTrips      = 2        // round trips of a hook, beyond connecting
	aimSharedPeak = 24 << 20 // bytes of a hook
)

// sharedAims holds a ledger in PostgreSQL against what is aimed at, and says how
// many round trips' time a push takes longer.
func (r *report) sharedAims() (out []aim) {
	most, top := hookRow{}, hookRow{}
	for _, h := range r.Hooks {
		if isTrip(h.Variant) && h.Trips > most.Trips {
			most = h
		}
		if isTrip(h.Variant) && h.Peak > top.Peak {
			top = h
		}
	}
	if top.Peak == 0 {
		return nil
	}
	out = append(out, aim{"PostgreSQL: at most 2 round trips a hook beyond connecting", most.Trips > 0 && most.Trips <= aimTrips,
		fmt.Sprintf("%d (%s, %s %s)", most.Trips, most.Hook, most.Scenario, most.Step)},
		aim{"PostgreSQL: a hook under 24 MB", top.Peak < aimSharedPeak, fmt.Sprintf("%.1f MB (%s, %s)", megabytes(top.Peak), top.Hook, top.Scenario)})
	far := sharedTrips()[len(sharedTrips())-1]
	for _, one := range r.Rows {
		journal, ok := r.find(one.Scenario, one.Step, product)
		distant, there := r.find(one.Scenario, one.Step, tripVariant(far))
		if one.Variant != tripVariant(0) || !ok || !there {
			continue
		}
		out = append(out, aim{fmt.Sprintf("%s %s: what PostgreSQL adds to the journal, and each ms of round trip", one.Scenario, one.Step), true,
			fmt.Sprintf("%+.1f ms (%.2f x), %.1f ms", one.P50-journal.P50, one.P50/journal.P50, (distant.P50-one.P50)/ms(far))})
	}
	return out
}
