package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/pathgate/pathgate/internal/board"
)

const boardHelp = "Board writes a static web site from the ledger and the policy: the path of\n" +
	"each service with what is live where, since when, by whom and with what\n" +
	"outcome, and what waits for what; a time line of deployments and rollbacks;\n" +
	"refusals by code; overrides, drift, locks and vetoes; a page for each\n" +
	"service, commit and ticket with its whole way; and a search. It works from\n" +
	"file:// and behind any web server, loads nothing from elsewhere, and can be\n" +
	"read without script.\n\n" +
	"The ledger is read without its lock, and git is not asked: no rule is judged.\n" +
	"From the second time on only what is new is read: what was read before is\n" +
	"kept beside DIR, and read anew where it does not fit. The plots of a ledger\n" +
	"of more than 20000 records are made anew each hour. Of an environment of\n" +
	"another host it tells what stamps tell.\n" +
	"Branches that a push could bring to an environment that is pushed are told\n" +
	"by pathgate status.\n\n" +
	"DIR is made if it is missing, in a folder that exists. As in the policy's table\n" +
	"[board], it must not be the ledger's folder or that of the repositories, lie\n" +
	"in it or hold it. The new site takes the place of the old one in one step;\n" +
	"what is in DIR is replaced, and a folder that no board wrote, or that holds\n" +
	"anything else, is left as it is. Locks, unfinished sites and what was read lie\n" +
	"beside it, under names that begin with a dot and DIR's.\n\n" +
	"With the policy's table [board] each push to an environment starts this, and\n" +
	"waits for nothing. Let a timer run it too: a deployment that nobody waits for\n" +
	"ends without a push.\n\n" +
	"Who can read the site can read the subjects, names and reasons in the ledger;\n" +
	"addresses of clients are not shown. Status 1: DIR is not a board or\n" +
	"must not be one; 3: the\n" +
	"ledger or DIR could not be read or written."

func (a *app) board() *cobra.Command {
	o := board.Options{MaxCommits: board.DefaultCommits, PageSize: board.DefaultPage}
	var format string
	var pause, within time.Duration
	cmd := &cobra.Command{
		Use:   "board --out DIR",
		Short: "write a small web site: what is live where, and what waits",
		Long:  boardHelp,
		Args:  words(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Out == "" {
				return errors.New("board wants --out DIR")
			}
			if err := oneOf("format", format, "table", "json"); err != nil {
				return err
			}
			if err := inRange("max-commits", o.MaxCommits, board.MaxCommits); err != nil {
				return err
			}
			if err := inRange("page-size", o.PageSize, board.MaxPage); err != nil {
				return err
			}
			if pause < 0 || pause > time.Hour {
				return fmt.Errorf("--pause must be 0s to 1h, not %s", pause)
			}
			if within < 0 || within > time.Hour {
				return fmt.Errorf("--within must be 0s to 1h, not %s", within)
			}
			defer bounded(cmd, within)()
			return a.runBoard(cmd, o, format, pause)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.Out, "out", "", "the `DIR` of the site")
	flags.IntVar(&o.MaxCommits, "max-commits", o.MaxCommits, "the `NUMBER` of commits, and of tickets, that get a page: what is live, then those with the newest entries")
	flags.IntVar(&o.PageSize, "page-size", o.PageSize, "the `NUMBER` of services on a page of the first list; of commits and tickets it is twice as many")
	flags.DurationVar(&pause, "pause", 0, "for hooks and timers: wait until the site is this `SPAN` old, and write nothing where somebody else waits for that already")
	flags.DurationVar(&within, "within", 0, "for hooks and timers: end with status 3 after this `SPAN`, whatever is left to do (default: no end)")
	formatFlag(cmd, &format, "table", "table or json")
	return cmd
}

// boundGrace is how long a board has to end by itself when its time is over.
const boundGrace = 10 * time.Second

// bounded ends the command's context after a while, and the process itself if
// that does not help: a disk that hangs must not pile up boards.
func bounded(cmd *cobra.Command, within time.Duration) (done func()) {
	if within == 0 {
		return func() {}
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), within)
	cmd.SetContext(ctx)
	last := time.AfterFunc(within+boundGrace, func() { os.Exit(exitFault) })
	return func() {
		last.Stop()
		cancel()
	}
}

func inRange(flag string, n, most int) error {
	if n < 1 || n > most {
		return fmt.Errorf("--%s must be 1 to %d, not %d", flag, most, n)
	}
	return nil
}

func (a *app) runBoard(cmd *cobra.Command, o board.Options, format string, pause time.Duration) error {
	pol, _, err := a.loadPolicy()
	if err != nil {
		return err
	}
	o.Policy, o.Now = pol, a.now
	o.Metrics, o.MetricsOf = a.boardPlots(pol)
	wrote, r := true, board.Result{}
	if cmd.Flags().Changed("pause") {
		r, wrote, err = board.Refresh(cmd.Context(), o, pause)
	} else {
		r, err = board.Write(cmd.Context(), o)
	}
	if errors.Is(err, board.ErrNotBoard) {
		return refused(err)
	}
	if err != nil {
		return faulted(err)
	}
	if format == "json" {
		return a.json(map[string]any{"wrote": wrote, "records": r.Records, "pages": r.Pages, "services": r.Services, "commits": r.Commits, "tickets": r.Tickets})
	}
	if !wrote {
		_, err = fmt.Fprintln(a.stdout, "left to another that waits to write it")
		return faulted(err)
	}
	_, err = fmt.Fprintf(a.stdout, "%s from %s, of %s, %s and %s\n", counted(r.Pages, "page"), counted(int(r.Records), "record"),
		counted(r.Services, "service"), counted(r.Commits, "commit"), counted(r.Tickets, "ticket"))
	return faulted(err)
}
