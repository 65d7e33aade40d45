package explain

import (
	"fmt"
	"strings"

	"github.com/pathgate/pathgate/policy"
)

// hintLock says who takes a lock off, and how. Whoever was refused at unlocking
// it is told who else can.
func (r *Refusal) hintLock(p *page) {
	if r.Lock != nil {
		if !r.Lock.Operator {
			p.hint(fmt.Sprintf("ask %s to unlock it; else, on the server:", principal(r.Lock.Principal)), unlockLocal(r.Lock))
			return
		}
		p.hint("ask an operator of the server, who takes it off by:", unlockLocal(r.Lock))
		return
	}
	for i := range r.Verdicts {
		v := &r.Verdicts[i]
		if v.Code != policy.Locked || v.OK || v.Overridden || v.Detail == nil || v.Detail.Lock == nil {
			continue
		}
		lock := v.Detail.Lock
		branch, isBranch := strings.CutPrefix(string(lock.Ref), "refs/heads/")
		if lock.Operator || !isBranch {
			p.hint("ask an operator of the server, who takes it off by:", unlockLocal(lock))
			continue
		}
		p.hint(fmt.Sprintf("%s, or who may override locks, takes it off:", principal(lock.Principal)),
			fmt.Sprintf("git push %s %s", remoteOf(r.Environment, r.Shared), quote(":refs/lock/"+branch)))
		p.hint("else an operator of the server does:", unlockLocal(lock))
	}
}

// unlockLocal is what an operator types to take a lock off.
func unlockLocal(l *policy.Lock) string {
	command := "pathgate unlock " + word(string(l.Environment))
	if l.Service != "" {
		command += " --service " + word(string(l.Service))
	}
	if l.Ref != "" {
		command += " --ref " + word(short(l.Ref))
	}
	return command
}
