package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/rogpeppe/go-internal/testscript"
)

// An entry is one line of the ledger by its JSON keys, read without any of
// pathgate's own code.
type entry map[string]any

// text returns a field as text, empty if the entry does not have it.
func (e entry) text(key string) string {
	switch v := e[key].(type) {
	case nil:
		return ""
	case string:
		return v
	case json.Number:
		return v.String()
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = fmt.Sprint(v[i])
		}
		return strings.Join(parts, ",")
	}
	return fmt.Sprintf("%v", e[key])
}

// readLedger reads a ledger's journal and checks all that anyone can check:
// whole lines of valid JSON with unique keys, a chain of hashes, gapless
// numbers, times, no character that is unsafe to print.
func readLedger(file string) ([]entry, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	lines := bytes.SplitAfter(data, []byte("\n"))
	if last := lines[len(lines)-1]; len(last) > 0 {
		return nil, fmt.Errorf("the last line is torn: %q", last)
	}
	var entries []entry
	prev := ""
	for i, line := range lines[:len(lines)-1] {
		line = bytes.TrimSuffix(line, []byte("\n"))
		e, err := readEntry(line)
		if err == nil {
			err = checkEntry(e, i+1, prev)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w: %s", i+1, err, line)
		}
		sum := sha256.Sum256(line)
		prev = hex.EncodeToString(sum[:])
		entries = append(entries, e)
	}
	if len(entries) == 0 {
		return nil, errors.New("the ledger is empty")
	}
	return entries, nil
}

func readEntry(line []byte) (entry, error) {
	for _, r := range string(line) {
		if r != ' ' && !unicode.IsPrint(r) {
			return nil, fmt.Errorf("character %U is not safe to print", r)
		}
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	e := entry{}
	if err := d.Decode(&e); err != nil {
		return nil, err
	}
	if d.InputOffset() != int64(len(line)) {
		return nil, errors.New("more than one value")
	}
	keys := map[string]bool{}
	d = json.NewDecoder(bytes.NewReader(line))
	for depth, isKey := 0, true; ; {
		token, err := d.Token()
		if err != nil {
			return e, nil // the end: the line was decoded once already
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
			isKey = true
			continue
		case json.Delim('}'), json.Delim(']'):
			depth--
			isKey = true
			continue
		}
		if depth != 1 {
			continue
		}
		if isKey {
			key := token.(string)
			if keys[key] {
				return nil, fmt.Errorf("key %q comes twice", key)
			}
			keys[key] = true
		}
		isKey = !isKey
	}
}

func checkEntry(e entry, seq int, prev string) error {
	if e.text("seq") != fmt.Sprint(seq) {
		return fmt.Errorf("seq is %s", e.text("seq"))
	}
	if e.text("prev") != prev {
		return fmt.Errorf("prev is %s, the hash of the line before is %s", e.text("prev"), prev)
	}
	if (e.text("type") == "ledger") != (seq == 1) {
		return fmt.Errorf("type is %s", e.text("type"))
	}
	if _, err := time.Parse("2006-01-02T15:04:05.000000Z", e.text("time")); err != nil {
		return err
	}
	return nil
}

// listing says which entries to print and how.
type listing struct {
	dir    string
	types  []string // all if empty
	fields []string // the compact form if empty
}

func parseListing(ts *testscript.TestScript, args []string) (listing, []string) {
	l := listing{dir: filepath.Join(ts.Getenv("WORK"), "ledger")}
	for len(args) > 1 && strings.HasPrefix(args[0], "-") {
		switch args[0] {
		case "-types":
			l.types = strings.Split(args[1], ",")
		case "-fields":
			l.fields = strings.Split(args[1], ",")
		case "-dir":
			l.dir = ts.MkAbs(args[1])
		default:
			ts.Fatalf("unknown flag %s", args[0])
		}
		args = args[2:]
	}
	return l, args
}

// print prints a ledger's entries, one a line: number, type, environment,
// ref, old..new, kind, principal, [codes]; what an entry does not have is left
// out. Where only some types are asked for there are no numbers, so that a
// script says just what it is about.
func (l listing) print(names map[string]string) (string, error) {
	entries, err := readLedger(filepath.Join(l.dir, "ledger.jsonl"))
	if err != nil {
		return "", fmt.Errorf("ledger: %w", err)
	}
	var b strings.Builder
	for _, e := range entries {
		if len(l.types) > 0 && !slices.Contains(l.types, e.text("type")) {
			continue
		}
		words := compact(e, names, len(l.types) == 0)
		if len(l.fields) > 0 {
			words = nil
			for _, field := range l.fields {
				words = append(words, known(e.text(field), names))
			}
		}
		fmt.Fprintln(&b, strings.Join(words, " "))
	}
	return b.String(), nil
}

func compact(e entry, names map[string]string, numbered bool) []string {
	var words []string
	add := func(word string) {
		if word != "" {
			words = append(words, word)
		}
	}
	if numbered {
		add(e.text("seq"))
	}
	add(e.text("type"))
	environment := e.text("environment")
	if s := e.text("service"); environment != "" && s != "shop" {
		environment = s + "/" + environment
	}
	add(environment)
	add(e.text("ref"))
	if old, now := known(e.text("old"), names), known(e.text("new"), names); old+now != "" {
		add(old + ".." + now)
	}
	add(e.text("kind"))
	add(e.text("principal"))
	if codes := e.text("codes"); codes != "" {
		add("[" + codes + "]")
	}
	return words
}

// known prints the name that the script gave an object; of others seven
// digits, and 0 for none.
func known(id string, names map[string]string) string {
	if name := names[id]; name != "" {
		return name
	}
	if len(id) != 40 && len(id) != 64 || strings.Trim(id, "0123456789abcdef") != "" {
		return id
	}
	if strings.Trim(id, "0") == "" {
		return "0"
	}
	return id[:7]
}

func cmdEntries(ts *testscript.TestScript, neg bool, args []string) {
	l, rest := parseListing(ts, args)
	if len(rest) > 0 {
		ts.Fatalf("usage: entries [-types T,...] [-dir DIR] [-fields F,...]")
	}
	text, err := l.print(stateOf(ts).names)
	if neg {
		if err == nil {
			ts.Fatalf("the ledger is sound, unexpectedly")
		}
		ts.Logf("%v", err)
		return
	}
	ts.Check(err)
	fmt.Fprint(ts.Stdout(), text)
}

func cmdLedger(ts *testscript.TestScript, neg bool, args []string) {
	l, rest := parseListing(ts, args)
	if len(rest) != 1 || neg {
		ts.Fatalf("usage: ledger [-types T,...] [-dir DIR] [-fields F,...] FILE")
	}
	text, err := l.print(stateOf(ts).names)
	ts.Check(err)
	compare(ts, "ledger", text, rest[0])
}
