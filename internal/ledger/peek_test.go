package ledger

import (
	"strings"
	"testing"
)

// A Peek says what the decoder says, or nothing.
func TestPeek(t *testing.T) {
	head := `{"seq":7,"time":"2026-11-21T09:14:07.123456Z","type":"status"`
	p := &Peek{}
	line := head + `,"service":"shop","state":"success","record":41}`
	e, err := Decode([]byte(line))
	if err != nil || !p.at([]byte(line)) {
		t.Fatal(err)
	}
	at, ok := p.Time()
	if p.Seq != e.Seq || p.Type != e.Type || !ok || !at.Equal(e.Time) || string(p.Text("service")) != e.Service ||
		p.Number("record") != e.Record || p.Text("record") != nil || p.Text("kind") != nil || p.Number("intent") != 0 || !p.Has("shop") || p.Has("shops") {
		t.Errorf("%+v", p)
	}
	for _, other := range []string{
		"", "{", head, head + `,"service":"\u0073hop"}`, strings.Replace(line, "7", "", 1), strings.Replace(line, "Z", "", 1),
		strings.Replace(line, "seq", "sec", 1), strings.Replace(line, `"type":`, `"kind":`, 1), strings.Replace(line, ":7", ":99999999999999999999", 1),
		`{"seq":7,"time":"2026-11-21T09:14:07.123456Z","type":"stat`,
	} {
		if p.at([]byte(other)) {
			t.Errorf("tells of %q", other)
		}
	}
}
