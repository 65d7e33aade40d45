package ledger

import "errors"

// Canonical is Decode of a line, without its newline, that must be written as
// this package writes it; fields that this version does not know may stand in it, but nothing that does not print.
func Canonical(line []byte) (Entry, error) {
	var e Entry
	s := string(line)
	unknown, err := decode(s, &e)
	if err != nil {
		return Entry{}, err
	}
	if s != cleanString(s) || !canonical(newEncoder(), s, unknown, &e) {
		return Entry{}, errors.New("the line is not written as pathgate writes it")
	}
	return e, nil
}
