package explain

import (
	"fmt"
	"strings"

	"github.com/pathgate/pathgate/policy"
)

// next says where the commit goes from here. Where the pusher waits for a
// deployment, its outcome comes first, and is told with what comes next.
func (r *Receipt) next(p *page, branch string, head policy.ObjectID) {
	if r.Waits && r.Deploy == "command" {
		return
	}
	for i := range r.Next {
		r.Next[i].next(p, r.Commit, branch, head)
	}
}

// next says how what is in one environment gets into the next: by a release of
// the branch, by merging it, or, where none is known, as the commit it is. Head
// is the branch's commit where its name may mean another one, else empty.
func (s *Stage) next(p *page, commit policy.ObjectID, branch string, head policy.ObjectID) {
	remote := remoteOf(s.Environment, s.Shared)
	into, isBranch := strings.CutPrefix(string(s.Ref), "refs/heads/")
	switch {
	case s.Stamps:
		s.carry(p)
	case s.Release && branch == "":
	case s.Release:
		p.hint(fmt.Sprintf("next is %s:", s.Environment), releaseOf(remote, called(branch, head), branch, s.Environment))
	case branch != "" && isBranch && s.Approvals:
		p.reviewed(fmt.Sprintf("next is %s, after a review; in the branch:", s.Environment), remote, into, branch, head)
	case branch != "" && isBranch:
		p.hint(fmt.Sprintf("next is %s; merge it into %s, and push that:", s.Environment, clip(into, 24)), mergeInto(remote, into, branch, head)...)
	default:
		p.hint(fmt.Sprintf("next is %s:", s.Environment), push(remote, commit, s.Ref, false))
	}
}

// carry says how what stamps tell of an environment gets to the next one, which
// is on another host.
func (s *Stage) carry(p *page) {
	why := "its stamp goes along with the push to the next environment:"
	if s.Pending {
		why = "once it has succeeded, its stamp goes along with the next push:"
	}
	fetch := "git fetch " + remoteOf(s.Environment, s.Shared)
	if s.Shared {
		fetch += " " + stampNotes(s.Environment)
	}
	p.hint(why, fetch)
}

// called is what a command calls a branch's commit: the branch, or head where
// the branch may be at another one.
func called(branch string, head policy.ObjectID) string {
	if head == "" {
		return local(branch)
	}
	return head.Short()
}

// mergeInto are the commands that merge a branch into another and push that.
// Head is as in Stage.next; the branch is named in the merge's message then.
func mergeInto(remote, into, branch string, head policy.ObjectID) []string {
	merge := "git merge " + word(called(branch, head))
	if head != "" {
		merge = "git merge -m " + word("Merge "+checkedOut(branch)) + " " + head.Short()
	}
	return []string{
		"git switch " + word(checkedOut(into)) + " && git pull",
		merge,
		"git push " + remote + " " + word(local(into)),
	}
}

// reviewed prints how a branch gets into another that takes reviewed commits
// only: a merge that nobody else has cannot be approved, so that it is made in
// the branch and published there. Head is as in Stage.next; a branch is made
// for it then.
func (p *page) reviewed(why, remote, into, branch string, head policy.ObjectID) {
	turn := "git switch " + word(checkedOut(branch))
	if head != "" {
		branch += "-at-" + head.Short()
		turn = "git switch -c " + word(checkedOut(branch)) + " " + head.Short()
	}
	theirs := word(remote + "/" + branch + ":refs/approve/" + into)
	p.hint(why, turn, "git fetch "+remote+" && git merge "+word(remote+"/"+into), "git push "+remote+" "+word(local(branch)))
	p.hint("somebody else looks at it there, and approves of it:", "git fetch "+remote+" && git push "+remote+" "+theirs)
	p.hint("then:", "git push "+remote+" "+word(local(branch)+":"+local(into)))
}

// hintApproval says how an approval is given: by somebody who can have the
// commit.
func (r *Refusal) hintApproval(p *page) {
	branch, ok := strings.CutPrefix(string(r.Target), "refs/heads/")
	if !ok {
		return
	}
	remote := remoteOf(r.Environment, r.Shared)
	approve := fmt.Sprintf("git push %s %s", remote, quote(r.Commit.Short()+":refs/approve/"+branch))
	if r.Shared {
		approve = "git fetch " + remote + " && " + approve
	}
	if r.Shared && !r.Published {
		p.hint("publish it on a branch, so that somebody else can have it:",
			fmt.Sprintf("git push %s %s", remote, quote(r.Commit.Short()+":refs/heads/"+orElse(r.Branch, anyBranch))))
	}
	p.hint("an approval is given, and an objection taken back, by:", approve)
}
