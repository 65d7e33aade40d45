package deploy

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// real puts the runner that is shipped, and a real policy, in the places of
// those for tests.
func (w *world) real(script string) {
	w.t.Helper()
	binary := filepath.Join(w.dir, "hooks", Program)
	must(w.t, os.Remove(binary))
	build := exec.Command("go", "build", "-o", binary, "../../hooks/deploy")
	if out, err := build.CombinedOutput(); err != nil {
		w.t.Fatalf("%v\n%s", err, out)
	}
	must(w.t, os.WriteFile(w.file, fmt.Appendf(nil, `
version = 1
root = %q
ledger = %q
[identity]
source = "env:PUSHER"
[environments.prd]
repository = "{service}/prd.git"
refs = ["refs/heads/main"]
[environments.prd.deploy]
command = ["/bin/sh", "-c", %q]
checkout = true
wait = false
timeout = "1m"
`, w.policy.Root, w.policy.Ledger, script), 0o644))
}

// The shipped program does all of it. No signal is ignored in the command,
// though hooks ignore some.
func TestShippedRunner(t *testing.T) {
	w := newWorld(t)
	w.real(`cat file; grep -i sigign /proc/self/status; umask; exit 3`)
	record := w.queue()
	w.start()
	w.want(record, "failure", "exit status 3")
	if got, want := w.log(record), "content\nSigIgn:\t0000000000000000\n0022\n"; got != want {
		t.Errorf("it printed %q, want %q", got, want)
	}
	w.noTrees()
}

// A verb that root runs starts no command as root where the ledger belongs to
// another user, and leaves no file that locks the hooks out.
func TestRootBecomesTheOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("PATHGATE_TEST_ALL") != "" {
			t.Fatal("this test needs root")
		}
		t.Skip("this test needs root")
	}
	const nobody = 65534
	w := newWorld(t)
	w.real(`id -u; id -g; echo $HOME; touch here`)
	record := w.queue()
	must(t, filepath.WalkDir(w.dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, nobody, nobody)
	}))
	must(t, os.Chown(w.file, 0, 0))
	for dir := w.dir; dir != "/" && dir != os.TempDir(); dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		must(t, err)
		must(t, os.Chmod(dir, info.Mode().Perm()|0o055))
	}
	w.start()
	w.want(record, "success", "")
	if got := strings.Fields(w.log(record)); len(got) != 3 || got[0] != strconv.Itoa(nobody) || got[1] != strconv.Itoa(nobody) || got[2] == os.Getenv("HOME") {
		t.Errorf("it ran as %q", got)
	}
	for _, path := range []string{w.place.folder(), w.place.path(record, logEnd), filepath.Join(w.place.folder(), lockName)} {
		out, err := exec.Command("stat", "-c", "%u", path).Output()
		if err != nil || strings.TrimSpace(string(out)) != strconv.Itoa(nobody) {
			t.Errorf("%s belongs to %s (%v)", path, out, err)
		}
	}
	w.noTrees()
}

func TestUsage(t *testing.T) {
	var out bytes.Buffer
	for _, args := range [][]string{{"deploy"}, {"deploy", "relative", "shop", "prd"}, {"deploy", "/p", "shop", "prd", "more"}} {
		out.Reset()
		if status := Main(args, &out, os.Getenv); status != 2 || !strings.HasPrefix(out.String(), "usage: ") {
			t.Errorf("%q: %d %q", args, status, &out)
		}
	}
	if status := Main([]string{"deploy", "/no/such/policy", "shop", "prd"}, &out, os.Getenv); status != 1 {
		t.Errorf("without a policy: %d", status)
	}
}
