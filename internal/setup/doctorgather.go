package setup

import (
	"slices"
	"strings"
)

// gathered makes one finding of all that one run of install mends. Where
// nothing of pathgate's is in place at all, that is what it says.
func (d *doctor) gathered(list []Finding) []Finding {
	mend := d.installCommand()
	var rest, wiring []Finding
	for _, f := range list {
		if mend != "" && f.Mend == mend {
			wiring = append(wiring, f)
		} else {
			rest = append(rest, f)
		}
	}
	if len(wiring) < 2 {
		return list
	}
	one := Finding{Severity: Worst(wiring), Repository: wiring[0].Repository, Mend: mend}
	if d.unwired(wiring) {
		one.What = "pathgate is not installed: hooks, configuration and dead-man switch are missing"
		one.Why = "pushes pass unjudged"
		return append(rest, one)
	}
	var what, why []string
	for _, f := range wiring {
		what = append(what, f.What)
		if f.Why != "" && !slices.Contains(why, f.Why) {
			why = append(why, f.Why)
		}
	}
	one.What, one.Why = strings.Join(what, "; "), strings.Join(why, "; ")
	return append(rest, one)
}

// unwired reports whether no hook is in place and no ref is handed over.
func (d *doctor) unwired(wiring []Finding) bool {
	hooks := 0
	for _, f := range wiring {
		if strings.HasPrefix(f.What, "hook ") {
			hooks++
		}
	}
	return hooks == len(hookNames) && len(d.config.values(keyProcRefs)) == 0
}
