// Package board writes a small static web site from the journal and the policy:
// what is live where, what waits and for what, what was refused, and every
// exception to the rules, for people who do not type commands.
//
// # Files
//
// A board is a folder; every page works from file:// and behind any web server:
//
//	.pathgate-board          the marker: this folder is a board, and may be replaced
//	index.html               what is live in each service (index-2.html and so on go on)
//	timeline.html            deployments and rollbacks of all services
//	commits.html             the newest commits (commits-2.html and so on go on)
//	tickets.html             the newest tickets, where there are any
//	refusals.html            refusals by code
//	exceptions.html          overrides, drift, locks, vetoes, adoptions, faults, repairs
//	metrics.html             the plots of Options.Metrics, where there are any
//	search.html              search; its script and its index are in assets
//	services/, commits/, tickets/
//	                         a page each, named by Slug
//	assets/                  style, script, icon, and the index of the search
//
// # What a reader sees
//
// The site is made in a folder beside the old one, whole, and then changes
// places with it in one renameat2(2) with RENAME_EXCHANGE: who opens a file
// gets the old site's or the new one's, never a half-written one, and no moment
// is without a site. Where the file system does not know the exchange, the old
// folder is renamed away first, and for that moment there is no site; where the
// second rename fails, the old one comes back. The old site's files go at once.
// A page that was open links on into the new site, where a commit that is no
// more among the newest has no page. The folder must not be a mount point or a
// symbolic link, nor be near the ledger or the repositories (policy.CheckBoard), and what others put into it is not kept: with a file in it that
// no board writes, it is not replaced at all.
//
// # Trust
//
// All that came from a client is text: html/template escapes it by context, and
// the policy that each page carries (Content-Security-Policy) lets the browser
// load style, script and images of the site's own and nothing else. There is no
// script or style inside a page. Addresses of deployments' logs become links only
// if they are http or https. Clients' IP addresses, tokens and the hashes of
// policy files are not shown; names, subjects and reasons are: who may read the
// board may read those.
//
// # Reading
//
// The journal is read without a lock and once. What its entries amount to does
// not depend on policy, options or time, and is kept as a state beside the site,
// under names that begin with a dot: the next time only what came since is read,
// and the entries that the pages tell, each where it stands. Time and memory then
// depend on what the site shows, and hardly on how long the ledger is. A site
// that is made so is the same, byte for byte, as one of the whole ledger.
//
// A state has what is bounded by services, refs and open matters, and what
// changed by commit, ticket and place since its run: a file of all others, in
// blocks in the order of their keys, which is written anew each 20,000 changes.
// It ends with a line of the journal, whose hash it has. It is used only if that
// line is still there, and form, checksums and number of commits are right;
// whatever else is the matter, the whole ledger is read. The checksums find
// damage, not malice: who can write beside the site can write the site. The state
// names what the site's readers may not have asked for, and only its owner can
// read it.
//
// The plots are part of it. Of a ledger of more than 20,000 records they are made
// anew when an hour is over, as that reads it whole; they tell what was on record
// then.
//
// A commit's page tells what withdrew it too, and a ticket's what withdrew its
// commits. Where a branch's base is a ref of an environment, what was deployed
// there came along with each release and removal since: pages say what an
// environment has through it, and which released branches are in it by now, or
// had all their tickets taken by it since. Git knows more: pathgate status asks it.
//
// No rule is judged: what holds a commit back is said as far as the record and
// the policy tell, and git is not asked. What is told is bounded. While the whole
// ledger is read a quarter of a million changes are in memory at most.
//
// What stands, is live and is withdrawn follows the rules of package ledger, and
// a test holds it against the ledger's index.
//
// # Environments elsewhere
//
// An environment on another host is on the path with what stamps tell of it: what
// is live there, since when by the origin's clock, its outcome if that is known.
// It says so, has no marks on time lines, and nothing is said to wait for it or
// to come from it.
package board
