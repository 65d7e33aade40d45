package explain

import (
	"io"

	"github.com/pathgate/pathgate/policy"
)

// NotesKept tells that the repository keeps its own notes of where commits have
// been deployed, and did not take those that were pushed, and why.
func NotesKept(w io.Writer, environment policy.EnvironmentName, kept policy.Offer) {
	var p page
	p.line("note: this repository keeps its own notes of %s", clip(string(environment), 30))
	p.reason(kept.Reason+"; what git says of a forced update of them means nothing", "")
	switch kept.Kind {
	case policy.OfferUnproven:
		p.hint("fetch the notes anew, and push them again:", fetchAnew(environment))
		p.unproven(environment, &kept)
	case policy.OfferLedger:
		p.hint("an operator of this server must accept that ledger:", accept(environment, &kept))
	}
	p.send(w)
}

// NotesDenied tells that a notes ref was not taken. The other refs of the push
// may have been.
func NotesDenied(w io.Writer, ref policy.RefName, why string) {
	var p page
	p.line("error: %s is not taken", clip(string(ref), 48))
	p.reason(why, "")
	p.send(w)
}
