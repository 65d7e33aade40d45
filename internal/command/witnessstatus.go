package command

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/internal/tlog"
	"github.com/pathgate/pathgate/internal/witness"
)

func (w *watch) size() *cobra.Command {
	cmd := &cobra.Command{
		Use: "size LEDGER", Short: "print how many records of a ledger it has seen",
		Long: "Size prints the number that 'pathgate ledger checkpoint --old' wants, 0 for a\n" +
			"ledger that the witness does not know. LEDGER is the ledger's ID, or the\n" +
			"origin of its checkpoints.",
		Args: words("LEDGER"),
		RunE: func(_ *cobra.Command, args []string) error {
			id := args[0]
			if of, ok := tlog.LedgerOf(id); ok {
				id = of
			}
			if _, ok := tlog.LedgerOf(tlog.Origin(id)); !ok {
				return fmt.Errorf("LEDGER must be the ID of a ledger, 32 hex digits, not %q", args[0])
			}
			o, err := w.open()
			if err != nil {
				return faulted(err)
			}
			known, err := o.Known(id)
			n := int64(0)
			if err == nil && known != nil {
				n = known.N
			}
			if err == nil {
				_, err = fmt.Fprintln(w.stdout, n)
			}
			return faulted(err)
		},
	}
	w.keyFlag(cmd)
	return cmd
}

func (w *watch) status() *cobra.Command {
	var maxAge time.Duration
	cmd := &cobra.Command{
		Use: "status", Short: "show what it has seen, and whether it is silent or contradicted",
		Long: "Status shows each ledger that the witness knows: its size, when it was last\n" +
			"seen to be whole, and how much evidence against it lies in forks/. Status 1:\n" +
			"there is evidence, no ledger is known, or one was not seen for --max-age, a\n" +
			"duration like 26h. Run it from cron: a ledger that was tampered with will\n" +
			"rather be silent.",
		Args: words(),
		RunE: func(*cobra.Command, []string) error {
			if maxAge < 0 {
				return errors.New("--max-age must not be negative")
			}
			return w.show(maxAge)
		},
	}
	w.keyFlag(cmd)
	cmd.Flags().DurationVar(&maxAge, "max-age", 0, "how old what was seen last may be; 0 for any age")
	return cmd
}

func (w *watch) show(maxAge time.Duration) error {
	o, err := w.open()
	if err != nil {
		return faulted(err)
	}
	all, err := o.All()
	if err != nil {
		return faulted(err)
	}
	if len(all) == 0 {
		return refused(errors.New("the witness knows no ledger"))
	}
	sound := true
	g := w.table("LEDGER", "TREE", "SEEN", "EVIDENCE", "STATE")
	for _, k := range all {
		id, _ := tlog.LedgerOf(k.Origin)
		state := witnessState(k, w.now(), maxAge)
		g.row(id, tlog.Short(k.Tree), explain.Time(k.Seen), fmt.Sprint(k.Forks), state)
		sound = sound && state == "sound"
	}
	g.flush()
	if !sound {
		return no()
	}
	return nil
}

// witnessState says in a word how a ledger is doing.
func witnessState(k *witness.Known, now time.Time, maxAge time.Duration) string {
	const slack = 5 * time.Minute // of clocks
	switch age := now.Sub(k.Seen); {
	case k.Forks > 0:
		return "CONTRADICTED"
	case maxAge > 0 && age > maxAge:
		return "SILENT"
	case age < -slack:
		return "SEEN IN THE FUTURE"
	}
	return "sound"
}
