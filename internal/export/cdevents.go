package export

import "github.com/pathgate/pathgate/internal/ledger"

// cdType is the version of the event types of service, in CDEventsVersion.
const cdType = "0.3.0"

// A deployment is what must be known of a deployment to tell of it later.
type deployment struct {
	predicate string // of service: deployed, upgraded or rolledback
	command   bool   // pathgate runs it: its first outcome ends it
}

// settle tells whether an entry means that a service runs another version now,
// and in which way. A deployment that has an outcome has done so with its first
// success; until then it is remembered.
func (x *Exporter) settle(e *ledger.Entry) (d deployment, told bool) {
	switch e.Type {
	case ledger.TypeDeployed:
		d = deployment{predicateOf(e), e.Deploy == ledger.DeployCommand}
		if e.Deploy != "" {
			x.awaiting[e.Seq] = d
			return d, false
		}
		return d, e.Service != "" && e.Environment != "" && commitOf(e) != ""
	case ledger.TypeStatus:
		d, told = x.awaiting[e.Record]
		if e.State == ledger.StateSuccess || d.command && e.State != ledger.StatePending {
			delete(x.awaiting, e.Record)
		}
		return d, told && e.State == ledger.StateSuccess && e.Service != "" && e.Environment != "" && commitOf(e) != ""
	}
	return d, false
}

// predicateOf says what a deployment does to its service. What was never on
// the ref, and what is deployed there again, is deployed; what takes another
// commit's place upgrades it, whatever it brings or takes out.
func predicateOf(e *ledger.Entry) string {
	switch {
	case e.Kind == "rollback":
		return "rolledback"
	case isZero(e.Old) || e.Kind == "redeploy":
		return "deployed"
	}
	return "upgraded"
}

// cdevent writes a CDEvent as a CloudEvent in JSON's structured mode.
func (x *Exporter) cdevent(r *record, d deployment) {
	w, e := &x.w, r.e
	source := "/pathgate/" + segment(x.ledger)
	kind := "dev.cdevents.service." + d.predicate + "." + cdType
	w.b = append(w.b, '{')
	w.str("specversion", "1.0")
	w.str("id", r.id)
	w.str("source", source)
	w.str("type", kind)
	w.str("subject", e.Service)
	w.when("time", e)
	w.str("datacontenttype", "application/json")
	w.str("dataschema", "https://cdevents.dev/"+CDEventsVersion+"/schema/service-"+d.predicate+"-event")
	w.open("data")
	w.open("context")
	w.str("specversion", CDEventsVersion)
	w.str("id", r.id)
	w.str("source", source)
	w.str("type", kind)
	w.when("timestamp", e)
	w.end()
	w.open("subject")
	w.str("id", e.Service)
	w.str("source", source)
	w.open("content")
	w.open("environment")
	w.str("id", e.Environment)
	w.str("source", source)
	w.end()
	w.str("artifactId", "pkg:generic/"+segment(e.Service)+"@"+segment(commitOf(e)))
	w.end()
	w.end()
	w.open("customData")
	w.str("line_sha256", r.hash)
	w.embed("pathgate", r.raw)
	w.end()
	w.str("customDataContentType", "application/json")
	w.end()
	w.b = append(w.b, '}')
}

// segment writes s as one segment of a URI's path, or a part of a package URL:
// all but unreserved characters are percent-encoded (RFC 3986, section 2.3).
func segment(s string) string {
	var b []byte
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '.', c == '_', c == '~':
			b = append(b, c)
		default:
			const digits = "0123456789ABCDEF"
			b = append(b, '%', digits[c>>4], digits[c&15])
		}
	}
	return string(b)
}
