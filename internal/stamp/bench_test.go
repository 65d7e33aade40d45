package stamp

import "testing"

func BenchmarkSign(b *testing.B) {
	f := newFixture(b)
	for b.Loop() {
		if err := f.stamp.Sign(f.key); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	f := newFixture(b)
	for b.Loop() {
		if _, err := f.stamp.Verify(f.from, f.want, noon()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseNote(b *testing.B) {
	f := newFixture(b)
	note := FormatNote([]Stamp{f.stamp, f.stamp, f.stamp})
	for b.Loop() {
		if _, err := ParseNote(note); err != nil {
			b.Fatal(err)
		}
	}
}
