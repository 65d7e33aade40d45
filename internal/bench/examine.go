package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// A usage is what the launcher writes of one run of a hook.
type usage struct {
	Hook   string        `json:"hook"`
	Wall   time.Duration `json:"wall"`
	User   time.Duration `json:"user"`
	System time.Duration `json:"system"`
	Peak   int64         `json:"peak"`
	Inits  []string      `json:"inits"`
	Trips  int           `json:"trips"` // to a database, without those of connecting; of several connections the most
}

// examine makes further pushes with a launcher around the hooks, and adds to
// the report what each hook took.
func (w *workshop) examine(lanes []*lane, s sizes, trace bool, r *report) error {
	w.say("pushes to see what each hook takes")
	for _, l := range lanes {
		first := l.scenario.name == lanes[0].scenario.name
		if !isProduct(l.variant) && !isTrip(l.variant) && !(first && l.variant == emptyGo) {
			continue
		}
		if err := w.launch(l); err != nil {
			return fmt.Errorf("put the launcher around %s's hooks: %w", l.variant, err)
		}
		round := warmups + s.pushes
		if err := w.examineLane(l, round, usages, nil, r.addUsages); err != nil {
			return err
		}
		if trace && first {
			err := w.examineLane(l, round+usages, traces, []string{"PATHGATE_BENCH_TRACE=1"}, r.addTraces)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// examineLane makes the pushes of some rounds, and hands on what the launcher
// wrote of each step.
func (w *workshop) examineLane(l *lane, from, rounds int, env []string, add func(*lane, string, []usage)) error {
	got := make(map[string][]usage)
	for round := from; round < from+rounds; round++ {
		for _, step := range l.scenario.steps() {
			file := filepath.Join(w.dir, "usage")
			if err := w.approve(l, step, round); err != nil {
				return err
			}
			before := l.connections()
			if _, err := w.push(l, step, round, append(env, "PATHGATE_BENCH_USAGE="+file)...); err != nil {
				return err
			}
			all, err := readUsages(file)
			if err != nil {
				return fmt.Errorf("read what the launcher wrote: %w", err)
			}
			l.addTrips(all, before)
			got[step] = append(got[step], all...)
		}
	}
	for _, step := range l.scenario.steps() {
		add(l, step, got[step])
	}
	return nil
}

// launch puts the launcher in the place of each hook.
func (w *workshop) launch(l *lane) error {
	for _, repo := range l.repos {
		for _, hook := range hookNames() {
			path, err := w.hookFile(repo, hook)
			if err != nil {
				return err
			}
			measured := path + ".measured"
			if _, err := os.Lstat(measured); !errors.Is(err, fs.ErrNotExist) {
				continue // repositories may share their hooks
			}
			if err := os.Rename(path, measured); err != nil {
				return err
			}
			if err := copyFile(w.launcher, path); err != nil {
				return err
			}
		}
	}
	return nil
}

func readUsages(file string) ([]usage, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var out []usage
	for line := range bytes.Lines(data) {
		var u usage
		if err := json.Unmarshal(line, &u); err != nil {
			return nil, err
		}
		out = append(out, u)
	}
	return out, os.Remove(file)
}

// byHook takes the usages of each hook apart.
func byHook(all []usage) map[string][]usage {
	out := make(map[string][]usage)
	for _, u := range all {
		out[u.Hook] = append(out[u.Hook], u)
	}
	return out
}

// median is the median of a number that each usage gives.
func median(all []usage, of func(usage) time.Duration) time.Duration {
	var samples []sample
	for _, u := range all {
		samples = append(samples, of(u))
	}
	return quantile(samples, 0.5)
}

func peak(all []usage) int64 {
	top := slices.MaxFunc(all, func(a, b usage) int { return int(a.Peak - b.Peak) })
	return top.Peak
}
