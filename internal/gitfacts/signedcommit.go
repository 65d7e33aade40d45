package gitfacts

import "bytes"

// header is the commit header that holds the signature: git has one for each
// object format (gitformat-signature(5), hash-function-transition).
func (f Format) header() string {
	if f == SHA256 {
		return "gpgsig-sha256"
	}
	return "gpgsig"
}

// splitCommit takes a commit object apart: the value of its one signature
// header with the lines unfolded, and the payload, which is the object without
// that header. reason is why it counts as unsigned before any key is asked.
//
// A second header whose name begins with "gpgsig" is refused, also that of the
// other object format: git leaves all of them out of the payload, so that
// anyone could add one to a signed commit.
func splitCommit(raw []byte, header string) (payload, signature []byte, reason Reason) {
	payload = make([]byte, 0, len(raw))
	headers, own, inside := 0, false, false
	for rest := raw; ; {
		line, next, ended := cutLine(rest)
		if !ended {
			return nil, nil, Malformed // the headers have no end
		}
		if len(line) == 1 {
			payload = append(payload, rest...)
			break
		}
		if line[0] != ' ' {
			name, value, _ := bytes.Cut(line, []byte(" "))
			inside = bytes.HasPrefix(name, []byte("gpgsig"))
			own = string(name) == header
			line = value
			if inside {
				headers++
			} else {
				line = rest[:len(rest)-len(next)]
			}
		} else if inside {
			line = line[1:]
		}
		switch {
		case !inside:
			payload = append(payload, line...)
		case own:
			signature = append(signature, line...)
		}
		rest = next
	}
	switch {
	case headers == 0:
		return nil, nil, NoSignature
	case headers > 1:
		return nil, nil, ManySignatures
	case signature == nil:
		return nil, nil, OtherSignature
	}
	return payload, signature, ""
}

// cutLine cuts the first line off, with its newline.
func cutLine(s []byte) (line, rest []byte, ended bool) {
	i := bytes.IndexByte(s, '\n')
	if i < 0 {
		return nil, nil, false
	}
	return s[:i+1], s[i+1:], true
}
