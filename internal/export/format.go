package export

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/pathgate/pathgate/internal/ledger"
)

// A Format is one of the formats that others define.
type Format string

// The formats. The versions are those that the fields were checked against.
const (
	ECS      Format = "ecs"      // Elastic Common Schema, version ECSVersion
	OCSF     Format = "ocsf"     // OCSF API Activity, version OCSFVersion
	CEF      Format = "cef"      // ArcSight Common Event Format, CEF:0
	CDEvents Format = "cdevents" // CDEvents, version CDEventsVersion, as CloudEvents 1.0
)

// The versions that the events name.
const (
	ECSVersion      = "9.4.0"
	OCSFVersion     = "1.8.0"
	CDEventsVersion = "0.5.1"
)

// Formats lists the formats in the order of the help.
func Formats() []Format { return []Format{ECS, OCSF, CEF, CDEvents} }

// Options say what the lines of the ledger do not.
type Options struct {
	Ledger  string // the ledger's ID, from its first line
	Version string // pathgate's version
}

// An Exporter turns lines of one ledger into events. It is not for use by more
// than one goroutine.
type Exporter struct {
	format  Format
	ledger  string
	version string

	w        builder
	message  []byte
	awaiting map[uint64]deployment // CDEvents: by record, deployments without an outcome yet
}

// New makes an exporter. A format that is not one of Formats, or no ledger's
// ID, is an error.
func New(format Format, o Options) (*Exporter, error) {
	if !slices.Contains(Formats(), format) {
		return nil, fmt.Errorf("export: no format %q", format)
	}
	if o.Ledger == "" {
		return nil, errors.New("export: the ledger has no ID")
	}
	return &Exporter{format: format, ledger: o.Ledger, version: o.Version, awaiting: make(map[uint64]deployment)}, nil
}

// NeedsHistory reports whether Observe must see all lines before the first one
// that is exported: what a deployment's outcome means depends on the
// deployment.
func (x *Exporter) NeedsHistory() bool { return x.format == CDEvents }

// Observe takes notice of a line that is not exported. It must not be called
// for a line that Append gets.
func (x *Exporter) Observe(line *ledger.Line) {
	if x.format == CDEvents {
		x.settle(&line.Entry)
	}
}

// Append appends the event of a line to dst, with a newline at its end and none
// before, and returns it. Where the format has no event for the line, it
// appends nothing.
func (x *Exporter) Append(dst []byte, line *ledger.Line) []byte {
	r := record{e: &line.Entry, raw: line.Raw}
	x.w = builder{b: dst}
	switch x.format {
	case ECS:
		r.seal(x)
		x.ecs(&r)
	case OCSF:
		r.seal(x)
		x.ocsf(&r)
	case CEF:
		r.seal(x)
		x.cef(&r)
	case CDEvents:
		d, told := x.settle(r.e)
		if !told {
			return dst
		}
		r.seal(x)
		x.cdevent(&r, d)
	}
	return append(x.w.b, '\n')
}

// A record is a line and what all formats say of it.
type record struct {
	e       *ledger.Entry
	raw     []byte
	view    view
	id      string // LEDGER-SEQ: the same whenever the line is exported
	hash    string // SHA-256 of the line without its newline, in hex
	message string
}

// seal works out what needs the whole line.
func (r *record) seal(x *Exporter) {
	var digits [2 * sha256.Size]byte
	sum := sha256.Sum256(r.raw)
	hex.Encode(digits[:], sum[:])
	r.hash = string(digits[:])
	b := append(append(x.message[:0], x.ledger...), '-')
	r.id = string(strconv.AppendUint(b, r.e.Seq, 10))
	r.view = viewOf(r.e)
	x.message = appendMessage(x.message[:0], r.e)
	r.message = string(x.message)
}
