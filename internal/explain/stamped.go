package explain

import "io"

// StampLater tells that what has happened is on record, but that its stamp could
// not be written yet.
func StampLater(w io.Writer, push string) {
	var p page
	p.line("warning: this is on record; its stamp follows later (push %s)", push)
	p.send(w)
}
