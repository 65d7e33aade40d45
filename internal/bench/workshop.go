package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/pathgate/pathgate/internal/pgtest"
)

// A workshop is the folder that everything is made in, and what makes it.
type workshop struct {
	dir      string // absolute, links resolved
	git      *runner
	progress io.Writer
	pathgate string // the operator's command
	hooks    string // folder of pathgate's hooks
	empty    string // the hook that does nothing
	launcher string
	station  *station // of the scenarios of shared ledgers, nil before they need it
}

// newWorkshop builds what is to be measured into dir.
func newWorkshop(ctx context.Context, dir string, progress io.Writer) (*workshop, error) {
	dir, err := filepath.Abs(dir)
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("find the bench's folder: %w", err)
	}
	git, err := newRunner(ctx, dir)
	if err != nil {
		return nil, err
	}
	prefix := filepath.Join(dir, "prefix")
	w := &workshop{
		dir: dir, git: git, progress: progress,
		pathgate: filepath.Join(prefix, "bin", "pathgate"),
		hooks:    filepath.Join(prefix, "lib", "pathgate", "hooks"),
		empty:    filepath.Join(dir, "emptyhook"),
		launcher: filepath.Join(dir, "launcher"),
	}
	w.say("building the hooks")
	builds := map[string]string{"hooks/pathgate": w.pathgate, "internal/bench/emptyhook": w.empty,
		"internal/bench/launcher": w.launcher, "hooks/deploy": filepath.Join(w.hooks, "deploy")}
	for _, hook := range hookNames() {
		builds["hooks/"+hook] = filepath.Join(w.hooks, hook)
	}
	for from, to := range builds {
		if err := build(ctx, "github.com/pathgate/pathgate/"+from, to, ""); err != nil {
			return nil, err
		}
	}
	return w, nil
}

func hookNames() []string { return []string{"pre-receive", "proc-receive", "post-receive"} }

// build builds a package as it is shipped, with tags or without.
func build(ctx context.Context, from, to, tags string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags", tags, "-ldflags", "-s -w", "-o", to, from)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", from, err, out)
	}
	return nil
}

// say tells a person who waits what is going on.
func (w *workshop) say(format string, args ...any) {
	fmt.Fprintf(w.progress, "bench: "+format+"\n", args...)
}

// A lane is one variant in one scenario: repositories of its own, and the
// times of its pushes.
type lane struct {
	scenario scenario
	variant  string
	rules    rules // in its policy
	source   *source
	repos    []string
	times    map[string][]sample // by step

	// Of the scenario "release":
	desk   string // a clone to work in
	ledger string // folder, of pathgate only
	read   int64  // how many bytes of the journal were looked at

	// Of the scenarios of shared ledgers, where the ledger is a database:
	proxy      *pgtest.Proxy
	connecting int // round trips that it takes to connect
}

// policy is the lane's policy file.
func (l *lane) policy(root, ledger string) string {
	if l.rules == noRules {
		return l.scenario.policy(root, ledger)
	}
	return railsPolicy(root, ledger, l.rules, filepath.Join(filepath.Dir(root), signersFile), time.Now())
}

// byScenario takes the lanes of each scenario apart, in order.
func byScenario(lanes []*lane) [][]*lane {
	var out [][]*lane
	for i, l := range lanes {
		if i == 0 || l.scenario.name != lanes[i-1].scenario.name {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], l)
	}
	return out
}

// prepare makes the lanes of all scenarios.
func (w *workshop) prepare(scenarios []scenario, s sizes) ([]*lane, error) {
	var lanes []*lane
	for _, one := range scenarios {
		w.say("preparing %s: %s", one.name, one.title)
		dir := filepath.Join(w.dir, one.name)
		src, err := w.newSource(one, filepath.Join(dir, "source.git"))
		if err != nil {
			return nil, err
		}
		for _, v := range one.variants() {
			l := &lane{scenario: one, variant: v.name, source: src, times: make(map[string][]sample)}
			root := filepath.Join(dir, v.name)
			for i := range one.pushers {
				l.repos = append(l.repos, filepath.Join(root, fmt.Sprintf("service-%02d", i+1), "app.git"))
			}
			if err := w.newRepositories(l); err != nil {
				return nil, err
			}
			if err := v.install(w, root, l); err != nil {
				return nil, fmt.Errorf("prepare %s with %s: %w", one.name, v.name, err)
			}
			lanes = append(lanes, l)
		}
		if err := w.addPushes(one, src, s.rounds()); err != nil {
			return nil, err
		}
	}
	return lanes, nil
}

// addPushes makes what a scenario pushes, after its repositories were made.
func (w *workshop) addPushes(s scenario, src *source, rounds int) error {
	if s.name == released {
		return w.addBranches(src, rounds)
	}
	if err := w.addCommits(s, src, rounds); err != nil || s.name != guarded {
		return err
	}
	return w.signCommits(src)
}

// newRepositories makes the repositories that a lane pushes to. A large one
// shares its pack with the source by hard links.
func (w *workshop) newRepositories(l *lane) error {
	for _, repo := range l.repos {
		if l.scenario.objects == 0 {
			if err := w.git.initBare(repo); err != nil {
				return err
			}
			continue
		}
		err := w.git.run("", nil, "git", "clone", "-q", "--bare", "--local", "--template=", l.source.dir, repo)
		if err != nil {
			return err
		}
	}
	return nil
}

// load is the machine's load average, empty where it cannot be read.
func load() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	return strings.Join(strings.Fields(string(b))[:3], " ")
}
