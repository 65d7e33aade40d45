package board

type refusalsBody struct {
	Codes  []codeRow
	Recent []event
	Total  int
	Days   int
}

type codeRow struct {
	Code         string
	Total, Newer int
	Where        string
	Newest       moment
	BarTenths    int // of the widest bar, of 1000
}

func (s *site) refusalsPage(put func(page) error) error {
	v := view{s, ""}
	body := refusalsBody{Total: s.g.refusals.total, Days: recently}
	codes := s.g.refusals.byCode()
	for _, r := range codes {
		body.Codes = append(body.Codes, codeRow{r.name, r.total, r.recent(s.g.now), r.places(), at(r.newest), max(4, 1000*r.total/codes[0].total)})
	}
	for _, e := range s.g.refusals.list() {
		body.Recent = append(body.Recent, v.event(e))
	}
	return put(page{File: "refusals.html", Kind: "refusals", Current: "refusals", Title: "Refusals", Body: body})
}

type section struct {
	ID, Title, Text, None string
	Notes                 []note
	Events                []event
	Total                 int
}

func (s *site) exceptionsPage(put func(page) error) error {
	v := view{s, ""}
	of := func(id, title, text, none string, c *counted) section {
		sec := section{ID: id, Title: title, Text: text, None: none, Total: c.total}
		for _, e := range c.list() {
			ev := v.event(e)
			if c == &v.g.reported {
				ev.Tone, ev.Icon = warn, icon(warn)
			}
			sec.Events = append(sec.Events, ev)
		}
		return sec
	}
	g := s.g
	body := []section{
		of("overrides", "Overrides", "Deployments that went past rules, with a reason.", "No rule was ever overridden.", &g.overrides),
		of("drift", "Drift", "Refs that were not where the record had them.", "No drift is on record.", &g.drifts),
		v.inForce(),
		of("reported", "Let in against a rule", "Rules that judge and do not refuse said no to these.", "Nothing was let in so.", &g.reported),
		of("adopted", "Adoptions", "What an operator put on record as it was.", "Nothing was adopted.", &g.adopted),
		of("faults", "Faults", "Pushes that were refused because pathgate could not find out.", "No fault is on record.", &g.faults),
		of("repairs", "Repairs", "The ledger itself was mended, and the record says how.", "The ledger was never repaired.", &g.repairs),
	}
	return put(page{File: "exceptions.html", Kind: "exceptions", Current: "exceptions", Title: "Exceptions", Body: body})
}

// inForce tells the locks and vetoes that hold now, and which environments do
// not enforce their rules.
func (v view) inForce() section {
	sec := section{ID: "in-force", Title: "Locks, vetoes, report only", Text: "What is in force now.", None: "None is in force."}
	var vetoes []*entry
	for _, e := range v.g.vetoes {
		vetoes = append(vetoes, e)
	}
	for _, e := range sorted(v.locksNow()) {
		n := lockNote(e)
		n.Where = link{Text: lockScope(e)}
		sec.Notes = append(sec.Notes, n)
	}
	for _, e := range sorted(vetoes) {
		n := newNote(bad, "vetoed", saying(e), e.Time)
		n.Where = v.commit(e.Commit)
		n.Where.Text = e.Service + " " + n.Where.Text
		sec.Notes = append(sec.Notes, n)
	}
	for _, env := range v.g.pol.Environments {
		if env.ReportOnly {
			sec.Notes = append(sec.Notes, note{Tone: warn, Icon: icon(warn), Word: reportOnly, Text: "the rules judge and refuse nothing",
				Where: link{Text: string(env.Name)}})
		}
	}
	sec.Total = len(sec.Notes)
	sec.Notes = sec.Notes[:min(len(sec.Notes), 2*maxListed)]
	return sec
}
