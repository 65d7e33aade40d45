package witness

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/pathgate/pathgate/internal/text"
)

const (
	maxAlarms = 16 << 20 // bytes of alarms.jsonl
	maxForks  = 100      // pieces of evidence for a ledger
)

// recorded puts an error on record if it is an alarm, and returns it. The lock
// must be held. What cannot be kept is said in the alarm: it stays a refusal.
func (w *Witness) recorded(err error) error {
	a := (*Alarm)(nil)
	if !errors.As(err, &a) {
		return err
	}
	a.Time = w.o.Now().UTC()
	var failed []error
	if a.Kind.evidence() {
		failed = append(failed, w.keepEvidence(a))
	}
	failed = append(failed, w.writeAlarm(a))
	if err := errors.Join(failed...); err != nil {
		a.Unrecorded = text.Clean(err.Error(), 500)
	}
	if w.o.Log != nil {
		w.o.Log(a.Loud, a.Error())
	}
	return a
}

// writeAlarm appends a line to alarms.jsonl.
func (w *Witness) writeAlarm(a *Alarm) error {
	line, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("write the alarm: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(w.dir, AlarmsName), os.O_RDWR|os.O_CREATE|os.O_APPEND|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
	if err != nil {
		return fmt.Errorf("write the alarm: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return fmt.Errorf("write the alarm: %s is not a regular file: %w", AlarmsName, errors.Join(err, ErrState))
	}
	if info.Size()+int64(len(line)) > maxAlarms {
		return fmt.Errorf("write the alarm: %s is full: move it away", AlarmsName)
	}
	if last := make([]byte, 1); info.Size() > 0 {
		if _, err := f.ReadAt(last, info.Size()-1); err == nil && last[0] != '\n' {
			line = append([]byte{'\n'}, line...) // after one that a crash cut off
		}
	}
	if _, err := f.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("write the alarm: %w", err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("write the alarm: %w", err)
	}
	return nil
}

// keepEvidence keeps what was known and what was offered.
func (w *Witness) keepEvidence(a *Alarm) error {
	name := filepath.Join(forksName, a.Ledger+"-"+a.SHA256[:16])
	dir := filepath.Join(w.dir, name)
	if _, err := os.Lstat(dir); err == nil {
		a.Evidence = name
		return nil
	}
	n, err := w.forks(a.Ledger)
	if err == nil && n >= maxForks {
		err = fmt.Errorf("there are %d pieces against this ledger already", n)
	}
	if err == nil {
		err = w.writeEvidence(dir, a)
	}
	if err != nil {
		return fmt.Errorf("keep the evidence: %w", err)
	}
	a.Evidence = name
	return nil
}

func (w *Witness) writeEvidence(dir string, a *Alarm) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return err
	}
	made, err := os.MkdirTemp(filepath.Dir(dir), "new-")
	if err != nil {
		return err
	}
	said, err := json.Marshal(a)
	if err != nil {
		return err
	}
	if err := errors.Join(writeFile(filepath.Join(made, "known"), a.known), writeFile(filepath.Join(made, "offered"), a.offered),
		writeFile(filepath.Join(made, "alarm.json"), append(said, '\n')), syncFolder(made)); err != nil {
		return errors.Join(err, os.RemoveAll(made))
	}
	if err := os.Rename(made, dir); err != nil {
		return err
	}
	return errors.Join(syncFolder(filepath.Dir(dir)), syncFolder(w.dir))
}

// forks counts the evidence against a ledger.
func (w *Witness) forks(ledger string) (n int, err error) {
	entries, err := os.ReadDir(filepath.Join(w.dir, forksName))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ledger+"-") {
			n++
		}
	}
	return n, err
}
