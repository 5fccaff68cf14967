package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"formrelay/internal/keycrm/sandbox"
)

// What hostile posts may cost. Each is sent hostileAtOnce times at once, and the process may grow by hostileMemory for all of them
// together; nobody else's answer may take longer than politeWithin, which is generous to a loaded machine under the race detector.
const (
	hostileAtOnce = 8
	hostileMemory = 300 << 20
	politeWithin  = 10 * time.Second
)

// hostile is one way to harm a relay, and how it must be answered.
type hostile struct {
	name   string
	kind   string // content type
	length int64  // announced; -1: chunked
	body   func() io.Reader
	status int
	code   string
}

// hostiles are all of them.
func hostiles() []hostile {
	const form, multi = "application/x-www-form-urlencoded", "multipart/form-data; boundary=XX"
	text := func(s string) func() io.Reader { return func() io.Reader { return strings.NewReader(s) } }
	random := make([]byte, 1_000_000)
	chaos := rand.NewChaCha8([32]byte{1})
	_, _ = chaos.Read(random)
	noise := text(string(random))
	fields := "name=x" + strings.Repeat("&f=1", 9_999)
	deep := "a" + strings.Repeat("[b]", 300) + "=1"
	nested := strings.Repeat(`{"a":`, 1000) + "1" + strings.Repeat("}", 1000)
	file := "--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n\x1a\n\r\n"
	files := strings.Repeat(file, 1000) + "--XX--\r\n"
	stream := func() io.Reader { return endless('a') }
	const huge = 10 << 30
	return []hostile{
		{"a million random bytes", form, int64(len(random)), noise, 413, "TOO_LARGE_PAIRS"},
		{"a million random bytes as multipart", multi, int64(len(random)), noise, 400, "MALFORMED"},
		{"a million random bytes as JSON", "application/json", int64(len(random)), noise, 413, "TOO_LARGE_DEPTH"},
		{"a million random bytes as text", "text/plain", int64(len(random)), noise, 413, ""},
		{"a million random bytes of no kind", "", int64(len(random)), noise, 413, ""},
		{"a million random bytes as a picture", "image/png", int64(len(random)), noise, 415, "UNSUPPORTED_TYPE"},
		{"10 GB announced", form, huge, stream, 413, "TOO_LARGE_BODY"},
		{"10 GB announced as JSON", "application/json", huge, stream, 413, "TOO_LARGE_BODY"},
		{"10 GB announced as text", "text/plain", huge, stream, 413, "TOO_LARGE_BODY"},
		{"10 GB announced as multipart", multi, huge, stream, 400, "MALFORMED"},
		{"10 GB of one value", multi, huge, func() io.Reader {
			return io.MultiReader(strings.NewReader("--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n"), endless('a'))
		}, 413, "TOO_LARGE_VALUE"},
		{"10 GB of one file", multi, huge, func() io.Reader {
			return io.MultiReader(strings.NewReader(strings.TrimSuffix(file, "\r\n")), endless('a'))
		}, 413, ""},
		{"no end", form, -1, stream, 413, "TOO_LARGE_BODY"},
		{"no end of fields", form, -1, func() io.Reader { return endless('&') }, 413, "TOO_LARGE_BODY"},
		{"no end of JSON", "application/json", -1, func() io.Reader { return endless('[') }, 413, ""},
		{"10,000 fields", form, int64(len(fields)), text(fields), 413, "TOO_LARGE_PAIRS"},
		{"10,000 fields as JSON", "application/json", -1, text("{" + strings.Repeat(`"f":1,`, 9_999) + `"f":1}`), 413, "TOO_LARGE_PAIRS"},
		{"300 levels in a name", form, int64(len(deep)), text(deep), 413, "TOO_LARGE_DEPTH"},
		{"1,000 levels in a name", form, -1, text("a" + strings.Repeat("[b]", 1000) + "=1"), 413, "TOO_LARGE_NAME"},
		{"1,000 levels of JSON", "application/json", int64(len(nested)), text(nested), 413, "TOO_LARGE_DEPTH"},
		{"1,000 files", multi, int64(len(files)), text(files), 413, ""},
	}
}

// endless reads as one letter without end.
type endless byte

func (e endless) Read(p []byte) (int, error) {
	return copy(p, bytes.Repeat([]byte{byte(e)}, len(p))), nil
}

// Each hostile post is refused with its code, in bounded memory and time, and nobody else notices.
func TestHostilePostsHarmNobody(t *testing.T) {
	t.Parallel()
	s := newSite(t, sandbox.Options{}, nil)
	before := peakMemory(t, s.process)
	stop := make(chan struct{})
	var polite sync.WaitGroup
	var slowest, visitors atomic.Int64
	polite.Go(func() { s.behave(stop, &slowest, &visitors) })
	slow := make(chan string)
	go func() { slow <- s.dripped() }()
	var all sync.WaitGroup
	for _, h := range hostiles() {
		for range hostileAtOnce {
			all.Go(func() { s.attack(h) })
		}
		all.Wait() // one kind at a time, so that each meets the whole of itself
	}
	if answer := <-slow; !strings.HasPrefix(answer, "HTTP/1.1 408 ") {
		t.Errorf("one byte a second: %q", answer)
	}
	close(stop)
	polite.Wait()
	if n := visitors.Load(); n < 10 || time.Duration(slowest.Load()) > politeWithin {
		t.Errorf("%d visitors came meanwhile, and one waited %s", n, time.Duration(slowest.Load()))
	}
	if grown := peakMemory(t, s.process) - before; grown > hostileMemory {
		t.Errorf("the process grew by %d MB", grown>>20)
	} else {
		t.Logf("grown by %d MB; the slowest of %d visitors waited %s", grown>>20, visitors.Load(), time.Duration(slowest.Load()))
	}
}

// attack sends one hostile post and looks at the answer.
func (s *site) attack(h hostile) {
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.address, "http://"))
	if err != nil {
		s.t.Error(err)
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	go h.send(conn) // it ends when the relay, or this test, hangs up
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		s.t.Errorf("%s: no answer: %v", h.name, err)
		return
	}
	defer response.Body.Close()
	var answer struct {
		Errors []struct{ Code string }
	}
	text, _ := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err := json.Unmarshal(text, &answer); err != nil || len(answer.Errors) != 1 {
		s.t.Errorf("%s: %s %s", h.name, response.Status, text)
		return
	}
	if code := answer.Errors[0].Code; response.StatusCode != h.status || h.code != "" && code != h.code {
		s.t.Errorf("%s: %s %s, want %d %s", h.name, response.Status, code, h.status, h.code)
	}
	if response.Header.Get("Access-Control-Allow-Origin") != "*" {
		s.t.Errorf("%s: a script cannot read the answer", h.name)
	}
}

// send writes the whole request, however long it is.
func (h hostile) send(conn net.Conn) {
	head := "POST /forms/order HTTP/1.1\r\nHost: forms.shop.example\r\nAccept: application/json\r\n"
	if h.kind != "" {
		head += "Content-Type: " + h.kind + "\r\n"
	}
	if h.length >= 0 {
		_, _ = io.WriteString(conn, head+"Content-Length: "+strconv.FormatInt(h.length, 10)+"\r\n\r\n")
		_, _ = io.CopyN(conn, h.body(), h.length)
		return
	}
	_, _ = io.WriteString(conn, head+"Transfer-Encoding: chunked\r\n\r\n")
	body, block := h.body(), make([]byte, 32<<10)
	for {
		n, err := body.Read(block)
		if n > 0 {
			if _, failed := fmt.Fprintf(conn, "%x\r\n%s\r\n", n, block[:n]); failed != nil {
				return
			}
		}
		if errors.Is(err, io.EOF) {
			_, _ = io.WriteString(conn, "0\r\n\r\n")
			return
		}
	}
}

// dripped sends a body at one byte a second and gives the answer's first line.
func (s *site) dripped() string {
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.address, "http://"))
	if err != nil {
		return err.Error()
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(conn, "POST /forms/order HTTP/1.1\r\nHost: forms.shop.example\r\nContent-Length: 1000\r\n\r\n")
	over := make(chan struct{})
	defer close(over)
	go func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				_, _ = io.WriteString(conn, "a")
			case <-over:
				return
			}
		}
	}()
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return err.Error()
	}
	return line
}

// behave posts forms one after the other, as other visitors do, and notes how long the slowest answer took.
func (s *site) behave(stop <-chan struct{}, slowest, visitors *atomic.Int64) {
	client := browser()
	client.Timeout = patience
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-stop:
			client.CloseIdleConnections()
			return
		case <-tick.C:
		}
		start := time.Now()
		response, err := client.PostForm(s.address+"/forms/order", url.Values{"name": {"Олена " + strconv.Itoa(n)}, "phone": {"050 111 22 33"}})
		if err != nil {
			s.t.Errorf("a visitor got no answer: %v", err)
			return
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusSeeOther {
			s.t.Errorf("a visitor got %s", response.Status)
			return
		}
		slowest.Store(max(slowest.Load(), int64(time.Since(start))))
		visitors.Add(1)
	}
}

// peakMemory is the most memory that the process has had, in bytes; 0 where the system does not tell.
func peakMemory(t *testing.T, p *process) int64 {
	t.Helper()
	status, err := os.ReadFile("/proc/" + strconv.Itoa(p.command.Process.Pid) + "/status")
	if err != nil {
		t.Logf("the process's memory cannot be read here: %v", err)
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if text, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kilobytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(text), " kB"), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kilobytes << 10
		}
	}
	return 0
}
