package board

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Marker is the file that says that a folder is a board and may be replaced.
const Marker = ".pathgate-board"

const markerText = "This folder is written by pathgate board. Each time, all that is in it is replaced.\n"

// ErrNotBoard is returned where the folder holds something that no board writes.
var ErrNotBoard = errors.New("not a board")

// Write writes the site and puts it in place, as the package comment says. One
// process at a time writes a board; others wait for it until ctx is done.
func Write(ctx context.Context, o Options) (Result, error) {
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return Result{}, err
	}
	dir, err := placeOf(o.Out, o.Policy)
	if err != nil {
		return Result{}, fmt.Errorf("write the board %s: %w", o.Out, err)
	}
	unlock, err := dir.lock(ctx, lockName)
	if err != nil {
		return Result{}, fmt.Errorf("write the board %s: %w", o.Out, err)
	}
	defer unlock()
	r, err := write(ctx, dir, o)
	if err != nil {
		return Result{}, fmt.Errorf("write the board %s: %w", o.Out, err)
	}
	return r, nil
}

func (o *Options) check() error {
	if o.Policy == nil || o.Out == "" {
		return errors.New("write the board: it wants a policy and a folder")
	}
	if o.MaxCommits < 1 || o.MaxCommits > MaxCommits {
		return fmt.Errorf("write the board: the commits must be 1 to %d, not %d", MaxCommits, o.MaxCommits)
	}
	if o.PageSize < 1 || o.PageSize > MaxPage {
		return fmt.Errorf("write the board: the page size must be 1 to %d, not %d", MaxPage, o.PageSize)
	}
	return nil
}

// write makes the site beside the old one and puts it in its place. The lock is
// held, so that what else lies there half-made is nobody's.
func write(ctx context.Context, dir folder, o Options) (Result, error) {
	if err := dir.checkOld(); err != nil {
		return Result{}, err
	}
	dir.sweep()
	made, err := os.MkdirTemp(dir.parent, "."+dir.name+newName)
	if err != nil {
		return Result{}, err
	}
	defer os.RemoveAll(made)
	r, err := goOn(ctx, dir, o, made)
	if err != nil && ctx.Err() == nil {
		// The state is not there or does not fit, whatever the reason.
		if err := os.RemoveAll(made); err != nil {
			return Result{}, err
		}
		if err := os.Mkdir(made, 0o700); err != nil {
			return Result{}, err
		}
		s := &shelf{dir: dir}
		r, err = s.make(ctx, &o, newGathering(o.Policy, o.Now().UTC(), o.MaxCommits), made)
		r.Whole = true
	}
	if err != nil {
		return Result{}, err
	}
	if err := dir.checkOld(); err != nil { // somebody may have put a file there meanwhile
		return Result{}, err
	}
	return r, dir.replace(made)
}

// goOn makes the site from the state of the last time. A state that it panics
// over is one that does not fit.
func goOn(ctx context.Context, dir folder, o Options, made string) (r Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errRun, p)
		}
	}()
	s := &shelf{dir: dir}
	g, err := s.load(&o)
	if err != nil {
		return Result{}, err
	}
	return s.make(ctx, &o, g, made)
}

// make makes the site of a gathering and what came since in the empty folder
// made, and keeps the state.
func (s *shelf) make(ctx context.Context, o *Options, g *gathering, made string) (Result, error) {
	defer s.drop()
	defer g.store.close()
	settle := func() error {
		if len(g.store.fresh) < o.mostFresh {
			return nil
		}
		return s.settle(g.store)
	}
	if err := g.gather(ctx.Err, settle); err != nil {
		return Result{}, err
	}
	if len(g.store.fresh) > o.mostKept { // before the plots, which take memory too
		if err := s.settle(g.store); err != nil {
			return Result{}, err
		}
	}
	site, err := survey(ctx, o, g)
	if err != nil {
		return Result{}, err
	}
	if err := site.fill(ctx, made, s.dir); err != nil {
		return Result{}, err
	}
	return site.stats, s.save(g)
}

// survey lays out what there is to tell.
func survey(ctx context.Context, o *Options, g *gathering) (*site, error) {
	t, err := g.tell(o.MaxCommits)
	if err != nil {
		return nil, err
	}
	s := &site{opts: *o, g: g, t: t, paths: g.layPaths()}
	if o.Metrics != nil {
		records := g.plotted(o.many)
		if of := fmt.Sprintln(records, o.Policy.Hash, o.MetricsOf); g.plotsOf != of {
			if g.plots, err = o.Metrics(ctx, records); err != nil {
				return nil, fmt.Errorf("make the plots: %w", err)
			}
			g.plotsOf = of
		}
		s.plots = g.plots
	}
	s.stats = Result{Records: g.head.Seq, Services: len(s.paths), Commits: len(t.commits), Tickets: len(t.tickets)}
	return s, nil
}

// plotted is how many records the plots are of, where many are more than that.
func (g *gathering) plotted(many uint64) uint64 {
	if g.head.Seq > many && hourOf(g.now) == g.hour {
		return g.before
	}
	return g.head.Seq
}

// hourOf is the hour of a time, counted from 1970.
func hourOf(t time.Time) uint64 { return uint64(t.Unix() / 3600) }

// fill writes all files of the site into the empty folder made.
func (s *site) fill(ctx context.Context, made string, dir folder) error {
	for _, sub := range []string{"assets", "commits", "services", "tickets"} {
		if err := os.Mkdir(filepath.Join(made, sub), 0o755); err != nil {
			return err
		}
		if err := dir.own(filepath.Join(made, sub)); err != nil {
			return err
		}
	}
	put := func(name string, b []byte) error {
		path := filepath.Join(made, filepath.FromSlash(name))
		if err := os.WriteFile(path, b, 0o644); err != nil {
			return err
		}
		return dir.own(path)
	}
	r, err := newRenderer(s)
	if err != nil {
		return err
	}
	err = s.pages(func(p page) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		s.stats.Pages++
		b, err := r.render(p)
		if err != nil {
			return err
		}
		return put(p.File, b)
	})
	if err != nil {
		return err
	}
	return s.fillAssets(put)
}

func (s *site) fillAssets(put func(string, []byte) error) error {
	for _, name := range []string{"assets/board.css", "assets/search.js", "assets/icon.svg"} {
		b, err := assetFiles.ReadFile(name)
		if err != nil {
			return err
		}
		if err := put(name, b); err != nil {
			return err
		}
	}
	index, err := s.index()
	if err != nil {
		return err
	}
	if err := put("assets/search-index.js", index); err != nil {
		return err
	}
	return put(Marker, []byte(markerText))
}
