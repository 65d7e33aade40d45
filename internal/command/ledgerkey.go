package command

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/tlog"
)

// keyName is the file of the key that signs checkpoints, beside the policy.
const keyName = "checkpoint.key"

func (a *app) ledgerKeygen() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use: "keygen", Short: "make the key that signs checkpoints",
		Long: "Keygen makes an Ed25519 key for this ledger, in a file that only its owner\n" +
			"can read, and prints the verifier key: give that one to whoever is to check\n" +
			"checkpoints and proofs. It never writes over a file. The key is best owned\n" +
			"by another user than the one that git runs as. Status 1: the file is there;\n" +
			"3: there is no ledger, or the file could not be written.",
		Args: words(),
		RunE: func(*cobra.Command, []string) error {
			pol, path, err := a.loadPolicy()
			if err != nil {
				return err
			}
			if out == "" {
				out = keyBeside(path)
			}
			return a.keygen(pol.Ledger, out)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "the new `FILE` (default: "+keyName+" beside the policy file)")
	return cmd
}

func keyBeside(policy string) string { return filepath.Join(filepath.Dir(policy), keyName) }

func (a *app) keygen(dir, out string) error {
	id, err := ledger.IDOf(dir)
	if err != nil {
		return faulted(err)
	}
	secret, public, err := tlog.GenerateKey(rand.Reader, tlog.Origin(id))
	if err == nil {
		err = tlog.WriteKey(out, secret)
	}
	if errors.Is(err, fs.ErrExist) {
		return refused(keyIsThere(out))
	}
	if err == nil {
		_, err = fmt.Fprintln(a.stdout, public)
	}
	return faulted(err)
}

// keyIsThere says that a key is not written over.
func keyIsThere(name string) error {
	return fmt.Errorf("%s is there already, and a key is never written over: name another file, or move that one away first", name)
}

// keyFlag adds the flag of the key that signs.
func keyFlag(cmd *cobra.Command, key *string) {
	cmd.Flags().StringVar(key, "key", "", "the `FILE` of the key (default: "+keyName+" beside the policy file)")
}

// signer reads the key that signs for the ledger of this ID.
func (a *app) signer(key, policy, id string) (note.Signer, error) {
	if key == "" {
		key = keyBeside(policy)
	}
	secret, err := tlog.ReadKey(key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w; pathgate ledger keygen makes one", err)
	}
	if err != nil {
		return nil, err
	}
	s, err := tlog.NewSigner(secret, a.now)
	if err == nil && s.Name() != tlog.Origin(id) {
		err = fmt.Errorf("the key %s is of %s, and this is %s", key, s.Name(), tlog.Origin(id))
	}
	return s, err
}

// verifiersFlag adds the flag of the keys that signatures are checked by.
func verifiersFlag(cmd *cobra.Command, keys *[]string) {
	cmd.Flags().StringArrayVar(keys, "key", nil,
		"a `VKEY`, as keygen printed it, or a file of some; may be given again")
}

// verifiers reads what --key gave.
func verifiers(keys []string) ([]note.Verifier, error) {
	var all []note.Verifier
	for _, k := range keys {
		some, err := tlog.Verifiers(k)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}
