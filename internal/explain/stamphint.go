package explain

import (
	"fmt"
	"slices"

	"github.com/pathgate/pathgate/policy"
)

// stageOf is the stage of an environment elsewhere, or what is known of one
// that is not on the path shown.
func (r *Refusal) stageOf(name policy.EnvironmentName) *Stage {
	if s := r.elsewhere(name); s != nil {
		return s
	}
	return &Stage{Environment: name, Elsewhere: true}
}

// hintStamps says, for each environment elsewhere that is refused by a code,
// how a stamp that counts gets here.
func (r *Refusal) hintStamps(p *page, code policy.Code) {
	for i := range r.Verdicts {
		v := &r.Verdicts[i]
		if v.Code != code || v.OK || v.Overridden {
			continue
		}
		s := r.stageOf(v.Environment)
		switch {
		case v.Detail != nil && v.Detail.Ahead:
			p.clocks(s)
		case v.Detail != nil && r.hintOffered(p, s, v.Detail.Offered):
		case code == policy.StampTooOld:
			r.hintRenew(p, s, "deployed to %s again, it gets a new stamp")
			r.hintConfig(p, s)
		default:
			r.hintCarry(p, s, "if %s has deployed it, bring its stamp along:")
			r.hintConfig(p, s)
			r.hintDeploy(p, s, "if it has not, deploy it to %s first")
		}
	}
}

// clocks says who can do something about a stamp from the future.
func (p *page) clocks(s *Stage) {
	p.hint(fmt.Sprintf("this is for the administrators of %s and of this server to mend", s.Environment))
}

// hintOffered says what helps against stamps that came along and do not count,
// where bringing another one is not what does; it reports whether there were
// such.
func (r *Refusal) hintOffered(p *page, s *Stage, offered []policy.Offer) bool {
	var said []policy.OfferKind
	for i := range offered {
		o := offered[i]
		if o.Kind == policy.OfferRevokedKey {
			o.Kind = policy.OfferExpiredKey // the same helps
		}
		if o.Kind != policy.OfferWrong && !slices.Contains(said, o.Kind) {
			said = append(said, o.Kind)
			r.hintOffer(p, s, &o)
		}
	}
	return len(said) > 0
}

// hintBrought is hintOffered of environments elsewhere where the commit does not
// stand any more, as far as stamps tell that do count.
func (r *Refusal) hintBrought(p *page) (said bool) {
	for i := range r.Verdicts {
		v := &r.Verdicts[i]
		if !v.OK && !v.Overridden && v.Detail != nil && (v.Code == policy.Withdrawn || v.Code == policy.PriorNotDeployed) {
			said = r.hintOffered(p, r.stageOf(v.Environment), v.Detail.Offered) || said
		}
	}
	return said
}

// hintOffer says what helps against one stamp that does not count.
func (r *Refusal) hintOffer(p *page, s *Stage, o *policy.Offer) {
	switch o.Kind {
	case policy.OfferUnknownKey:
		p.hint(fmt.Sprintf("if it is %s's key, an operator of this server must add it", s.Environment))
	case policy.OfferEarlyKey:
		p.hint("wait, or an operator of this server must let the key count now")
	case policy.OfferService:
		p.hint("an operator of this server must let the keys speak for it")
	case policy.OfferClock:
		p.clocks(s)
	case policy.OfferExpiredKey:
		p.hint(fmt.Sprintf("an operator of this server must put %s's new key into the policy", s.Environment))
		r.hintRenew(p, s, "then deploy it to %s again, which makes a new stamp")
	case policy.OfferLedger:
		p.hint("an operator of this server must accept that ledger:", accept(s.Environment, o))
	case policy.OfferUnproven:
		p.hint("fetch the notes anew, and push them again:", fetchAnew(s.Environment), r.carry(s))
		p.unproven(s.Environment, o)
	case policy.OfferWaiting:
		p.hint("a push of it puts the stamp on record:", r.again(r.Commit))
	}
}

// unproven says what is left where notes that were fetched anew do not prove
// whose ledger they are of either.
func (p *page) unproven(environment policy.EnvironmentName, o *policy.Offer) {
	p.hint("else an operator of this server (pathgate help sync):", accept(environment, o))
}

// accept is the command by which an operator lets a ledger take the place of
// the one known.
func accept(environment policy.EnvironmentName, o *policy.Offer) string {
	return fmt.Sprintf(`pathgate sync %s --from URL --accept %s --reason "..."`, environment, ledgerID(o.Ledger))
}

// ledgerID is a ledger's ID as it may stand in a command.
func ledgerID(id string) string {
	if id == "" || word(id) != id {
		return "ID"
	}
	return id
}

// Accepting says to an operator of pathgate sync what lets the ledger of that
// ID take the place of the one known.
func Accepting(ledger string) string {
	return fmt.Sprintf(`if it shall count, once you know why: --accept %s --reason "..."`, ledgerID(ledger))
}

// fetchAnew is the command that gets all notes of an environment from its own
// repository, whatever the clone has.
func fetchAnew(environment policy.EnvironmentName) string {
	notes := "refs/notes/deployments/" + string(environment)
	return fmt.Sprintf("git fetch %s '+%s:%s'", environment, notes, notes)
}

// hintWithdrawn says how a commit that an environment elsewhere was rolled back
// from comes to stand there again. Of one without a stamp its own code tells.
func (r *Refusal) hintWithdrawn(p *page, s *Stage) {
	if s.Standing.Withdrawn != 0 {
		r.hintRenew(p, s, "if it is good after all, deploy it to %s again")
	}
}

// hintRenew says how a commit is deployed to an environment elsewhere once more,
// and how the stamp of that gets here.
func (r *Refusal) hintRenew(p *page, s *Stage, why string) {
	r.hintDeploy(p, s, why)
	r.hintCarry(p, s, "then bring %s's new stamp along:")
}

// hintStanding says, where what stamps tell of an environment elsewhere may be
// out of date, how newer ones get here.
func (r *Refusal) hintStanding(p *page, code policy.Code) {
	for i := range r.Verdicts {
		v := &r.Verdicts[i]
		d := v.Detail
		if v.Code != code || v.OK || v.Overridden || d == nil || !d.Elsewhere {
			continue
		}
		s := r.stageOf(v.Environment)
		switch {
		case code == policy.NotSuccessful && d.Outcome.State != "" && d.Outcome.State != policy.OutcomeNone:
			r.hintRenew(p, s, "mend it, or deploy it to %s once more")
		case code == policy.NotSuccessful, code == policy.Soaking && !d.Running && !d.NotLive:
			r.hintCarry(p, s, "once it has succeeded in %s, bring the newer stamp along:")
		case d.NotLive:
			r.hintCarry(p, s, "if it is live in %s, bring the newer stamps along:")
			r.hintDeploy(p, s, "if it is not, deploy it to %s again")
		}
	}
}

// hintDeploy says how the commit gets into an environment elsewhere. Where the
// policy does not tell its refs, they are called as here.
func (r *Refusal) hintDeploy(p *page, s *Stage, why string) {
	why = fmt.Sprintf(why, s.Environment)
	ref := s.Ref
	if ref == "" && s.Refs == "" {
		ref = r.Target
	}
	if ref == "" {
		p.hint(why)
		return
	}
	p.hint(why+":", push(string(s.Environment), r.Commit, ref, false))
}

// stampNotes is the refspec of an environment's stamps. With the star it is no
// error if there are none; with the plus neither git nor the server makes
// anything of notes that are older than those at the other end.
func stampNotes(environment policy.EnvironmentName) string {
	notes := "refs/notes/deployments/" + string(environment) + "*"
	return quote("+" + notes + ":" + notes)
}

// plain reports whether the push that was refused is what a bare "git push" to
// the environment's own remote does once it is configured.
func (r *Refusal) plain() bool {
	return !r.Shared && r.Ref == r.Target && short(r.Ref) != string(r.Ref)
}

// carry is the command that pushes the commit, whatever is checked out, with
// the stamps of an environment elsewhere.
func (r *Refusal) carry(s *Stage) string { return r.again(r.Commit) + " " + stampNotes(s.Environment) }

// hintCarry says how the stamps of an environment elsewhere are fetched and
// pushed with the commit. What a bare push pushes is what is checked out, of
// which the server knows nothing.
func (r *Refusal) hintCarry(p *page, s *Stage, why string) {
	p.hint(fmt.Sprintf(why, s.Environment), fmt.Sprintf("git fetch %s %s", s.Environment, stampNotes(s.Environment)), r.carry(s))
	if r.plain() && slices.Contains(r.Brought, s.Environment) {
		p.hint("or, with it checked out:", r.bare(s))
	}
}

// bare is what does the same in a clone that is configured for it.
func (r *Refusal) bare(s *Stage) string {
	return fmt.Sprintf("git fetch %s && git push %s", s.Environment, r.Environment)
}

// hintConfig prints, where the push brought no stamps, the configuration of a
// clone by which a bare push does. Typed twice, it is the same.
func (r *Refusal) hintConfig(p *page, s *Stage) {
	if !r.plain() || slices.Contains(r.Brought, s.Environment) {
		return
	}
	notes := stampNotes(s.Environment)
	own := quote("/" + string(s.Environment) + "[*]")
	p.hint("to have a bare push carry stamps (once; pathgate help remotes):",
		fmt.Sprintf("git config --replace-all remote.%s.fetch %s %s", s.Environment, notes, own),
		fmt.Sprintf("git config --replace-all remote.%s.push %s '^HEAD:'", r.Environment, quote("HEAD:"+string(r.Target))),
		fmt.Sprintf("git config --replace-all remote.%s.push %s %s", r.Environment, notes, own))
	p.hint("then, with it checked out:", r.bare(s))
}
