// Package setup wires repositories to pathgate and looks whether they still
// are: the operator's verbs install, uninstall, doctor and adopt.
//
// # The order of install
//
// An installation that stops in the middle must leave a repository that
// refuses pushes to its environments, not one that lets them pass:
//
//  1. the ledger, which changes nothing for the repository
//  2. pathgate.policy, which nothing reads yet
//  3. receive.procReceiveRefs: from here git refuses every push to an
//     environment, since the proc-receive hook that it must ask is missing
//  4. proc-receive, which refuses what no pre-receive has judged
//  5. post-receive, which finds nothing to settle
//  6. pre-receive: from here the gate is whole
//
// A hook that was there before is never missing for a moment: it gets its
// second name first, and pathgate's link then replaces the first one.
// Uninstall goes the other way round.
//
// # What install leaves in the configuration
//
// What it added to the repository's configuration stands there as
// pathgate.added, and the folder that its links point to as pathgate.hooks, so
// that uninstall takes away exactly that.
package setup
