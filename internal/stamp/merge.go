package stamp

import (
	"bytes"
	"cmp"
	"slices"
)

// place is where stamps belong to one another.
type place struct{ service, environment, repository, ref string }

func placeOf(s *Stamp) place {
	return place{s.Entry.Service, s.Entry.Environment, s.Entry.Repository, s.Entry.Ref}
}

func order(a, b Stamp) int {
	return cmp.Or(cmp.Compare(a.Entry.Seq, b.Entry.Seq), cmp.Compare(a.About, b.About), cmp.Compare(a.Origin, b.Origin))
}

// Merge is what a note keeps of the stamps in it and new ones: for each ref of
// each service the newest deployed, the newest status of that, and the newest
// withdrawal, by the record's number. Where new has stamps, those of another
// ledger in old are gone: an environment has one. Of what is too much for a note
// (60 stamps, or 240 KiB) the newest stay. Stamps without an entry are left out.
func Merge(old, new []Stamp) []Stamp {
	origins := make(map[place]string)
	for i := range new {
		origins[placeOf(&new[i])] = new[i].Origin
	}
	kept := make(map[place]map[About]*Stamp)
	take := func(s *Stamp) {
		p := placeOf(s)
		if origin, ok := origins[p]; s.Entry.Seq == 0 || ok && origin != s.Origin {
			return
		}
		if kept[p] == nil {
			kept[p] = make(map[About]*Stamp)
		}
		if was := kept[p][s.About]; was == nil || !newer(was, s) {
			kept[p][s.About] = s
		}
	}
	for i := range old {
		take(&old[i])
	}
	for i := range new {
		take(&new[i])
	}
	var all []Stamp
	for _, of := range kept {
		deployed, status := of[Deployed], of[Status]
		if deployed != nil && status != nil && status.Entry.Record < deployed.Entry.Seq {
			delete(of, Status)
		}
		for _, s := range of {
			all = append(all, *s)
		}
	}
	slices.SortFunc(all, order)
	return newest(all)
}

// newer reports whether a goes before b, which says the same of the same ref. A
// status of a newer deployment does, whenever it came; of two of one record, the
// one that was signed with the larger tree.
func newer(a, b *Stamp) bool {
	of := 0
	if a.About == Status {
		of = cmp.Compare(a.Entry.Record, b.Entry.Record)
	}
	return cmp.Or(of, cmp.Compare(a.Entry.Seq, b.Entry.Seq), cmp.Compare(a.Tree.N, b.Tree.N)) > 0
}

// newest cuts off the oldest of what is too much.
func newest(all []Stamp) []Stamp {
	const stamps, size = MaxStamps - 4, MaxNote - 16<<10
	total := 0
	for i, s := range slices.Backward(all) {
		var b bytes.Buffer
		s.write(&b)
		if total += b.Len() + maxHead; total > size || len(all)-i > stamps {
			return all[i+1:]
		}
	}
	return all
}
