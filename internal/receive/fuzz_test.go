package receive

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"

	"github.com/pathgate/pathgate/policy"
)

// checkUpdates asserts what every accepted update is.
func checkUpdates(t *testing.T, updates []Update) {
	t.Helper()
	if len(updates) > MaxUpdates {
		t.Fatalf("%d updates", len(updates))
	}
	for _, u := range updates {
		if !hexID(string(u.Old)) || !hexID(string(u.New)) || len(u.Old) != len(updates[0].Old) || len(u.New) != len(u.Old) {
			t.Fatalf("IDs of %+v", u)
		}
		if !strings.HasPrefix(string(u.Ref), "refs/") || !policy.ValidRefName(u.Ref) || strings.ContainsAny(string(u.Ref), " \n\x00\x1b") {
			t.Fatalf("ref of %+v", u)
		}
	}
}

func checkInputError(t *testing.T, err error) {
	t.Helper()
	var bad *InputError
	if !errors.As(err, &bad) || bad.Reason == "" || (bad.Code != policy.MalformedInput && bad.Code != policy.TooLarge) {
		t.Fatalf("error %v", err)
	}
}

// What is accepted can be written again byte by byte.
func FuzzReadUpdates(f *testing.F) {
	f.Add([]byte(zero + " " + one + " refs/heads/main\n"))
	f.Add([]byte(long + " " + long + " refs/heads/main\n" + long + " " + long + " refs/x\n"))
	f.Add([]byte(zero + " " + one + " refs/heads/a\nb\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		in, err := Read(strings.NewReader(string(raw)))
		if err != nil {
			checkInputError(t, err)
			return
		}
		checkUpdates(t, in.Updates)
		var again strings.Builder
		for _, u := range in.Updates {
			fmt.Fprintf(&again, "%s %s %s\n", u.Old, u.New, u.Ref)
		}
		if again.String() != string(raw) || string(in.Raw) != string(raw) {
			t.Fatalf("%q became %q", raw, again.String())
		}
	})
}

// Never more options than the count says, and each as it is in its variable.
func FuzzOptions(f *testing.F) {
	f.Add("2", "a", "b")
	f.Add("0", "stray", "")
	f.Add("-1", "", "")
	f.Fuzz(func(t *testing.T, count, first, rest string) {
		getenv := func(k string) string {
			switch k {
			case "GIT_PUSH_OPTION_COUNT":
				return count
			case "GIT_PUSH_OPTION_0":
				return first
			}
			return rest
		}
		got, err := Options(getenv)
		if err != nil {
			checkInputError(t, err)
			return
		}
		if want, _ := strconv.Atoi(count); len(got) != want || len(got) > MaxOptions {
			t.Fatalf("count %q: %d options", count, len(got))
		}
		for i, o := range got {
			if want := getenv("GIT_PUSH_OPTION_" + strconv.Itoa(i)); o != want || len(o) > MaxOptionBytes {
				t.Fatalf("option %d is %q, want %q", i, o, want)
			}
		}
	})
}

// Accepted commands are sound, and each gets exactly one answer of one line.
func FuzzProcReceive(f *testing.F) {
	cmd := zero + " " + one + " refs/deploy/x"
	f.Add([]byte(encode([]string{"version=1\x00push-options atomic\n", "", cmd, "", "a=b", ""})), "no")
	f.Add([]byte(encode([]string{"version=1\n", "", cmd, cmd + "y", ""})), "no\nok refs/deploy/x")
	f.Add([]byte("0004"), "")
	f.Fuzz(func(t *testing.T, raw []byte, reason string) {
		var out strings.Builder
		p, err := StartProcReceive(strings.NewReader(string(raw)), &out)
		if err != nil {
			checkInputError(t, err)
			return
		}
		checkUpdates(t, p.Updates)
		if len(p.Options) > MaxOptions {
			t.Fatalf("%d options", len(p.Options))
		}
		out.Reset()
		for i, u := range p.Updates {
			if i%2 == 0 {
				p.Deny(u.Ref, reason)
			}
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		in := &packets{scan: pktline.NewScanner(strings.NewReader(out.String()))}
		for _, u := range p.Updates {
			line, flush, err := in.next()
			text, ok := strings.CutPrefix(line, "ng "+string(u.Ref)+" ")
			if err != nil || flush || !ok || text == "" || len(text) > MaxReasonBytes || strings.ContainsAny(text, "\n\x1b\x00") {
				t.Fatalf("answer %q, %v", line, err)
			}
		}
		if _, flush, err := in.next(); !flush || err != nil {
			t.Fatal("the answers have no end")
		}
	})
}
