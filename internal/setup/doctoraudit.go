package setup

import (
	"fmt"
	"io/fs"
	"os"

	"github.com/pathgate/pathgate/internal/audit"
	"github.com/pathgate/pathgate/internal/deploy"
)

// sinks looks how far the policy's audit sinks have come.
func (d *doctor) sinks() {
	a := d.o.Policy.Audit
	if a == nil {
		return
	}
	mark := len(d.findings)
	folder, err := deploy.Folder(d.o.Policy)
	if err != nil {
		return // the policy does not allow it
	}
	all, err := audit.Look(a, folder)
	if err != nil {
		return // there is no journal: the ledger's findings say so
	}
	why := "who reads it there does not see what came after; the next push or pathgate reconcile sends it"
	if a.Required {
		why = "where it cannot take what there is, pushes are refused; pathgate reconcile says why it cannot"
	}
	if info, err := os.Stat(a.File); a.File != "" && err == nil && !info.Mode().IsRegular() {
		d.fail("the audit file "+a.File+" is no file but a "+kindOfFile(info), "it takes no line; "+why,
			"name a file in it, or move it away: file in [audit], "+d.o.PolicyPath)
	}
	for _, s := range all {
		name := "the audit sink " + s.Sink
		switch {
		case s.Err != nil:
			d.warn("how far "+name+" has come cannot be read", s.Err.Error(), "")
		case s.Behind > 0:
			say := d.warn
			if a.Required {
				say = d.fail // what it cannot take now, no push goes past
			}
			say(fmt.Sprintf("%s is %d bytes behind the ledger: it has taken record %d", name, s.Behind, s.Record), why,
				d.verb("pathgate", "reconcile"))
		case s.Behind < 0:
			d.warn(fmt.Sprintf("%s has taken record %d, which the ledger does not have as it was sent", name, s.Record),
				"the ledger was cut or put back from a copy", d.verb("pathgate", "ledger", "verify"))
		}
	}
	d.sound(mark, "the audit sinks have taken all that is on record")
}

// kindOfFile is what stands where a file should.
func kindOfFile(info fs.FileInfo) string {
	if info.IsDir() {
		return "folder"
	}
	return "device, a pipe or a socket"
}
