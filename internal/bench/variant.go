package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// A variant is one way to gate a push.
type variant struct {
	name string
	// install puts the hooks into the lane's repositories, which lie under
	// root.
	install func(w *workshop, root string, l *lane) error
}

// The variants that others are held against.
const (
	noHooks  = "none"
	noOp     = "noop"
	emptyGo  = "empty-go"
	bashGate = "bash"
	product  = "pathgate"
)

// The product with the guard rails of a production environment.
const (
	railed    = "rails"     // without those that read commits
	railedGit = "rails-git" // all
)

// isProduct reports whether a variant is pathgate.
func isProduct(variant string) bool {
	return variant == product || variant == railed || variant == railedGit
}

func variants() []variant {
	return []variant{
		{noHooks, func(*workshop, string, *lane) error { return nil }},
		{noOp, installNoOp},
		{emptyGo, installEmpty},
		{bashGate, installBash},
		{product, installPathgate},
	}
}

func installNoOp(_ *workshop, _ string, l *lane) error {
	const script = "#!/bin/sh\nexit 0\n"
	return writeHooks(l, map[string]string{"pre-receive": script, "post-receive": script})
}

func installEmpty(w *workshop, _ string, l *lane) error {
	for _, repo := range l.repos {
		for _, hook := range hookNames() {
			if err := copyFile(w.empty, filepath.Join(repo, "hooks", hook)); err != nil {
				return err
			}
		}
		if err := w.git.configure(repo, "receive.procReceiveRefs", "refs"); err != nil {
			return err
		}
	}
	return nil
}

// The bash gate starts no process but grep. Its verb is the log.
const (
	bashPre = `#!/bin/bash
while read -r old new ref; do
	if ! grep -qF " $new ` + devRef + `" '%[1]s' && [[ $ref == ` + stgRef + ` ]]; then
		echo "$new is not deployed in dev" >&2
		exit 1
	fi
done
`
	bashPost = `#!/bin/bash
while read -r old new ref; do
	printf '%%(%%FT%%TZ)T deployed %%s %%s %%s\n' -1 "$` + identity + `" "$new" "$ref"
done >>'%[1]s'
`
)

func installBash(_ *workshop, root string, l *lane) error {
	log := filepath.Join(root, "gate.log")
	if err := fillLog(log, l.scenario.entries); err != nil {
		return fmt.Errorf("fill the bash gate's log: %w", err)
	}
	return writeHooks(l, map[string]string{
		"pre-receive": fmt.Sprintf(bashPre, log), "post-receive": fmt.Sprintf(bashPost, log)})
}

func installPathgate(w *workshop, root string, l *lane) error {
	ledger, policy := filepath.Join(root, "ledger"), filepath.Join(root, "policy.toml")
	if err := os.WriteFile(policy, []byte(l.policy(root, ledger)), 0o644); err != nil {
		return err
	}
	if err := fillLedger(w.git.ctx, ledger, root, l.scenario.entries); err != nil {
		return fmt.Errorf("fill the ledger: %w", err)
	}
	args := append([]string{"install", "--policy", policy, "--hooks", w.hooks}, l.repos...)
	return w.git.run(root, nil, w.pathgate, args...)
}

func writeHooks(l *lane, scripts map[string]string) error {
	for _, repo := range l.repos {
		if err := os.MkdirAll(filepath.Join(repo, "hooks"), 0o755); err != nil {
			return err
		}
		for name, script := range scripts {
			if err := os.WriteFile(filepath.Join(repo, "hooks", name), []byte(script), 0o755); err != nil {
				return err
			}
		}
	}
	return nil
}

// copyFile copies an executable; the folder is made if it is missing.
func copyFile(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}

// hookFile is where git finds a hook of a repository.
func (w *workshop) hookFile(repo, name string) (string, error) {
	path, err := w.git.line(repo, "rev-parse", "--git-path", "hooks/"+name)
	if err != nil || filepath.IsAbs(path) {
		return path, err
	}
	return filepath.Join(repo, strings.TrimPrefix(path, "./")), nil
}
