package command

import (
	"strings"
	"time"

	"github.com/pathgate/pathgate/internal/explain"
	stamps "github.com/pathgate/pathgate/internal/stamp"
	"github.com/pathgate/pathgate/internal/text"
	"github.com/pathgate/pathgate/policy"
)

// elsewhereRules lists what may speak for an environment on another host.
func elsewhereRules(e *policy.Elsewhere, now time.Time) (rules []rule) {
	rules = append(rules, rule{"elsewhere", "on another host, whose signed stamps tell of it"})
	for i := range e.Keys {
		k := &e.Keys[i]
		words := []string{k.Fingerprint, text.Clean(k.Comment, 60)}
		if word := validity(k, now); word != "" {
			words = append(words, word)
		}
		rules = append(rules, rule{"key", join(", ", words...)})
	}
	return append(rules, rule{"services", strings.Join(e.Services, ", ")}, rule{"max_age", explain.Span(e.MaxAge)})
}

// validity says when a key counts; nothing if it always does.
func validity(k *policy.StampKey, now time.Time) string {
	day := func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
	switch {
	case k.Revoked:
		return "revoked"
	case !k.Until.IsZero() && !now.Before(k.Until):
		return "expired " + day(k.Until)
	}
	var words []string
	if !k.From.IsZero() && now.Before(k.From) {
		words = append(words, "not valid before "+day(k.From))
	} else if !k.From.IsZero() {
		words = append(words, "valid since "+day(k.From))
	}
	if !k.Until.IsZero() {
		words = append(words, "until "+day(k.Until))
	}
	return strings.Join(words, " ")
}

// stampsWords says which key signs: its public half if it can be read.
func stampsWords(s *policy.Stamps) string {
	key, err := stamps.LoadKey(s.Key)
	if err != nil {
		return "signed with " + s.Key + ", which cannot be read here"
	}
	return "signed with " + key.Fingerprint() + ", " + s.Key
}

// bindsRollback reports whether there is a rule that a rollback might be bound
// by: that an environment signs stamps is none.
func bindsRollback(rules []rule) bool {
	for _, r := range rules {
		if r.name != "stamps" {
			return true
		}
	}
	return false
}

func elsewhereJSON(e *policy.Elsewhere, now time.Time) map[string]any {
	keys := []map[string]any{}
	for i := range e.Keys {
		k := &e.Keys[i]
		row := map[string]any{"key": k.Key, "fingerprint": k.Fingerprint, "comment": k.Comment, "revoked": k.Revoked,
			"counts": !k.Revoked && !now.Before(k.From) && (k.Until.IsZero() || now.Before(k.Until))}
		if !k.From.IsZero() {
			row["from"] = k.From
		}
		if !k.Until.IsZero() {
			row["until"] = k.Until
		}
		keys = append(keys, row)
	}
	return map[string]any{"keys": keys, "services": e.Services, "max_age": e.MaxAge.String()}
}

func stampsJSON(s *policy.Stamps) map[string]any {
	out := map[string]any{"key": s.Key}
	if key, err := stamps.LoadKey(s.Key); err == nil {
		out["fingerprint"], out["public"] = key.Fingerprint(), key.Authorized()
	}
	return out
}
