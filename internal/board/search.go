package board

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// index makes assets/search-index.js: a script, as file:// lets a page load
// scripts but no data. It sets a list of [kind, name, words, address], with
// everything that HTML or JavaScript could take for its own escaped by JSON.
func (s *site) index() ([]byte, error) {
	v := view{s, ""}
	var rows [][4]string
	for _, pa := range s.paths {
		var environments []string
		for _, st := range pa.stops {
			environments = append(environments, st.label())
		}
		rows = append(rows, [4]string{"service", pa.name, strings.Join(environments, " "), v.service(pa.name).Href})
	}
	for _, one := range list(s.t.tickets) {
		rows = append(rows, [4]string{"ticket", one.name, wordsOf(one.entries), v.ticket(one.name).Href})
	}
	for _, one := range list(s.t.commits) {
		rows = append(rows, [4]string{"commit", one.name, wordsOf(one.entries), v.commit(one.name).Href})
	}
	var buf bytes.Buffer
	buf.WriteString("'use strict';\nself.pathgateIndex = [\n")
	for i, row := range rows {
		line, err := json.Marshal(row)
		if err != nil {
			return nil, fmt.Errorf("make the index of the search: %w", err)
		}
		buf.Write(line)
		if i < len(rows)-1 {
			buf.WriteByte(',')
		}
		buf.WriteByte('\n')
	}
	buf.WriteString("];\n")
	return buf.Bytes(), nil
}

// mostWords bounds what the index has of one row.
const mostWords = 400

// wordsOf is what a commit or a ticket can be found by beside its name, the
// newest first: subjects, services, tickets, branches, who.
func wordsOf(entries []*entry) string {
	seen := make(map[string]bool)
	var out []string
	size := 0
	for i := len(entries) - 1; i >= 0; i-- {
		e := entries[i]
		for _, word := range append([]string{e.Subject, e.Service, e.Branch, e.Principal}, e.Tickets...) {
			if word == "" || seen[word] || size+len(word) > mostWords {
				continue
			}
			seen[word] = true
			size += len(word) + 1
			out = append(out, word)
		}
	}
	return strings.Join(out, " · ")
}
