package deploy

import (
	"context"
	"fmt"
	"io"
	"log/syslog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/policyfile"
	"github.com/pathgate/pathgate/policy"
)

// grace is how long a command has from SIGTERM to SIGKILL.
const grace = 10 * time.Second

// Main is the runner's program: POLICY SERVICE ENVIRONMENT. Its exit status is
// 0 if it has left nothing undone, also when another runner does the work.
func Main(args []string, stderr io.Writer, getenv func(string) string) int {
	return program(args, stderr, getenv, newRunner)
}

// A maker makes the runner that the arguments ask for.
type maker func(policyPath string, _ policy.Service, _ policy.EnvironmentName, getenv func(string) string) (*Runner, error)

func program(args []string, stderr io.Writer, getenv func(string) string, newRunner maker) int {
	closeInherited()
	// Caught and dropped, not ignored: the command would inherit that.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE, syscall.SIGHUP)
	if len(args) != 4 || !filepath.IsAbs(args[1]) {
		fmt.Fprintln(stderr, "usage: deploy POLICY SERVICE ENVIRONMENT (pathgate's hooks start it)")
		return 2
	}
	_, _ = unix.Setsid() // fails where Start has done it
	unix.Umask(0o022)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	r, err := newRunner(args[1], policy.Service(args[2]), policy.EnvironmentName(args[3]), getenv)
	if err == nil {
		err = r.Run(ctx)
	}
	if err != nil {
		toSyslog(fmt.Sprintf("deployment of %q in %q: %v", args[2], args[3], err))
		fmt.Fprintln(stderr, "pathgate:", err)
		return 1
	}
	return 0
}

// hintsOf are what a runner asks of its environment, whatever it deploys.
func hintsOf(pol *policy.Policy, service policy.Service, name policy.EnvironmentName) ledger.Hints {
	h := ledger.Hints{Service: service}
	if env, ok := pol.Environment(name); ok && env.Elsewhere == nil {
		h.Spots = []ledger.Hint{{Environment: name, Repository: env.Repository.Path(service)}}
	}
	return h
}

func newRunner(policyPath string, service policy.Service, name policy.EnvironmentName, getenv func(string) string) (*Runner, error) {
	pol, err := policyfile.Load(policyPath)
	if err != nil {
		return nil, fmt.Errorf("read the policy: %w", err)
	}
	folder, err := Folder(pol)
	if err != nil {
		return nil, err
	}
	return &Runner{
		Place: Place{Ledger: folder, Service: service, Environment: name},
		Books: Stamping(Shipping(InPolicy(pol, hintsOf(pol, service, name)), pol, toSyslog), pol, toSyslog),
		Settings: func() (Settings, error) {
			pol, err := policyfile.Load(policyPath)
			if err != nil {
				return Settings{}, err
			}
			s := Settings{Root: pol.Root}
			if env, ok := pol.Environment(name); ok {
				s.Deployment = env.Deploy
			}
			return s, nil
		},
		Getenv: getenv, Grace: grace, Log: toSyslog,
	}, nil
}

// toSyslog hands a line to the system's log, where there is one.
func toSyslog(line string) {
	w, err := syslog.New(syslog.LOG_AUTH|syslog.LOG_ERR, "pathgate")
	if err != nil {
		return
	}
	defer w.Close()
	_ = w.Err(line)
}
