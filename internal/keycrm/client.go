package keycrm

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// maxAnswer bounds what is read of an answer that is kept whole, unpacked: one entity, or a refusal.
	maxAnswer = 1 << 20

	// maxList bounds what is read of a list, unpacked. A card's comment of 5,000 letters is 30 kB where each is written as \uXXXX, so
	// a page of 50 with their fields and contacts comes to some megabytes. It is read row by row and never kept.
	maxList = 32 << 20

	// maxToken bounds a token; the ones KeyCRM makes are under a hundred characters.
	maxToken = 4096

	connectTimeout = 10 * time.Second

	// peeked is how much of a list is looked at to tell a web page by: blanks before its first < included.
	peeked = 64
)

// Options is what a client needs to reach one account.
type Options struct {
	// BaseURL is the API's address, such as https://openapi.keycrm.app/v1. http is taken as well, for a sandbox.
	BaseURL string

	// Token gives the account's API key; it is asked at each call, so that a mended token counts at once. Blanks around the key
	// are dropped. Its error is shown to people, so it must not hold the key.
	Token func() (string, error)

	// UserAgent names the program and its version: "formrelay/1.2.0".
	UserAgent string

	// Transport replaces the client's own, which speaks HTTP/1.1 only, because that keeps what was sent provable, and which goes
	// through the proxy of HTTPS_PROXY, HTTP_PROXY and NO_PROXY as curl does, but never for a loopback address. One that keeps
	// connections may send a reading call twice.
	Transport http.RoundTripper
}

// Client calls one KeyCRM account. It is safe for concurrent use. It keeps no pace, repeats nothing by itself and follows no
// redirect; each method makes at most one call, which is at most one request on the wire, and says in its Answer what that came to.
//
// From each answer's Date it learns how KeyCRM's clock stands to this machine's, and moves the times of look-ups by it. A difference
// of more than a minute is told in an Answer's Text, once an hour; one of more than a year is not followed.
type Client struct {
	base  string // without a slash at its end
	host  string // for sentences
	token func() (string, error)
	agent string
	http  *http.Client
	now   func() time.Time
	clock clock
}

// NewClient returns a client, or an error that says what is wrong with the base URL. It makes no call.
func NewClient(o Options) (*Client, error) {
	base, err := parseBase(o.BaseURL)
	if err != nil {
		return nil, err
	}
	if o.Token == nil {
		return nil, errors.New("keycrm: no function for the token was given")
	}
	transport := o.Transport
	if transport == nil {
		transport = newTransport()
	}
	return &Client{
		base:  strings.TrimRight(base.String(), "/"),
		host:  base.Host,
		token: o.Token,
		agent: o.UserAgent,
		http: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		now: time.Now,
	}, nil
}

// Close lets go of the connections that a Transport of the caller's may keep. Calls under way are not touched; their contexts end them.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Create makes an entity of kind from its JSON. The context carries the call's deadline. notAfter is compared with the wall clock
// once more at the moment the body goes out, and past it nothing is sent: a machine that slept through its lease must not wake up
// and send what another may have sent since. A zero notAfter sets no bound.
func (c *Client) Create(ctx context.Context, kind Kind, body []byte, notAfter time.Time) Answer {
	path, ok := creating(kind)
	if !ok || len(body) == 0 {
		now := c.now()
		return Answer{Outcome: Rejected, Text: "There is nothing to send: the entity is empty or of no kind KeyCRM has.", Started: now, Ended: now}
	}
	return c.call(ctx, request{method: http.MethodPost, target: path, body: body, notAfter: notAfter}, func(r reply) Answer {
		return readCreated(r, kind)
	})
}

// Check asks the least that needs a valid token, one row of the list of sources: Done means that address and token are right. Every
// account has that list, so a 404 or 405 is WrongAddress whatever it says.
func (c *Client) Check(ctx context.Context, notAfter time.Time) Answer {
	return c.call(ctx, request{method: http.MethodGet, target: "/order/source?limit=1", notAfter: notAfter}, func(r reply) Answer {
		if r.status == http.StatusNotFound || r.status == http.StatusMethodNotAllowed {
			return wrongAddress(r.status)
		}
		_, a := readRows(r, func(json.RawMessage) bool { return true })
		return a
	})
}

// creating gives the path that makes an entity of that kind.
func creating(kind Kind) (path string, ok bool) {
	switch kind {
	case KindOrder:
		return "/order", true
	case KindCard:
		return "/pipelines/cards", true
	default:
		return "", false
	}
}

// parseBase checks the API's address. The address itself is only shown where it cannot hold a password.
func parseBase(text string) (*url.URL, error) {
	const want = "write it like https://openapi.keycrm.app/v1"
	u, err := url.Parse(strings.TrimSpace(text))
	switch {
	case err != nil:
		return nil, errors.New("keycrm: the base URL cannot be read as an address; " + want)
	case u.User != nil:
		return nil, errors.New("keycrm: the base URL holds a user name or password, which KeyCRM does not use; " + want)
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, fmt.Errorf("keycrm: the base URL %q must begin with https:// (or http:// for a sandbox); %s", text, want)
	case u.Hostname() == "":
		return nil, fmt.Errorf("keycrm: the base URL %q names no host; %s", text, want)
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, fmt.Errorf("keycrm: the base URL %q must end with its path, without ? or #; %s", text, want)
	}
	return u, nil
}

// newTransport bounds what comes before a connection; from then on the call's context does. HTTP/2 is left out on purpose: its
// transport may send a request again by itself, and over HTTP/1.1 a body that was not read was not sent.
//
// No connection is kept for a second call. A server may close an idle one at the moment a call goes out on it; net/http then sends a
// GET again by itself, which is a second call inside one slot of the pace, and a POST would be uncertain for nothing. At a call a second
// the handshake costs little, and on a connection of its own a call is never repeated.
func newTransport() *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: connectTimeout}).DialContext,
		TLSHandshakeTimeout:    connectTimeout,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		DisableKeepAlives:      true,
		MaxResponseHeaderBytes: 64 << 10,
		Protocols:              protocols,
	}
}

// request is one call as the client's methods ask for it.
type request struct {
	method   string
	target   string // path and query below the base URL, escaped
	body     []byte // nil: none
	notAfter time.Time

	// A body that is too large for memory, in place of the other: exactly size bytes, of this type.
	stream      io.Reader
	size        int64
	contentType string
}

// hasBody tells whether there is anything to send.
func (r request) hasBody() bool { return r.body != nil || r.stream != nil }

// reply is what one call brought back, before anybody reads a meaning into it.
type reply struct {
	status     int
	retryAfter time.Duration
	body       []byte
	whole      bool      // the body ended where it should, within maxAnswer
	list       io.Reader // the body instead, of a reading call that was answered 200: bounded, and not yet read
	page       bool      // the body is a web page and no JSON
}

// call makes one call and has read say what its reply means. It fills in what every answer has.
func (c *Client) call(ctx context.Context, r request, read func(reply) Answer) Answer {
	started := c.now()
	token, a, ok := c.bearer()
	if ok {
		a = c.exchange(ctx, r, token, read)
	}
	a.Started, a.Ended = started, c.now()
	return a
}

// Usable tells, without a call, whether there is a token that can be sent. If not, the answer is what every call would come to.
func (c *Client) Usable() (Answer, bool) {
	_, a, ok := c.bearer()
	return a, ok
}

// bearer asks for the token. Without one that can stand in a header no call is made.
func (c *Client) bearer() (string, Answer, bool) {
	token, err := c.token()
	token = strings.TrimSpace(token)
	refuse := func(text string) (string, Answer, bool) {
		return "", Answer{Outcome: Unauthorised, Text: text}, false
	}
	switch {
	case err != nil && token == "":
		return refuse(capitalised(sentence(err.Error())))
	case err != nil:
		// An error beside a token may quote it.
		return refuse("The KeyCRM token cannot be read; look where the account's token comes from.")
	case token == "":
		return refuse("There is no KeyCRM token: set KEYCRM_TOKEN, or the account's token_file or token_env.")
	case len(token) > maxToken || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return refuse("The KeyCRM token holds characters that no token has, such as a line break; copy it anew from KeyCRM, Settings, General, API key.")
	}
	return token, Answer{}, true
}

// exchange sends the request and gives the reply to read, or says what it means that there is none.
func (c *Client) exchange(ctx context.Context, r request, token string, read func(reply) Answer) Answer {
	late := func() bool { return c.late(r.notAfter) }
	if late() {
		return unsent(c.host, errLate)
	}
	var connected atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }})
	body := &gate{rest: r.stream, late: late}
	if r.stream == nil {
		body.rest = bytes.NewReader(r.body)
	}
	req, err := c.newRequest(ctx, r, token, body)
	if err != nil {
		return unsent(c.host, err)
	}
	began := c.now()
	res, err := c.http.Do(req)
	if err != nil {
		// A body that nobody fetched was not sent, whatever else went wrong. A call without one is known not to have gone out only
		// when there was never a connection.
		if body.shut() && (r.hasBody() || !connected.Load()) {
			return unsent(c.host, err)
		}
		return broken(c.host, err)
	}
	defer res.Body.Close()
	drifted := c.clock.learn(res, began, c.now()) // before read, which may look at the clock
	a := read(c.readReply(res, r.method))
	a.Text += drifted
	// KeyCRM's sentences are shown to people. A server that quotes the request back must not put the token on their page.
	for i := range a.Messages {
		a.Messages[i].Text = strings.ReplaceAll(a.Messages[i].Text, token, "(token)")
		a.Messages[i].Path = strings.ReplaceAll(a.Messages[i].Path, token, "(token)")
	}
	return a
}

// newRequest makes the request with the headers of the script that KeyCRM hands out, and a User-Agent. There is no Idempotency-Key:
// KeyCRM knows none, and net/http would take it as leave to send a POST twice.
func (c *Client) newRequest(ctx context.Context, r request, token string, body io.ReadCloser) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, r.method, c.base+r.target, nil)
	if err != nil {
		return nil, err
	}
	// Set by hand, so that there is no GetBody and the transport has no second copy to send.
	switch {
	case r.stream != nil:
		req.Body, req.ContentLength = body, r.size
		req.Header.Set("Content-Type", r.contentType)
	case r.body != nil:
		req.Body, req.ContentLength = body, int64(len(r.body))
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Cache-Control", "no-cache")
	req.Header.Set("Pragma", "no-cache")
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("User-Agent", c.agent)
	return req, nil
}

// late says whether the wall clock is past notAfter. The monotonic reading is dropped from both: it stands still while a machine
// sleeps, which is the very case this is for.
func (c *Client) late(notAfter time.Time) bool {
	return !notAfter.IsZero() && c.now().Round(0).After(notAfter.Round(0))
}

// readReply reads the answer to its end or its bound; a list is left to whoever reads its rows.
func (c *Client) readReply(res *http.Response, method string) reply {
	r := reply{
		status:     res.StatusCode,
		retryAfter: retryAfter(res.Header.Get("Retry-After"), res.Header.Get("Date"), c.now()),
	}
	if method == http.MethodGet && res.StatusCode == http.StatusOK {
		start := bufio.NewReader(io.LimitReader(res.Body, maxList))
		head, _ := start.Peek(peeked) // what cannot be read shows when the rows are read
		r.list, r.page = start, isPage(head)
		return r
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	r.body, r.whole, r.page = body, err == nil && len(body) <= maxAnswer, isPage(body)
	return r
}

// isPage says whether a body begins as HTML or XML does. Its type as the header gives it is no help: proxies get it wrong.
func isPage(body []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) }

// errLate ends a request whose time is up before its body went out.
var errLate = errors.New("the call's time was up")

// gate is a request's body that knows whether any of it was handed out. The transport may come for the body even after Do has
// returned an error; shut makes sure that it then gets nothing, so that "not sent" stays true.
type gate struct {
	rest  io.Reader
	late  func() bool
	state atomic.Int32 // gateFresh, then once and for all gateGone or gateShut
}

const (
	gateFresh = iota // nobody has read
	gateGone         // bytes were handed to the transport
	gateShut         // no byte was handed out, and none will be
)

// Read hands the body out, unless the time was up when the first byte was asked for.
func (g *gate) Read(p []byte) (int, error) {
	if g.state.Load() == gateFresh {
		if g.late() {
			g.shut()
		} else {
			g.state.CompareAndSwap(gateFresh, gateGone)
		}
	}
	if g.state.Load() == gateShut {
		return 0, errLate
	}
	return g.rest.Read(p)
}

// Close is for io.ReadCloser.
func (g *gate) Close() error { return nil }

// shut keeps the body in and says whether that is so: false means that bytes of it were handed out before.
func (g *gate) shut() bool {
	g.state.CompareAndSwap(gateFresh, gateShut)
	return g.state.Load() == gateShut
}
