//go:build postgres

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/pgtest"
)

// builtShared are the binaries that know PostgreSQL.
var builtShared = product{tags: "postgres"}

// sharedPrefix builds them, once, beside the others.
func sharedPrefix(t *testing.T) string {
	t.Helper()
	if builtShared.prefix == "" {
		builtShared.prefix = filepath.Join(built.prefix, "shared")
	}
	if err := builtShared.build(); err != nil {
		t.Fatal(err)
	}
	return builtShared.prefix
}

// TestShared runs the scripts about a ledger that hosts share in PostgreSQL.
// Beside the commands of all scripts they know:
//
//	database start [-standby] [-proxy] [-disk]
//	    Starts PostgreSQL and sets $OWNER, $DATABASE and $AUDITOR to the URLs of
//	    a new database for its roles. With -standby there is a synchronous
//	    standby, which the URLs name too. With -proxy $DATABASE leads through a
//	    proxy, without TLS. With -disk the database lies on a small disk.
//	database fill | free
//	    Fills that disk until no byte is free; makes room again.
//	database kill | restart | promote
//	    Kills the primary with SIGKILL; starts it again; promotes the standby.
//	database cut | silence | restore
//	    What the proxy does with all connections.
//	database cut-at before|after|answer STATEMENT
//	    The proxy cuts the next connection whose client sends that statement:
//	    before the server has it, when it has it, or when it has answered.
//	database sql STATEMENT
//	    Runs SQL as the superuser and prints the rows.
//	host NAME [LINE...]
//	    Makes $WORK/NAME/srv with shop/dev.git, shop/stg.git and shop/prd.git and
//	    $WORK/NAME/policy.toml with the shared ledger, and the remotes NAME-dev,
//	    NAME-stg and NAME-prd of $WORK/work, which the first one makes. LINEs are
//	    added to the top of the policy.
//	either COMMAND [ARG...]
//	    Runs a command that may succeed or fail.
//	lines
//	    Copies the shared ledger to $WORK/ledger, for "entries" and the like.
//	ahead DURATION
//	    Adds an entry by a clock that is so much ahead.
func TestShared(t *testing.T) {
	p := params(filepath.Join("testdata", "shared"), sharedPrefix(t))
	p.Cmds["database"] = cmdDatabase
	p.Cmds["host"] = cmdSharedHost
	p.Cmds["either"] = cmdEither
	p.Cmds["lines"] = cmdLines
	p.Cmds["ahead"] = cmdAhead
	begin := p.Setup
	p.Setup = func(env *testscript.Env) error {
		env.Values[keyDatabase{}] = &database{}
		return begin(env)
	}
	testscript.Run(t, p)
}

// keyDatabase is where a script's database is kept among its values.
type keyDatabase struct{}

// A database is what a script works with.
type database struct {
	server *pgtest.Server // nil before it is started
	name   string
	proxy  *pgtest.Proxy
	disk   *pgtest.Disk
}

func databaseOf(ts *testscript.TestScript) *database {
	d, ok := ts.Value(keyDatabase{}).(*database)
	if !ok {
		ts.Fatalf("this is no script of TestShared")
	}
	return d
}

func cmdDatabase(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: database start|kill|restart|promote|cut|silence|restore|fill|free|cut-at|sql [ARG...]")
	}
	if args[0] == "start" {
		startDatabase(ts, args[1:])
		return
	}
	d := databaseOf(ts)
	if d.server == nil {
		ts.Fatalf("there is no database: database start")
	}
	switch strings.Join(args[:min(len(args), 2)], " ") {
	case "kill":
		d.server.Kill()
		return
	case "restart":
		ts.Check(d.server.Primary.Restart())
		return
	case "promote":
		ts.Check(d.server.Promote())
		return
	case "cut":
		d.proxy.Cut()
		return
	case "silence":
		d.proxy.Silence()
		return
	case "restore":
		d.proxy.Restore()
		return
	case "fill":
		ts.Check(d.disk.Fill())
		return
	case "free":
		ts.Check(d.disk.Free())
		return
	}
	moments := map[string]pgtest.When{"before": pgtest.BeforeServer, "after": pgtest.AfterServer, "answer": pgtest.AfterAnswer}
	switch when, ok := moments[args[min(1, len(args)-1)]]; {
	case args[0] == "cut-at" && len(args) == 3 && ok:
		d.proxy.CutAt("\x00"+args[2]+"\x00", when)
	case args[0] == "sql" && len(args) == 2:
		node := d.server.Primary
		if !node.Running() {
			node = d.server.Standby
		}
		rows, err := node.Query(d.name, args[1])
		ts.Check(err)
		for _, row := range rows {
			fmt.Fprintln(ts.Stdout(), strings.Join(row, " "))
		}
	default:
		ts.Fatalf("database %s: unknown, or its arguments are", args[0])
	}
}

// diskSize is how many megabytes a small disk of a database has.
const diskSize = 16

func startDatabase(ts *testscript.TestScript, args []string) {
	var o pgtest.Options
	proxied, small := false, false
	for _, arg := range args {
		switch arg {
		case "-standby":
			o.Standby = true
		case "-proxy":
			proxied = true
		case "-disk":
			small = true
		default:
			ts.Fatalf("database start: unknown flag %s", arg)
		}
	}
	s, err := pgtest.Launch(o)
	if errors.Is(err, pgtest.ErrAbsent) {
		skip(ts, err.Error())
	}
	ts.Check(err)
	ts.Defer(s.Stop)
	d := databaseOf(ts)
	d.server = s
	d.name, err = s.Create()
	ts.Check(err)
	if small {
		if d.disk, err = s.MoveToDisk(d.name, diskSize); errors.Is(err, pgtest.ErrMount) {
			skip(ts, err.Error())
		}
		ts.Check(err)
	}
	url := s.URL(pgtest.Hooks, d.name)
	if proxied {
		d.proxy, err = pgtest.NewProxy(s.Primary.Address())
		ts.Check(err)
		ts.Defer(d.proxy.Close)
		url = s.PlainURL(pgtest.Hooks, d.name, d.proxy.Address())
	}
	for name, sql := range troubles() {
		ts.Setenv(name, sql)
	}
	ts.Setenv("DATABASE", url)
	ts.Setenv("OWNER", s.URL(pgtest.Owner, d.name))
	ts.Setenv("AUDITOR", s.URL(pgtest.Auditor, d.name))
}

// troubles is SQL that makes trouble, by the variable that scripts have it in:
// $FULL has the server say that its disk is full, $SLOW makes it take too long,
// $CUT takes the last two records out.
func troubles() map[string]string {
	trouble := func(body string) string {
		return "CREATE OR REPLACE FUNCTION public.trouble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN " + body + " RETURN NEW; END $$; " +
			"CREATE TRIGGER trouble BEFORE INSERT ON pathgate.entry FOR EACH ROW EXECUTE FUNCTION public.trouble()"
	}
	last := func(what string) string {
		return "(SELECT " + what + " FROM pathgate.entry JOIN pathgate.record USING (seq) ORDER BY seq DESC LIMIT 1)"
	}
	return map[string]string{
		"FULL": trouble("RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100';"),
		"SLOW": trouble("PERFORM pg_sleep(60);"),
		"CUT": "ALTER TABLE pathgate.entry DISABLE TRIGGER ALL; ALTER TABLE pathgate.head DISABLE TRIGGER ALL; " +
			"DELETE FROM pathgate.entry WHERE seq > (SELECT seq - 2 FROM pathgate.head); UPDATE pathgate.head SET seq = " + last("seq") +
			`, starts = ` + last(`"offset"`) + `, ends = ` + last(`"offset" + octet_length(line) + 1`) +
			", at = " + last(`(extract(epoch FROM "time") * 1000000)::bigint`) + ", hash = " + last("sha256(convert_to(line, 'UTF8'))"),
	}
}

// sharedPolicy has the environments of policyTemplate. Its verbs are more lines,
// the host, its folder, and the ledger.
const sharedPolicy = `version = 1
root = "%[3]s/srv"
unlisted = "refuse"
ledger = "%[4]s"
host = "%[2]s"
%[1]s
[identity]
source = "env:PATHGATE_USER"

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

func cmdSharedHost(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: host NAME [LINE...]")
	}
	name, work := args[0], ts.Getenv("WORK")
	dir := filepath.Join(work, name)
	lines := os.Expand(strings.Join(args[1:], "\n"), ts.Getenv)
	ts.Check(os.MkdirAll(dir, 0o755))
	policy := filepath.Join(dir, "policy.toml")
	text := fmt.Sprintf(sharedPolicy, lines, name, dir, ts.Getenv("DATABASE"))
	ts.Check(os.WriteFile(policy, []byte(text), 0o644))
	desk := filepath.Join(work, "work")
	if _, err := os.Stat(desk); err != nil {
		ts.Check(ts.Exec("git", "init", "-q", desk))
		ts.Check(ts.Chdir(desk))
		commit(ts, nil, "A", "first release")
	}
	for _, environment := range [...]string{"dev", "stg", "prd"} {
		repo := filepath.Join(dir, "srv", "shop", environment+".git")
		ts.Check(ts.Exec("git", "init", "-q", "--bare", repo))
		ts.Check(ts.Exec("git", "remote", "add", name+"-"+environment, repo))
		ts.Check(ts.Exec("pathgate", "install", "--policy", policy, repo))
	}
}

func cmdEither(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: either COMMAND [ARG...]")
	}
	if err := ts.Exec(args[0], args[1:]...); !errors.As(err, new(*exec.ExitError)) {
		ts.Check(err)
	}
}

func cmdLines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: lines")
	}
	ts.Check(ts.Exec("pathgate", "ledger", "copy", ts.Getenv("AUDITOR"), filepath.Join(ts.Getenv("WORK"), "ledger")))
}

func cmdAhead(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: ahead DURATION")
	}
	by, err := time.ParseDuration(args[0])
	ts.Check(err)
	now := func() time.Time { return time.Now().Add(by) }
	// The root of whichever host made the ledger.
	root := filepath.Join(ts.Getenv("WORK"), "h1", "srv")
	l, err := ledger.Open(context.Background(), ts.Getenv("DATABASE"), ledger.Options{Root: root, Now: now})
	ts.Check(err)
	err = l.Append(&ledger.Entry{Type: ledger.TypeRefused, Push: "ahead", Service: "shop", Environment: "dev",
		Codes: []string{"frozen"}, Reason: "by a clock that is ahead"})
	ts.Check(errors.Join(err, l.Close()))
}
