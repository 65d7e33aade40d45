package ledger

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

func full() *Entry {
	return &Entry{
		Seq: 18446744073709551615, Time: testStart, Type: TypeDeployed, Push: "p", Service: "s", Environment: "e",
		Repository: "r", Host: "git-1", Ref: "refs/heads/grün", Old: "o", New: "n", Commit: "c", Tree: "t", Subject: `a "b" \c`, Kind: "promote",
		Principal: "ana", Via: "ssh", Address: "::1", Intent: 7, Evidence: []uint64{1, 2}, Rules: []string{"x=yes", "y=no"},
		Codes: []string{"withdrawn"}, Action: ActionRelease, Branch: "JIRA-1", Head: "h", Tickets: []string{"JIRA-1"}, Gone: []string{"JIRA-2", "JIRA-3"},
		State: StateSuccess, Record: 6, Origin: "id2", Checkpoint: "7 root", Key: "SHA256:k", Stamped: testStart.Add(time.Minute), Overrode: []string{"soak", "freeze"},
		Until: testStart.Add(time.Hour), Deploy: DeployCommand, URL: "https://ci/1", Message: "done", Policy: "sha", Serial: 4, Part: 1, Parts: 2, Lines: []string{"a = 1", ""}, Reason: "why", Token: "tok", Ledger: "id", Version: 1, Root: "root", Prev: "prev",
	}
}

// Every field of Entry comes back, so none was forgotten on the way.
func TestEncodeDecode(t *testing.T) {
	e := full()
	v := reflect.ValueOf(*e)
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Fatalf("the test leaves out %s", v.Type().Field(i).Name)
		}
	}
	line, err := Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(line[:len(line)-1])
	if err != nil || !reflect.DeepEqual(got, *e) {
		t.Fatalf("%v\n%+v\n%+v", err, got, *e)
	}
	want := `{"seq":18446744073709551615,"time":"2026-11-21T09:00:00.123456Z","type":"deployed","push":"p","service":"s",` +
		`"environment":"e","repository":"r","host":"git-1","ref":"refs/heads/grün","old":"o","new":"n","commit":"c","tree":"t",` +
		`"subject":"a \"b\" \\c","kind":"promote","action":"release","branch":"JIRA-1","head":"h",` +
		`"tickets":["JIRA-1"],"gone":["JIRA-2","JIRA-3"],"state":"success","principal":"ana","via":"ssh","address":"::1","intent":7,"record":6,` +
		`"origin":"id2","checkpoint":"7 root","key":"SHA256:k","stamped":"2026-11-21T09:01:00.123456Z","evidence":[1,2],` +
		`"rules":["x=yes","y=no"],"codes":["withdrawn"],"overrode":["soak","freeze"],"policy":"sha","serial":4,"part":1,"parts":2,"lines":["a = 1",""],"reason":"why",` +
		`"until":"2026-11-21T10:00:00.123456Z","deploy":"command","url":"https://ci/1","message":"done","token":"tok","ledger":"id","version":1,` +
		`"root":"root","prev":"prev"}` + "\n"
	if string(line) != want {
		t.Errorf("line\n%s\nwant\n%s", line, want)
	}
	if _, err := Encode(&Entry{Seq: 1, Time: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), Type: "x"}); err == nil {
		t.Error("a year of five digits was encoded")
	}
}

const least = `"seq":1,"time":"2026-11-21T09:00:00.123456Z","type":"x"`

func TestDecodeAccepts(t *testing.T) {
	for _, line := range []string{
		`{` + least + `}`,
		`{"type":"x","seq":1,"time":"2024-02-29T23:59:59.000000Z"}`,
		`{` + least + `,"subject":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"}`,
		`{` + least + `,"later":"x","n":-1.5e+3,"t":true,"f":false,"z":null,"l":["a",1,null],"m":[]}`,
		`{"later":1,` + least + `}`,
		`{` + least + `,"evidence":[],"rules":[]}`,
	} {
		if _, err := Decode([]byte(line)); err != nil || !json.Valid([]byte(line)) {
			t.Errorf("%s: %v", line, err)
		}
	}
	e, err := Decode([]byte(`{` + least + `,"subject":"\"\\\/\b\f\n\r\t\u00E9\ud83d\ude00"}`))
	if err != nil || e.Subject != "\"\\/\b\f\n\r\té😀" {
		t.Errorf("%q %v", e.Subject, err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, line := range []string{
		``, `{}`, `[]`, `{`, `null`, `{` + least, `{` + least + `}}`, ` {` + least + `}`, `{` + least + `} `,
		`{` + least + `,}`, `{,` + least + `}`, `{` + least + ` }`,
		`{` + least + `,"seq":1}`, `{` + least + `,"type":"x"}`, `{` + least + `,"new1":1,"new1":1}`,
		`{` + least + `,"subject":1}`, `{` + least + `,"subject":null}`, `{` + least + `,"subject":["x"]}`,
		`{` + least + `,"intent":"1"}`, `{` + least + `,"intent":-1}`, `{` + least + `,"intent":1.0}`, `{` + least + `,"intent":01}`,
		`{` + least + `,"intent":18446744073709551616}`, `{` + least + `,"version":4294967296}`,
		`{` + least + `,"evidence":1}`, `{` + least + `,"evidence":["1"]}`, `{` + least + `,"evidence":[1,]}`, `{` + least + `,"evidence":[`,
		`{` + least + `,"Seq":1}`, `{` + least + `,"s\u0065q":1}`, `{` + least + `,"":1}`, `{` + least + `,"k" :1}`,
		`{` + least + `,"later":{"a":1}}`, `{` + least + `,"later":[[1]]}`, `{` + least + `,"later":}`, `{` + least + `,"later":01}`,
		`{` + least + `,"later":-}`, `{` + least + `,"later":1.}`, `{` + least + `,"later":1e}`, `{` + least + `,"later":nul}`,
		"{" + least + ",\"subject\":\"a\tb\"}", "{" + least + ",\"subject\":\"a\xffb\"}", `{` + least + `,"subject":"\x41"}`,
		`{` + least + `,"subject":"\ud83d"}`, `{` + least + `,"subject":"\ude00\ud83d"}`, `{` + least + `,"subject":"\u12"}`, `{` + least + `,"subject":"\u12g4"}`,
		`{` + least + `,"subject":"x`, `{` + least + `,"subject":"\`,
		`{"seq":0,"time":"2026-11-21T09:00:00.123456Z","type":"x"}`, `{"seq":1,"time":"2026-11-21T09:00:00.123456Z","type":""}`,
		`{"seq":1,"type":"x"}`, `{"time":"2026-11-21T09:00:00.123456Z","type":"x"}`, `{"seq":1,"time":"2026-11-21T09:00:00.123456Z"}`,
		`{"seq":1,"time":"2026-02-30T09:00:00.123456Z","type":"x"}`, `{"seq":1,"time":"2026-11-21T24:00:00.123456Z","type":"x"}`,
		`{"seq":1,"time":"2026-11-21T09:00:00.123456+00:00","type":"x"}`, `{"seq":1,"time":"2026-11-21T09:00:00Z","type":"x"}`,
		`{"seq":1,"time":"0000-11-21T09:00:00.123456Z","type":"x"}`, `{"seq":1,"time":"2026-11-21T09:00:60.123456Z","type":"x"}`,
		`{` + least + `,"subject":"` + strings.Repeat("x", MaxLine) + `"}`,
	} {
		if e, err := Decode([]byte(line)); err == nil {
			t.Errorf("accepted %.200s: %+v", line, e)
		}
	}
}

func TestCanonical(t *testing.T) {
	for line, want := range map[string]bool{
		`{` + least + `}`:                       true,
		`{` + least + `,"later":1}`:             true,
		`{` + least + `,"push":"p","later":1}`:  true,
		`{` + least + `,"later":1,"push":"p"}`:  true,
		`{` + least + `,"push":""}`:             false,
		`{` + least + `,"evidence":[]}`:         false,
		`{` + least + `,"push":"\u0041"}`:       false,
		`{` + least + `,"push":"a\nb"}`:         false,
		"{" + least + ",\"push\":\"a\u202eb\"}": false,
		`{` + least + `,"ref":"r","push":"p"}`:  false,
		`{` + least + `,"push":"a\/b"}`:         false,
	} {
		var e Entry
		unknown, err := decode(line, &e)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if got := canonical(newEncoder(), line, unknown, &e); got != want {
			t.Errorf("%s: canonical %v", line, got)
		}
	}
}

// plain is Entry as encoding/json would read it.
type plain struct {
	Seq                                          uint64
	Time                                         time.Time
	Type                                         Type
	Push, Service, Environment, Repository, Host string
	Ref, Old, New, Commit, Tree, Subject, Kind   string
	Action, Branch, Head                         string
	Tickets, Gone                                []string
	State, Principal, Via, Address               string
	Intent, Record                               uint64
	Origin, Checkpoint, Key                      string
	Stamped                                      time.Time
	Evidence                                     []uint64
	Rules, Codes, Overrode                       []string
	Policy                                       string
	Serial, Part, Parts                          uint64
	Lines                                        []string
	Reason                                       string
	Until                                        time.Time
	Deploy, URL, Message, Token, Ledger          string
	Version                                      int
	Root, Prev                                   string
}

func FuzzDecode(f *testing.F) {
	line, err := Encode(full())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(line[:len(line)-1])
	f.Add([]byte(`{` + least + `,"later":[1,"x",null],"subject":"\ud83d\ude00\n"}`))
	f.Add([]byte(`{` + least + `,"evidence":[],"n":-1.5e+3}`))
	f.Add([]byte(`{` + least + `,"overrode":[],"until":"0001-01-01T00:00:00.000000Z","record":0}`))
	f.Add([]byte(`{` + least + `,"action":"release","branch":"JIRA-1","head":"h","tickets":[],"gone":["x"]}`))
	f.Add([]byte(`{` + least + `,"serial":7,"part":1,"parts":2,"lines":["version = 1",""]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var e Entry
		unknown, err := decode(string(b), &e)
		if err != nil {
			return
		}
		var p plain
		if err := json.Unmarshal(b, &p); err != nil {
			t.Fatalf("accepted what encoding/json does not: %q: %v", b, err)
		}
		if len(p.Evidence) == 0 {
			p.Evidence = nil
		}
		if len(p.Rules) == 0 {
			p.Rules = nil
		}
		if len(p.Codes) == 0 {
			p.Codes = nil
		}
		if len(p.Overrode) == 0 {
			p.Overrode = nil
		}
		if len(p.Tickets) == 0 {
			p.Tickets = nil
		}
		if len(p.Gone) == 0 {
			p.Gone = nil
		}
		if len(p.Lines) == 0 {
			p.Lines = nil
		}
		if !reflect.DeepEqual(Entry(p), e) {
			t.Fatalf("%q\nencoding/json %+v\nours %+v", b, p, e)
		}
		again, err := Encode(&e)
		if err != nil {
			return // the escapes of what is not printable may be too long
		}
		c := newEncoder()
		back, err := Decode(again[:len(again)-1])
		if err != nil || !reflect.DeepEqual(back, e) {
			t.Fatalf("%q\n%v\n%+v\n%+v", again, err, back, e)
		}
		if !canonical(c, string(again[:len(again)-1]), nil, &back) {
			t.Fatalf("%q is not canonical", again)
		}
		if len(unknown) == 0 && canonical(c, string(b), nil, &e) && string(b)+"\n" != string(again) {
			t.Fatalf("%q is canonical and encodes as %q", b, again)
		}
	})
}

// FuzzEncode holds any entry to one valid line with unique keys.
func FuzzEncode(f *testing.F) {
	f.Add("a\x00\u2028\xff\"\\", uint64(1), int64(0))
	f.Fuzz(func(t *testing.T, s string, n uint64, at int64) {
		e := &Entry{Seq: n | 1, Time: time.UnixMicro(at).UTC(), Type: Type("x" + s), Subject: s, Principal: s, Rules: []string{s, s}, Evidence: []uint64{n}, Prev: s,
			State: s, Record: n, Action: s, Branch: s, Head: s, Tickets: []string{s}, Gone: []string{s, s}, Serial: n, Part: n, Parts: n, Lines: []string{s, ""}, Overrode: []string{s}, Until: time.UnixMicro(at).UTC(), Deploy: s, URL: s, Message: s}
		line, err := Encode(e)
		if err != nil {
			return
		}
		if !json.Valid(line) || strings.Count(string(line), "\n") != 1 {
			t.Fatalf("%q", line)
		}
		got, err := Decode(line[:len(line)-1])
		if len(e.Rules) == 0 {
			e.Rules = nil
		}
		if err != nil || !reflect.DeepEqual(got, *e) {
			t.Fatalf("%q\n%v\n%+v\n%+v", line, err, got, *e)
		}
	})
}

// FuzzKeys: different fields never make the same key.
func FuzzKeys(f *testing.F) {
	f.Add("a", "b", "ab", "")
	f.Fuzz(func(t *testing.T, a, b, c, d string) {
		one, two := key('R', a, b), key('R', c, d)
		if (string(one) == string(two)) != (a == c && b == d) {
			t.Fatalf("%q %q and %q %q", a, b, c, d)
		}
		got, err := fieldsOf(one, 2)
		if err != nil || got[0] != a || got[1] != b {
			t.Fatalf("%q %v", got, err)
		}
	})
}

func FuzzWatermark(f *testing.F) {
	w := watermark{1, "ledger", "boot", head{1, 2, 3, hash{4}, testStart}}
	f.Add(w.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		got, ok := decodeWatermark(b)
		if ok && string(got.encode()) != string(b) {
			t.Fatalf("%x", b)
		}
	})
	good := w.encode()
	if got, ok := decodeWatermark(good); !ok || got != w {
		f.Fatalf("%+v", got)
	}
	for i := range good {
		bad := append([]byte(nil), good...)
		bad[i] ^= 1
		if _, ok := decodeWatermark(bad); ok {
			f.Fatalf("a flipped bit in byte %d was not seen", i)
		}
	}
}

// Lines that were written before text.Clean took them hold characters that do
// not show. They stay what they are.
func TestCanonicalInvisible(t *testing.T) {
	line, err := Encode(&Entry{Seq: 1, Time: time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC), Type: TypeDeployed, Subject: "a \u2764\ufe0f b", Ref: "refs/heads/JIRA-1\u034f"})
	if err != nil || !strings.Contains(string(line), "\u2764\ufe0f") {
		t.Fatalf("%s, %v", line, err)
	}
	e, err := Canonical(line[:len(line)-1])
	if err != nil || e.Subject != "a \u2764\ufe0f b" || e.Ref != "refs/heads/JIRA-1\u034f" {
		t.Errorf("%+v, %v", e, err)
	}
}
