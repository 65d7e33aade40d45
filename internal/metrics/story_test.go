package metrics

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// path is three repositories, dev, stg and prd; prd takes what contains.
const path = `version = 1
root = "/srv/git"
ledger = "LEDGER"
[identity]
source = "ssh"
[environments.dev]
repository = "{service}/dev.git"
refs = ["refs/heads/main", "refs/heads/next"]
[environments.stg]
repository = "{service}/stg.git"
refs = ["refs/heads/main"]
after = ["dev"]
[environments.prd]
repository = "{service}/prd.git"
refs = ["refs/heads/main", "refs/heads/next"]
after = ["stg"]
`

func parsed(tb testing.TB, dir, text string) *policy.Policy {
	tb.Helper()
	pol, err := policy.Parse("policy.toml", []byte(strings.ReplaceAll(text, "LEDGER", dir)))
	if err != nil {
		tb.Fatal(err)
	}
	return pol
}

// day is a moment of November 2026, as "10 09:30" or "10 09:30:05".
func day(tb testing.TB, date, clock string) time.Time {
	tb.Helper()
	if strings.Count(clock, ":") == 1 {
		clock += ":00"
	}
	t, err := time.Parse("2006-01-02 15:04:05", "2026-11-"+date+" "+clock)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

// ledgerOf writes a ledger. A line of the story is
//
//	DATE CLOCK SERVICE ENVIRONMENT[:REF] KIND COMMIT [NAME=VALUE]...
//	DATE CLOCK status LABEL STATE
//
// with NAME of as (a label for statuses and evidence), deploy, action, branch,
// head, evidence (a label), and what follows # is a remark.
func ledgerOf(tb testing.TB, story string) string {
	tb.Helper()
	dir := tb.TempDir()
	if err := ledger.Create(dir, ledger.CreateOptions{Root: "/srv/git", Now: func() time.Time { return day(tb, "01", "00:00") }}); err != nil {
		tb.Fatal(err)
	}
	var entries []*ledger.Entry
	labels := map[string]*ledger.Entry{}
	for line := range strings.Lines(story) {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		e := entryOf(tb, words, labels)
		e.Seq = uint64(len(entries) + 2)
		entries = append(entries, e)
	}
	appendAll(tb, dir, entries)
	return dir
}

func entryOf(tb testing.TB, words []string, labels map[string]*ledger.Entry) *ledger.Entry {
	tb.Helper()
	at := day(tb, words[0], words[1])
	if words[2] == "status" {
		e := ledger.StatusOf(labels[words[3]], words[4])
		e.Time = at
		return e
	}
	environment, ref, _ := strings.Cut(words[3], ":")
	if ref == "" {
		ref = "main"
	}
	sum := sha256.Sum256([]byte(words[5]))
	id := hex.EncodeToString(sum[:20])
	e := &ledger.Entry{Time: at, Type: ledger.TypeDeployed, Service: words[2], Environment: environment,
		Repository: words[2] + "/" + environment + ".git", Ref: "refs/heads/" + ref, New: id, Commit: id, Kind: words[4]}
	if e.Kind == "adopt" || e.Kind == "drift" {
		e.Type = ledger.Type(e.Kind)
	}
	for _, word := range words[6:] {
		name, value, _ := strings.Cut(word, "=")
		switch name {
		case "as":
			labels[value] = e
		case "deploy":
			e.Deploy = value
		case "action":
			e.Action = value
		case "branch":
			e.Branch = value
		case "head":
			sum := sha256.Sum256([]byte(value))
			e.Head = hex.EncodeToString(sum[:20])
		case "repository":
			e.Repository = value
		case "evidence":
			e.Evidence = append(e.Evidence, labels[value].Seq)
		default:
			tb.Fatalf("unknown %s", word)
		}
	}
	return e
}

// appendAll writes entries behind the first line, chained.
func appendAll(tb testing.TB, dir string, entries []*ledger.Entry) {
	tb.Helper()
	name := filepath.Join(dir, ledger.JournalName)
	begin, err := os.ReadFile(name)
	if err != nil {
		tb.Fatal(err)
	}
	prev := sha256.Sum256(begin[:len(begin)-1])
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	for _, e := range entries {
		e.Prev = hex.EncodeToString(prev[:])
		line, err := ledger.Encode(e)
		if err != nil {
			tb.Fatal(err)
		}
		prev = sha256.Sum256(line[:len(line)-1])
		_, _ = w.Write(line)
	}
	if err := w.Flush(); err != nil {
		tb.Fatal(err)
	}
}

// compute sums the window from the 10th to the 20th up.
func compute(tb testing.TB, dir string, change ...func(*Options)) *Report {
	tb.Helper()
	o := Options{Policy: parsed(tb, dir, path), From: day(tb, "10", "00:00"), To: day(tb, "20", "00:00")}
	for _, c := range change {
		c(&o)
	}
	r, err := Compute(context.Background(), o)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// said is a row in words, without what is zero or unknown.
func said(f *Figures) string {
	var out []string
	for _, n := range []struct {
		name string
		n    int
	}{{"changes", f.Changes}, {"deployed", f.Deployments}, {"failed", f.Failed}, {"pending", f.Pending},
		{"incidents", f.Incidents}, {"open", f.Open}} {
		if n.n != 0 {
			out = append(out, fmt.Sprint(n.name, "=", n.n))
		}
	}
	for _, s := range []struct {
		name string
		s    Spans
	}{{"lead", f.LeadTime}, {"restore", f.Restore}} {
		if s.s.Count() != 0 {
			out = append(out, strings.ReplaceAll(fmt.Sprint(s.name, "=", s.s.sorted), " ", ","))
		}
	}
	return strings.Join(out, " ")
}
