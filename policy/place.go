package policy

import "strconv"

// A Place is a spot in a policy file. Line and Column count from one; Column
// counts bytes, as editors and compilers do.
type Place struct {
	File   string
	Line   int
	Column int
}

// String returns "policy.toml:14", and nothing for the zero Place.
func (p Place) String() string {
	if p.Line == 0 {
		return p.File
	}
	return p.File + ":" + strconv.Itoa(p.Line)
}

// Place returns where a key of the environment, such as "after", stands in the
// policy file. A key that is not written there has the place of the
// environment's header.
func (e *Environment) Place(key string) Place {
	if p, ok := e.places[key]; ok {
		return p
	}
	return e.places[""]
}

// Rule returns the full key of one of the environment's keys, such as
// "environments.prd.after". A name with a dot in it stands in quotes, as it
// does in the file.
func (e *Environment) Rule(key string) string {
	return "environments." + quoteKey(string(e.Name)) + "." + key
}

// quoteKey writes one part of a key as it stands in a TOML file.
func quoteKey(part string) string {
	for i := range len(part) {
		if !bare(part[i]) {
			return `"` + part + `"`
		}
	}
	return part
}

// RulePlace returns a rule and where it stands, as people read it:
// "environments.prd.after, policy.toml:14".
func (e *Environment) RulePlace(key string) string {
	return rulePlace(e.Rule(key), e.Place(key))
}

// RulePlace returns the verdict's rule and where it stands, as
// Environment.RulePlace does; it is empty where no key sets the rule.
func (v Verdict) RulePlace() string { return rulePlace(v.Rule, v.Place) }

func rulePlace(rule string, place Place) string {
	if at := place.String(); at != "" {
		return rule + ", " + at
	}
	return rule
}
