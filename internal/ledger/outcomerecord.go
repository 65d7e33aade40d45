package ledger

// OutcomeRecord is the status entry that OutcomeOf answers by; false if there is
// none yet.
func (l *Ledger) OutcomeRecord(record uint64) (e Entry, found bool, err error) {
	var p progress
	err = l.look(func(s kv) (err error) {
		p, _, err = progressOf(s, record)
		return err
	})
	if err != nil || p.status.seq == 0 {
		return Entry{}, false, err
	}
	read, err := l.status(p.status, p.of)
	if err != nil {
		return Entry{}, false, err
	}
	if read.Record != record {
		return Entry{}, false, damaged(read.Seq, "it is not of record %d", record)
	}
	return *read, true, nil
}
