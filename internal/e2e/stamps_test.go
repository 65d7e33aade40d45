package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hiddeco/sshsig"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/crypto/ssh"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/stamp"
	"github.com/pathgate/pathgate/internal/stamp/notes"
	"github.com/pathgate/pathgate/internal/tlog"
	"github.com/pathgate/pathgate/policy"
)

// cmdHost makes another host beside the site: a root, a policy and a ledger of
// its own. Its remotes are added to the clone.
func cmdHost(ts *testscript.TestScript, neg bool, args []string) {
	init := []string{"init", "-q", "--bare"}
	if len(args) > 0 && args[0] == "-sha256" {
		init, args = append(init, "--object-format=sha256"), args[1:]
	}
	if neg || len(args) < 3 {
		ts.Fatalf("usage: host [-sha256] NAME POLICY REPO...")
	}
	base := filepath.Join(ts.Getenv("WORK"), args[0])
	ts.Check(os.MkdirAll(base, 0o755))
	policy := filepath.Join(base, "policy.toml")
	ts.Check(os.WriteFile(policy, []byte(expand(ts, ts.ReadFile(args[1]))), 0o644))
	ts.Check(os.Chmod(policy, 0o644))
	install := []string{"install", "--policy", policy}
	for _, repo := range args[2:] {
		path := filepath.Join(base, "srv", repo)
		ts.Check(ts.Exec("git", append(init, path)...))
		ts.Check(ts.Exec("git", "remote", "add", remoteName(repo), path))
		install = append(install, path)
	}
	ts.Check(ts.Exec("pathgate", install...))
}

// cmdStampkey makes keys as a host has them.
func cmdStampkey(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: stampkey NAME...")
	}
	if _, err := lookPath("ssh-keygen"); err != nil {
		skip(ts, "ssh-keygen is missing: install openssh-client")
	}
	folder := filepath.Join(ts.Getenv("WORK"), "keys")
	ts.Check(os.MkdirAll(folder, 0o700))
	for _, name := range args {
		file := filepath.Join(folder, name)
		ts.Check(ts.Exec("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", file))
		key, err := stamp.LoadKey(file)
		ts.Check(err)
		ts.Setenv(name, key.Authorized())
	}
}

// A forgery is what a host says that may be broken into.
type forgery struct {
	repo, key, ledger, namespace, env string
	note, about, of                   string
	at                                time.Duration
	never                             bool // the time is none
	entry                             ledger.Entry
}

func parseForgery(ts *testscript.TestScript, args []string) (*forgery, error) {
	f := &forgery{key: "STG", ledger: "forged", env: "stg", about: ledger.KindDeployed, entry: ledger.Entry{
		Type: ledger.TypeDeployed, Push: "forged", Service: "shop", Environment: "stg", Repository: "shop/stg.git",
		Ref: "refs/heads/main", Kind: "promote", Principal: "mallory", Via: "ssh", Subject: "forged"}}
	fields := map[string]*string{"repo": &f.repo, "key": &f.key, "ledger": &f.ledger, "namespace": &f.namespace, "notes": &f.env,
		"note": &f.note, "about": &f.about, "of": &f.of,
		"service": &f.entry.Service, "environment": &f.entry.Environment, "repository": &f.entry.Repository, "ref": &f.entry.Ref,
		"commit": &f.entry.Commit, "kind": &f.entry.Kind, "deploy": &f.entry.Deploy, "subject": &f.entry.Subject}
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		switch field := fields[name]; {
		case field != nil:
			*field = value
		case arg == "at=never":
			f.never = true
		case name == "at":
			at, err := time.ParseDuration(value)
			if err != nil {
				return nil, err
			}
			f.at = at
		default:
			return nil, fmt.Errorf("there is no field %s", name)
		}
	}
	if f.repo == "" {
		f.repo = filepath.Join(ts.Getenv("WORK"), "work")
	}
	if f.entry.Commit == "" {
		return nil, errors.New("say which commit")
	}
	f.entry.New = f.entry.Commit
	if f.of == "" {
		f.of = f.entry.Commit
	}
	if f.note == "" {
		f.note = f.of
	}
	return f, nil
}

// cmdForge signs whatever it is told with a host's key, and puts it into notes.
func cmdForge(ts *testscript.TestScript, neg bool, args []string) {
	f, err := parseForgery(ts, args)
	if err != nil || neg {
		ts.Fatalf("usage: forge commit=ID [FIELD=VALUE...]: %v", err)
	}
	work := ts.Getenv("WORK")
	dir := filepath.Join(work, f.ledger)
	now := func() time.Time {
		if f.never {
			return time.Time{}
		}
		return time.Now().Add(f.at)
	}
	if err := ledger.Create(dir, ledger.CreateOptions{Root: work, Now: now}); err != nil && !errors.Is(err, ledger.ErrExists) {
		ts.Check(err)
	}
	key := filepath.Join(work, "keys", f.key)
	repo, err := gitfacts.Open(f.repo)
	ts.Check(err)
	note := policy.ObjectID(f.note)
	ref := policy.RefName("refs/notes/deployments/" + f.env)
	_, err = notes.Write(context.Background(), repo, notes.Refs{Public: ref}, []policy.ObjectID{note}, func(old notes.Old) (*notes.Change, error) {
		s, proof, err := f.sign(dir, work, key, now, old.Trailers.Tree)
		if err != nil {
			return nil, err
		}
		was, err := stamp.ParseNote(old.Notes[note])
		if err != nil {
			return nil, err
		}
		return &notes.Change{Notes: map[policy.ObjectID][]byte{note: stamp.FormatNote(append(was, *s))}, Tree: s.Tree, Proof: proof,
			Anew: true, Stamped: note, Message: "forged", Time: time.Now()}, nil
	})
	ts.Check(err)
}

// sign appends the entry to the forged ledger and signs it.
func (f *forgery) sign(dir, root, key string, now func() time.Time, before tlog.Tree) (s *stamp.Stamp, proof tlog.TreeProof, err error) {
	l, err := ledger.Open(context.Background(), dir, ledger.Options{Root: root, Now: now})
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	intent, e := f.entry, f.entry
	intent.Type, intent.Token = ledger.TypeIntent, "forged"
	if err := l.Append(&intent); err != nil {
		return nil, nil, err
	}
	e.Intent = intent.Seq
	if err := l.Append(&e); err != nil {
		return nil, nil, err
	}
	line, err := ledger.Encode(&e)
	if err != nil {
		return nil, nil, err
	}
	s = &stamp.Stamp{About: stamp.About(f.about), Commit: policy.ObjectID(f.of), Origin: l.ID(), Entry: e, Line: bytes.TrimSuffix(line, []byte("\n"))}
	if s.Tree, err = l.Tree(); err != nil {
		return nil, nil, err
	}
	if s.Proof, err = l.ProveRecord(e.Seq, uint64(s.Tree.N)); err != nil {
		return nil, nil, err
	}
	if before.N > 0 && before.N <= s.Tree.N {
		if proof, err = l.ProveTree(uint64(before.N)); err != nil {
			return nil, nil, err
		}
	}
	return s, proof, f.seal(s, key)
}

// seal signs a stamp, under another namespace if one is named.
func (f *forgery) seal(s *stamp.Stamp, path string) error {
	key, err := stamp.LoadKey(path)
	if err != nil {
		return err
	}
	if f.namespace == "" {
		return s.Sign(key)
	}
	pem, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	signer, err := ssh.ParsePrivateKey(pem)
	if err != nil {
		return err
	}
	sig, err := sshsig.Sign(bytes.NewReader(s.Message()), signer, sshsig.HashSHA512, f.namespace)
	if err != nil {
		return err
	}
	s.Signature = sig.Marshal()
	return nil
}
