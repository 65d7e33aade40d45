package board

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Names beside the site: of the state, and of its run.
const (
	stateName = ".pathgate-state"
	runName   = ".pathgate-run-"
)

// A shelf is where the state of a board lies, beside the site. Whoever uses it
// holds the board's lock.
type shelf struct {
	dir   folder
	run   string // what the run is called, empty for none
	fresh bool   // the run is in no state yet
}

// load makes a gathering from the state that is there.
func (s *shelf) load(o *Options) (*gathering, error) {
	f, err := openOurs(filepath.Join(s.dir.parent, "."+s.dir.name+stateName))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		return nil, err
	}
	return resume(b, o, func(name string, sum uint32) (*run, error) {
		if filepath.Base(name) != name {
			return nil, errRun
		}
		f, err := openOurs(filepath.Join(s.dir.parent, name))
		if err != nil {
			return nil, err
		}
		r, err := openRun(f, sum)
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		s.run = name
		return r, nil
	})
}

// openOurs opens a file that is no link and no pipe.
func openOurs(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s: %w", path, errRun)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// create makes a file beside the site that only its owner can read.
func (s *shelf) create(name string) (*os.File, error) {
	f, err := os.CreateTemp(s.dir.parent, "."+s.dir.name+name)
	if err != nil {
		return nil, err
	}
	if err := s.dir.own(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	return f, nil
}

// settle puts what is fresh in a store into its run.
func (s *shelf) settle(of *store) error {
	f, err := s.create(runName)
	if err != nil {
		return err
	}
	if err := of.settle(newRunWriter(f)); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	s.drop()
	s.run, s.fresh = filepath.Base(f.Name()), true
	return nil
}

// drop removes a run that is in no state.
func (s *shelf) drop() {
	if s.fresh {
		_ = os.Remove(filepath.Join(s.dir.parent, s.run))
	}
	s.run, s.fresh = "", false
}

// save writes the state in one step, and removes the runs that it does not have.
func (s *shelf) save(g *gathering) error {
	if g.store.err != nil {
		return g.store.err
	}
	f, err := s.create(newName)
	if err != nil {
		return err
	}
	_, err = f.Write(g.state(s.run))
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), filepath.Join(s.dir.parent, "."+s.dir.name+stateName))
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	s.fresh = false
	runs, _ := filepath.Glob(filepath.Join(globQuote(s.dir.parent), globQuote("."+s.dir.name+runName)+"*"))
	for _, path := range runs {
		if filepath.Base(path) != s.run {
			_ = os.Remove(path)
		}
	}
	return nil
}
