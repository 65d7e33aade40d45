package setup

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/pathgate/pathgate/internal/text"
)

// StampKeyOptions say how a key is made.
type StampKeyOptions struct {
	Comment string      // behind the public half
	Mode    fs.FileMode // 0600, or 0640 where the users of a group run the hooks
	// Owner is the user whose the file is to be, with that one's group; only root
	// can give it away. If it is empty, the file gets the owner and group of Like,
	// such as the ledger's folder, and if that is empty too, of its own folder.
	Owner, Like string
}

// MakeStampKey makes an Ed25519 key that signs stamps, in a new file in OpenSSH's
// format (openssh-key-v1, without a passphrase: hooks have nobody to ask), and
// gives its public half as a line of authorized_keys (sshd(8)) with the comment,
// and whose the file is. It never writes over a file: the error then wraps
// fs.ErrExist. Made by another than root, the file is that user's.
func MakeStampKey(name string, o StampKeyOptions) (public, whose string, err error) {
	comment := text.Clean(o.Comment, 100)
	if strings.ContainsAny(comment, " \t\n\"") {
		return "", "", fmt.Errorf("make a key: the comment %q has blanks or quotation marks in it", comment)
	}
	to, err := o.owner(name)
	if err != nil {
		return "", "", fmt.Errorf("make a key: %w", err)
	}
	public, err = makeStampKey(name, comment, o.Mode, to)
	return public, to.who().name, err
}

// owner is whose the file is to be.
func (o *StampKeyOptions) owner(name string) (owner, error) {
	if o.Owner != "" {
		to, err := named(o.Owner)
		if self := os.Geteuid(); err == nil && self != 0 && self != to.uid {
			err = fmt.Errorf("only root can make one for %s", o.Owner)
		}
		return to, err
	}
	if os.Geteuid() != 0 {
		return owner{os.Geteuid(), os.Getegid()}, nil
	}
	like := o.Like
	if like == "" {
		like = filepath.Dir(name)
	}
	info, err := os.Stat(like)
	if err != nil {
		return owner{}, err
	}
	return ownerOf(info), nil
}

// named looks a user up.
func named(name string) (o owner, err error) {
	u, err := user.Lookup(name)
	if err != nil {
		return o, err
	}
	if o.uid, err = strconv.Atoi(u.Uid); err == nil {
		o.gid, err = strconv.Atoi(u.Gid)
	}
	return o, err
}

func makeStampKey(name, comment string, mode fs.FileMode, to owner) (public string, err error) {
	pub, secret, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", fmt.Errorf("make a key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(secret, comment)
	if err != nil {
		return "", fmt.Errorf("make a key: %w", err)
	}
	line, err := ssh.NewPublicKey(pub)
	if err != nil {
		return "", fmt.Errorf("make a key: %w", err)
	}
	if err := writeKey(name, pem.EncodeToMemory(block), mode, to); err != nil {
		return "", fmt.Errorf("write the key: %w", err)
	}
	return strings.TrimSpace(strings.TrimSuffix(string(ssh.MarshalAuthorizedKey(line)), "\n") + " " + comment), nil
}

// writeKey writes a new file, whole or not at all.
func writeKey(name string, b []byte, mode fs.FileMode, to owner) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = ownAs(name, to)
	}
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		os.Remove(name)
	}
	return err
}
