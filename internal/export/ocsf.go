package export

import (
	"strings"

	"github.com/pathgate/pathgate/internal/ledger"
)

// Of the class API Activity and its category, Application Activity.
const (
	ocsfClass    = 6003
	ocsfCategory = 6
)

// activity is OCSF's activity_id and its caption.
func (c change) activity() (id uint64, name string) {
	switch c {
	case creates:
		return 1, "Create"
	case updates:
		return 3, "Update"
	case deletes:
		return 4, "Delete"
	}
	return 99, "Other"
}

// level is OCSF's severity_id and its caption.
func (v *view) level() (id uint64, name string) {
	switch {
	case v.severity >= 7:
		return 4, "High"
	case v.severity >= 5:
		return 3, "Medium"
	case v.severity >= 4:
		return 2, "Low"
	}
	return 1, "Informational"
}

// status is OCSF's status_id and its caption.
func (o outcome) status() (id uint64, name string) {
	return uint64(o), [...]string{"Unknown", "Success", "Failure"}[o]
}

// ocsf writes an event of the class API Activity.
func (x *Exporter) ocsf(r *record) {
	w, e, v := &x.w, r.e, &r.view
	w.b = append(w.b, '{')
	activity, named := v.change.activity()
	if activity == 99 {
		named = string(e.Type)
	}
	w.uint("class_uid", ocsfClass)
	w.str("class_name", "API Activity")
	w.uint("category_uid", ocsfCategory)
	w.str("category_name", "Application Activity")
	w.uint("activity_id", activity)
	w.str("activity_name", named)
	w.uint("type_uid", ocsfClass*100+activity)
	w.str("type_name", "API Activity: "+named)
	level, levelName := v.level()
	w.uint("severity_id", level)
	w.str("severity", levelName)
	w.key("time")
	w.b = appendMilli(w.b, e)
	w.uint("timezone_offset", 0)
	status, statusName := v.outcome.status()
	w.uint("status_id", status)
	w.str("status", statusName)
	if len(e.Codes) > 0 {
		w.str("status_code", e.Codes[0])
	}
	w.str("status_detail", e.Reason)
	w.str("message", r.message)
	x.ocsfMetadata(r)
	ocsfParties(w, e)
	ocsfAPI(w, e)
	ocsfResource(w, e)
	w.open("unmapped")
	w.str("line_sha256", r.hash)
	w.embed("pathgate", r.raw)
	w.end()
	w.b = append(w.b, '}')
}

func (x *Exporter) ocsfMetadata(r *record) {
	w, e := &x.w, r.e
	w.open("metadata")
	w.str("version", OCSFVersion)
	w.open("product")
	w.str("name", "pathgate")
	w.str("vendor_name", "pathgate")
	w.str("version", x.version)
	w.end()
	w.str("uid", r.id)
	w.uint("sequence", e.Seq)
	w.when("original_time", e)
	w.str("event_code", string(e.Type))
	w.str("correlation_uid", e.Push)
	w.str("log_name", ledger.JournalName)
	w.str("log_provider", "pathgate")
	w.str("log_version", "1")
	w.end()
}

// ocsfParties writes who did it, and from where. What pathgate did by itself
// has no user, and often nobody knows an address; the class wants both.
func ocsfParties(w *builder, e *ledger.Entry) {
	w.open("actor")
	if e.Principal != "" {
		w.open("user")
		w.str("name", e.Principal)
		w.end()
	} else {
		w.str("app_name", "pathgate")
	}
	w.end()
	w.open("src_endpoint")
	switch ip, name := address(e); {
	case ip != "":
		w.str("ip", ip)
	case name != "":
		w.str("name", name)
	default:
		w.str("name", "unknown")
	}
	w.end()
}

func ocsfAPI(w *builder, e *ledger.Entry) {
	w.open("api")
	w.str("operation", action(e))
	w.open("service")
	w.str("name", "pathgate")
	w.end()
	if e.Push != "" {
		w.open("request")
		w.str("uid", e.Push)
		w.end()
	}
	if len(e.Codes) > 0 {
		w.open("response")
		w.str("error", strings.Join(e.Codes, " "))
		w.str("error_message", e.Reason)
		w.end()
	}
	w.end()
}

// ocsfResource writes the ref that the entry is about.
func ocsfResource(w *builder, e *ledger.Entry) {
	if place(e) == "" && e.Ref == "" {
		return
	}
	w.key("resources")
	w.b = append(w.b, '[', '{')
	w.comma = false
	w.str("type", "environment")
	w.str("name", place(e))
	w.str("namespace", e.Repository)
	w.str("uid", e.Ref)
	w.str("version", commitOf(e))
	w.b = append(w.b, '}', ']')
	w.comma = true
}
