// Command emptyhook is a hook that does nothing: what any Go hook costs. As
// proc-receive it lets git go on with every ref (githooks(5)).
package main

import (
	"bufio"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
)

func main() {
	if err := run(os.Args[0], os.Stdin, os.Stdout); err != nil {
		os.Stderr.WriteString("emptyhook: " + err.Error() + "\n")
		os.Exit(1)
	}
}

func run(name string, stdin io.Reader, stdout io.Writer) error {
	if !strings.HasSuffix(name, "proc-receive") {
		_, err := io.Copy(io.Discard, stdin)
		return err
	}
	in, out := bufio.NewReader(stdin), bufio.NewWriter(stdout)
	if _, err := readLines(in); err != nil {
		return err
	}
	writeLine(out, "version=1")
	out.WriteString("0000")
	if err := out.Flush(); err != nil {
		return err
	}
	commands, err := readLines(in)
	if err != nil {
		return err
	}
	for _, c := range commands {
		fields := strings.SplitN(strings.TrimSuffix(c, "\n"), " ", 3)
		if len(fields) != 3 {
			return errors.New("a command without a ref")
		}
		writeLine(out, "ok "+fields[2])
		writeLine(out, "option fall-through")
	}
	out.WriteString("0000")
	return out.Flush()
}

// readLines reads pkt-lines up to a flush.
func readLines(in *bufio.Reader) ([]string, error) {
	var lines []string
	for {
		var size [4]byte
		if _, err := io.ReadFull(in, size[:]); err != nil {
			return nil, err
		}
		n, err := strconv.ParseUint(string(size[:]), 16, 16)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return lines, nil
		}
		if n < 4 {
			return nil, errors.New("a pkt-line of impossible length")
		}
		line := make([]byte, n-4)
		if _, err := io.ReadFull(in, line); err != nil {
			return nil, err
		}
		lines = append(lines, string(line))
	}
}

// writeLine writes one pkt-line; the caller's Flush reports its errors.
func writeLine(out *bufio.Writer, line string) {
	size := strconv.FormatUint(uint64(0x10000+len(line)+4), 16)
	out.WriteString(size[1:] + line)
}
