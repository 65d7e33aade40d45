package policy

import (
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

// tomlSeeds are files that exercise each form of key and value.
func tomlSeeds() []string {
	return []string{
		issuePolicy,
		"",
		"# nothing\n",
		"a = 1\r\nb = 'x' # c\r\n",
		"a.b.c = 1\na . \"d.e\" . 'f' = 2\n[t]\n\"\\u0041\\t\\x42\\e\" = 1\n\"\" = 2\n",
		"s = \"\"\"\nx \\\" \"\" \\\n  y = 1 \"\"\"\"\"\nt = '''a''b'''''\nu = \"\"\"\"\"\"\nv = ''''a'''\n",
		"s = \"\"\"a\\\\\"\"\"\"\"\nb = '#' # \"\nc = \"a\\\\\"\n",
		"a = [1, 2.5, [\"x\", ']'], # c ]\n 1979-05-27 07:32:00Z, true,\n]\nb = []\nc = [[]]\n",
		"a = { b = 1, c.d = [ {e = 1}, {e = 2} ], f = {} }\ng = [{h = 1}, {h = {i = 1}}]\n",
		"a = {\n # c\n b = 1, # d\n c = 2,\n}\n",
		"[[x]]\na = 1\n[x.y]\nb = 1\n[[x.z]]\n[[x]]\na = 2\n[[x.z]]\nc = 1\n[[x.z]]\nc = 1\n",
		"[a.b]\nc = 1\n[a]\nd = 1\n[ e . 'f' ]\n",
		"a = -0\nb = +inf\nc = nan\nd = 0x1F\ne = 1_000.5e-3\nf = 07:32:00\n",
	}
}

// checkScan compares the scanner with BurntSushi/toml on one text.
func checkScan(t *testing.T, src string) {
	t.Helper()
	s := scan(src)
	for _, n := range s.keys {
		if n.at < 0 || n.at > len(src) || n.value < n.at && n.form == pair || n.value > len(src) {
			t.Fatalf("%q: key %s at %d, value at %d", src, n.path(), n.at, n.value)
		}
	}
	var values map[string]any
	meta, err := toml.Decode(src, &values)
	if err != nil || s.deep {
		return
	}
	if s.bad {
		t.Fatalf("%q: the scanner stopped at %d", src, s.pos)
	}
	var got, want []string
	for _, n := range s.keys {
		got = append(got, n.path().String())
	}
	for _, k := range meta.Keys() {
		want = append(want, k.String())
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%q:\nscanner  %q\ntoml     %q", src, got, want)
	}
	if values == nil {
		values = map[string]any{}
	}
	if n := s.root.bind(values); n != nil && len(s.dups) == 0 {
		t.Fatalf("%q: the two disagree on %s", src, n.path())
	}
}

func TestScanAgreesWithTOML(t *testing.T) {
	for _, src := range tomlSeeds() {
		if err := toml.Unmarshal([]byte(src), &map[string]any{}); err != nil {
			t.Errorf("%q is no seed: %v", src, err)
		}
		checkScan(t, src)
	}
}

func TestScanPlaces(t *testing.T) {
	const src = "a = 1\n" +
		"[t.\"u\"] # c\n" +
		"  b.c = [ 'x',\n" +
		"    \"y\" ]\n" +
		"d = { e = 'z' }\n" +
		"[[f]]\n" +
		"g = 1\n"
	root := scan(src).root
	u := root.kid("t").kid("u")
	c := u.kid("b").kid("c")
	e := u.kid("d").kid("e")
	g := root.kid("f").elems[0].kid("g")
	s := newSource("p", src)
	for _, test := range []struct {
		name         string
		at           int
		line, column int
	}{
		{"a", root.kid("a").at, 1, 1},
		{"a's value", root.kid("a").value, 1, 5},
		{"u", u.at, 2, 4},
		{"b", u.kid("b").at, 3, 3},
		{"c", c.at, 3, 5},
		{"c's value", c.value, 3, 9},
		{"x", c.elems[0].value, 3, 11},
		{"y", c.elems[1].value, 4, 5},
		{"e", e.at, 5, 7},
		{"e's value", e.value, 5, 11},
		{"f", root.kid("f").at, 6, 3},
		{"g", g.at, 7, 1},
	} {
		if got, want := s.place(test.at), (Place{"p", test.line, test.column}); got != want {
			t.Errorf("%s is at %d:%d, want %d:%d", test.name, got.Line, got.Column, want.Line, want.Column)
		}
	}
}

func TestScanWideTable(t *testing.T) {
	var b strings.Builder
	for i := range 50 {
		b.WriteString("k" + strings.Repeat("x", i) + " = 1\n")
	}
	checkScan(t, b.String())
	if s := scan(b.String() + "kxxx = 2\n"); len(s.dups) != 1 || s.dups[0].first.at == s.dups[0].again.at {
		t.Errorf("duplicates: %v", s.dups)
	}
}

func FuzzScan(f *testing.F) {
	for _, seed := range tomlSeeds() {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, src string) {
		s := newSource("p", src)
		if !s.sound() { // Parse never hands such a text to the scanner
			scan(src)
			return
		}
		checkScan(t, src)
	})
}
