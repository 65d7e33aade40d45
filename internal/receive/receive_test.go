package receive

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/internal/text"
	"github.com/pathgate/pathgate/policy"
)

var (
	zero = strings.Repeat("0", 40)
	one  = strings.Repeat("1", 40)
	long = strings.Repeat("a", 64)
)

func environment(pairs ...string) func(string) string {
	m := make(map[string]string)
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return func(k string) string { return m[k] }
}

func wantCode(t *testing.T, err error, code policy.Code) {
	t.Helper()
	var bad *InputError
	if !errors.As(err, &bad) || bad.Code != code {
		t.Fatalf("got error %v, want an InputError with %s", err, code)
	}
	if bad.Reason == "" || !text.Printable(bad.Reason) {
		t.Fatalf("reason %q is not printable text", bad.Reason)
	}
}

func TestRead(t *testing.T) {
	raw := zero + " " + one + " refs/heads/main\n" + one + " " + zero + " refs/heads/o\xcc\x88\n"
	in, err := Read(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if len(in.Updates) != 2 || in.Updates[0] != (Update{"refs/heads/main", policy.ObjectID(zero), policy.ObjectID(one)}) {
		t.Fatalf("got %v", in.Updates)
	}
	if string(in.Raw) != raw {
		t.Fatalf("raw bytes differ: %q", in.Raw)
	}
	if u, err := ReadUpdates(strings.NewReader("")); err != nil || len(u) != 0 {
		t.Fatalf("empty input: %v, %v", u, err)
	}
	if u, err := ReadUpdates(strings.NewReader(long + " " + long + " refs/x/y\n")); err != nil || len(u) != 1 {
		t.Fatalf("SHA-256: %v, %v", u, err)
	}
}

func TestReadRefuses(t *testing.T) {
	good := zero + " " + one + " refs/heads/main"
	tests := []struct {
		name, in string
		code     policy.Code
	}{
		{"no end", good, policy.MalformedInput},
		{"empty line", "\n", policy.MalformedInput},
		{"empty second line", good + "\n\n", policy.MalformedInput},
		{"two fields", zero + " " + one + "\n", policy.MalformedInput},
		{"empty ref", zero + " " + one + " \n", policy.MalformedInput},
		{"upper case", zero + " " + strings.Repeat("A", 40) + " refs/heads/x\n", policy.MalformedInput},
		{"short ID", zero[:39] + " " + one + " refs/heads/x\n", policy.MalformedInput},
		{"mixed lengths", zero + " " + long + " refs/heads/x\n", policy.MalformedInput},
		{"mixed lines", good + "\n" + long + " " + long + " refs/heads/x\n", policy.MalformedInput},
		{"not refs/", zero + " " + one + " HEAD\n", policy.MalformedInput},
		{"leading space", " " + good + "\n", policy.MalformedInput},
		{"two spaces", zero + "  " + one + " refs/heads/x\n", policy.MalformedInput},
		{"space in ref", good + " x\n", policy.MalformedInput},
		{"carriage return", good + "\r\n", policy.MalformedInput},
		{"escape", good + "\x1b[31m\n", policy.MalformedInput},
		{"NUL", good + "\x00x\n", policy.MalformedInput},
		{"dots", zero + " " + one + " refs/heads/../x\n", policy.MalformedInput},
		{"newline in ref", good + "\nx\n", policy.MalformedInput},
		{"65 kB ref", good + strings.Repeat("x", 65_000) + "\n", policy.TooLarge},
		{"65 kB ref without end", good + strings.Repeat("x", 65_000), policy.TooLarge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in, err := Read(strings.NewReader(tt.in))
			wantCode(t, err, tt.code)
			if in.Updates != nil || in.Raw != nil {
				t.Fatalf("got %v beside the error", in)
			}
		})
	}
}

func TestReadLineBounds(t *testing.T) {
	head := zero + " " + one + " refs/heads/"
	fits := head + strings.Repeat("x", MaxLineBytes-len(head)-1) + "\n"
	if _, err := Read(strings.NewReader(fits)); err != nil {
		t.Fatalf("a line of %d bytes: %v", len(fits), err)
	}
	_, err := Read(strings.NewReader(head + strings.Repeat("x", MaxLineBytes-len(head)) + "\n"))
	wantCode(t, err, policy.TooLarge)
}

// endless repeats a line for ever, counting what was read of it.
type endless struct {
	line  string
	n     int
	reads int64
}

func (e *endless) Read(p []byte) (int, error) {
	var b bytes.Buffer
	for b.Len() < len(p) {
		e.n++
		fmt.Fprintf(&b, e.line, e.n)
	}
	n := copy(p, b.Bytes()[:len(p)/len(e.line)*len(e.line)])
	if n == 0 {
		n = copy(p, b.Bytes())
	}
	e.reads += int64(n)
	return n, nil
}

func TestReadStopsAtBound(t *testing.T) {
	var b strings.Builder
	for i := range MaxUpdates {
		fmt.Fprintf(&b, "%s %s refs/heads/%d\n", zero, one, i)
	}
	in, err := Read(strings.NewReader(b.String()))
	if err != nil || len(in.Updates) != MaxUpdates {
		t.Fatalf("%d updates: %d, %v", MaxUpdates, len(in.Updates), err)
	}
	r := strings.NewReader(b.String() + b.String())
	_, err = Read(r)
	wantCode(t, err, policy.TooLarge)
	if over := b.Len() - r.Len(); over > b.Len()/4 { // the buffer grows in steps
		t.Fatalf("%d bytes were read behind the lines that may be", over)
	}
	line := zero + " " + one + " refs/heads/" + strings.Repeat("x", 3000) + "%06d\n"
	e := &endless{line: strings.Replace(line, "%06d", "%04d", 1)}
	_, err = Read(e)
	var bad *InputError
	if !errors.As(err, &bad) || e.reads > MaxInputBytes+64<<10 {
		t.Fatalf("endless input: %v after %d bytes", err, e.reads)
	}
}

func TestReadFault(t *testing.T) {
	_, err := Read(io.MultiReader(strings.NewReader(zero), errReader{}))
	var bad *InputError
	if err == nil || errors.As(err, &bad) {
		t.Fatalf("got %v, want a fault", err)
	}
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errors.New("broken") }

func TestOptions(t *testing.T) {
	got, err := Options(environment("GIT_PUSH_OPTION_COUNT", "2", "GIT_PUSH_OPTION_0", "a=b", "GIT_PUSH_OPTION_2", "stray"))
	if err != nil || len(got) != 2 || got[0] != "a=b" || got[1] != "" {
		t.Fatalf("got %q, %v", got, err)
	}
	for _, count := range []string{"", "0"} {
		got, err := Options(environment("GIT_PUSH_OPTION_COUNT", count, "GIT_PUSH_OPTION_0", "stray"))
		if err != nil || len(got) != 0 {
			t.Fatalf("count %q: got %q, %v", count, got, err)
		}
	}
	for _, count := range []string{"-1", "+1", "01", " 1", "x", "0x1", "1_0", "99999999999999999999"} {
		_, err := Options(environment("GIT_PUSH_OPTION_COUNT", count))
		wantCode(t, err, policy.MalformedInput)
	}
	for _, count := range []string{"33", "2147483647"} {
		_, err := Options(environment("GIT_PUSH_OPTION_COUNT", count))
		wantCode(t, err, policy.TooLarge)
	}
	if got, err := Options(environment("GIT_PUSH_OPTION_COUNT", "32")); err != nil || len(got) != 32 {
		t.Fatalf("32 options: %d, %v", len(got), err)
	}
	full := strings.Repeat("x", MaxOptionBytes)
	if _, err := Options(environment("GIT_PUSH_OPTION_COUNT", "1", "GIT_PUSH_OPTION_0", full)); err != nil {
		t.Fatal(err)
	}
	_, err = Options(environment("GIT_PUSH_OPTION_COUNT", "1", "GIT_PUSH_OPTION_0", full+"x"))
	wantCode(t, err, policy.TooLarge)
}

func TestNamespaced(t *testing.T) {
	if Namespaced(environment()) || !Namespaced(environment("GIT_NAMESPACE", "x")) {
		t.Fatal("GIT_NAMESPACE is misread")
	}
}

func TestFindPrincipal(t *testing.T) {
	got, err := FindPrincipal("env:WHO", environment("WHO", "Ana Ñ", "USER", "mallory", "SSH_CONNECTION", "192.0.2.7 22 192.0.2.1 22"))
	if err != nil || got != (Principal{Name: "Ana Ñ", Via: "env:WHO", Address: "192.0.2.7"}) {
		t.Fatalf("got %+v, %v", got, err)
	}
	bad := []string{"", " ana", "ana ", " ", "a\nb", "a\x1bb", "a\xff", "a\u202eb", "a\u00a0b", strings.Repeat("x", 256)}
	for _, name := range bad {
		_, err := FindPrincipal("env:WHO", environment("WHO", name, "USER", "mallory"))
		wantCode(t, err, policy.NoIdentity)
	}
	_, err = FindPrincipal("nonsense", environment("", "mallory"))
	wantCode(t, err, policy.NoIdentity)
}

func TestAddress(t *testing.T) {
	tests := []struct {
		source string
		env    []string
		want   string
	}{
		{"ssh", []string{"SSH_CONNECTION", "2001:db8::1 5 ::1 22"}, "2001:db8::1"},
		{"ssh", []string{"SSH_CLIENT", "192.0.2.9 5 22"}, "192.0.2.9"},
		{"ssh", []string{"SSH_CONNECTION", "UNKNOWN 65535 UNKNOWN 65535"}, ""},
		{"ssh", []string{"SSH_CONNECTION", "fe80::1%\x1b[31m 5"}, "fe80::1"},
		{"gitolite", []string{"REMOTE_ADDR", "192.0.2.3"}, "192.0.2.3"},
		{"http", []string{"REMOTE_ADDR", "192.0.2.3", "SSH_CONNECTION", "192.0.2.4 1 2 3"}, "192.0.2.3"},
		{"http", []string{"SSH_CONNECTION", "192.0.2.4 1 2 3"}, ""},
		{"http", []string{"REMOTE_ADDR", "evil\nhost"}, ""},
	}
	for _, tt := range tests {
		if got := address(tt.source, environment(tt.env...)); got != tt.want {
			t.Errorf("%s %v: got %q, want %q", tt.source, tt.env, got, tt.want)
		}
	}
}
