package export

import "github.com/pathgate/pathgate/internal/ledger"

// timeLayout is RFC 3339 with microseconds, as the ledger writes it.
const timeLayout = "2006-01-02T15:04:05.000000Z"

// when writes the entry's time as a member.
func (w *builder) when(name string, e *ledger.Entry) {
	w.key(name)
	w.b = append(w.b, '"')
	w.b = e.Time.UTC().AppendFormat(w.b, timeLayout)
	w.b = append(w.b, '"')
}

// ecs writes an event of the Elastic Common Schema.
func (x *Exporter) ecs(r *record) {
	w, e := &x.w, r.e
	w.b = append(w.b, '{')
	w.when("@timestamp", e)
	w.open("ecs")
	w.str("version", ECSVersion)
	w.end()
	w.str("message", r.message)
	ecsEvent(w, r)
	if e.Principal != "" {
		w.open("user")
		w.str("name", e.Principal)
		w.end()
	}
	ip, name := address(e)
	ecsPlaces(w, e, ip)
	ecsRule(w, e)
	ecsRelated(w, e, ip, name)
	if e.Type == ledger.TypeFault && e.Reason != "" {
		w.open("error")
		w.str("message", e.Reason)
		w.end()
	}
	w.open("observer")
	w.str("vendor", "pathgate")
	w.str("product", "pathgate")
	w.str("version", x.version)
	w.end()
	w.embed("pathgate", r.raw)
	w.b = append(w.b, '}')
}

// ecsPlaces writes where it came from, and what it was about.
func ecsPlaces(w *builder, e *ledger.Entry, ip string) {
	if e.Address != "" {
		w.open("source")
		w.str("address", e.Address)
		w.str("ip", ip)
		w.end()
	}
	if e.Service != "" {
		w.open("service")
		w.str("name", e.Service)
		w.str("environment", e.Environment)
		w.str("version", commitOf(e))
		w.end()
	}
}

func ecsEvent(w *builder, r *record) {
	e, v := r.e, &r.view
	w.open("event")
	kind := "event"
	if e.Type == ledger.TypeDrift || e.Type == ledger.TypeStamp && e.Kind == ledger.KindFork {
		kind = "alert"
	}
	w.str("kind", kind)
	w.list("category", v.category)
	w.list("type", v.kind)
	w.str("action", action(e))
	w.str("outcome", v.outcome.String())
	w.str("id", r.id)
	w.uint("sequence", e.Seq)
	w.str("hash", r.hash)
	w.uint("severity", uint64(v.severity))
	w.str("provider", "pathgate")
	w.str("module", "pathgate")
	w.str("dataset", "pathgate.ledger")
	if len(e.Codes) > 0 {
		w.str("code", e.Codes[0])
	}
	w.str("reason", e.Reason)
	w.str("url", e.URL)
	w.end()
}

// ecsRule names the policy and, of a refusal or an override, the first rule
// that did not hold. All verdicts are in pathgate.rules.
func ecsRule(w *builder, e *ledger.Entry) {
	name, verdict := failed(e)
	if name == "" && e.Policy == "" {
		return
	}
	w.open("rule")
	w.str("name", name)
	w.str("category", verdict)
	w.str("version", e.Policy)
	w.end()
}

func ecsRelated(w *builder, e *ledger.Entry, ip, host string) {
	hash := [...]string{e.Commit, e.New, e.Old, e.Tree, e.Head}
	any := e.Principal != "" || e.Address != ""
	for i, id := range hash {
		if isZero(id) {
			hash[i] = ""
		}
		any = any || hash[i] != ""
	}
	if !any {
		return
	}
	w.open("related")
	w.list("user", e.Principal)
	w.list("ip", ip)
	w.list("hosts", host)
	w.list("hash", hash[:]...)
	w.end()
}
