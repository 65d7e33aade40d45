package policy

// tableNames lists the tables of a policy file. NAME stands for any name.
func tableNames() []string {
	return []string{
		"", "identity", "environments.NAME", "environments.NAME.release", "environments.NAME.deploy",
		"environments.NAME.approvals", "environments.NAME.stamps",
		"environments.NAME.signed", "freeze", "freeze.weekly", "override", "audit", "board",
	}
}

// keysOf lists the keys that a table may have. The tables groups and
// identity.aliases have keys of the administrator's choice.
func keysOf(table string) []string {
	switch table {
	case "":
		return []string{"version", "serial", "root", "unlisted", "ledger", "copy", "host", "identity", "groups", "environments", "freeze", "override", "audit", "board"}
	case "identity":
		return []string{"source", "aliases"}
	case "environments.NAME":
		return []string{
			"repository", "refs", "elsewhere", "keys", "revoked", "services", "max_age", "stamps", "release", "after", "after_match", "match", "evidence", "requires", "rollback",
			"deploy", "reporters",
			"pushers", "soak", "approvals", "branches", "ticket", "signed", "fast_forward", "applies_to_rollback", "enforce",
		}
	case "environments.NAME.release":
		return []string{"base", "branches", "fast_forward"}
	case "environments.NAME.deploy":
		return []string{"command", "checkout", "wait", "timeout"}
	case "environments.NAME.approvals":
		return []string{"count", "by", "self", "for"}
	case "environments.NAME.stamps":
		return []string{"key"}
	case "environments.NAME.signed":
		return []string{"allowed_signers"}
	case "freeze":
		return []string{"name", "environments", "weekly", "from", "to", "zone"}
	case "freeze.weekly":
		return []string{"from", "to", "zone"}
	case "audit":
		return []string{"syslog", "facility", "journald", "file", "required"}
	case "board":
		return []string{"out", "pause"}
	case "override":
		return []string{"by", "environments", "rules", "override_counts"}
	}
	return nil
}
