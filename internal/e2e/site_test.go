package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// dateAt is the date of the commit made after so many minutes of a script.
func dateAt(minutes int) string {
	start := time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC)
	return start.Add(time.Duration(minutes) * time.Minute).Format(time.RFC3339)
}

// policyTemplate has the three environments of the manual. Its verbs are the
// work folder and the identity source.
const policyTemplate = `version = 1
root = "%[1]s/srv"
unlisted = "refuse"
ledger = "%[1]s/ledger"

[identity]
source = "%[2]s"

[environments.dev]
repository = "{service}/dev.git"
refs = ["refs/heads/main"]

[environments.stg]
repository = "{service}/stg.git"
refs = ["refs/heads/main"]
after = ["dev"]

[environments.prd]
repository = "{service}/prd.git"
refs = ["refs/heads/main"]
after = ["stg"]
rollback = "deployed"
`

// releaseTemplate has one repository with release branches. Its verbs are those of
// policyTemplate.
const releaseTemplate = `version = 1
root = "%[1]s/srv"
unlisted = "refuse"
ledger = "%[1]s/ledger"

[identity]
source = "%[2]s"

[environments.dev]
repository = "{service}.git"
refs = ["refs/heads/release/dev"]
release = { base = "refs/heads/main", branches = "refs/heads/{ticket:[A-Z]+-[0-9]+}*" }

[environments.stg]
repository = "{service}.git"
refs = ["refs/heads/release/stg"]
release = { base = "refs/heads/main", branches = "refs/heads/{ticket:[A-Z]+-[0-9]+}*" }
after = ["dev"]
match = "contained"

[environments.prd]
repository = "{service}.git"
refs = ["refs/heads/main"]
after = ["stg"]
match = "contained"
`

// A site is what the flags of the site command ask for.
type site struct {
	init      []string // further flags of git init
	source    string
	policy    string // file, or empty for the template
	noinstall bool
	release   bool // one repository with release branches
	repos     []string
}

func parseSite(args []string) (site, error) {
	s := site{source: "env:PATHGATE_USER"}
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		flag := args[0]
		args = args[1:]
		switch flag {
		case "-sha256":
			s.init = append(s.init, "--object-format=sha256")
		case "-reftable":
			s.init = append(s.init, "--ref-format=reftable")
		case "-shared":
			s.init = append(s.init, "--shared")
		case "-noinstall":
			s.noinstall = true
		case "-release":
			s.release = true
		case "-source", "-policy":
			if len(args) == 0 {
				return s, fmt.Errorf("%s wants a value", flag)
			}
			if flag == "-source" {
				s.source = args[0]
			} else {
				s.policy = args[0]
			}
			args = args[1:]
		default:
			return s, fmt.Errorf("unknown flag %s", flag)
		}
	}
	s.repos = args
	if len(s.repos) == 0 && s.release {
		s.repos = []string{"shop.git"}
	}
	if len(s.repos) == 0 {
		s.repos = []string{"shop/dev.git", "shop/stg.git", "shop/prd.git"}
	}
	return s, nil
}

func cmdSite(ts *testscript.TestScript, neg bool, args []string) {
	s, err := parseSite(args)
	if err != nil || neg {
		ts.Fatalf("usage: site [flags] [REPO...]: %v", err)
	}
	stateOf(ts).merges = s.release
	work := ts.Getenv("WORK")
	policy := filepath.Join(work, "policy.toml")
	template := policyTemplate
	if s.release {
		template = releaseTemplate
	}
	text := fmt.Sprintf(template, work, s.source)
	if s.policy != "" {
		text = expand(ts, ts.ReadFile(s.policy))
	}
	ts.Check(os.WriteFile(policy, []byte(text), 0o644))
	ts.Check(os.Chmod(policy, 0o644))
	for _, repo := range s.repos {
		init := append([]string{"init", "-q", "--bare"}, s.init...)
		ts.Check(ts.Exec("git", append(init, filepath.Join(work, "srv", repo))...))
	}
	clone(ts, s)
	if !s.noinstall {
		install := []string{"install", "--policy", policy}
		for _, repo := range s.repos {
			install = append(install, filepath.Join(work, "srv", repo))
		}
		ts.Check(ts.Exec("pathgate", install...))
	}
	if s.release && !s.noinstall {
		adopt := []string{"adopt", "--policy", policy}
		for _, repo := range s.repos {
			adopt = append(adopt, filepath.Join(work, "srv", repo))
		}
		ts.Check(ts.Exec("pathgate", adopt...))
	}
}

// clone makes the working clone with a remote for each repository.
func clone(ts *testscript.TestScript, s site) {
	work := filepath.Join(ts.Getenv("WORK"), "work")
	init := []string{"init", "-q"}
	for _, flag := range s.init {
		if flag == "--object-format=sha256" {
			init = append(init, flag)
			ts.Setenv("ZERO", strings.Repeat("0", 64))
		}
	}
	ts.Check(ts.Exec("git", append(init, work)...))
	ts.Check(ts.Chdir(work))
	for _, repo := range s.repos {
		name := remoteName(repo)
		if s.release && repo == "shop.git" {
			name = "origin"
		}
		ts.Check(ts.Exec("git", "remote", "add", name, filepath.Join(ts.Getenv("WORK"), "srv", repo)))
	}
	commit(ts, nil, "A", "first release")
	if s.release {
		ts.Check(ts.Exec("git", "push", "-q", "origin", "main"))
		ts.Check(ts.Exec("git", "remote", "set-head", "origin", "main"))
	}
}

// remoteName names the remote of a repository as hints do: shop/dev.git is
// dev; of other services, api/dev.git is api-dev.
func remoteName(repo string) string {
	name := strings.TrimSuffix(repo, ".git")
	return strings.ReplaceAll(strings.TrimPrefix(name, "shop/"), "/", "-")
}

var variable = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)

func cmdCommit(ts *testscript.TestScript, neg bool, args []string) {
	var files []string
	for len(args) > 2 && args[0] == "-file" {
		files = append(files, args[1])
		args = args[2:]
	}
	if neg || len(args) < 1 || len(args) > 2 || !variable.MatchString(args[0]) {
		ts.Fatalf("usage: commit [-file FILE] NAME [SUBJECT]")
	}
	subject := "commit " + args[0]
	if len(args) == 2 {
		subject = args[1]
	}
	id := commit(ts, files, args[0], subject)
	fmt.Fprintln(ts.Stdout(), id[:7])
}

// commit commits in the current folder and sets the variables of name.
func commit(ts *testscript.TestScript, files []string, name, subject string) string {
	if len(files) == 0 {
		files = []string{"app.txt"}
		f, err := os.OpenFile(ts.MkAbs("app.txt"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		ts.Check(err)
		_, err = fmt.Fprintln(f, name)
		ts.Check(err)
		ts.Check(f.Close())
	}
	ts.Check(ts.Exec("git", append([]string{"add", "--"}, files...)...))
	st := stateOf(ts)
	date := dateAt(st.minutes)
	st.minutes++
	ts.Check(ts.Exec("env", "GIT_AUTHOR_DATE="+date, "GIT_COMMITTER_DATE="+date,
		"git", "commit", "-q", "--allow-empty", "--cleanup=verbatim", "-m", subject))
	id := gitLine(ts, "rev-parse", "HEAD")
	remember(ts, name, id)
	return id
}

func cmdTag(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 || !variable.MatchString(args[0]) {
		ts.Fatalf("usage: tag NAME TAG [OBJECT]")
	}
	ts.Check(ts.Exec("git", append([]string{"tag", "-a", "-m", args[1]}, args[1:]...)...))
	remember(ts, args[0], gitLine(ts, "rev-parse", "refs/tags/"+args[1]))
}

// remember sets $NAME and ${NAME}7, and lets entries print the name.
func remember(ts *testscript.TestScript, name, id string) {
	ts.Setenv(name, id)
	ts.Setenv(name+"7", id[:7])
	stateOf(ts).names[id] = name
}

// gitLine runs git in the script's folder and returns its one line.
func gitLine(ts *testscript.TestScript, args ...string) string {
	ts.Check(ts.Exec("git", args...))
	return strings.TrimSpace(ts.ReadFile("stdout"))
}

// repository finds a repository by its path or by its short name.
func repository(ts *testscript.TestScript, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	srv := filepath.Join(ts.Getenv("WORK"), "srv")
	for _, path := range []string{
		filepath.Join(srv, name),
		filepath.Join(srv, "shop", name+".git"),
		ts.MkAbs(name),
	} {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	ts.Fatalf("there is no repository %s", name)
	return ""
}

func cmdRef(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: ref REPO REF WANT")
	}
	have, err := readRef(repository(ts, args[0]), args[1])
	ts.Check(err)
	if (have == args[2]) == neg {
		ts.Fatalf("%s %s holds %s %s, want %s", args[0], args[1], have, stateOf(ts).names[have], args[2])
	}
}

// readRef returns what a ref of a repository holds, "absent" if there is none.
func readRef(repo, ref string) (string, error) {
	cmd := exec.Command("git", "--git-dir="+repo, "show-ref", "--verify", "--hash", "--", ref)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "GIT_CONFIG_GLOBAL=/dev/null")
	out, err := cmd.CombinedOutput()
	text := strings.TrimSpace(string(out))
	switch {
	case err == nil:
		return text, nil
	case strings.Contains(text, "not a valid ref"):
		return "absent", nil
	}
	return "", fmt.Errorf("read %s of %s: %w: %s", ref, repo, err, text)
}
