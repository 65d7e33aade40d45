package explain

import (
	"fmt"
	"io"

	"github.com/pathgate/pathgate/policy"
)

// Outcome tells how a deployment went that the pusher has waited for.
func Outcome(w io.Writer, environment policy.EnvironmentName, state, message string, record uint64, retry string, next []Stage, commit policy.ObjectID) {
	var p page
	switch state {
	case policy.OutcomeSuccess:
		p.line("success: the deployment to %s succeeded", environment)
		for i := range next {
			next[i].next(&p, commit, next[i].Branch, next[i].Head)
		}
	case "":
		p.line("warning: what becomes of the deployment to %s cannot be seen from here", environment)
		p.hint("on the server:", fmt.Sprintf("pathgate log --output %d", record))
	case policy.OutcomeSuperseded:
		p.line("warning: a newer deployment to %s overtook this one", environment)
	default:
		p.line("error: the deployment to %s ended in %s   [%s]", environment, state, policy.NotSuccessful)
		p.reason(message, "no reason was given")
		p.line("  the record stands; its output is kept as that of record %d", record)
		p.hint("to try again:", retry)
	}
	p.send(w)
}

// Retry is the command that deploys again what is live.
func Retry(environment policy.EnvironmentName, commit policy.ObjectID, ref policy.RefName) string {
	return Push(environment, commit, ref)
}

// RetryReleased is Retry where branches are released: the server made the
// commit, so that it has to be fetched before it can be pushed. shared says that
// the remote is called origin.
func RetryReleased(environment policy.EnvironmentName, commit policy.ObjectID, ref policy.RefName, shared bool) string {
	remote := remoteOf(environment, shared)
	return fetch(remote, ref) + " && " + push(remote, commit, ref, false)
}
