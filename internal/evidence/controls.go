package evidence

// A control is something that an audit asks for, and where it is answered.
type control struct {
	Asked    string // in our words
	Answered string // columns of the CSV files, in plain words
	Missing  string // what of it is not answered
}

// A standard is a document with a requirement on changes.
type standard struct {
	Name, About string
	Controls    []control
}

// standards are the index of controls. The requirements are in our words: the
// standards' own text counts.
var standards = []standard{
	{"SOC 2, CC8.1", "AICPA Trust Services Criteria 2017 with the points of focus of 2022: changes are authorized, designed, developed or acquired, configured, documented, tested, approved and put in place.", []control{
		{"Changes are authorized and approved before they are put in place.",
			"changes.csv: requester, approvals_required, approvers, approved_by_another, rules, intent_time (the decision, before the ref moved); approvals.csv.",
			"Approvals that were given elsewhere, such as in a code review or a ticket: follow tickets."},
		{"Changes are tested before they are put in place.",
			"changes.csv: tests_before, tests_passed, evidence_records.",
			"What was tested. The record says that the same commit was deployed to the environments before, and how that deployment ended."},
		{"Changes are documented and tracked.",
			"changes.csv: record, commit, subject, tickets, branch, reason, outcome.",
			"The description in the ticket system."},
		{"Emergency changes are handled and seen.",
			"exceptions.csv: override (who, which rules, which reason), report only.",
			"Whether they were reviewed afterwards."},
		{"Duties are separated.",
			"changes.csv: requester, approvers, approved_by_another.",
			"Who wrote the code: authors of commits are not vouched for. Who administers the server, and could go round the gate."},
		{"Changes of configuration, infrastructure and data.",
			"As far as they are deployed from these repositories; changes of the rules themselves in exceptions.csv: policy change.",
			"All that is changed otherwise. Patches, baselines and the protection of confidential data."},
	}},
	{"ISO/IEC 27001:2022, Annex A 8.32", "Change management; guidance in ISO/IEC 27002:2022, 8.32.", []control{
		{"Changes follow procedures.",
			"changes.csv: rules, policy_sha256, policy_serial; the rules in force are in policies/. exceptions.csv: where they were not followed.",
			"Procedures that are not rules of the policy."},
		{"Changes are authorized.", "changes.csv: requester, approvers, approved_by_another.", "Assessment of the impact; who was told."},
		{"Changes are tested, and the tests accepted.", "changes.csv: tests_before, tests_passed.", "Plans and contents of tests."},
		{"Deployment is controlled.", "changes.csv: time, environment, outcome, outcome_by.", "What runs on the hosts: the record ends with the outcome that was reported."},
		{"There is a way back.", "changes.csv: previous_commit, back_out_plan, backed_out, back_out_record.", "The way back of data, and plans for continuity."},
		{"Emergencies are provided for.", "exceptions.csv: override.", "Reviews afterwards."},
		{"Records are kept, and are protected.", "The ledger: verification.txt, checkpoint.txt, proofs/.", "Operating documents and user procedures."},
	}},
	{"PCI DSS 4.0.1, requirement 6.5.1", "Changes to system components in production follow established procedures.", []control{
		{"Reason for, and description of, the change.", "changes.csv: subject, tickets, branch, reason.", "The reason, where only the ticket has it."},
		{"Documentation of security impact.", "-", "Not answered here: look in the ticket."},
		{"Documented approval by authorized parties.", "changes.csv: approvers, approvals_required, approved_by_another; approvals.csv: who, counts; who may approve stands in policies/.", "Approvals that were given elsewhere."},
		{"Testing that the change does not harm security.", "changes.csv: tests_before, tests_passed.", "What was tested."},
		{"Bespoke and custom software is tested against requirement 6.2.4.", "-", "Not answered here, unless the deployment before does that test: then tests_passed."},
		{"Procedures for failures, and for the return to a secure state.", "changes.csv: outcome, backed_out, back_out_record, back_out_plan.", "Whether the state before was secure."},
	}},
}

// limits say what no column answers.
var limits = []string{
	"Changes that went round the gate leave no record of their own. Where the ref was seen elsewhere they are listed as drift; what was changed on hosts, in data bases or in other repositories is not seen at all.",
	"The requester is who the transport vouched for. Names, dates and authors in commits are not checked and are not listed.",
	"Tests are deployments to the environments before, and the outcomes reported for them. Reports of tests are where outcome_url leads, and that is not under this record.",
	"The tables were made from the ledger by the one who ran the command. A proof shows that a record is in the ledger that the checkpoint names; that nothing was left out only the ledger itself shows (README.txt).",
	"Whoever has both the server and the key could have written another ledger. A checkpoint that was kept elsewhere at the time, or signed by a witness, rules that out.",
	"Production is the environments named above, by the policy of the day on which this was written or by the one who ran the command.",
}
