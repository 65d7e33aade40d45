package main

import (
	"bytes"
	"fmt"
	"os/exec"
	"slices"
	"time"
)

// A sample is how long one push took, or one round of pushers.
type sample = time.Duration

// push makes a lane's pushes of one step in one round, all at once, and
// returns the time until the last is done. env is added to the environment.
func (w *workshop) push(l *lane, step string, round int, env ...string) (sample, error) {
	if l.scenario.name == released {
		return w.releaseStep(l, step, round, env...)
	}
	refspecs := l.scenario.refspecs(step, l.source.commits[round])
	cmds := make([]*exec.Cmd, len(l.repos))
	outputs := make([]bytes.Buffer, len(l.repos))
	for i, repo := range l.repos {
		args := []string{"push", repo}
		if len(refspecs) > 1 { // several refs of environments are asked to
			args = []string{"push", "--atomic", repo}
		}
		cmds[i] = w.git.command(l.source.dir, "git", append(args, refspecs...)...)
		cmds[i].Env = append(slices.Clip(cmds[i].Env), env...)
		cmds[i].Stdout, cmds[i].Stderr = &outputs[i], &outputs[i]
	}
	begin := time.Now()
	ends := make(chan error, len(cmds))
	for _, cmd := range cmds {
		if len(cmds) == 1 {
			ends <- cmd.Run()
			break
		}
		go func() { ends <- cmd.Run() }()
	}
	var failed error
	for range cmds {
		if err := <-ends; err != nil {
			failed = err
		}
	}
	took := time.Since(begin)
	if failed != nil {
		var said []byte
		for i := range outputs {
			said = append(said, outputs[i].Bytes()...)
		}
		return 0, fmt.Errorf("%s of %s with %s, round %d: %w\n%s", step, l.scenario.name, l.variant, round, failed,
			said[:min(len(said), 4000)])
	}
	return took, nil
}

// time makes the rounds. In each, every lane takes its turn at every step; the
// variant that begins changes from round to round.
func (w *workshop) time(lanes []*lane, s sizes, r *report) error {
	w.say("%d rounds of pushes, and %d to warm up", s.pushes, warmups)
	for round := range warmups + s.pushes {
		if round > 0 && round%10 == 0 {
			w.say("round %d", round)
		}
		for _, group := range byScenario(lanes) {
			for _, step := range group[0].scenario.steps() {
				if err := w.timeStep(group, step, round, s); err != nil {
					return err
				}
			}
		}
	}
	r.addTimes(lanes)
	return nil
}

// timeStep lets the lanes of a scenario take their turns. All approvals come
// before, so that no lane is warmer than another.
func (w *workshop) timeStep(group []*lane, step string, round int, s sizes) error {
	for _, l := range group {
		if err := w.approve(l, step, round); err != nil {
			return err
		}
	}
	for i := range group {
		l := group[(i+round)%len(group)]
		if !l.takesPart(step, round, s) {
			continue
		}
		took, err := w.push(l, step, round)
		if err != nil {
			return err
		}
		if round >= warmups {
			l.times[step] = append(l.times[step], took)
		}
	}
	return nil
}

// quantile is the q-quantile of samples, interpolated; zero of none.
func quantile(samples []sample, q float64) sample {
	if len(samples) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(samples))
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 == len(sorted) {
		return sorted[i]
	}
	return sorted[i] + sample((at-float64(i))*float64(sorted[i+1]-sorted[i]))
}
