package export

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/text"
)

// The lengths that the CEF dictionary gives to fields, in bytes.
const (
	cefHeader = 512  // name, class ID
	cefString = 1023 // most fields
	cefCustom = 4000 // cs1 to cs6
	cefAction = 63   // act, outcome
)

// appendMilli appends the entry's time as milliseconds since 1970.
func appendMilli(b []byte, e *ledger.Entry) []byte {
	return strconv.AppendInt(b, e.Time.UnixMilli(), 10)
}

// cef writes an event of the Common Event Format.
func (x *Exporter) cef(r *record) {
	w, e, v := &x.w, r.e, &r.view
	w.b = append(w.b, "CEF:0|pathgate|pathgate|"...)
	w.b = cefHead(w.b, x.version)
	w.b = append(w.b, '|')
	w.b = cefHead(w.b, action(e))
	w.b = append(w.b, '|')
	w.b = cefHead(w.b, v.name)
	w.b = append(w.b, '|')
	w.b = strconv.AppendInt(w.b, int64(v.severity), 10)
	w.b = append(w.b, "|rt="...)
	w.b = appendMilli(w.b, e)
	w.pair("externalId", strconv.FormatUint(e.Seq, 10), cefString)
	w.pair("deviceExternalId", x.ledger, 255)
	w.pair("cat", string(e.Type), cefString)
	w.pair("act", action(e), cefAction)
	w.pair("outcome", v.outcome.String(), cefAction)
	w.pair("suser", e.Principal, cefString)
	cefAddress(w, e)
	w.pair("reason", e.Reason, cefString)
	w.pair("request", e.URL, cefString)
	w.pair("msg", r.message, cefString)
	cefCustoms(w, r)
}

// cefAddress writes where it came from. src is for IPv4 only.
func cefAddress(w *builder, e *ledger.Entry) {
	ip, name := address(e)
	if a, err := netip.ParseAddr(ip); err == nil && a.Unmap().Is4() {
		w.pair("src", a.Unmap().String(), cefString)
	} else if ip != "" {
		w.custom("c6a2", "Source IPv6 Address", ip, cefString)
	}
	w.pair("shost", name, cefString)
}

// cefCustoms writes what the dictionary has no name for.
func cefCustoms(w *builder, r *record) {
	e := r.e
	w.custom("cs1", "environment", place(e), cefCustom)
	at := e.Ref
	if e.Repository != "" {
		at = e.Repository + " " + e.Ref
	}
	w.custom("cs2", "ref", at, cefCustom)
	w.custom("cs3", "commit", commitOf(e), cefCustom)
	w.custom("cs4", "codes", strings.Join(e.Codes, " "), cefCustom)
	w.custom("cs5", "rules", strings.Join(e.Rules, " "), cefCustom)
	w.custom("cs6", "recordSHA256", r.hash, cefCustom)
	if !isZero(e.Old) {
		w.custom("flexString1", "old", e.Old, cefString)
	}
	w.custom("flexString2", "push", e.Push, cefString)
	if of := e.Intent + e.Record; of != 0 { // no entry has both
		w.custom("cn1", "settlesRecord", strconv.FormatUint(of, 10), cefString)
	}
}

// custom writes a field that has no meaning of its own, and its label.
func (w *builder) custom(key, label, value string, limit int) {
	if value != "" {
		w.pair(key+"Label", label, cefString)
		w.pair(key, value, limit)
	}
}

// pair writes a pair of the extension. In a value the backslash and the equal
// sign are escaped; text.Clean leaves no line break to escape.
func (w *builder) pair(key, value string, limit int) {
	if value == "" {
		return
	}
	w.b = append(append(append(w.b, ' '), key...), '=')
	w.b = guarded(w.b, text.Clean(value, limit), '=')
}

// cefHead writes a field of the header, where the backslash and the pipe are
// escaped.
func cefHead(b []byte, value string) []byte {
	return guarded(b, text.Clean(value, cefHeader), '|')
}

// guarded appends value with a backslash before each backslash and each mark.
func guarded(b []byte, value string, mark byte) []byte {
	from := 0
	for i := range len(value) {
		if c := value[i]; c == '\\' || c == mark {
			b = append(append(b, value[from:i]...), '\\')
			from = i
		}
	}
	return append(b, value[from:]...)
}
