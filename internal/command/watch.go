package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/pathgate/pathgate/internal/text"
)

const watchHelp = "With --watch it goes on until it is interrupted, which is status 0. A\n" +
	"terminal is drawn anew each time; where the output is none, it gets a new\n" +
	"block whenever there is something else to tell. What fails meanwhile is\n" +
	"told in its place, and tried again.\n\n"

// Bounds of --interval. Each look takes the ledger's lock for a moment.
const (
	watchEvery  = 5 * time.Second
	watchLeast  = time.Second
	watchMost   = time.Hour
	clearScreen = "\x1b[H\x1b[2J" // cursor home, erase all (ECMA-48)
)

// watchFlags are the flags of looking again and again.
type watchFlags struct {
	on       bool
	interval time.Duration
}

func (w *watchFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&w.on, "watch", false, "go on, and show it again")
	cmd.Flags().DurationVar(&w.interval, "interval", watchEvery, "with --watch: a `SPAN` between two looks, 1s to 1h")
}

func (w *watchFlags) check(typed bool) error {
	if typed && !w.on {
		return errors.New("--interval goes with --watch")
	}
	if w.interval < watchLeast || w.interval > watchMost {
		return fmt.Errorf("--interval must be %s to 1h, not %s", watchLeast, w.interval)
	}
	return nil
}

// runWatch shows something again and again, until the context is done. A first
// look that fails ends it.
func (a *app) runWatch(ctx context.Context, every time.Duration, show func(*app) error) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	screen := &screen{out: a.stdout, terminal: isTerminal(a.stdout), every: every}
	for first := true; ; first = false {
		var block bytes.Buffer
		inner := *a
		inner.stdout = &block
		err := show(&inner)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && first:
			return err
		case err != nil: // nothing half shown, and nothing old as if it were new
			block.Reset()
			fmt.Fprintf(&block, "cannot tell: %s\n", text.Clean(err.Error(), 1000))
		}
		if err := screen.show(block.Bytes(), a.now()); err != nil {
			return faulted(err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// A screen is where a watch shows its blocks.
type screen struct {
	out      io.Writer
	terminal bool
	every    time.Duration
	last     []byte
}

// show draws a block: on a terminal in place of what is there, elsewhere behind
// the last one, if it is another.
func (s *screen) show(block []byte, now time.Time) error {
	var b []byte
	switch {
	case s.terminal:
		b = fmt.Appendf(b, "%severy %s, %s\n\n", clearScreen, s.every, now.UTC().Format("15:04:05 UTC"))
	case s.last != nil && bytes.Equal(block, s.last):
		return nil
	case s.last != nil:
		b = append(b, '\n')
	}
	s.last = bytes.Clone(block)
	_, err := s.out.Write(append(b, block...))
	return err
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
