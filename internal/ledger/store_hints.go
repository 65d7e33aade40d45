//go:build postgres

package ledger

import (
	sumdb "golang.org/x/mod/sumdb/tlog"
)

// wanted collects keys and prefixes, each once.
type wanted struct {
	keys, prefixes [][]byte
	ends           [][]byte // prefixes of which only the last few keys are wanted
	seen           map[string]bool
}

func (w *wanted) key(k []byte) {
	if !w.seen[string(k)] {
		w.seen[string(k)] = true
		w.keys = append(w.keys, k)
	}
}

func (w *wanted) prefix(k []byte) {
	if !w.seen[string(k)] {
		w.seen[string(k)] = true
		w.prefixes = append(w.prefixes, k)
	}
}

// want is what of the projections answers the questions hinted at: see keys.go.
// What the values name in turn is for follows to say.
func (h *Hints) want() wanted {
	w := wanted{seen: map[string]bool{}}
	service := cleanString(string(h.Service))
	w.prefix(key(keyIntent))
	w.key(key(keySerial))
	w.key(key(keyRoot))
	if h.Policy != "" {
		w.key(cleanKey(keyPolicy, h.Policy))
	}
	for _, id := range h.Commits {
		w.key(key(keyVeto, service, cleanString(string(id))))
		w.key(key(keyObject, string(id)))
	}
	for _, id := range h.Objects {
		w.key(key(keyObject, string(id)))
	}
	for _, seq := range h.Records {
		w.key(keySeq(keyProgress, seq))
		w.key(keySeq(keyIntent, seq))
		w.key(keySeq(keyRelease, seq))
	}
	for _, s := range h.Spots {
		w.spot(service, cleanString(string(s.Environment)), cleanString(s.Repository), cleanString(string(s.Ref)))
		if h.Back && s.Ref != "" {
			w.ends = append(w.ends, cleanKey(keyHistory, service, string(s.Environment), s.Repository, string(s.Ref)))
		}
		for _, id := range h.Commits {
			w.commit([...]string{service, cleanString(string(s.Environment)), cleanString(s.Repository), cleanString(string(s.Ref))}, string(id))
		}
	}
	return w
}

// spot is what is asked about a ref, whatever the commit.
func (w *wanted) spot(service, environment, repository, ref string) {
	w.prefix(key(keyLock, environment))
	w.key(key(keyQueued, service, environment))
	w.prefix(key(keyQueue, service, environment))
	w.key(chainKey(service, environment))
	if ref == "" {
		w.prefix(key(keyLive, service, environment, repository))
		return
	}
	f := [...]string{service, environment, repository, ref}
	for _, kind := range [...]byte{keyLive, keyDrift, keyRebuilt, keyLiveThere} {
		w.key(key(kind, f[:]...))
	}
}

// commit is what is asked about a commit on a ref, and on those beside it.
func (w *wanted) commit(f [4]string, commit string) {
	w.key(key(keyCommit, f[0], f[1], f[2], commit))
	w.key(key(keyOutcome, f[0], f[1], f[2], commit))
	w.prefix(key(keyRecord, f[0], f[1], f[2], commit))
	for _, kind := range [...]byte{keyStamped, keyReported, keyTaken} {
		w.prefix(key(kind, f[0], f[1], commit))
	}
	if f[3] != "" {
		w.prefix(key(keyApproval, f[0], f[1], f[2], f[3], commit))
		w.key(key(keyContents, f[0], f[1], f[2], f[3], commit))
	}
}

// follows says which lines the value of a key names, and which other keys a
// reader of the value is likely to want next. A value that cannot be read names
// nothing.
func follows(k, v []byte) (records []uint64, next [][]byte) {
	places, next := namedBy(k, v)
	for _, p := range places {
		if p.seq != 0 {
			records = append(records, p.seq)
		}
	}
	return records, next
}

// namedBy is follows with places, of which some may be none.
func namedBy(k, v []byte) (places []place, next [][]byte) {
	switch k[0] {
	case keyRecord:
		if at, longest, err := cutRecord(v); err == nil {
			return []place{at, longest.from, longest.to}, [][]byte{keySeq(keyProgress, at.seq)}
		}
	case keyLive:
		return namedByLive(k, v)
	case keyHistory:
		return nil, namedByStep(k, v)
	case keyOutcome:
		if at, rest, err := cutPlace(v); err == nil && len(rest) > 8 {
			newest, _ := seqOf(rest[:8])
			return []place{at}, [][]byte{keySeq(keyProgress, newest)}
		}
	case keyQueue:
		if i, err := cutItem(v); err == nil {
			return []place{i.record, i.pending}, [][]byte{keySeq(keyProgress, i.record.seq)}
		}
	case keyContents:
		for ; len(v) >= 8; v = v[8:] {
			seq, _ := seqOf(v[:8])
			next = append(next, keySeq(keyRelease, seq))
		}
	case keyStamped:
		if f, err := fieldsOf(k, 5); err == nil {
			next = append(next, key(keyLiveThere, f[0], f[1], f[3], f[4]))
		}
		fallthrough
	case keyProgress:
		if p, err := cutProgress(v); err == nil {
			places = append(places, p.status)
			next = append(next, key(keyOutcome, p.of.service, p.of.environment, p.of.repository, p.of.commit))
		}
	case keyObject, keyIntent, keyApproval, keyLock, keyVeto, keyOverride, keyRelease,
		keyChain, keyLine, keyCheckpoint, keyReported, keyTaken, keyLiveThere:
		at, _, _ := cutPlace(v)
		places = append(places, at)
	}
	return places, next
}

// namedByStep is namedBy of a step in a ref's history: who goes down it withdraws
// the commit, or asks whether that has been done.
func namedByStep(k, v []byte) (next [][]byte) {
	if len(k) < 8 || len(v) < 8 {
		return nil
	}
	f, err := fieldsOf(k[:len(k)-8], 4)
	if err != nil {
		return nil
	}
	_, commit, err := cutPlace(v[8:])
	if err != nil {
		return nil
	}
	return [][]byte{key(keyCommit, f[0], f[1], f[2], string(commit))}
}

// namedByLive is namedBy of what is live on a ref: a push that takes its place
// ends its span, and goes on from its contents; one that leaves it there must not
// be vetoed.
func namedByLive(k, v []byte) (places []place, next [][]byte) {
	f, err := fieldsOf(k, 4)
	if err != nil {
		return nil, nil
	}
	now, err := cutLife(v)
	if err != nil {
		return nil, nil
	}
	return []place{now.at, now.begin.place}, [][]byte{
		key(keyRecord, f[0], f[1], f[2], now.commit, f[3]), key(keyCommit, f[0], f[1], f[2], now.commit),
		key(keyContents, f[0], f[1], f[2], f[3], now.commit), keySeq(keyHistory, now.at.seq, f...), key(keyVeto, f[0], now.commit)}
}

// nextKeys are the chunks of the tree that growing a tree of n leaves needs,
// and its hash: those with the hashes of the full trees that it is made of.
func nextKeys(n uint64) (keys [][]byte) {
	var last int64 = -1
	for level, from := 63, uint64(0); level >= 0; level-- {
		if n>>level&1 == 0 {
			continue
		}
		chunk := sumdb.StoredHashIndex(level, int64(from>>level)) / chunkSize
		if chunk != last {
			keys, last = append(keys, chunkKey(chunk)), chunk
		}
		from += 1 << level
	}
	return keys
}
