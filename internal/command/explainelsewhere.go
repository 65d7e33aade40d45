package command

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/internal/gate"
	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/internal/text"
	"github.com/pathgate/pathgate/policy"
)

// explainElsewhere says of a commit what stamps of an environment on another
// host tell: what that host would answer to a push is not known here.
func (a *app) explainElsewhere(ctx context.Context, pol *policy.Policy, env *policy.Environment, service policy.Service, ref, commit, format string) error {
	target := fullRef(ref)
	if ref != "" && len(env.Refs) > 0 {
		var err error
		if target, err = targetRef(env, ref); err != nil {
			return err
		}
	}
	id, err := a.serviceCommit(ctx, pol, service, commit)
	if err != nil {
		return err
	}
	h, err := gate.Hear(ctx, gate.Question{Policy: pol, Environment: env, Service: service, Ref: target, Commit: id,
		Repository: restingOn(pol, env, service)}, a.now)
	if err != nil {
		return faulted(err)
	}
	if format == "json" {
		err = a.json(hearsayJSON(env, service, &h))
	} else {
		a.printHearsay(env, &h)
	}
	if err == nil && !h.Counts() {
		return no()
	}
	return err
}

// restingOn opens the first repository of the service here that comes after an
// environment elsewhere, whose notes may have stamps of it; nil if there is none.
func restingOn(pol *policy.Policy, env *policy.Environment, service policy.Service) *gitfacts.Repository {
	for _, next := range pol.Environments {
		if next.Elsewhere != nil || !slices.Contains(next.After, env.Name) {
			continue
		}
		name := next.Repository.Path(service)
		if site, ok := pol.Site(name); !ok || site.Service != service {
			continue
		}
		if repo, err := gitfacts.Open(filepath.Join(pol.Root, filepath.FromSlash(name))); err == nil {
			return repo
		}
	}
	return nil
}

func (a *app) printHearsay(env *policy.Environment, h *gate.Hearsay) {
	fmt.Fprintf(a.stdout, "%s is on another host: what it would take is decided there\n", env.Name)
	switch {
	case h.Standing.Record == 0:
		fmt.Fprintf(a.stdout, "no stamp of %s in %s is known here\n", h.Commit.Short(), env.Name)
	case h.Standing.Withdrawn != 0:
		fmt.Fprintf(a.stdout, "%s %q was deployed there %s by %s, record %d here, and withdrawn, record %d here\n", h.Commit.Short(), shorten(h.Stamp.Subject),
			explain.Time(h.Standing.Time), text.Clean(h.Standing.Principal, 120), h.Standing.Record, h.Standing.Withdrawn)
	default:
		fmt.Fprintf(a.stdout, "%s %q was deployed there %s by %s, record %d here\n", h.Commit.Short(), shorten(h.Stamp.Subject),
			explain.Time(h.Standing.Time), text.Clean(h.Standing.Principal, 120), h.Standing.Record)
	}
	if h.Standing.Record != 0 {
		fmt.Fprintf(a.stdout, "  outcome  %s\n  live     %s\n  age      %s\n", outcomeThere(h), liveThere(h), ageThere(env, h))
	} else if h.Live.Record != 0 {
		fmt.Fprintf(a.stdout, "  newest   %s, deployed there %s, record %d here\n", h.Live.Commit.Short(), explain.Time(h.Live.Time), h.Live.Record)
	}
	for _, why := range barriers(env, h) {
		fmt.Fprintf(a.stdout, "it does not count here: %s\n", why)
	}
	if h.Waiting && h.Standing.Record == 0 {
		fmt.Fprintln(a.stdout, "hint: notes in a repository here have a stamp of it: a push, or pathgate sync, puts it on record")
	}
	if h.Counts() {
		fmt.Fprintf(a.stdout, "it counts here: what comes after %s may rest on it\n", env.Name)
	}
}

// barriers are why what stamps have told does not count.
func barriers(env *policy.Environment, h *gate.Hearsay) (why []string) {
	add := func(yes bool, format string, args ...any) {
		if yes {
			why = append(why, fmt.Sprintf(format, args...))
		}
	}
	known := h.Standing.Record != 0
	add(h.Forked != 0, "the ledger of %s contradicts itself, record %d", env.Name, h.Forked)
	add(!h.Speaks, "the keys of %s may not speak for this service, %s", env.Name, env.Place("services"))
	add(known && h.Standing.Withdrawn != 0, "it was withdrawn")
	add(known && h.TooOld, "it is older than max_age, %s", env.Place("max_age"))
	add(known && h.Ahead, "its time is still to come: a clock is wrong")
	return why
}

func outcomeThere(h *gate.Hearsay) string {
	switch {
	case h.Pending:
		return "not known here: a stamp of it is still to come"
	case h.Outcome.State == policy.OutcomeNone:
		return "none: the deployment has none to wait for"
	case h.Outcome.State == "":
		return "not known here"
	}
	return strings.TrimSuffix(fmt.Sprintf("%s %s, record %d here: %s", h.Outcome.State, explain.Time(h.Outcome.Time), h.Outcome.Record,
		text.Clean(h.Outcome.Message, 120)), ": ")
}

func liveThere(h *gate.Hearsay) string {
	switch {
	case h.IsLive:
		return "yes, as far as stamps tell"
	case h.Live.Record != 0:
		return fmt.Sprintf("no: %s came after it, %s", h.Live.Commit.Short(), explain.Time(h.Live.Time))
	}
	return "no"
}

func ageThere(env *policy.Environment, h *gate.Hearsay) string {
	return fmt.Sprintf("%s, of %s that a stamp counts", explain.Span(max(h.Age, 0)), explain.Span(env.Elsewhere.MaxAge))
}

func hearsayJSON(env *policy.Environment, service policy.Service, h *gate.Hearsay) map[string]any {
	out := map[string]any{"service": service, "environment": env.Name, "elsewhere": true, "commit": h.Commit, "counts": h.Counts(),
		"speaks": h.Speaks, "waiting": h.Waiting && h.Standing.Record == 0, "max_age": env.Elsewhere.MaxAge.String()}
	if h.Forked != 0 {
		out["forked"] = h.Forked
	}
	if h.Standing.Record == 0 {
		return out
	}
	out["record"], out["withdrawn"], out["time"], out["principal"] = h.Standing.Record, h.Standing.Withdrawn, h.Standing.Time, h.Standing.Principal
	out["subject"], out["live"], out["too_old"], out["origin"] = h.Stamp.Subject, h.IsLive, h.TooOld, h.Stamp.Origin
	out["outcome"], out["pending"] = h.Outcome.State, h.Pending
	return out
}
