// Package export writes the ledger in the formats of others, and states
// deployments for them.
//
// An Exporter makes one line of each line of the ledger. All that a client
// chose is hostile: a line has printable characters only, and what is not was
// escaped, first by the ledger (\u202e) and, where somebody edited the journal,
// here. Members that would be empty are left out.
//
// In the three formats of JSON the ledger's own line stands in the event byte
// for byte, with its SHA-256 beside it, so that nothing is lost and the chain of
// prev can be checked at the receiver. Only characters that pathgate never
// writes are escaped in it.
//
// An event's ID is LEDGER-SEQ, the same whenever the line is exported: a
// receiver drops what it has already.
//
// # What an entry is
//
//	type       ECS category/type          outcome  OCSF activity  CEF severity
//	ledger     configuration/creation     success  Create  3
//	intent     api/allowed                unknown  (1)     2
//	deployed   configuration/change (2)   success  (1)     3; rollback 4, reset 5, override 8
//	abandoned  api/end                    failure  (1)     3
//	refused    api/denied                 failure  (1)     5
//	fault      api/denied                 failure  (1)     7
//	drift      configuration/change (3)   unknown  Update  8
//	adopt      configuration/creation     success  Create  5
//	repair     configuration/change       success  Update  8
//	status     process/end (4)            by state Update  2; failure and error 6
//	approval   api/allowed                success  Create  3; reject api/denied 4
//	lock       configuration/creation     success  Create  4
//	unlock     configuration/deletion     success  Delete  4
//	veto       configuration/creation     success  Create  5; lift configuration/deletion, Delete
//	policy     configuration/change       success  Update  5
//	stamp      configuration/info         success  Other   2; fork failure (5), 8;
//	                                                       successor configuration/change, Update, 8
//	others     configuration/info         unknown  Other   3
//
//	(1) Create if the ref was not there before, Delete if it is to go, else Update
//	(2) creation if the ref was not there before; the outcome is that of the
//	    move of the ref, what became of the deployment is in status entries
//	(3) event.kind is alert; of all others it is event
//	(4) start if pending; success, failure (also of error), else unknown
//	(5) of an environment elsewhere, whose ledger contradicts itself; its
//	    event.kind is alert too
//
// The action is the type, with the kind or, of a status, the state behind it:
// deployed-rollback, refused-promote, status-failure. Of a policy it is policy.
//
// # ECS
//
// Elastic Common Schema 9.4.0 (elastic.co/docs/reference/ecs), one object a
// line:
//
//	@timestamp           time
//	ecs.version          9.4.0
//	message              one sentence for people
//	event.kind, event.category, event.type, event.outcome, event.severity: as above
//	event.action         the action
//	event.id             LEDGER-SEQ
//	event.sequence       seq
//	event.hash           SHA-256 of the line
//	event.code           the first of codes
//	event.reason         reason
//	event.url            url
//	event.provider, event.module   pathgate
//	event.dataset        pathgate.ledger
//	user.name            principal
//	source.address       address; source.ip too if it is an IP address
//	service.name         service
//	service.environment  environment
//	service.version      commit, or new
//	rule.name            the first of rules that does not say yes; rule.category: what it says
//	rule.version         policy
//	related.user         principal
//	related.ip, related.hosts  address
//	related.hash         commit, new, old, tree, head
//	error.message        of a fault: reason
//	observer.vendor, observer.product, observer.version   pathgate and its version
//	pathgate.*           the line: pathgate.seq, pathgate.rules and so on
//
// # OCSF
//
// The class API Activity, 6003, of OCSF 1.8.0 (schema.ocsf.io):
//
//	class_uid 6003, category_uid 6, type_uid 600300 + activity_id, with their names
//	activity_id          as above: 1 Create, 3 Update, 4 Delete, 99 Other (the name is the type)
//	severity_id          of CEF's severity: 1 up to 3, 2 for 4, 3 for 5 and 6, 4 from 7 on
//	status_id            1 Success, 2 Failure, 0 Unknown
//	status_code          the first of codes
//	status_detail        reason
//	time                 time, milliseconds; timezone_offset 0
//	message              one sentence for people
//	metadata.version     1.8.0
//	metadata.product     pathgate and its version
//	metadata.uid         LEDGER-SEQ
//	metadata.sequence    seq
//	metadata.original_time  time as it is written
//	metadata.event_code  type
//	metadata.correlation_uid  push
//	metadata.log_name, log_provider, log_version   ledger.jsonl, pathgate, 1
//	actor.user.name      principal; without one actor.app_name is pathgate
//	src_endpoint.ip      address; src_endpoint.name if it is no IP address, "unknown" if there is none
//	api.operation        the action; api.service.name is pathgate
//	api.request.uid      push
//	api.response.error   codes; error_message: reason
//	resources[0]         type environment, name SERVICE/ENVIRONMENT, namespace repository, uid ref, version commit
//	unmapped.pathgate    the line; unmapped.line_sha256: its SHA-256
//
// # CEF
//
// The Common Event Format, CEF:0 (ArcSight, "Implementing ArcSight CEF",
// version 25), without a syslog header. In the header \ and | are escaped, in
// the extension \ and =; values are cut to the lengths of the dictionary.
//
//	header               pathgate, pathgate, its version, the action, the action in words, severity
//	rt                   time, milliseconds
//	externalId           seq
//	deviceExternalId     the ledger's ID
//	cat                  type
//	act                  the action
//	outcome              success, failure, unknown
//	suser                principal
//	src                  address if it is IPv4; c6a2 if it is IPv6; else shost
//	reason               reason
//	request              url
//	msg                  one sentence for people
//	cs1 environment      SERVICE/ENVIRONMENT
//	cs2 ref              repository and ref
//	cs3 commit           commit, or new
//	cs4 codes            codes
//	cs5 rules            rules
//	cs6 recordSHA256     SHA-256 of the line
//	flexString1 old      old
//	flexString2 push     push
//	cn1 settlesRecord    intent, or record
//
// # CDEvents
//
// CDEvents 0.5.1 (cdevents.dev), each as a CloudEvent 1.0 in JSON's structured
// mode. Only deployments make events, all other entries none. One with an
// outcome is told with its first success, under the ID of that status entry,
// and not at all if there is none; one without an outcome when its ref moved.
//
//	service.rolledback   kind rollback
//	service.deployed     nothing was on the ref before, or kind redeploy
//	service.upgraded     all others, also what takes a branch out: the service goes on with another version
//
// service.removed and service.published are never written: pathgate takes no
// service out of an environment. An adopted commit was deployed by others.
//
//	id, time             LEDGER-SEQ, time
//	source               /pathgate/LEDGER
//	subject              service
//	data.subject.content.environment.id   environment
//	data.subject.content.artifactId       pkg:generic/SERVICE@COMMIT
//	data.customData.pathgate              the line; data.customData.line_sha256: its SHA-256
//
// # Reading on
//
// A Tail reads the journal without a lock and without the index, and holds each
// line against the one before by seq and prev. A Cursor is a file with the
// ledger's ID and with seq, SHA-256 and offset of the last line that was
// shipped. The SHA-256 stands for all lines before it, as each has the one of
// the line before. A journal that does not have that line there is
// ErrNotBorneOut. The file is replaced, synced, after the output was written
// (and synced, if it is a file): a crash repeats lines and loses none. What a
// pipe took counts as written; what its reader does with it is not seen here.
//
// # Statements
//
// Deployment is an in-toto Statement v1. Its subject is the commit, by the
// digest gitCommit, named by the service. The type of its predicate is
//
//	https://github.com/pathgate/pathgate/attestation/deployment/v1
//
// which is described here. No predicate of others fits: SLSA's verification
// summary speaks of SLSA levels, which nobody checked, and in-toto has no
// predicate for what was deployed. Members without a value are left out.
//
//	service, environment, repository, ref, kind, action, principal, via, reason, overrode: as in the ledger
//	previousCommit       the commit that the ref held before
//	deployedOn           when the ref had moved
//	policy.digest.sha256 of the policy file judged by
//	evidence[]           seq, sha256 (of the line), environment and commit of the records it rests on
//	outcome.state        none (the deployment has no outcome), pending, success, failure, error, superseded;
//	                     outcome.record and outcome.endedOn: of the status entry
//	record               ledger (its ID), seq, sha256 and line: the ledger's line, as a string
//	asOf                 seq and sha256 of the newest line then: what the statement knows of
//
// What a verifier may conclude: whoever holds the key read a ledger whose chain
// held, in which that was on record. Whether the commit is still live, and
// whether the ledger was written anew as a whole, it does not say: the
// checkpoints of the ledger do.
//
// Envelope is DSSE 1.0.0 with the payload type application/vnd.in-toto+json and
// one signature. Its sig is the armoured SSH signature (OpenSSH,
// PROTOCOL.sshsig) of the PAE, for the namespace pathgate-attest; its keyid the
// key's fingerprint, like SHA256:..., which proves nothing.
package export
