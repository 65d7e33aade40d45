package e2e

import (
	"bytes"
	"net"
	"os"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdSyslogd listens on a socket as a syslog daemon does, and writes each
// datagram as a line of a file. Newlines within one are written as \n, so that
// a message can never look like two.
func cmdSyslogd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: syslogd SOCKET FILE, or syslogd -stop SOCKET")
	}
	st := stateOf(ts)
	if args[0] == "-stop" {
		stop := st.syslogs[ts.MkAbs(args[1])]
		if stop == nil {
			ts.Fatalf("nobody listens on %s", args[1])
		}
		stop()
		delete(st.syslogs, ts.MkAbs(args[1]))
		return
	}
	socket := ts.MkAbs(args[0])
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	ts.Check(err)
	out, err := os.OpenFile(ts.MkAbs(args[1]), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	ts.Check(err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := takeDown(conn, out); err != nil {
			st.t.Log("syslogd:", err)
		}
	}()
	st.syslogs[socket] = func() {
		// Its own last message comes after all that was sent before.
		if end, err := net.Dial("unixgram", socket); err == nil {
			end.Write([]byte(endOfLog))
			end.Close()
			<-done
		}
		conn.Close()
		os.Remove(socket)
	}
	ts.Defer(func() {
		if stop := st.syslogs[socket]; stop != nil {
			stop()
		}
	})
}

// endOfLog is the message that ends takeDown.
const endOfLog = "\x00end"

// takeDown writes what comes before endOfLog.
func takeDown(conn *net.UnixConn, out *os.File) error {
	defer out.Close()
	b := make([]byte, 1<<16)
	for {
		n, _, err := conn.ReadFromUnix(b)
		if err != nil || string(b[:n]) == endOfLog {
			return err
		}
		line := append(bytes.ReplaceAll(b[:n], []byte("\n"), []byte(`\n`)), '\n')
		if _, err := out.Write(line); err != nil {
			return err
		}
	}
}
