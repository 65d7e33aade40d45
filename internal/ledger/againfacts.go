package ledger

import (
	"strings"

	"github.com/pathgate/pathgate/policy"
)

// facts are what was known of an update before its intent was written.
func (j *hindsight) facts(u policy.Update) (f policy.Facts, err error) {
	e := j.entry
	site := policy.Site{Repository: e.Repository, Service: policy.Service(e.Service), Environments: []*policy.Environment{j.env}}
	needs := j.policy.Needs(site, j.env, u)
	f.Fetched, f.Principal = true, e.Principal
	if len(e.Overrode) > 0 && e.Overrode[0] != Inherited {
		f.Override = e.Reason
	}
	if f.Live, err = j.Live(site.Service, j.env.Name, e.Repository, u.Ref); err != nil {
		return f, err
	}
	if f.Here, _, err = j.StandingRecord(needs.Here); err != nil {
		return f, err
	}
	if f.OnRef, err = j.OnRef(site.Service, j.env.Name, e.Repository, u.Ref, u.Commit); err != nil {
		return f, err
	}
	for _, q := range needs.Prior {
		p, err := j.Prior(needs, q)
		if err != nil {
			return f, err
		}
		if j.env.Match != policy.MatchCommit {
			p.Match = &policy.MatchFacts{} // those verdicts are not compared
		}
		f.Prior = append(f.Prior, p)
	}
	if needs.Outcome {
		if f.Outcome, _, err = j.OutcomeAt(needs.Here, f.Here.Record); err != nil {
			return f, err
		}
	}
	f.Commit = j.saidByGit()
	return f, j.consent(needs, u, &f)
}

// consent adds what people have said.
func (j *hindsight) consent(needs policy.Needs, u policy.Update, f *policy.Facts) error {
	service := policy.Service(j.entry.Service)
	locks, err := j.Locks(service, j.env.Name, u.Ref)
	if err != nil {
		return err
	}
	for _, e := range locks {
		f.Locks = append(f.Locks, policy.Lock{Service: policy.Service(e.Service), Environment: policy.EnvironmentName(e.Environment),
			Ref: policy.RefName(e.Ref), Principal: e.Principal, Record: e.Seq, Until: e.Until})
	}
	veto, barred, err := j.Veto(service, u.Commit)
	if err != nil {
		return err
	}
	if barred {
		f.Veto = &policy.Veto{Record: veto.Seq, Principal: veto.Principal}
	}
	if !needs.Approvals {
		return nil
	}
	said, err := j.Approvals(service, j.env.Name, j.entry.Repository, u.Ref, u.Commit)
	for _, e := range said {
		f.Approvals = append(f.Approvals, policy.Approval{Principal: j.policy.Canonical(e.Principal), Record: e.Seq, Time: e.Time,
			Reject: e.Kind == KindReject, Live: policy.ObjectID(e.Old)})
	}
	return err
}

// saidByGit is what git said, by the verdicts of the rules that asked it.
func (j *hindsight) saidByGit() policy.CommitFacts {
	c := policy.CommitFacts{Fetched: true, NoTicketCount: 1, UnsignedCount: 1}
	for _, r := range j.entry.Rules {
		switch name, yes := strings.CutSuffix(r, "=yes"); {
		case !yes:
		case name == j.env.Rule("ticket"):
			c.NoTicketCount = 0
		case name == j.env.Rule("signed"):
			c.UnsignedCount = 0
		case name == j.env.Rule("fast_forward"):
			c.FastForward = true
		case name == j.env.Rule("branches"):
			for _, p := range j.env.Branches {
				c.Contained = append(c.Contained, policy.RefName(strings.TrimSuffix(p.String(), "*")+"x"))
				c.Contained = append(c.Contained, policy.RefName(p.String()))
			}
		}
	}
	return c
}
