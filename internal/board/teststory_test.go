package board

import (
	"fmt"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
)

// hostile are values that would do harm if a page took them for more than text.
var hostile = []string{
	`<script>alert(1)</script>`,
	`"><img src=x onerror=alert(1)>`,
	`'-alert(1)-'`,
	`</title><svg onload=alert(1)>`,
	`{{.Root}} ${7*7} <!-- -->]]>`,
	`javascript:alert(1)`,
	`\u202etxt.exe &lt;b&gt; &amp;`,
}

// weeks writes what a team with three services does in some weeks.
func weeks(t testing.TB) *journal {
	j := newJournal(t)
	j.say("shop", "prd", "shop 0", ledger.Entry{Type: ledger.TypeAdopt, Kind: "adopt", New: id("shop 0"), Subject: "the shop as it was", Principal: "root", Reason: "day one"})
	j.live[spot{"shop", "prd", "shop/prd.git", "refs/heads/main"}] = id("shop 0")
	subjects := []string{"round to cents", "show the basket on every page", "ask for the address once", "drop the old search", "faster start page",
		"pay by invoice", "fix the tax of books", "mend the print view", "one more log line", "a label for each field"}
	people := []string{"ana", "bo", "chi", "dan"}
	for i, subject := range subjects {
		commit := fmt.Sprint("shop ", i+1)
		who := people[i%len(people)]
		j.wait(20 * time.Hour)
		j.done("shop", "dev", commit, subject, ledger.Entry{Principal: who})
		j.wait(3 * time.Hour)
		if i%3 == 1 {
			j.say("shop", "prd", commit, ledger.Entry{Type: ledger.TypeRefused, Kind: "promote", Subject: subject, Principal: who,
				Codes: []string{"prior-not-deployed", "needs-approval"}})
		}
		if i == len(subjects)-1 {
			break
		}
		j.done("shop", "stg", commit, subject, ledger.Entry{Principal: who})
		j.wait(6 * time.Hour)
		for _, by := range people[:2] {
			j.say("shop", "prd", commit, ledger.Entry{Type: ledger.TypeApproval, Kind: ledger.KindApprove, Principal: by, Reason: "looks fine"})
		}
		if i%2 == 0 {
			j.done("shop", "prd", commit, subject, ledger.Entry{Principal: "dan"})
		}
	}
	billing(j)
	portal(j)
	ending(j)
	return j
}

// billing has a failure, a rollback, an override, drift and a veto.
func billing(j *journal) {
	j.done("billing", "dev", "bill 1", "send the bill by mail", ledger.Entry{})
	j.done("billing", "stg", "bill 1", "send the bill by mail", ledger.Entry{})
	j.wait(5 * time.Hour)
	j.done("billing", "prd", "bill 1", "send the bill by mail", ledger.Entry{Principal: "dan"})
	j.done("billing", "dev", "bill 2", "two bills a month", ledger.Entry{Principal: "bo"})
	j.done("billing", "stg", "bill 2", "two bills a month", ledger.Entry{Principal: "bo"})
	j.wait(2 * time.Hour)
	failed := j.push("billing", "prd", "bill 2", "two bills a month", ledger.Entry{Principal: "dan", Kind: ledger.KindOverride,
		Overrode: []string{"soak", "approvals"}, Reason: "INC-204: customers get no bills at all"})
	j.outcome(failed, "billing", "prd", "bill 2", ledger.StatePending, ledger.StateFailure)
	j.wait(10 * time.Minute)
	j.done("billing", "prd", "bill 1", "send the bill by mail", ledger.Entry{Principal: "dan", Kind: "rollback"})
	j.say("billing", "prd", "bill 2", ledger.Entry{Type: ledger.TypeVeto, Kind: ledger.KindVeto, Principal: "chi", Reason: "charges twice"})
	j.say("billing", "stg", "", ledger.Entry{Type: ledger.TypeDrift, Old: id("bill 2"), New: id("somebody's"), Principal: "reconcile"})
	j.say("billing", "prd", "bill 2", ledger.Entry{Type: ledger.TypeRefused, Kind: "promote", Subject: "two bills a month", Codes: []string{"vetoed", "withdrawn"}, Principal: "bo"})
	j.say("billing", "prd", "", ledger.Entry{Type: ledger.TypeFault, Codes: []string{"fault"}, Reason: "the repository could not be read", Principal: "bo"})
	j.push("billing", "dev", "bill 3", "bill in the customer's words", ledger.Entry{Principal: "bo"})
}

// portal releases branches.
func portal(j *journal) {
	for i, branch := range []string{"WEB-41-login", "WEB-52-menu", "WEB-60-colours"} {
		j.wait(4 * time.Hour)
		ticket := branch[:6]
		release := ledger.Entry{Action: ledger.ActionRelease, Branch: branch, Head: id(branch), Tickets: []string{ticket}, Principal: "chi"}
		j.push("portal", "int", fmt.Sprint("int ", i), "release "+branch, release)
		if i < 2 {
			release.Rules = []string{"environments.acc.approvals=needs-approval", "environments.acc.after=yes"}
			j.push("portal", "acc", fmt.Sprint("acc ", i), "release "+branch, release)
		}
	}
	j.push("portal", "int", "int 9", "take WEB-52-menu out", ledger.Entry{Action: ledger.ActionRemove, Kind: ledger.KindRemove, Branch: "WEB-52-menu", Tickets: []string{"WEB-52"}, Principal: "chi"})
	j.push("portal", "live", "live 1", "merge WEB-41-login", ledger.Entry{Tickets: []string{"WEB-41"}, Principal: "dan"})
}

// ending is the newest day: a lock, and a push that is under way.
func ending(j *journal) {
	j.now = clock.Add(-3 * time.Hour)
	j.say("", "prd", "", ledger.Entry{Type: ledger.TypeLock, Principal: "dan", Reason: "the data base moves tonight", Until: clock.Add(5 * time.Hour)})
	far := ledger.Entry{Type: ledger.TypeDeployed, Seq: 110, Commit: id("shop 9"), Deploy: ledger.DeployExternal}
	j.stampOf(ledger.KindDeployed, "shop", "one", "main", far)
	j.stampOf(ledger.KindStatus, "shop", "one", "main", ledger.Entry{Type: ledger.TypeStatus, Seq: 111, Record: 110, Commit: id("shop 9"), State: ledger.StateFailure})
	j.now = clock.Add(-time.Minute)
	j.add(on("shop", "stg", ledger.Entry{Type: ledger.TypeIntent, New: id("shop 10"), Commit: id("shop 10"), Kind: "promote"}))
}

// spite writes a journal in which every value from outside is hostile.
func spite(t testing.TB) *journal {
	j := newJournal(t)
	for i, evil := range hostile {
		commit := fmt.Sprint("evil ", i)
		j.wait(time.Hour)
		j.done("shop", "dev", commit, evil, ledger.Entry{Principal: evil, Tickets: []string{evil}})
		failed := j.push("shop", "stg", commit, evil, ledger.Entry{Principal: evil, Kind: ledger.KindOverride, Overrode: []string{evil}, Reason: evil})
		j.add(on("shop", "stg", ledger.Entry{Type: ledger.TypeStatus, Commit: id(commit), Record: failed, State: ledger.StateFailure,
			Message: evil, URL: "javascript:alert(1)//" + evil, Principal: evil}))
		j.push("portal", "int", commit+" int", evil, ledger.Entry{Action: ledger.ActionRelease, Branch: evil, Head: id(commit + " head"), Tickets: []string{evil}, Principal: evil})
		j.say("shop", "prd", commit, ledger.Entry{Type: ledger.TypeRefused, Subject: evil, Codes: []string{evil}, Reason: evil, Principal: evil})
		j.say("shop", "prd", commit, ledger.Entry{Type: ledger.TypeVeto, Kind: ledger.KindVeto, Reason: evil, Principal: evil})
		e := on(evil, evil, ledger.Entry{Type: ledger.TypeDrift, Old: evil, New: evil, Principal: evil})
		j.add(e)
		far := ledger.Entry{Type: ledger.TypeDeployed, Seq: uint64(110 + i), Commit: id(commit), Subject: evil}
		j.stampOf(ledger.KindDeployed, evil, "one", evil, far)
		j.stampOf(ledger.KindFork, "shop", "one", evil, far)
		j.add(ledger.Entry{Type: ledger.TypeLock, Environment: evil, Service: evil, Ref: evil, Reason: evil, Principal: evil})
		j.add(ledger.Entry{Type: ledger.TypeFault, Environment: evil, Service: evil, Ref: evil, Reason: evil, Principal: evil, Repository: evil})
	}
	j.add(ledger.Entry{Type: ledger.TypeRepair, Reason: hostile[0], Principal: hostile[1]})
	return j
}
