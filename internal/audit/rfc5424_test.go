package audit

import (
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
)

var at = time.Date(2026, 11, 21, 9, 14, 7, 123456000, time.UTC)

// hostile is what a client may put wherever it may put anything. The ledger has
// cleaned it before; a sink does not rely on that.
const hostile = "a\"b\\c]d[e] [pathgate@32473 seq=\"9\"] \n<86>1 - - - - - - forged\r\x00\x1b]0;t\a\u202e\ufeffü\xff="

func messageOf(e *ledger.Entry) *message {
	return &message{entry: e, ledger: strings.Repeat("0", 32), raw: []byte("{}"), hash: sha256.Sum256([]byte("{}"))}
}

func TestSyslogMessage(t *testing.T) {
	e := &ledger.Entry{Seq: 12, Time: at, Type: ledger.TypeDeployed, Push: "abc", Service: "shop", Environment: "prd",
		Commit: "3f9c2abf00", Subject: `say "hi] \o/`, Kind: "promote", Principal: "ana", Evidence: []uint64{3, 7}}
	got := string(formatSyslog(messageOf(e), header{10, "host", 42}, localSize))
	want := `<85>1 2026-11-21T09:14:07.123456Z host pathgate 42 deployed [pathgate@32473 seq="12" ` +
		`ledger="00000000000000000000000000000000" sha256="44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a" ` +
		`type="deployed" push="abc" service="shop" environment="prd" commit="3f9c2abf00" kind="promote" principal="ana" ` +
		`evidence="3 7" subject="say \"hi\] \\o/"] deployed prd of shop: 3f9c2ab "say \"hi] \\o/" by ana (promote, record 12)`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	e.Subject = "größer"
	got = string(formatSyslog(messageOf(e), header{10, "host", 42}, localSize))
	if !strings.Contains(got, "] \xef\xbb\xbfdeployed prd") {
		t.Errorf("UTF-8 without a byte order mark: %s", got)
	}
}

func TestSeverities(t *testing.T) {
	for _, c := range []struct {
		entry ledger.Entry
		want  int
	}{
		{ledger.Entry{Type: TypeAudit}, 2},
		{ledger.Entry{Type: ledger.TypeFault}, 3},
		{ledger.Entry{Type: ledger.TypeStatus, State: ledger.StateFailure}, 3},
		{ledger.Entry{Type: ledger.TypeStatus, State: ledger.StateError}, 3},
		{ledger.Entry{Type: ledger.TypeStatus, State: ledger.StateSuccess}, 6},
		{ledger.Entry{Type: ledger.TypeRefused}, 4},
		{ledger.Entry{Type: ledger.TypeDrift}, 4},
		{ledger.Entry{Type: ledger.TypeRepair}, 4},
		{ledger.Entry{Type: ledger.TypeDeployed, Kind: ledger.KindOverride}, 4},
		{ledger.Entry{Type: ledger.TypeIntent, Kind: ledger.KindOverride}, 4},
		{ledger.Entry{Type: ledger.TypeIntent}, 6},
		{ledger.Entry{Type: ledger.TypeLedger}, 6},
		{ledger.Entry{Type: ledger.TypeAbandoned}, 6},
		{ledger.Entry{Type: ledger.TypeDeployed}, 5},
		{ledger.Entry{Type: ledger.TypeVeto}, 5},
		{ledger.Entry{Type: "of a later version"}, 5},
	} {
		if got := severity(&c.entry); got != c.want {
			t.Errorf("%s %s %s: %d, want %d", c.entry.Type, c.entry.Kind, c.entry.State, got, c.want)
		}
	}
}

// full has something hostile in every text.
func full(s string, n int) *ledger.Entry {
	long := strings.Repeat(s, n)
	return &ledger.Entry{Seq: 1 << 60, Time: at, Type: ledger.Type(s), Push: long, Service: long, Environment: long,
		Repository: long, Ref: long, Old: long, New: long, Commit: long, Tree: long, Subject: long, Kind: long, Action: long,
		Branch: long, Head: long, Tickets: []string{long, s}, Gone: []string{long}, State: long, Principal: long, Via: long,
		Address: long, Intent: 1, Record: 2, Evidence: []uint64{3, 4}, Rules: []string{long}, Codes: []string{long},
		Overrode: []string{long}, Policy: long, Serial: 5, Part: 6, Parts: 7, Lines: []string{long}, Reason: long, Until: at,
		Deploy: long, URL: long, Message: long, Token: long, Root: long, Prev: long}
}

func TestHostileValues(t *testing.T) {
	for _, size := range []int{minSize, 500, 700, udpSize, localSize} {
		for _, n := range []int{0, 1, 3, 40} {
			for _, s := range []string{hostile, "]", `"`, `\`, "ü", "\u2028", "\xff", "x", strings.Repeat("]", 31)} {
				checkMessage(t, full(s, n), size)
			}
		}
	}
}

// checkMessage formats an entry and holds the result against the grammar, its
// size, and what it should say.
func checkMessage(t *testing.T, e *ledger.Entry, size int) {
	t.Helper()
	m := messageOf(e)
	got := string(formatSyslog(m, header{23, hostField(hostile + strings.Repeat("h", 300)), 4194304}, size))
	p, err := parse5424(got)
	if err != nil || len(got) > size {
		t.Fatalf("%d of %d bytes, %v: %q", len(got), size, err, got)
	}
	if !p.time.Equal(e.Time) || p.facility != 23 || p.app != "pathgate" || p.params["sha256"] != m.hash.String() {
		t.Fatalf("%+v", p)
	}
	known := map[string]bool{"cut": true}
	whole := true
	for _, f := range fields(m) {
		known[f.name] = true
		value := clean(f.value)
		got, there := p.params[f.name]
		if got != value {
			whole = false
		}
		if there && !f.prose && got != value {
			t.Fatalf("%s is %q, want %q or nothing", f.name, got, value)
		}
		start, _ := strings.CutSuffix(got, "...")
		if there && f.prose && !strings.HasPrefix(value, start) {
			t.Fatalf("%s is %q, want the beginning of %q", f.name, got, value)
		}
	}
	if cut := p.params["cut"] == "true"; cut != (!whole || len(e.Lines) > 0) {
		t.Fatalf("cut is %v, and whole is %v: %q", cut, whole, got)
	}
	for name := range p.params {
		if !known[name] {
			t.Fatalf("a parameter %q came from nowhere", name)
		}
	}
	if p.msg == "" {
		t.Fatal("no text")
	}
}

func FuzzSyslog(f *testing.F) {
	f.Add(hostile, "subject", 480, 3)
	f.Add("]", `\`, 2048, 1)
	f.Fuzz(func(t *testing.T, a, b string, size, n int) {
		e := full(a, max(0, min(n, 20)))
		e.Subject, e.Reason = b, b+a
		checkMessage(t, e, max(minSize, min(size, localSize)))
	})
}
