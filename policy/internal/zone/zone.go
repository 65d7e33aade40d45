// Package zone finds time zones by their IANA names in a database that is built
// in, so that what a policy means depends neither on the files of the machine
// nor on an environment variable.
//
// zoneinfo.zip is the copy that comes with Go, in the form that Go gives it: a
// zip archive whose files are not compressed. The data are IANA's time zone
// database, which is in the public domain: https://www.iana.org/time-zones.
package zone

import (
	_ "embed" // for zoneinfo.zip
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
)

//go:generate sh -c "cp \"$(go env GOROOT)/lib/time/zoneinfo.zip\" . && chmod 644 zoneinfo.zip"

//go:embed zoneinfo.zip
var database string

// Load returns the zone of that name, such as "Europe/Berlin" or "UTC". Letter
// case counts. "Local", which is another zone on each machine, is unknown.
func Load(name string) (*time.Location, error) {
	data, err := find(database, name)
	if err != nil {
		return nil, err
	}
	zone, err := time.LoadLocationFromTZData(name, []byte(data))
	if err != nil {
		return nil, fmt.Errorf("read time zone %q: %w", name, err)
	}
	return zone, nil
}

// Sizes of the fixed parts of a zip archive's headers, and the marks that they
// begin with (APPNOTE.TXT 4.3.7, 4.3.12, 4.3.16).
const (
	localSize, localMark     = 30, "PK\x03\x04"
	centralSize, centralMark = 46, "PK\x01\x02"
	endSize, endMark         = 22, "PK\x05\x06"
)

// find returns the file of that name in a zip archive without compression.
func find(zip, name string) (string, error) {
	damaged := errors.New("the time zone database is damaged")
	end := len(zip) - endSize
	if end < 0 || !strings.HasPrefix(zip[end:], endMark) {
		return "", damaged
	}
	at := number4(zip, end+16)
	for range number2(zip, end+10) {
		if at < 0 || at+centralSize > len(zip) || !strings.HasPrefix(zip[at:], centralMark) {
			return "", damaged
		}
		method, size, offset := number2(zip, at+10), number4(zip, at+24), number4(zip, at+42)
		length := number2(zip, at+28)
		next := at + centralSize + length + number2(zip, at+30) + number2(zip, at+32)
		if next > len(zip) {
			return "", damaged
		}
		if zip[at+centralSize:at+centralSize+length] == name && !strings.HasSuffix(name, "/") {
			data, ok := stored(zip, offset, size)
			if !ok || method != 0 {
				return "", damaged
			}
			return data, nil
		}
		at = next
	}
	return "", fmt.Errorf("unknown time zone %q", name)
}

// stored returns the bytes of the file whose own header is at an offset.
func stored(zip string, at, size int) (string, bool) {
	if at+localSize > len(zip) || !strings.HasPrefix(zip[at:], localMark) {
		return "", false
	}
	at += localSize + number2(zip, at+26) + number2(zip, at+28)
	if at+size > len(zip) {
		return "", false
	}
	return zip[at : at+size], true
}

func number2(s string, at int) int { return int(binary.LittleEndian.Uint16([]byte(s[at : at+2]))) }
func number4(s string, at int) int { return int(binary.LittleEndian.Uint32([]byte(s[at : at+4]))) }
