package policy

import (
	"testing"
	"time"

	"github.com/pathgate/pathgate/policy/internal/zone"
)

// freezeOf parses a freeze and returns it.
func freezeOf(t *testing.T, body string) *Freeze {
	t.Helper()
	p := mustParse(t, issuePolicy+"[[freeze]]\nname = \"x\"\nenvironments = [\"prd\"]\n"+body+"\n")
	prd, _ := p.Environment("prd")
	return prd.Freezes[0]
}

// TestFreezeEdges has the moments at which freezes begin and end. Berlin put
// clocks forward on 2026-03-29 02:00 to 03:00 (01:00 UTC), and back on
// 2026-10-25 03:00 to 02:00 (01:00 UTC).
func TestFreezeEdges(t *testing.T) {
	for _, test := range []struct{ name, freeze, from, to string }{
		{"over the change to summer", `weekly = { from = "Fri 16:00", to = "Mon 07:00", zone = "Europe/Berlin" }`,
			"2026-03-27T15:00:00Z", "2026-03-30T05:00:00Z"},
		{"over the change to winter", `weekly = { from = "Fri 16:00", to = "Mon 07:00", zone = "Europe/Berlin" }`,
			"2026-10-23T14:00:00Z", "2026-10-26T06:00:00Z"},
		{"begins in the hour that is skipped", `weekly = { from = "Sun 02:30", to = "Sun 12:00", zone = "Europe/Berlin" }`,
			"2026-03-29T01:00:00Z", "2026-03-29T10:00:00Z"},
		{"ends in the hour that is skipped", `weekly = { from = "Sat 12:00", to = "Sun 02:30", zone = "Europe/Berlin" }`,
			"2026-03-28T11:00:00Z", "2026-03-29T01:00:00Z"},
		{"begins in the hour that comes twice", `weekly = { from = "Sun 02:30", to = "Sun 12:00", zone = "Europe/Berlin" }`,
			"2026-10-25T00:30:00Z", "2026-10-25T11:00:00Z"},
		{"ends in the hour that comes twice", `weekly = { from = "Sat 12:00", to = "Sun 02:30", zone = "Europe/Berlin" }`,
			"2026-10-24T10:00:00Z", "2026-10-25T01:30:00Z"},
		{"wraps around the week", `weekly = { from = "Sat 22:00", to = "Sun 01:00", zone = "UTC" }`,
			"2026-11-21T22:00:00Z", "2026-11-22T01:00:00Z"},
		{"nearly a week", `weekly = { from = "Wed 12:00", to = "Wed 11:59", zone = "UTC" }`,
			"2026-11-18T12:00:00Z", "2026-11-25T11:59:00Z"},
		{"far from UTC", `weekly = { from = "Mon 00:00", to = "Mon 01:00", zone = "Pacific/Kiritimati" }`,
			"2026-11-22T10:00:00Z", "2026-11-22T11:00:00Z"},
		{"clocks put back at midnight", `weekly = { from = "Sun 23:30", to = "Mon 01:00", zone = "America/Havana" }`,
			"2026-11-02T04:30:00Z", "2026-11-02T06:00:00Z"},
		{"once", "from = 2026-12-20T00:00:00\nto = 2027-01-04T08:00:00\nzone = \"Europe/Berlin\"",
			"2026-12-19T23:00:00Z", "2027-01-04T07:00:00Z"},
		{"once, summer to winter", "from = 2026-10-25T02:30:00\nto = 2026-10-25T02:45:00\nzone = \"Europe/Berlin\"",
			"2026-10-25T00:30:00Z", "2026-10-25T01:45:00Z"},
		{"once, into the hour that is skipped", "from = 2026-03-29T01:30:00\nto = 2026-03-29T02:30:00\nzone = \"Europe/Berlin\"",
			"2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z"},
		{"a day that was skipped", "from = 2011-12-30T12:00:00\nto = 2012-01-01T00:00:00\nzone = \"Pacific/Apia\"",
			"2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"},
	} {
		f := freezeOf(t, test.freeze)
		from, to := moment(test.from), moment(test.to)
		for at, want := range map[time.Time]bool{
			from.Add(-time.Second): false, from: true, from.Add(to.Sub(from) / 2): true, to.Add(-time.Second): true, to: false,
		} {
			end, frozen := f.Until(at)
			if frozen != want || want && (!end.Equal(to) || end.Location().String() != f.Zone.String()) || !want && !end.IsZero() {
				t.Errorf("%s: at %s: frozen %v until %s, want %v until %s", test.name, at.UTC(), frozen, end.UTC(), want, to)
			}
		}
	}
}

// TestFreezeNoHole walks through a year of a weekly freeze in zones with
// changes of many kinds: no freeze has a hole, and each week has one.
func TestFreezeNoHole(t *testing.T) {
	for _, name := range []string{"Europe/Berlin", "America/Havana", "Australia/Lord_Howe"} {
		f := freezeOf(t, `weekly = { from = "Sat 23:45", to = "Sun 02:15", zone = "`+name+`" }`)
		spans, last := 0, false
		for at, end := moment("2026-01-05T12:00:00Z"), moment("2027-01-04T12:00:00Z"); at.Before(end); at = at.Add(15 * time.Minute) {
			_, frozen := f.Until(at)
			if frozen && !last {
				spans++
			}
			last = frozen
		}
		if spans != 52 {
			t.Errorf("%s: %d freezes in 52 weeks", name, spans)
		}
	}
}

// TestInstants holds instants against every quarter of an hour of a year: the
// moment at which clocks show a time is among those found for it.
func TestInstants(t *testing.T) {
	for _, name := range []string{"Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia"} {
		z, err := zone.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		for at, end := moment("2011-01-01T00:00:00Z"), moment("2012-02-01T00:00:00Z"); at.Before(end); at = at.Add(15 * time.Minute) {
			local := at.In(z)
			wall := time.Date(local.Year(), local.Month(), local.Day(), local.Hour(), local.Minute(), 0, 0, time.UTC)
			first, last := instants(wall, z)
			if !first.Equal(at) && !last.Equal(at) || first.After(last) {
				t.Fatalf("%s: clocks show %s at %s: found %s and %s", name, wall, at, first.UTC(), last.UTC())
			}
		}
	}
}
