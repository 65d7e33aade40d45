package setup

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestInstallBare(t *testing.T) {
	s := newSite(t)
	prd := s.repo("prd")
	before := s.tree(prd)
	report := s.install(prd)
	for _, name := range hookNames {
		s.wantLink(prd, name)
	}
	get := func(key string) string { return s.git(prd, "config", "--file", "config", "--get-all", key) }
	want := "refs/deploy\nrefs/approve\nrefs/reject\nrefs/lock\nrefs/release\nrefs/notes/deployments\nrefs/heads/main\nrefs/heads/hotfix"
	if got := get(keyProcRefs); got != want {
		t.Errorf("procReceiveRefs:\n%s", got)
	}
	if got := get(keyPolicy); got != s.o.PolicyPath {
		t.Errorf("policy %q", got)
	}
	if got := get(keyOptions); got != "true" {
		t.Errorf("push options %q", got)
	}
	if got := get(keyFsck); got != "true" {
		t.Errorf("fsckObjects %q", got)
	}
	if got := get(keyHideRefs); got != "refs/replace\nrefs/pathgate" {
		t.Errorf("hideRefs %q", got)
	}
	if _, err := os.Stat(filepath.Join(s.dir, "ledger", "ledger.jsonl")); err != nil {
		t.Error(err)
	}
	wantIn(t, report.String(), "shop/prd.git: changed", "pre-receive -> ", "created the ledger", "receive.procReceiveRefs += refs/heads/main", "receive.fsckObjects += true")
	if len(report.Problems) != 0 {
		t.Errorf("problems: %v", report.Problems)
	}

	once := s.tree(prd)
	again := s.install(prd)
	if len(again.Changes) != 0 || s.tree(prd) != once {
		t.Errorf("a second install changed something: %v", again.Changes)
	}
	wantIn(t, again.String(), "shop/prd.git: nothing to change")

	if gone := s.uninstall(prd); !strings.Contains(gone.String(), "removed pre-receive") {
		t.Errorf("uninstall says:\n%s", gone)
	}
	if got := s.tree(prd); got != before {
		t.Errorf("uninstall left:\n%s\nwanted:\n%s", got, before)
	}
	if twice := s.uninstall(prd); len(twice.Changes) != 0 {
		t.Errorf("a second uninstall changed %v", twice.Changes)
	}
}

// What was configured before stays byte for byte.
func TestInstallKeepsConfiguration(t *testing.T) {
	s := newSite(t)
	prd := s.repo("prd")
	config := filepath.Join(prd, "config")
	s.write(config, "# ours\n[core]\n\tbare = true\n[receive]\n\t# why\n\tprocReceiveRefs = refs/deploy\n\tadvertisePushOptions = true\n"+
		"\tadvertisePushOptions = false\n\tfsckObjects = no\n\thideRefs = refs/secret\n[pathgate]\n\tpolicy = /old/policy.toml\n", 0o640)
	s.git(prd, "config", "--file", config, "pathgate.policy", s.o.PolicyPath)
	before := s.read(config)
	s.install(prd)
	if got := s.git(prd, "config", "--type=bool", "receive.advertisePushOptions"); got != "true" {
		t.Errorf("push options are %s", got)
	}
	if got := s.git(prd, "config", "--type=bool", "receive.fsckObjects"); got != "true" {
		t.Errorf("fsckObjects is %s", got)
	}
	if strings.Count(s.read(config), "refs/deploy\n") != 1 {
		t.Errorf("refs/deploy is listed twice:\n%s", s.read(config))
	}
	if info, _ := os.Stat(config); info.Mode().Perm() != 0o640 {
		t.Errorf("mode is %o", info.Mode().Perm())
	}
	s.uninstall(prd)
	if after := s.read(config); after != before {
		t.Errorf("configuration is\n%s\nwas\n%s", after, before)
	}
}

func TestInstallDefaultPolicy(t *testing.T) {
	s := newSite(t)
	s.o.Default = true
	s.install(s.repo("dev"))
	if got, err := s.try(s.repo("dev"), "config", keyPolicy); err == nil {
		t.Errorf("the policy is named: %s", got)
	}
	s.git(s.repo("prd"), "config", keyPolicy, "/other/policy.toml")
	wantIn(t, s.install(s.repo("prd")).String(), "pathgate.policy = ", "(was /other/policy.toml)")
	if got := s.git(s.repo("prd"), "config", "--get-all", keyPolicy); got != s.o.PolicyPath {
		t.Errorf("policy %s", got)
	}
}

// Patterns are handed over by their prefix.
func TestInstallPattern(t *testing.T) {
	s := newSite(t)
	s.install(s.repo("rel"))
	wantIn(t, s.read(filepath.Join(s.repo("rel"), "config")), "procReceiveRefs = refs/heads/release\n")
}

func TestInstallWorktrees(t *testing.T) {
	s := newSite(t)
	app := filepath.Join(s.dir, "srv", "apps", "shop", "web")
	s.git("", "clone", "-q", s.work, app)
	linked := filepath.Join(s.dir, "linked")
	s.git(app, "worktree", "add", "-q", "-b", "side", linked)
	report := s.install(linked)
	if report.Repository != "apps/shop/web" || report.Path != filepath.Join(app, ".git") {
		t.Errorf("installed in %s, %s", report.Repository, report.Path)
	}
	for _, name := range hookNames {
		s.wantLink(filepath.Join(app, ".git"), name)
	}
	for _, path := range []string{app, filepath.Join(app, ".git")} {
		if again := s.install(path); len(again.Changes) != 0 {
			t.Errorf("%s: changed %v", path, again.Changes)
		}
	}
}

func TestInstallRefuses(t *testing.T) {
	s := newSite(t)
	ctx := context.Background()
	other := filepath.Join(s.dir, "srv", "shop", "tst.git")
	s.git("", "init", "-q", "--bare", other)
	_, err := Install(ctx, s.o, other)
	wantError(t, err, "shop/tst.git", "{service}/dev.git, {service}/rel.git, {service}/prd.git, apps/{service}/web")
	_, err = Install(ctx, s.o, s.work)
	wantError(t, err, "not below the policy's root")
	_, err = Install(ctx, s.o, filepath.Join(s.dir, "srv"))
	wantError(t, err, "not a git repository")

	s.write("lib/hooks/pre-receive", "#!/bin/sh\n", 0o775)
	_, err = Install(ctx, s.o, s.repo("prd"))
	wantError(t, err, "may be written by others", "0775")
	s.write("lib/hooks/pre-receive", "#!/bin/sh\n", 0o644)
	_, err = Install(ctx, s.o, s.repo("prd"))
	wantError(t, err, "not an executable file")
	os.Remove(filepath.Join(s.o.HooksDir, "pre-receive"))
	_, err = Install(ctx, s.o, s.repo("prd"))
	wantError(t, err, "not whole")
}

func TestInstallHooksPath(t *testing.T) {
	s := newSite(t)
	prd := s.repo("prd")
	shared := filepath.Join(s.dir, "shared")
	s.git("", "config", "--global", "core.hooksPath", shared)
	before := s.tree(prd)
	_, err := Install(context.Background(), s.o, prd)
	wantError(t, err, "outside of this repository", "core.hooksPath "+prd+"/hooks")
	if s.tree(prd) != before {
		t.Error("a refused install changed the repository")
	}
	s.git(prd, "config", "core.hooksPath", "custom")
	s.install(prd)
	if target, err := os.Readlink(filepath.Join(prd, "custom", "pre-receive")); err != nil || target != filepath.Join(s.o.HooksDir, "pre-receive") {
		t.Errorf("custom/pre-receive leads to %q, %v", target, err)
	}
	// A folder of hooks that is a link to somewhere else is shared as well.
	dev := s.repo("dev")
	s.git(dev, "config", "core.hooksPath", dev+"/hooks")
	os.RemoveAll(filepath.Join(dev, "hooks"))
	if err := os.Mkdir(shared, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(shared, filepath.Join(dev, "hooks")); err != nil {
		t.Fatal(err)
	}
	_, err = Install(context.Background(), s.o, dev)
	wantError(t, err, "outside of this repository")
}

func TestInstallKeepsHooks(t *testing.T) {
	s := newSite(t)
	prd := s.repo("prd")
	hooks := filepath.Join(prd, "hooks")
	s.write(hooks+"/pre-receive", "#!/bin/sh\nexit 0\n", 0o755)
	s.write(hooks+"/pre-receive.sample", "sample", 0o755)
	if err := os.Symlink("/nowhere/post-receive", hooks+"/post-receive"); err != nil {
		t.Fatal(err)
	}
	before := s.tree(prd)
	wantIn(t, s.install(prd).String(), "kept pre-receive as pre-receive.before-pathgate: pathgate's hook runs it first",
		"kept post-receive as post-receive.before-pathgate: git did not run it")
	if got := s.read(hooks + "/pre-receive.before-pathgate"); got != "#!/bin/sh\nexit 0\n" {
		t.Errorf("kept %q", got)
	}
	s.wantLink(prd, "pre-receive")
	s.wantLink(prd, "post-receive")
	once := s.tree(prd)
	if again := s.install(prd); len(again.Changes) != 0 || s.tree(prd) != once {
		t.Errorf("a second install changed %v", again.Changes)
	}
	wantIn(t, s.uninstall(prd).String(), "put the earlier pre-receive back", "put the earlier post-receive back")
	if got := s.tree(prd); got != before {
		t.Errorf("uninstall left\n%s\nwanted\n%s", got, before)
	}
	// A name that is taken is not written over, and nothing else happens.
	s.write(hooks+"/pre-receive.before-pathgate", "other", 0o755)
	before = s.tree(prd)
	_, err := Install(context.Background(), s.o, prd)
	wantError(t, err, "the name to keep it under is taken")
	if s.tree(prd) != before {
		t.Error("a refused install changed the repository")
	}
	// An install that stopped between its two steps goes on.
	os.Remove(hooks + "/pre-receive.before-pathgate")
	if err := os.Link(hooks+"/pre-receive", hooks+"/pre-receive.before-pathgate"); err != nil {
		t.Fatal(err)
	}
	s.install(prd)
	s.wantLink(prd, "pre-receive")
	// What somebody put in place of pathgate's hook is not touched.
	os.Remove(hooks + "/pre-receive")
	s.write(hooks+"/pre-receive", "#!/bin/sh\nexit 2\n", 0o755)
	wantIn(t, s.uninstall(prd).String(), "pre-receive is not pathgate's; it and pre-receive.before-pathgate were left alone")
	if s.read(hooks+"/pre-receive") != "#!/bin/sh\nexit 2\n" {
		t.Error("uninstall touched a foreign hook")
	}
}

func TestInstallForeignProcReceive(t *testing.T) {
	s := newSite(t)
	prd := s.repo("prd")
	s.git(prd, "config", "--add", keyProcRefs, "refs/heads/main")
	path := s.write(filepath.Join(prd, "hooks", "proc-receive"), "#!/bin/sh\nexit 1\n", 0o755)
	report := s.install(prd)
	wantIn(t, report.String(), "the dead-man switch and command refs are off", "hands refs/heads/main to a proc-receive hook that is not pathgate's")
	if s.read(path) != "#!/bin/sh\nexit 1\n" {
		t.Error("the foreign hook was changed")
	}
	if got := s.git(prd, "config", "--get-all", keyProcRefs); got != "refs/heads/main" {
		t.Errorf("procReceiveRefs %q", got)
	}
	s.wantLink(prd, "pre-receive")
	s.uninstall(prd)
	if s.read(path) != "#!/bin/sh\nexit 1\n" {
		t.Error("uninstall changed the foreign hook")
	}
}

// Links of an earlier place are led to the new one.
func TestInstallMovedHooks(t *testing.T) {
	s := newSite(t)
	prd := s.repo("prd")
	s.install(prd)
	moved := filepath.Join(s.dir, "opt", "hooks")
	if err := os.Mkdir(filepath.Dir(moved), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(s.o.HooksDir, moved); err != nil {
		t.Fatal(err)
	}
	s.o.HooksDir = moved
	s.install(prd)
	for _, name := range hookNames {
		s.wantLink(prd, name)
	}
	if got := s.git(prd, "config", "--get-all", keyHooks); got != moved {
		t.Errorf("pathgate.hooks %q", got)
	}
	if _, err := os.Lstat(filepath.Join(prd, "hooks", "pre-receive.before-pathgate")); err == nil {
		t.Error("pathgate's own dangling link was kept as somebody's hook")
	}
}

// pathgate's program is known wherever it lies: this test is one.
func TestInstallCopy(t *testing.T) {
	s := newSite(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(s.repo("prd"), "hooks", "pre-receive")
	s.write(path, s.read(self), 0o755)
	s.install(s.repo("prd"))
	s.wantLink(s.repo("prd"), "pre-receive")
	if _, err := os.Lstat(path + ".before-pathgate"); err == nil {
		t.Error("a copy of pathgate's hook would run before pathgate's hook")
	}
}

func TestInstallLedger(t *testing.T) {
	s := newSite(t)
	s.install(s.repo("dev"))
	journal := filepath.Join(s.dir, "ledger", "ledger.jsonl")
	first := s.read(journal)
	s.install(s.repo("prd"))
	if s.read(journal) != first {
		t.Error("the second install wrote to the ledger")
	}
	os.Remove(journal)
	s.write("ledger/index.db", "x", 0o640)
	_, err := Install(context.Background(), s.o, s.repo("rel"))
	wantError(t, err, "its journal was lost")
	if _, err := os.Lstat(filepath.Join(s.repo("rel"), "hooks", "pre-receive")); err == nil {
		t.Error("wired without a ledger")
	}
}

// The repository stays with its owner when root installs.
func TestInstallKeepsOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: run the tests as root to see this one")
	}
	s := newSite(t)
	prd := s.repo("prd")
	err := filepath.Walk(prd, func(path string, _ os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, 12345, 12346)
	})
	if err != nil {
		t.Fatal(err)
	}
	os.RemoveAll(filepath.Join(prd, "hooks"))
	s.install(prd)
	check := func(path string) {
		t.Helper()
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		if st := info.Sys().(*syscall.Stat_t); st.Uid != 12345 || st.Gid != 12346 {
			t.Errorf("%s belongs to %d:%d", path, st.Uid, st.Gid)
		}
	}
	for _, name := range []string{"config", "hooks", "hooks/pre-receive", "hooks/post-receive", "hooks/proc-receive"} {
		check(filepath.Join(prd, name))
	}
	check(filepath.Join(s.dir, "ledger"))
	check(filepath.Join(s.dir, "ledger", "ledger.jsonl"))
	s.uninstall(prd)
	check(filepath.Join(prd, "config"))
}

// An install that stops anywhere refuses from the moment on at which it first
// changes what a push does.
func TestInstallFailsClosed(t *testing.T) {
	s := newSite(t)
	prd := s.repo("prd")
	n := 0
	push := func() error {
		n++
		s.git(s.work, "commit", "-q", "--allow-empty", "-m", strings.Repeat("x", n))
		_, err := s.try(s.work, "push", prd, "HEAD:refs/heads/main")
		return err
	}
	if err := push(); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	repo, err := openListed(s.o.Policy, prd)
	if err != nil {
		t.Fatal(err)
	}
	in := &installation{o: s.o, repo: repo}
	for _, step := range []func(context.Context) error{in.examine, in.ledger, in.nameFolder, in.namePolicy} {
		if err := step(ctx); err != nil {
			t.Fatal(err)
		}
		if err := push(); err != nil {
			t.Fatalf("not wired yet: %v", err)
		}
	}
	if err := in.handOver(ctx); err != nil {
		t.Fatal(err)
	}
	if push() == nil {
		t.Error("pushed after the refs were handed over to nobody")
	}
	for i, name := range hookNames {
		if err := in.wireOne(name, in.hooks[i]); err != nil {
			t.Fatal(err)
		}
		if push() == nil {
			t.Errorf("pushed after %s was wired", name)
		}
	}
	out := &removal{repo: repo}
	if err := out.hooks(ctx, s.o); err != nil {
		t.Fatal(err)
	}
	if push() == nil {
		t.Error("pushed when uninstall had taken the hooks only")
	}
	if err := out.values(ctx, s.o); err != nil {
		t.Fatal(err)
	}
	if err := push(); err != nil {
		t.Errorf("not wired any more: %v", err)
	}
}

// Real refs below command refs, and hidden environments, are told.
func TestInstallProblems(t *testing.T) {
	s := newSite(t)
	prd := s.repo("prd")
	s.fill("prd", "HEAD", "refs/deploy/main")
	s.git(prd, "config", "transfer.hideRefs", "refs/heads")
	text := s.install(prd).String()
	wantIn(t, text, "refs/deploy/main is a real ref", "update-ref -d --no-deref refs/deploy/main",
		"transfer.hiderefs = refs/heads hides refs/heads/main", "--unset-all transfer.hiderefs '^refs/heads$'")
}
