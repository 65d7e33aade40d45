package command

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/syslog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/pathgate/pathgate/internal/tlog"
	"github.com/pathgate/pathgate/internal/witness"
)

// witnessHelp is the help of witness.
const witnessHelp = `These verbs are for another host than the ledger's. A witness keeps the newest
checkpoint that it saw of each ledger, and signs a newer one only if it goes on
from there. A ledger that was cut, put back from a backup, edited or written
anew, even with its own key, is refused: status 1, text on standard error, a
line in alarms.jsonl and in the system's log, and the evidence below forks/.
What the witness knows stays as it is.

On the witness's host, once, with what "pathgate ledger keygen" and "pathgate
ledger checkpoint" printed:

  pathgate witness init witness.example
  pathgate witness add --first --log VKEY checkpoint

From the ledger's host, as often as you can:

  n=$(ssh witness@host pathgate witness size LEDGER)
  pathgate ledger checkpoint --old "$n" |
    ssh witness@host pathgate witness add > cosigned

or on the witness's host, with a copy of ledger.jsonl: pathgate witness check.
Let "witness status --max-age" tell when nothing came. examples/witness has
scripts for all of this.`

// witnessDir is where a witness keeps its state if nothing else is said.
const witnessDir = "/var/lib/pathgate-witness"

// A watch is one run of a verb of the witness.
type watch struct {
	*app
	state, key string
	terms      witness.Terms
	log        string // --log
}

func (a *app) witness() *cobra.Command {
	w := &watch{app: a}
	cmd := &cobra.Command{Use: "witness", Short: "hold ledgers to what they said, on another host",
		Long: witnessHelp, Args: aVerb,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.PersistentFlags().StringVar(&w.state, "state", witnessDir, "the witness's `FOLDER`")
	cmd.AddCommand(w.init(), w.size(), w.add(), w.check(), w.status())
	return cmd
}

// keyFlag adds the flag of the witness's own key.
func (w *watch) keyFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&w.key, "key", "", "the `FILE` of the witness's key (default: "+witness.KeyName+" in its folder)")
}

func (w *watch) termsFlags(cmd *cobra.Command) {
	w.keyFlag(cmd)
	cmd.Flags().BoolVar(&w.terms.First, "first", false, "believe a ledger that is not known as it comes")
	cmd.Flags().StringVar(&w.terms.Ledger, "ledger", "", "the `ID` of the only ledger that it may be")
}

func (w *watch) open() (*witness.Witness, error) {
	return witness.Open(w.state, witness.Options{Key: w.key, Now: w.now, Log: alarmToSyslog})
}

// alarmToSyslog hands an alarm to the system's log, if there is one.
func alarmToSyslog(loud bool, line string) {
	log, err := syslog.New(syslog.LOG_AUTH|syslog.LOG_WARNING, "pathgate")
	if err != nil {
		return
	}
	defer log.Close()
	if loud {
		_ = log.Alert(line)
		return
	}
	_ = log.Warning(line)
}

func (w *watch) init() *cobra.Command {
	return &cobra.Command{
		Use: "init NAME", Short: "make the folder and the key of a new witness",
		Long: "Init makes the witness's folder, readable to nobody else, and its key, and\n" +
			"prints the verifier key: give that one to whoever checks cosignatures. NAME\n" +
			"is for people, like the host's name. Run it as a user of its own. Status 1:\n" +
			"there is a key already; 3: it could not be made.",
		Args: words("NAME"),
		RunE: func(_ *cobra.Command, args []string) error {
			if _, ok := tlog.LedgerOf(args[0]); ok {
				return errors.New("NAME is a ledger's; a witness has a name of its own")
			}
			verifier, err := witness.Make(w.state, args[0], rand.Reader)
			if errors.Is(err, fs.ErrExist) {
				return refused(fmt.Errorf("%s is there already, and a key is never written over: "+
					"name another folder with --state, or go on with this witness", filepath.Join(w.state, witness.KeyName)))
			}
			if err == nil {
				_, err = fmt.Fprintln(w.stdout, verifier)
			}
			return faulted(err)
		},
	}
}

func (w *watch) add() *cobra.Command {
	cmd := &cobra.Command{
		Use: "add [FILE]", Short: "see a checkpoint, and cosign it if nothing is missing",
		Long: "Add reads what 'pathgate ledger checkpoint --old N' printed, with N as\n" +
			"'witness size' says, from FILE or the input. If the ledger's key signed it and\n" +
			"it goes on from what was seen last, it is kept, and printed with the witness's\n" +
			"signature. A checkpoint without a proof can show only that nothing changed, or\n" +
			"that the ledger was cut. A ledger is seen for the first time with --first and\n" +
			"--log; give neither in a command that others can start. Status 1: refused; 3:\n" +
			"nothing could be judged.",
		Args: words("[FILE]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if w.terms.First && w.log == "" {
				return errors.New("--first wants the ledger's verifier key: --log VKEY")
			}
			in := io.Reader(os.Stdin)
			if len(args) > 0 && args[0] != "-" {
				f, err := os.Open(args[0])
				if err != nil {
					return faulted(err)
				}
				defer f.Close()
				in = f
			}
			if err := w.readLog(); err != nil {
				return faulted(err)
			}
			return w.see(func(o *witness.Witness) (*witness.Known, error) { return o.Add(cmd.Context(), in, w.terms) })
		},
	}
	w.termsFlags(cmd)
	cmd.Flags().StringVar(&w.log, "log", "", "the ledger's `VKEY`, as 'ledger keygen' printed it, or a file of some")
	return cmd
}

// readLog reads what --log gave: a key, or the name of a file.
func (w *watch) readLog() error {
	if w.log == "" {
		return nil
	}
	if _, err := tlog.Verifiers(w.log); err != nil {
		return err
	}
	if _, err := tlog.NewVerifier(w.log); err == nil {
		w.terms.Log = w.log + "\n"
		return nil
	}
	b, err := readInput(w.log, 16<<10)
	w.terms.Log = string(b)
	return err
}

func (w *watch) check() *cobra.Command {
	cmd := &cobra.Command{
		Use: "check FOLDER", Short: "see a copy of a ledger, and sign for it if nothing is missing",
		Long: "Check reads ledger.jsonl in FOLDER, a copy that this host has fetched, and\n" +
			"computes its tree. If its beginning is what was seen last, the tree is kept,\n" +
			"and a checkpoint of it printed that the witness has signed. It checks neither\n" +
			"what the lines say nor a signature of the ledger. With --ledger it also\n" +
			"shouts if another ledger stands in its place. Ask for the size before you\n" +
			"fetch the copy, and give it with --known: something newer may be seen\n" +
			"meanwhile, which would make the copy look cut. Fetch with rsync\n" +
			"--ignore-times, never with --append. Status 1: refused; 3: nothing could be\n" +
			"judged, as when there is no copy.",
		Args: words("FOLDER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return w.see(func(o *witness.Witness) (*witness.Known, error) { return o.Check(cmd.Context(), args[0], w.terms) })
		},
	}
	w.termsFlags(cmd)
	cmd.Flags().Int64Var(&w.terms.Known, "known", 0, "how many records it had seen before the copy was fetched, `N`")
	return cmd
}

// see lets the witness judge, and prints what it signed or why it did not.
func (w *watch) see(judge func(*witness.Witness) (*witness.Known, error)) error {
	o, err := w.open()
	if err != nil {
		return faulted(err)
	}
	known, err := judge(o)
	if alarm := (*witness.Alarm)(nil); errors.As(err, &alarm) {
		fmt.Fprint(w.stderr, alarm.Text())
		return no()
	}
	if err == nil {
		_, err = w.stdout.Write(known.Signed)
	}
	return faulted(err)
}
