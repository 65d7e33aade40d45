package gitfacts

import (
	"bytes"
	"strings"
	"testing"
)

// splitLikeGit is what git itself takes for payload and signature
// (commit.c, parse_buffer_signed_by_header).
func splitLikeGit(raw []byte, header string) (payload, signature []byte) {
	inside, other := false, false
	for len(raw) > 0 {
		line, rest := raw, []byte(nil)
		if i := bytes.IndexByte(raw, '\n'); i >= 0 {
			line, rest = raw[:i+1], raw[i+1:]
		}
		var sig []byte
		switch value, own := bytes.CutPrefix(line, []byte(header+" ")); {
		case inside && line[0] == ' ':
			sig = line[1:]
		case own:
			sig, other = value, false
		case bytes.HasPrefix(line, []byte("gpgsig")):
			other = true
		case other && line[0] != ' ':
			other = false
		}
		if sig == nil {
			if line[0] == '\n' {
				line, rest = raw, nil
			}
			if !other {
				payload = append(payload, line...)
			}
		}
		signature = append(signature, sig...)
		inside = sig != nil
		raw = rest
	}
	return payload, signature
}

func FuzzSplitCommit(f *testing.F) {
	for _, raw := range []string{
		"tree x\ngpgsig a\n b\n c\nx y\n\nmessage\n", "gpgsig a\n\n", "gpgsig-sha256 a\n b\n\n", "tree\n\ngpgsig a\n",
		"gpgsig a\ngpgsig b\n\n", " x\n\n", "mergetag x\n gpgsig y\n\n", "gpgsigx\n y\n\n", "x\r\n\r\n", "\n", "",
	} {
		f.Add([]byte(raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, header := range []string{"gpgsig", "gpgsig-sha256"} {
			payload, signature, reason := splitCommit(raw, header)
			if reason != "" {
				if payload != nil || signature != nil {
					t.Fatalf("%q: %q, %q", reason, payload, signature)
				}
				continue
			}
			p, s := splitLikeGit(raw, header)
			if !bytes.Equal(p, payload) || !bytes.Equal(s, signature) || len(signature) == 0 {
				t.Fatalf("got %q and %q, git has %q and %q", payload, signature, p, s)
			}
			headers, _, ended := strings.Cut("\n"+string(payload), "\n\n")
			if !ended || strings.Contains(headers, "\ngpgsig") {
				t.Fatalf("payload %q", payload)
			}
		}
	})
}

// What is read of a signature is what ssh-keygen will read of it.
func FuzzSSHSignature(f *testing.F) {
	f.Add([]byte(armourBegin + "U1NIU0lHAAAAAQAAAAFrAAAAA2dpdAAAAAAAAAAGc2hhMjU2AAAAAXg=\n" + armourEnd))
	f.Add([]byte(armourBegin + "\n" + armourEnd))
	f.Fuzz(func(t *testing.T, armoured []byte) {
		sig, reason := parseSSHSignature(armoured)
		if reason != "" {
			return
		}
		_ = sig.verifiesNatively(armoured)
		again, reason := parseSSHSignature(sig.armour())
		if reason != "" || !bytes.Equal(again.blob, sig.blob) || again.key != sig.key || again.namespace != sig.namespace || again.signature != sig.signature {
			t.Fatalf("got %+v, then %+v, %q", sig, again, reason)
		}
		if bytes.ContainsRune(armoured, '\r') {
			t.Fatal("a carriage return passed")
		}
	})
}
