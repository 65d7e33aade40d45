package command

import (
	"errors"
	"fmt"

	"github.com/pathgate/pathgate/internal/deploy"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/receive"
	"github.com/pathgate/pathgate/policy"
)

// errFound ends the reading of the ledger.
var errFound = errors.New("found")

// runOutput prints what the deployment of a record has printed so far.
func (a *app) runOutput(record uint64) error {
	pol, _, err := a.loadPolicy()
	if err != nil {
		return err
	}
	var e ledger.Entry
	err = ledger.Read(pol.Ledger, 0, func(line *ledger.Line) error {
		if line.Entry.Seq != record {
			return nil
		}
		e = line.Entry
		return errFound
	})
	if err != nil && !errors.Is(err, errFound) {
		return faulted(err)
	}
	switch {
	case err == nil:
		return refused(fmt.Errorf("there is no record %d", record))
	case e.Type != ledger.TypeDeployed:
		return refused(fmt.Errorf("record %d is of type %s, not deployed", record, e.Type))
	case e.Deploy != ledger.DeployCommand:
		return refused(fmt.Errorf("pathgate ran nothing for record %d", record))
	}
	host, err := receive.HostOf(pol)
	if err == nil && host != "" && e.Host != "" && e.Host != host {
		return refused(fmt.Errorf("record %d was deployed on host %s, which has the output", record, e.Host))
	}
	folder, path := "", ""
	if err == nil {
		folder, err = deploy.Folder(pol)
	}
	if err == nil {
		place := deploy.Place{Ledger: folder, Service: policy.Service(e.Service), Environment: policy.EnvironmentName(e.Environment)}
		path, err = place.LogPath(record)
	}
	if err == nil {
		err = deploy.ShowLog(a.stdout, path)
	}
	if errors.Is(err, deploy.ErrNoOutput) {
		return refused(fmt.Errorf("record %d: there is no output, or not yet", record))
	}
	return faulted(err)
}
