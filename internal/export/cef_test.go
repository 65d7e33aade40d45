package export

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/text"
)

// parseCEF reads a line as the guide says: seven fields of a header that end
// in a pipe, in which the backslash escapes itself and the pipe; then pairs,
// where a key stands before each equal sign that is not escaped.
func parseCEF(line string) (head []string, pairs map[string]string, err error) {
	field, i := "", 0
	for ; i < len(line) && len(head) < 7; i++ {
		switch {
		case line[i] == '|':
			head, field = append(head, field), ""
		case line[i] == '\\' && i+1 < len(line) && (line[i+1] == '\\' || line[i+1] == '|'):
			i++
			field += line[i : i+1]
		case line[i] == '\\':
			return nil, nil, fmt.Errorf("a lone backslash in the header at byte %d", i)
		default:
			field += line[i : i+1]
		}
	}
	if len(head) < 7 {
		return nil, nil, fmt.Errorf("%d fields in the header", len(head))
	}
	rest := line[i:]
	pairs = make(map[string]string)
	starts := regexp.MustCompile(`(^| )([A-Za-z0-9]+)=`).FindAllStringSubmatchIndex(rest, -1)
	for n, s := range starts {
		end := len(rest)
		if n+1 < len(starts) {
			end = starts[n+1][0]
		}
		key, value := rest[s[4]:s[5]], rest[s[1]:end]
		if _, twice := pairs[key]; twice {
			return nil, nil, fmt.Errorf("%s comes twice", key)
		}
		unescaped := strings.NewReplacer(`\\`, `\`, `\=`, `=`).Replace(value)
		if left := strings.NewReplacer(`\\`, ``, `\=`, ``).Replace(value); strings.ContainsAny(left, `\=`) {
			return nil, nil, fmt.Errorf("%s is not escaped: %s", key, value)
		}
		pairs[key] = unescaped
	}
	return head, pairs, nil
}

// dictionary reads what the guide says of each key.
func dictionary(t *testing.T) map[string][]string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "cef-25.txt"))
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string][]string)
	for line := range strings.Lines(string(b)) {
		if words := strings.Fields(line); words[0] != "#" {
			all[words[0]] = words[1:]
		}
	}
	return all
}

func TestCEF(t *testing.T) {
	known := dictionary(t)
	for _, line := range sample(t, CEF) {
		head, pairs, err := parseCEF(string(line))
		if err != nil {
			t.Fatalf("%v\n%s", err, line)
		}
		severity, err := strconv.Atoi(head[6])
		if head[0] != "CEF:0" || head[3] != `1.2|3=\` || err != nil || severity < 0 || severity > 10 {
			t.Errorf("the header is %q", head)
		}
		for key, value := range pairs {
			kind := known[key]
			if kind == nil {
				t.Errorf("%s is not in the dictionary", key)
				continue
			}
			limit, _ := strconv.Atoi(kind[1])
			ip, _ := netip.ParseAddr(value)
			_, number := strconv.ParseUint(value, 10, 63)
			if wrong := map[string]bool{"string": len(value) > limit, "ipv4": !ip.Is4(), "ipv6": !ip.Is6(),
				"integer": number != nil, "milliseconds": number != nil || len(value) != 13}; wrong[kind[0]] || value == "" {
				t.Errorf("%s is no %v: %q", key, kind, value)
			}
			if strings.HasPrefix(key, "cs") && !strings.HasSuffix(key, "Label") && pairs[key+"Label"] == "" {
				t.Errorf("%s has no label", key)
			}
		}
	}
}

// TestCEFFields holds the fields of a refusal, and of addresses.
func TestCEFFields(t *testing.T) {
	lines := sample(t, CEF)
	head, pairs, err := parseCEF(string(lines[2]))
	if err != nil {
		t.Fatal(err)
	}
	clean := text.Clean(hostile, 1000)
	if head[4] != "refused-promote" || head[5] != "push refused" || head[6] != "5" {
		t.Errorf("%q", head)
	}
	for key, want := range map[string]string{"rt": "1795252442123", "externalId": "3", "deviceExternalId": testLedger, "cat": "refused",
		"act": "refused-promote", "outcome": "failure", "suser": clean, "src": "192.0.2.7", "reason": clean, "cs1": "shop/prd",
		"cs2": "shop/prd.git refs/heads/" + clean, "cs3": idB, "cs4": "prior-not-deployed locked", "flexString1": idA, "flexString2": clean} {
		if pairs[key] != want {
			t.Errorf("%s is %q, want %q", key, pairs[key], want)
		}
	}
	for n, want := range map[int]string{5: "c6a2=2001:db8::1", 7: "src=192.0.2.9", 6: "shost="} {
		if !strings.Contains(string(lines[n-1]), " "+want) {
			t.Errorf("record %d has no %s: %s", n, want, lines[n-1])
		}
	}
}

// TestCEFLength cuts what is longer than the dictionary allows, between
// characters.
func TestCEFLength(t *testing.T) {
	x, err := New(CEF, Options{Ledger: testLedger})
	if err != nil {
		t.Fatal(err)
	}
	e := ledger.Entry{Seq: 2, Type: "refused", Kind: strings.Repeat("é|", 900), Principal: strings.Repeat("é=", 900)}
	out := strings.TrimSuffix(string(x.Append(nil, &ledger.Line{Entry: e, Raw: []byte("{}")})), "\n")
	head, pairs, err := parseCEF(out)
	if err != nil {
		t.Fatal(err)
	}
	if len(head[4]) > cefHeader || len(pairs["act"]) > 63 || len(pairs["suser"]) > 1023 || !text.Printable(out) {
		t.Errorf("%d %d %d", len(head[4]), len(pairs["act"]), len(pairs["suser"]))
	}
}
