package main

import (
	"fmt"
	"io"
)

// aimJob is how many times faster a release is to be than by a job.
const aimJob = 20

// A jobRow holds a push to pathgate against another way to the same end.
type jobRow struct {
	Step    string  `json:"step"`    // of the push to pathgate
	P50     float64 `json:"p50"`     // of it
	Against string  `json:"against"` // variant and step
	Other   float64 `json:"other"`   // p50 of that
	Times   float64 `json:"times"`   // how many times as long that takes
	Of      float64 `json:"of"`      // the other way round: what the push takes of that
	aimed   bool
}

// jobRows hold the steps of the scenario "release" against the jobs that do the
// same, and against a plain push without and with pathgate.
func (r *report) jobRows() []jobRow {
	var out []jobRow
	for _, step := range []string{release, carry, catchUp, promote, production} {
		own, ok := r.find(released, step, product)
		if !ok {
			continue
		}
		add := func(against string, other float64, aimed bool) {
			if other > 0 {
				out = append(out, jobRow{Step: step, P50: own.P50, Against: against, Other: other,
					Times: other / own.P50, Of: own.P50 / other, aimed: aimed})
			}
		}
		for _, variant := range []string{jobClone, jobSingle, jobWarm} {
			against, other := r.jobFor(step, variant)
			add(against, other, isColdJob(variant) && step != production)
		}
		for _, variant := range []string{noOp, product} {
			plain, _ := r.find(released, publish, variant)
			add(variant+" "+publish, plain.P50, false)
		}
	}
	return out
}

// jobFor is what a job takes for what a step does, and how that was found; zero
// if it was not measured. The commit that carry brings along must have been
// pushed for a job, so that this is added. catch-up is held against the job of
// release, which does less: it leaves main out.
func (r *report) jobFor(step, variant string) (string, float64) {
	as := step
	if step == carry || step == catchUp {
		as = release
	}
	job, ok := r.find(released, as, variant)
	if step != carry {
		return variant + " " + as, job.P50
	}
	plain, known := r.find(released, publish, noOp)
	if !ok || !known {
		return "", 0
	}
	return variant + " " + publish + " and " + as, plain.P50 + job.P50
}

// releaseAims holds releases against the jobs that clone. production is no
// release: much of its time is the pusher's own merge.
func (r *report) releaseAims() []aim {
	var out []aim
	for _, one := range r.jobRows() {
		if one.aimed {
			out = append(out, aim{fmt.Sprintf("release %s: at least %d x faster than %s", one.Step, aimJob, one.Against),
				one.Times >= aimJob, fmt.Sprintf("%.1f x", one.Times)})
		}
	}
	return out
}

func (r *report) writeJobs(out io.Writer) {
	rows := r.jobRows()
	if len(rows) == 0 {
		return
	}
	fmt.Fprintln(out, "\nPATHGATE\tP50\tAGAINST\tP50\tX FASTER\tOF IT")
	for _, one := range rows {
		fmt.Fprintf(out, "%s\t%.1f\t%s\t%.1f\t%.1f\t%.2f\n", one.Step, one.P50, one.Against, one.Other, one.Times, one.Of)
	}
}
