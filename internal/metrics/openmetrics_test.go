package metrics

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// exposition is a strict reader of what OpenMetrics 1.0 allows of gauges and
// summaries, without timestamps and exemplars.
type exposition struct {
	families map[string]*omFamily
	samples  map[string]float64 // by name and label set, in order of the labels
}

type omFamily struct {
	kind, unit string
	help       bool
	begun      bool // has samples
}

var (
	omName   = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*$`)
	omLabel  = regexp.MustCompile(`^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\n"])*)"(,|$)`)
	omNumber = regexp.MustCompile(`^[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?$`)
	omEscape = regexp.MustCompile(`\\([^\\n"]|$)`)
)

func parseOpenMetrics(s string) (*exposition, error) {
	x := &exposition{families: map[string]*omFamily{}, samples: map[string]float64{}}
	body, ended := strings.CutSuffix(s, "# EOF\n")
	if !ended || !utf8.ValidString(s) || body != "" && !strings.HasSuffix(body, "\n") {
		return nil, errors.New("no # EOF at the end, or no UTF-8")
	}
	current := ""
	for line := range strings.Lines(body) {
		line = strings.TrimSuffix(line, "\n")
		var err error
		if strings.HasPrefix(line, "#") {
			current, err = x.describe(current, line)
		} else {
			err = x.sample(current, line)
		}
		if err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
	}
	return x, nil
}

// describe takes "# TYPE name kind" and the like.
func (x *exposition) describe(current, line string) (string, error) {
	words := strings.SplitN(line, " ", 4)
	if len(words) != 4 || words[0] != "#" || !omName.MatchString(words[2]) {
		return "", errors.New("no description")
	}
	name, rest := words[2], words[3]
	f := x.families[name]
	if name != current {
		if f != nil {
			return "", errors.New("the family comes twice, or in between")
		}
		f = &omFamily{}
		x.families[name] = f
	}
	if f.begun {
		return "", errors.New("a description after samples")
	}
	switch {
	case words[1] == "TYPE" && f.kind == "" && (rest == "gauge" || rest == "summary"):
		f.kind = rest
	case words[1] == "UNIT" && f.unit == "" && strings.HasSuffix(name, "_"+rest):
		f.unit = rest
	case words[1] == "HELP" && !f.help && !omEscape.MatchString(rest) && !regexp.MustCompile(`(^|[^\\])"`).MatchString(rest):
		f.help = true
	default:
		return "", errors.New("a wrong description")
	}
	return name, nil
}

func (x *exposition) sample(current, line string) error {
	end := strings.IndexAny(line, "{ ")
	if end < 0 || line[:end] != current {
		return errors.New("not of the family before")
	}
	f := x.families[current]
	rest := line[end:]
	var labels []string
	quantile := ""
	if rest[0] == '{' {
		rest = rest[1:]
		for !strings.HasPrefix(rest, "}") {
			m := omLabel.FindStringSubmatch(rest[:max(labelEnd(rest), 0)])
			if m == nil {
				return errors.New("a wrong label")
			}
			if slices.ContainsFunc(labels, func(l string) bool { return strings.HasPrefix(l, m[1]+"=") }) {
				return errors.New("a label comes twice")
			}
			labels = append(labels, m[1]+"="+m[2])
			if m[1] == "quantile" {
				quantile = m[2]
			}
			rest = rest[len(m[0]):]
		}
		rest = rest[1:]
	}
	number, blank := strings.CutPrefix(rest, " ")
	v, err := strconv.ParseFloat(number, 64)
	if !blank || !omNumber.MatchString(number) || err != nil {
		return errors.New("no number")
	}
	if q, err := strconv.ParseFloat(quantile, 64); (f.kind == "summary") != (err == nil && q >= 0 && q <= 1 && v >= 0) {
		return errors.New("a summary has quantiles, a gauge none")
	}
	slices.Sort(labels)
	key := current + strings.Join(labels, ",")
	if _, twice := x.samples[key]; twice {
		return errors.New("the sample comes twice")
	}
	f.begun, x.samples[key] = true, v
	return nil
}

// labelEnd is where the first label of s ends, its comma included.
func labelEnd(s string) int {
	open := strings.IndexByte(s, '"')
	for i := open + 1; open >= 0 && i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			if i+1 < len(s) && s[i+1] == ',' {
				i++
			}
			return i + 1
		}
	}
	return -1
}

const busy = `
	11 08:00 shop dev deploy a
	11 09:00 shop prd promote a
	12 09:00 shop prd promote b
	12 10:00 shop prd rollback a
	12 10:00 idle dev deploy a deploy=external`

func TestOpenMetrics(t *testing.T) {
	r := compute(t, ledgerOf(t, busy))
	var out bytes.Buffer
	if err := r.WriteOpenMetrics(&out); err != nil {
		t.Fatal(err)
	}
	x, err := parseOpenMetrics(out.String())
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	const prd = "environment=prd,production=true,"
	for key, want := range map[string]float64{
		"pathgate_metrics_records":                                              6,
		"pathgate_metrics_window_end_seconds":                                   float64(day(t, "20", "00:00").Unix()),
		"pathgate_changesenvironment=dev,production=false,service=shop":         1,
		"pathgate_deployments" + prd + "service=shop":                           2,
		"pathgate_deployments_per_day" + prd + "service=shop":                   0.2,
		"pathgate_changes_failed" + prd + "service=shop":                        1,
		"pathgate_change_failure_ratio" + prd + "service=shop":                  0.5,
		"pathgate_lead_time_seconds" + prd + "quantile=0.5,service=shop":        3600,
		"pathgate_lead_time_seconds" + prd + "quantile=1.0,service=shop":        3600,
		"pathgate_time_to_restore_seconds" + prd + "quantile=0.9,service=shop":  3600,
		"pathgate_incidents_open" + prd + "service=shop":                        0,
		"pathgate_changes_pendingenvironment=dev,production=false,service=idle": 1,
	} {
		if v, ok := x.samples[key]; !ok || v != want {
			t.Errorf("%s: %v %v, want %v\n", key, v, ok, want)
		}
	}
	for key := range x.samples {
		if strings.Contains(key, "service=idle") && (strings.Contains(key, "ratio") || strings.Contains(key, "quantile")) {
			t.Errorf("there is nothing to tell by: %s", key)
		}
	}
	for name, f := range x.families {
		if f.kind == "" || !f.help || strings.HasSuffix(name, "_seconds") != (f.unit == "seconds") || strings.HasSuffix(name, "_ratio") != (f.unit == "ratio") {
			t.Errorf("%s: %+v", name, *f)
		}
	}
	if len(x.families) != 14 {
		t.Errorf("%d families", len(x.families))
	}
}

// The strict reader finds what is wrong.
func TestStrictReader(t *testing.T) {
	const head = "# TYPE a gauge\n"
	for _, s := range []string{"", head, head + "# EOF", head + "# EOF\n\n", head + "\n# EOF\n", head + "b 1\n# EOF\n", head + "a x\n# EOF\n",
		head + "a 1\na 2\n# EOF\n", head + "a{b=\"\\x\"} 1\n# EOF\n", head + "a{b=\"\"\"} 1\n# EOF\n", head + "a{b=\"1\",b=\"2\"} 1\n# EOF\n",
		head + "a NaN\n# EOF\n", head + "# UNIT a seconds\n# EOF\n", head + "a 1\n# HELP a b\n# EOF\n", head + "# TYPE b gauge\n# HELP a b\n# EOF\n",
		"# TYPE a summary\na 1\n# EOF\n", head + "a{quantile=\"0.5\"} 1\n# EOF\n", head + "a 1 \n# EOF\n", head + "# HELP a \"\n# EOF\n"} {
		if _, err := parseOpenMetrics(s); err == nil {
			t.Errorf("taken: %q", s)
		}
	}
	if x, err := parseOpenMetrics(head + "a{b=\"\\\"\\\\,\\n}\"} 1.0\n# EOF\n"); err != nil || len(x.samples) != 1 {
		t.Errorf("%+v %v", x, err)
	}
}

// hostile are names that no policy allows, but that somebody could write into a
// journal.
var hostile = []string{`a"} 1`, `\`, `x\`, "two\nlines", "# EOF", "\x1b[31m", "\u202eevil", "<script>", "=1+1", "\xff", strings.Repeat("x", 300), "{}", `",b="`}

func TestHostileNames(t *testing.T) {
	r := &Report{}
	for _, name := range hostile {
		r.Rows = append(r.Rows, Row{Service: name, Environment: name, Figures: Figures{Changes: 1}})
	}
	var out bytes.Buffer
	if err := r.WriteOpenMetrics(&out); err != nil {
		t.Fatal(err)
	}
	x, err := parseOpenMetrics(out.String())
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, name := range hostile {
		shown := escapeOpenMetrics(name)
		if x.samples["pathgate_changesenvironment="+shown+",production=false,service="+shown] != 1 {
			t.Errorf("%q is not there", name)
		}
	}
}

// What stands in the journal escaped is told as it stands there, and a name of
// any length is cut.
func TestHostileJournal(t *testing.T) {
	story := "11 08:00 NAME dev deploy a\n"
	for _, name := range []string{`"}`, `\`, `<b>`, `=1+1`, `{quantile="1"}`, strings.Repeat("x", 300)} {
		r := compute(t, ledgerOf(t, strings.ReplaceAll(story, "NAME", name)))
		if len(r.Rows) != 1 || r.Rows[0].Changes != 1 || r.Rows[0].Service != name && len(r.Rows[0].Service) != maxName {
			t.Errorf("%q: %+v", name, r.Rows)
		}
		var out bytes.Buffer
		if err := r.WriteOpenMetrics(&out); err != nil {
			t.Fatal(err)
		}
		if _, err := parseOpenMetrics(out.String()); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestWriteFails(t *testing.T) {
	if err := (&Report{}).WriteOpenMetrics(brokenPipe{}); err == nil || !strings.Contains(err.Error(), "broken pipe") {
		t.Errorf("%v", err)
	}
}

func TestJSON(t *testing.T) {
	r := compute(t, ledgerOf(t, busy), func(o *Options) { o.By = Week })
	out, err := json.Marshal(r.JSON())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`{"from":"2026-11-10T00:00:00Z","to":"2026-11-20T00:00:00Z","records":6,"production":{"changes":2,`,
		`"service":"idle","environment":"dev","production":false,"first":true,"changes":1,"deployments":0,"deployments_per_day":0,"pending":1,` +
			`"lead_time_seconds":{"count":0,"median":null,"p90":null,"max":null},"failed":0,"change_failure_rate":null,"incidents":0,"open_incidents":0,` +
			`"time_to_restore_seconds":{"count":0,"median":null,"p90":null,"max":null},"series":[{"from":"2026-11-10T00:00:00Z","to":"2026-11-16T00:00:00Z",`,
		`"lead_time_seconds":{"count":1,"median":3600,"p90":3600,"max":3600},"failed":1,"change_failure_rate":0.5,"incidents":1,"open_incidents":0,` +
			`"time_to_restore_seconds":{"count":1,"median":3600,"p90":3600,"max":3600}`,
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %s in\n%s", want, out)
		}
	}
	empty, err := json.Marshal(compute(t, ledgerOf(t, "")).JSON())
	if err != nil || !strings.Contains(string(empty), `"environments":[]`) || strings.Contains(string(empty), "series") {
		t.Errorf("%v %s", err, empty)
	}
}
