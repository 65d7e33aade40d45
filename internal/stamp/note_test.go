package stamp

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

func TestNote(t *testing.T) {
	f := newFixture(t)
	status := f.book.stamp(Status, commitA, f.book.add(ledger.Entry{Type: ledger.TypeStatus, State: "success", Record: 2}))
	gone := f.book.stamp(Withdrawal, commitA, f.book.add(ledger.Entry{Kind: "rollback", Commit: string(commitB), Principal: "bob"}))
	for _, s := range []*Stamp{&status, &gone} {
		if err := s.Sign(f.key); err != nil {
			t.Fatal(err)
		}
	}
	note := FormatNote([]Stamp{gone, f.stamp, status})
	head, _, _ := strings.Cut(string(note), "\n\n")
	if want := "deployed 2026-11-21 12:00 UTC by ana, record 2\nstatus success 2026-11-21 12:00 UTC, record 4\n" +
		"withdrawn 2026-11-21 12:00 UTC by bob, record 5"; head != want {
		t.Errorf("people read\n%s\nwant\n%s", head, want)
	}
	got, err := ParseNote(note)
	if err != nil {
		t.Fatal(err)
	}
	if want := []Stamp{f.stamp, status, gone}; !reflect.DeepEqual(got, want) {
		t.Errorf("read back %+v", got)
	}
	for i := range got {
		if _, err := got[i].Verify(f.from, f.want, noon()); err != nil {
			t.Error(err)
		}
	}
	// What people wrote, and what later versions write, is passed over.
	more := "pathgate-stamp v2\n" + strings.Repeat("x", 10000) + "\n" + strings.Replace(string(note), "\n\npathgate", "\nsee ticket\n\npathgate", 2) + "no end"
	if got, err := ParseNote([]byte(more)); err != nil || len(got) != 3 {
		t.Errorf("%d stamps, %v", len(got), err)
	}
	if got, err := ParseNote(nil); err != nil || got != nil || len(FormatNote(nil)) != 0 {
		t.Errorf("nothing: %v, %v", got, err)
	}
}

func TestMalformedNotes(t *testing.T) {
	f := newFixture(t)
	note := string(FormatNote([]Stamp{f.stamp}))
	edit := func(old, new string) string {
		if !strings.Contains(note, old) {
			t.Fatalf("the note has no %q", old)
		}
		return strings.Replace(note, old, new, 1)
	}
	root := f.stamp.Tree.Hash.String()
	for name, test := range map[string]struct{ note, why string }{
		"too long":      {strings.Repeat("x", MaxNote) + note, "more than 262144 bytes"},
		"too many":      {strings.Repeat(string(note[strings.Index(note, "pathgate"):]), 65), "more than 64 stamps"},
		"about":         {edit("\ndeployed "+string(commitA), "\nfork "+string(commitA)), "is not what it is about"},
		"capital":       {edit("\ndeployed aa", "\ndeployed AA"), "is not what it is about"},
		"two commits":   {edit("\ndeployed "+string(commitA), "\ndeployed "+string(commitA)+" "+string(commitB)), "is not what it is about"},
		"origin":        {edit("pathgate/ledger/8", "pathgate/ledger/g"), "is no ledger"},
		"size":          {edit("\n3\n", "\n03\n"), "is not the size of a tree"},
		"huge size":     {edit("\n3\n", "\n99999999999999999999\n"), "is not the size of a tree"},
		"no size":       {edit("\n3\n", "\n0\n"), "is not the size of a tree"},
		"root":          {edit(root, root[:42]+"="), "is not a hash"},
		"loose base64":  {edit(root, root[:42]+"/="), "is not a hash"},
		"long line":     {edit(`{"seq":2`, `{"seq":2`+strings.Repeat(" ", MaxLine)), "more than 8000 bytes"},
		"no proof":      {edit("\nproof ", "\nprove "), "no proof follows"},
		"empty hash":    {edit("\nproof ", "\nproof  "), "is not a hash"},
		"long proof":    {edit("\nproof", "\nproof"+strings.Repeat(" "+root, 64)), "too long"},
		"no signature":  {edit(armourHead, "-----BEGIN PGP SIGNATURE-----"), "no signature follows"},
		"no end":        {edit(armourTail, ""), "cut off"},
		"endless":       {edit(armourTail, strings.Repeat("AAAA\n", 300)), "too long"},
		"not base64":    {edit("\nU1NI", "\nU1N!"), "not in base64"},
		"return":        {edit("\nU1NI", "\n\rU1NI"), "not in base64"},
		"no bytes":      {edit(note[strings.Index(note, "\nU1NI")+1:strings.Index(note, armourTail)], ""), "not in base64"},
		"cut in header": {note[:strings.Index(note, "pathgate/ledger")+9], "cut off"},
		"cut in line":   {note[:strings.Index(note, `{"seq"`)+9], "cut off"},
		"carriage":      {edit(header, header+"\n"), "is not what it is about"},
	} {
		got, err := ParseNote([]byte(test.note))
		if err == nil || got != nil || !strings.Contains(err.Error(), test.why) {
			t.Errorf("%s: %d stamps, error %v, want %q", name, len(got), err, test.why)
		}
	}
	if got, err := ParseNote([]byte(edit(`{"seq":2`, `{"seq":-2`))); err != nil || got[0].Entry.Seq != 0 {
		t.Errorf("a line that is none: %+v, %v", got, err)
	}
}

// all draws stamps without lines: what Merge decides by.
func draw(drawn ...string) (all []Stamp) {
	for _, d := range drawn {
		var s Stamp
		var ref string
		if n, err := fmt.Sscanf(d, "%s %d %s %s %d", &s.About, &s.Entry.Seq, &ref, &s.Origin, &s.Entry.Record); n < 4 {
			panic(err)
		}
		s.Entry.Ref = ref
		all = append(all, s)
	}
	return all
}

func drawn(all []Stamp) (out []string) {
	for _, s := range all {
		out = append(out, strings.TrimSuffix(fmt.Sprintf("%s %d %s %s %d", s.About, s.Entry.Seq, s.Entry.Ref, s.Origin, s.Entry.Record), " 0"))
	}
	return out
}

func TestMerge(t *testing.T) {
	for name, test := range map[string]struct{ old, new, want []string }{
		"first":           {nil, []string{"deployed 2 main A"}, []string{"deployed 2 main A"}},
		"newer":           {[]string{"deployed 2 main A"}, []string{"deployed 5 main A"}, []string{"deployed 5 main A"}},
		"older":           {[]string{"deployed 5 main A"}, []string{"deployed 2 main A"}, []string{"deployed 5 main A"}},
		"two refs":        {[]string{"deployed 2 main A"}, []string{"deployed 5 try A"}, []string{"deployed 2 main A", "deployed 5 try A"}},
		"status":          {[]string{"deployed 2 main A"}, []string{"status 3 main A 2"}, []string{"deployed 2 main A", "status 3 main A 2"}},
		"status replaced": {[]string{"status 3 main A 2"}, []string{"status 4 main A 2"}, []string{"status 4 main A 2"}},
		"status of the old one": {[]string{"deployed 5 main A", "status 6 main A 5"}, []string{"status 9 main A 2"},
			[]string{"deployed 5 main A", "status 6 main A 5"}},
		"status is over":      {[]string{"deployed 2 main A", "status 3 main A 2"}, []string{"deployed 5 main A"}, []string{"deployed 5 main A"}},
		"status comes before": {[]string{"deployed 2 main A"}, []string{"status 6 main A 5"}, []string{"deployed 2 main A", "status 6 main A 5"}},
		"withdrawal": {[]string{"deployed 2 main A", "withdrawal 4 main A"}, []string{"withdrawal 7 main A"},
			[]string{"deployed 2 main A", "withdrawal 7 main A"}},
		"another ledger": {[]string{"deployed 900 main A", "deployed 901 try A"}, []string{"deployed 2 main B"},
			[]string{"deployed 2 main B", "deployed 901 try A"}},
		"not a line": {[]string{"deployed 0 main A"}, nil, nil},
	} {
		if got := drawn(Merge(draw(test.old...), draw(test.new...))); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// What Merge keeps can be read again, and the newest are kept.
func TestMergeBounds(t *testing.T) {
	for _, reason := range []int{10, 7000} {
		f := newFixture(t)
		var all []Stamp
		for i := range 70 {
			seq := f.book.add(ledger.Entry{Ref: fmt.Sprintf("refs/heads/r%d", i), Reason: strings.Repeat("x", reason)})
			s := f.book.stamp(Deployed, commitA, seq)
			if err := s.Sign(f.key); err != nil {
				t.Fatal(err)
			}
			all = append(all, s)
		}
		note := FormatNote(Merge(all[:50], all[50:]))
		got, err := ParseNote(note)
		if err != nil || len(got) < 20 || len(got) > 60 || got[len(got)-1].Entry.Seq != 73 || got[0].Entry.Seq != 74-uint64(len(got)) {
			t.Errorf("reason of %d bytes: %d stamps in %d bytes, %v", reason, len(got), len(note), err)
		}
	}
}

func FuzzParseNote(f *testing.F) {
	x := newFixture(f)
	note := FormatNote([]Stamp{x.stamp})
	f.Add(note)
	f.Add(append(bytes.Clone(note), note...))
	f.Add(bytes.ReplaceAll(note, []byte("\n"), []byte("\r\n")))
	f.Add([]byte(header + "\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		stamps, err := ParseNote(b)
		if err != nil {
			if stamps != nil {
				t.Fatal("stamps and an error")
			}
			return
		}
		if len(stamps) > MaxStamps {
			t.Fatalf("%d stamps", len(stamps))
		}
		again, err := ParseNote(FormatNote(stamps))
		if err != nil && len(b) < MaxNote/2 {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		if err == nil && len(again) != len(stamps) {
			t.Fatalf("%d stamps became %d", len(stamps), len(again))
		}
		for i := range stamps {
			if !bytes.Contains(b, stamps[i].Message()) {
				t.Fatalf("the message is not in the note:\n%s", stamps[i].Message())
			}
			key, err := stamps[i].Verify(x.from, x.want, noon().Add(time.Hour))
			if err == nil && (key != x.from.Keys[0] || !bytes.Equal(stamps[i].Message(), x.stamp.Message())) {
				t.Fatalf("taken: %s", stamps[i].Message())
			}
		}
	})
}

// The check that the package comment has, word for word, in a real repository.
func TestCheckWithoutPathgate(t *testing.T) {
	if _, err := exec.LookPath("jq"); err != nil {
		t.Skip("there is no jq here")
	}
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, script, _ := strings.Cut(string(doc), "# Check without pathgate")
	script, _, _ = strings.Cut(script, "# What it proves")
	var lines []string
	for line := range strings.Lines(script) {
		if code, ok := strings.CutPrefix(line, "//\t"); ok {
			lines = append(lines, code)
		}
	}
	dir := t.TempDir()
	sh := func(script string, commit policy.ObjectID) string {
		cmd := exec.Command("sh", "-c", script)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "commit="+string(commit), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
			"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@x", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@x")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return strings.TrimSpace(string(out))
	}
	commit := policy.ObjectID(sh("git init -q . && git commit -q --allow-empty -m x && git rev-parse HEAD", ""))
	f := newFixture(t)
	other := loadKey(t, keygen(t, "-t", "ed25519"))
	var stamps []Stamp
	for i, e := range []ledger.Entry{{}, {Environment: "stg"}, {Principal: "mallory"}} {
		e.Commit = string(commit)
		s := f.book.stamp(Deployed, commit, f.book.add(e))
		key := f.key
		if i == 2 {
			key = other
		}
		if err := s.Sign(key); err != nil {
			t.Fatal(err)
		}
		stamps = append(stamps, s)
	}
	write(t, filepath.Join(dir, "note"), FormatNote(stamps), 0o600)
	write(t, filepath.Join(dir, "signers"), []byte("dev-host "+f.key.Authorized()+"\n"), 0o600)
	sh("git notes --ref=deployments/dev add -F note $commit", commit)
	if got := sh(strings.Join(lines, ""), commit); got != string(stamps[0].Line) {
		t.Errorf("it prints\n%s\nwant\n%s", got, stamps[0].Line)
	}
}
