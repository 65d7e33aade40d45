package command

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/pathgate/pathgate/internal/gate"
	"github.com/pathgate/pathgate/policy"
)

// doubts are what status tells of stamps that do not count.
type doubts []gate.Doubt

func doubtsOf(ctx context.Context, pol *policy.Policy, services []policy.Service, now func() time.Time) (doubts, error) {
	found, err := gate.Doubts(ctx, pol, services, now)
	return found, faulted(err)
}

func (d doubts) print(w io.Writer) {
	for _, doubt := range d {
		fmt.Fprintf(w, "warning: %s: %s\n  mend: %s\n", doubt.What, doubt.Why, doubt.Mend)
	}
}

// addTo puts them into the rows of JSON that they are about.
func (d doubts) addTo(out []map[string]any) []map[string]any {
	for _, row := range out {
		if row["elsewhere"] != true {
			continue
		}
		list := []map[string]any{}
		for _, doubt := range d {
			if row["environment"] == doubt.Environment && (doubt.Service == "" || row["service"] == doubt.Service) {
				list = append(list, map[string]any{"what": doubt.What, "why": doubt.Why, "mend": doubt.Mend, "bars": doubt.Bars, "record": doubt.Record})
			}
		}
		row["doubts"] = list
	}
	return out
}
