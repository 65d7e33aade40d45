package board

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// A chrome is a headless Chromium, spoken to over a pipe (Chrome DevTools
// Protocol, --remote-debugging-pipe): messages of JSON that end in a zero byte.
type chrome struct {
	t       *testing.T
	in      *os.File
	out     chan message
	next    int
	session string
	events  []message
}

type message struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct{ Message string }
}

// patience bounds the wait for one answer.
const patience = 60 * time.Second

// startChrome starts a Chromium with one empty page. Where there is none the
// test is skipped, which is a failure where PATHGATE_TEST_ALL=1 is set.
func startChrome(t *testing.T) *chrome {
	t.Helper()
	program := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		if os.Getenv("PATHGATE_TEST_ALL") == "1" {
			t.Fatal("chromium is missing: install chromium")
		}
		t.Skip("chromium is missing: install chromium")
	}
	toChild, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, fromChild, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	profile, err := os.MkdirTemp("", "board-chrome")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps", "--disable-extensions",
		"--hide-scrollbars", "--force-color-profile=srgb", "--user-data-dir="+profile, "--remote-debugging-pipe", "about:blank")
	cmd.ExtraFiles = []*os.File{toChild, fromChild}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	toChild.Close()
	fromChild.Close()
	c := &chrome{t: t, in: in, out: make(chan message, 4096)}
	go c.listen(out)
	t.Cleanup(func() {
		c.write("Browser.close", nil, "")
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			_ = cmd.Process.Kill()
			<-done
		}
		in.Close()
		// Its children may still be writing there.
		for range 20 {
			if os.RemoveAll(profile) == nil {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
	c.open()
	return c
}

func (c *chrome) listen(out *os.File) {
	defer out.Close()
	defer close(c.out)
	r := bufio.NewReader(out)
	for {
		b, err := r.ReadBytes(0)
		if err != nil {
			return
		}
		var m message
		if json.Unmarshal(b[:len(b)-1], &m) == nil {
			c.out <- m
		}
	}
}

func (c *chrome) open() {
	var target struct{ TargetID string }
	c.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var session struct{ SessionID string }
	c.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &session)
	c.session = session.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log", "Network", "Audits"} {
		c.call(domain+".enable", nil, nil)
	}
}

func (c *chrome) write(method string, params any, session string) {
	c.next++
	m := map[string]any{"id": c.next, "method": method}
	if params != nil {
		m["params"] = params
	}
	if session != "" {
		m["sessionId"] = session
	}
	b, err := json.Marshal(m)
	if err != nil {
		c.t.Fatal(err)
	}
	_, _ = c.in.Write(append(b, 0))
}

// receive reads one message; events are kept.
func (c *chrome) receive(what string) message {
	c.t.Helper()
	select {
	case m, ok := <-c.out:
		if !ok {
			c.t.Fatalf("chromium ended before %s", what)
		}
		if m.Method != "" {
			c.events = append(c.events, m)
		}
		return m
	case <-time.After(patience):
		c.t.Fatalf("chromium does not answer to %s", what)
	}
	return message{}
}

// call makes a call and waits for its result.
func (c *chrome) call(method string, params, result any) {
	c.t.Helper()
	c.write(method, params, c.session)
	id := c.next
	for {
		m := c.receive(method)
		if m.ID != id {
			continue
		}
		if m.Error != nil {
			c.t.Fatalf("%s: %s", method, m.Error.Message)
		}
		if result != nil {
			if err := json.Unmarshal(m.Result, result); err != nil {
				c.t.Fatalf("%s: %v", method, err)
			}
		}
		return
	}
}

// show goes to an address, waits for it to load, and returns what went wrong:
// console messages, exceptions, issues (such as of the Content-Security-Policy),
// and requests for anything that does not begin with base.
func (c *chrome) show(address, base string) (wrong []string) {
	c.t.Helper()
	c.events = nil
	var nav struct{ ErrorText string }
	c.call("Page.navigate", map[string]any{"url": address}, &nav)
	if nav.ErrorText != "" {
		c.t.Fatalf("%s: %s", address, nav.ErrorText)
	}
	for i := 0; ; i++ {
		if i < len(c.events) {
			if c.events[i].Method == "Page.loadEventFired" {
				break
			}
			continue
		}
		i--
		c.receive(address)
	}
	var ignored json.RawMessage
	c.call("Runtime.evaluate", map[string]any{"expression": "0"}, &ignored)
	return c.wrong(base)
}

// wrong reads the events so far.
func (c *chrome) wrong(base string) (out []string) {
	requests := 0
	for _, m := range c.events {
		switch m.Method {
		case "Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Audits.issueAdded", "Page.javascriptDialogOpening":
			out = append(out, m.Method+" "+string(m.Params))
		case "Network.requestWillBeSent":
			var p struct{ Request struct{ URL string } }
			if err := json.Unmarshal(m.Params, &p); err != nil || !strings.HasPrefix(p.Request.URL, base) {
				out = append(out, "request "+p.Request.URL)
			}
			requests++
		}
	}
	if requests == 0 {
		out = append(out, "no request was seen at all")
	}
	return out
}

// eval evaluates JavaScript and decodes its value, which may be a promise.
func (c *chrome) eval(script string, into any) {
	c.t.Helper()
	var r struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct{ Exception struct{ Description string } }
	}
	c.call("Runtime.evaluate", map[string]any{"expression": script, "returnByValue": true, "awaitPromise": true}, &r)
	if r.ExceptionDetails != nil {
		c.t.Fatalf("script: %s", r.ExceptionDetails.Exception.Description)
	}
	if into != nil {
		if err := json.Unmarshal(r.Result.Value, into); err != nil {
			c.t.Fatalf("script: %v: %s", err, r.Result.Value)
		}
	}
}

// view sets the width of the window and the reader's wishes.
func (c *chrome) view(width int, scheme string) {
	c.t.Helper()
	c.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}, nil)
	c.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
}

// key presses a key.
func (c *chrome) key(name string, code int) {
	for _, kind := range []string{"keyDown", "keyUp"} {
		c.call("Input.dispatchKeyEvent", map[string]any{"type": kind, "key": name, "code": name, "windowsVirtualKeyCode": code}, nil)
	}
}

// picture keeps a picture of the whole page in the folder that
// PATHGATE_BOARD_PICTURES names, where it is set, for people to look at.
func (c *chrome) picture(name string) {
	dir := os.Getenv("PATHGATE_BOARD_PICTURES")
	if dir == "" {
		return
	}
	var shot struct{ Data string }
	c.call("Page.captureScreenshot", map[string]any{"captureBeyondViewport": true}, &shot)
	b, err := base64.StdEncoding.DecodeString(shot.Data)
	if err == nil {
		err = os.WriteFile(fmt.Sprintf("%s/%s.png", dir, name), b, 0o644)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}
