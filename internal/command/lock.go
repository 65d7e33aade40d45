package command

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/setup"
	"github.com/pathgate/pathgate/internal/text"
	"github.com/pathgate/pathgate/policy"
)

// lockFlags are what lock and unlock say of what they are about.
type lockFlags struct{ service, ref, reason, until string }

func (f *lockFlags) add(cmd *cobra.Command, why string) {
	cmd.Flags().StringVar(&f.service, "service", "", "only this `SERVICE` (default: all)")
	cmd.Flags().StringVar(&f.ref, "ref", "", "only this `REF` of the environment (default: all)")
	cmd.Flags().StringVar(&f.reason, "reason", "", why)
}

func (a *app) lock() *cobra.Command {
	var f lockFlags
	cmd := &cobra.Command{
		Use:   "lock ENVIRONMENT --reason TEXT",
		Short: "keep an environment as it is",
		Long: "Lock makes an environment refuse every push, of one service or of all, and\n" +
			"rollbacks too unless the policy says otherwise, until it is unlocked or\n" +
			"the time is over. A lock that is set again replaces the one before. TIME is\n" +
			"RFC 3339 (2026-11-21T09:14:00Z), a day (2026-11-21, UTC) or a span from\n" +
			"now on (90m, 24h). Status 1: nothing is known of the service, or the\n" +
			"environment is on another host, where it must be locked.",
		Args: words("ENVIRONMENT"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.runLock(cmd.Context(), args[0], f) },
	}
	f.add(cmd, "why; pushers are told")
	cmd.Flags().StringVar(&f.until, "until", "", "when it ends by itself, a `TIME`")
	return cmd
}

func (a *app) unlock() *cobra.Command {
	var f lockFlags
	cmd := &cobra.Command{
		Use:   "unlock ENVIRONMENT",
		Short: "take a lock off",
		Long: "Unlock takes off the lock that was set with the same --service and --ref.\n" +
			"pathgate status lists all. Status 1: there is no such lock.",
		Args: words("ENVIRONMENT"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.runUnlock(cmd.Context(), args[0], f) },
	}
	f.add(cmd, "why")
	return cmd
}

// lockEntry is what lock and unlock have in common.
func (a *app) lockEntry(ctx context.Context, environment string, f lockFlags, t ledger.Type) (*policy.Policy, *ledger.Entry, error) {
	reason, err := spoken("reason", f.reason, t == ledger.TypeLock)
	if err != nil {
		return nil, nil, err
	}
	until, err := laterTime("until", f.until, a.now())
	if err != nil {
		return nil, nil, err
	}
	pol, _, err := a.loadPolicy()
	if err != nil {
		return nil, nil, err
	}
	env, err := environmentNamed(pol, environment)
	if err != nil {
		return nil, nil, err
	}
	if t == ledger.TypeLock { // one that was set before may be taken off
		if err := notElsewhere(env, "lock it there"); err != nil {
			return nil, nil, err
		}
	}
	e := &ledger.Entry{Type: t, Service: f.service, Environment: string(env.Name), Principal: operator(pol), Via: viaLocal,
		Policy: pol.Hash, Reason: reason, Until: until}
	if f.ref != "" {
		ref := fullRef(f.ref)
		if env.Elsewhere == nil {
			if ref, err = targetRef(env, f.ref); err != nil {
				return nil, nil, err
			}
		}
		e.Ref = string(ref)
	}
	if f.service != "" && t == ledger.TypeLock {
		_, err = a.serviceOf(ctx, pol, f.service)
	}
	return pol, e, err
}

func (a *app) runLock(ctx context.Context, environment string, f lockFlags) error {
	pol, e, err := a.lockEntry(ctx, environment, f, ledger.TypeLock)
	if err != nil {
		return err
	}
	var before *ledger.Entry
	err = a.change(ctx, pol, func(l *ledger.Ledger) (err error) {
		if before, err = lockLike(l, e); err != nil {
			return err
		}
		return l.Append(e)
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "%s is locked%s, record %d\n", lockScope(e), untilWhen(e), e.Seq)
	if before != nil {
		fmt.Fprintf(a.stdout, "note: this replaces the lock of record %d, by %s: %s\n", before.Seq, before.Principal, before.Reason)
	}
	fmt.Fprintf(a.stdout, "hint: to take it off: %s\n", a.unlockCommand(e))
	return nil
}

func (a *app) runUnlock(ctx context.Context, environment string, f lockFlags) error {
	pol, e, err := a.lockEntry(ctx, environment, f, ledger.TypeUnlock)
	if err != nil {
		return err
	}
	var others []ledger.Entry
	err = a.change(ctx, pol, func(l *ledger.Ledger) error {
		was, err := lockLike(l, e)
		if err != nil {
			return err
		}
		if was != nil {
			return l.Append(e)
		}
		all, _, err := l.AllLocks()
		if err != nil {
			return err
		}
		for _, other := range all {
			if other.Environment == e.Environment {
				others = append(others, other)
			}
		}
		return refused(fmt.Errorf("there is no lock on %s", lockScope(e)))
	})
	for i := range others {
		fmt.Fprintf(a.stderr, "note: record %d locks %s: %s\n", others[i].Seq, lockScope(&others[i]), a.unlockCommand(&others[i]))
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "%s is unlocked, record %d\n", lockScope(e), e.Seq)
	return nil
}

// lockLike is the lock on exactly what e is about, nil if there is none.
func lockLike(l *ledger.Ledger, e *ledger.Entry) (*ledger.Entry, error) {
	locks, err := l.Locks(policy.Service(e.Service), policy.EnvironmentName(e.Environment), policy.RefName(e.Ref))
	for i := range locks {
		// The wider ones are among them.
		if locks[i].Ref == e.Ref && locks[i].Service == text.Clean(e.Service, len(e.Service)+1) {
			return &locks[i], err
		}
	}
	return nil, err
}

// lockScope says what a lock is on.
func lockScope(e *ledger.Entry) string {
	of := e.Environment
	if e.Ref != "" {
		of = explain.Branch(policy.RefName(e.Ref)) + " in " + of
	}
	if e.Service == "" {
		return of + " of every service"
	}
	return of + " of " + text.Clean(e.Service, 120)
}

func untilWhen(e *ledger.Entry) string {
	if e.Until.IsZero() {
		return ""
	}
	return " until " + explain.Time(e.Until)
}

// unlockCommand takes a lock off by the policy that was named.
func (a *app) unlockCommand(e *ledger.Entry) string {
	words := []string{"pathgate", "unlock", e.Environment}
	for _, flag := range [][2]string{{"--service", e.Service}, {"--ref", e.Ref}, {"--policy", a.policyFlag}} {
		if flag[1] != "" {
			words = append(words, flag[0], flag[1])
		}
	}
	return setup.Command(words...)
}
