package gate

import (
	"errors"
	"path/filepath"
	"strings"
	"time"

	"github.com/pathgate/pathgate/internal/deploy"
)

// boardTime is how long one board may take that a push has started.
const boardTime = 5 * time.Minute

// startBoard brings the policy's web site up to date, if there is one, and waits
// for nothing: however many pushes start it, pathgate board writes once for all.
// The push has happened, and no failure here is told to the pusher.
func (p *Process) startBoard(s *scene) {
	if s.policy.Board == nil {
		return
	}
	defer func() {
		if value := recover(); value != nil {
			p.log(p.pushID(), s.redact(recovered(value).Error()))
		}
	}()
	if err := s.runBoard(); err != nil {
		p.log(p.pushID(), s.redact("the board could not be started: "+err.Error()))
	}
}

func (s *scene) runBoard() error {
	hooks, err := deploy.HooksFolder()
	if err != nil {
		return err
	}
	command, err := commandBeside(hooks)
	if err != nil {
		return err
	}
	folder, err := deploy.Folder(s.policy)
	if err != nil {
		folder = s.policy.Root // it is only asked whose it is
	}
	b := s.policy.Board
	return deploy.Detach(folder, command, "board", "--policy", s.policyPath, "--out", b.Out,
		"--pause", b.Pause.String(), "--within", boardTime.String())
}

// commandBeside is the command pathgate that install.sh has put beside the
// hooks: PREFIX/bin/pathgate for PREFIX/lib/pathgate/hooks. Hooks that lie
// elsewhere were not put there by it, and say nothing about what lies around
// them.
func commandBeside(hooks string) (string, error) {
	if !strings.HasSuffix(hooks, "/lib/pathgate/hooks") {
		return "", errors.New("the command pathgate is not known: the hooks do not lie where install.sh puts them")
	}
	return filepath.Join(hooks, "..", "..", "..", "bin", "pathgate"), nil
}
