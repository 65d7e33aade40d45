package zone

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"
)

func TestLoad(t *testing.T) {
	summer := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	later := time.Date(2090, 7, 1, 12, 0, 0, 0, time.UTC) // by the rule behind the table
	for name, hours := range map[string]float64{
		"UTC": 0, "Europe/Berlin": 2, "America/New_York": -4, "Asia/Kathmandu": 5.75, "Etc/GMT+3": -3,
	} {
		zone, err := Load(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, at := range []time.Time{summer, later} {
			if _, offset := at.In(zone).Zone(); float64(offset) != hours*3600 || zone.String() != name {
				t.Errorf("%s: %s, offset %d at %s", name, zone, offset, at)
			}
		}
	}
}

func TestUnknown(t *testing.T) {
	for _, name := range []string{"", "Local", "Europe", "Europe/", "europe/berlin", "Europe/Atlantis", "../UTC", "/etc/localtime", "UTC\x00"} {
		if zone, err := Load(name); err == nil || !strings.Contains(err.Error(), "unknown time zone") {
			t.Errorf("%q: %v, %v", name, zone, err)
		}
	}
}

// TestDamaged has archives that end early, or whose numbers point outside.
func TestDamaged(t *testing.T) {
	for n := 0; n < len(database); n += 1 + n/50 {
		if _, err := find(database[:n], "UTC"); err == nil {
			t.Fatalf("found in the first %d bytes", n)
		}
	}
	end := len(database) - endSize
	for at := end; at < len(database); at++ {
		mangled := []byte(database)
		mangled[at] ^= 0xff
		_, _ = find(string(mangled), "no such zone") // must not panic
	}
	first := int(binary.LittleEndian.Uint32([]byte(database[end+16 : end+20])))
	for at := first; at < first+200; at++ {
		mangled := []byte(database)
		mangled[at] ^= 0xff
		_, _ = find(string(mangled), "Zulu") // must not panic
		_, _ = find(string(mangled), "Africa/Abidjan")
	}
}

func BenchmarkLoad(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Load("Europe/Berlin"); err != nil {
			b.Fatal(err)
		}
	}
}
