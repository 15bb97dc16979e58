package flinks

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
)

// The calls, by Flinks' names. They stand in paths and in [Error.Op].
const (
	OpGenerateAuthorizeToken  = "GenerateAuthorizeToken"
	OpAuthorize               = "Authorize"
	OpGetAccountsDetail       = "GetAccountsDetail"
	OpGetAccountsDetailAsync  = "GetAccountsDetailAsync"
	OpGetAccountsSummary      = "GetAccountsSummary"
	OpGetAccountsSummaryAsync = "GetAccountsSummaryAsync"
	OpGetAttributes           = "GetAttributes"
	OpGetCustomAttributes     = "GetCustomAttributes"
	OpSetScheduledRefresh     = "SetScheduledRefresh"
	OpGetNightlyRefreshStatus = "GetNightlyRefreshStatus"
	OpGetMFAQuestions         = "GetMFAQuestions"
	OpAnswerMFAQuestions      = "AnswerMFAQuestions"
	OpDeleteCard              = "DeleteCard"
)

// request is one call before it is sent.
type request struct {
	op     string
	method string
	path   []string   // the segments below /v3/{customerId}, not yet escaped; nil: the banking service of the op's name
	cred   credential // the one credential that goes with it
	body   any        // sent as JSON; nil: no body
	days   int        // the header limitDays; 0: not sent
	data   []int      // the statuses that are data; all others are refusals
	raw    bool       // the body is kept as it came
}

// credential is a header that holds a secret. No header is sent for an empty one.
type credential struct {
	header string
	prefix string
	secret Secret
}

func authKey(s Secret) credential { return credential{header: "flinks-auth-key", secret: s} }
func apiKey(s Secret) credential  { return credential{header: "x-api-key", secret: s} }
func bearer(s Secret) credential {
	return credential{header: "Authorization", prefix: "Bearer ", secret: s}
}

// banking is the path of a call of the banking services.
func banking(segments ...string) []string { return append([]string{"BankingServices"}, segments...) }

// newRequest checks the settings and ids that it needs, and builds the request.
// It is built by hand: http.NewRequest would parse the same address each time.
func (c *Client) newRequest(ctx context.Context, r *request) (*http.Request, error) {
	target, err := c.target(r)
	if err != nil {
		return nil, err
	}
	req := (&http.Request{
		Method: r.method, URL: target, Host: target.Host,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Accept": {"application/json"}, "Accept-Encoding": {"gzip"}},
	}).WithContext(ctx)
	if r.body != nil {
		data, err := json.Marshal(r.body)
		if err != nil {
			return nil, err
		}
		req.ContentLength = int64(len(data))
		req.Body = io.NopCloser(bytes.NewReader(data))
	}
	if r.method != http.MethodGet && r.method != http.MethodDelete {
		req.Header["Content-Type"] = []string{"application/json"}
	}
	if r.days != 0 {
		req.Header.Set("limitDays", strconv.Itoa(r.days))
	}
	return req, r.cred.set(req.Header)
}

func (c credential) set(h http.Header) error {
	if c.secret == "" {
		return nil
	}
	if strings.ContainsFunc(c.secret.Reveal(), isControl) {
		return fmt.Errorf("%w: the value for %s holds a control character", ErrSettings, c.header)
	}
	h.Set(c.header, c.prefix+c.secret.Reveal())
	return nil
}

// url joins base, customer and path. The ids are foreign text: each is escaped,
// so that none can reach out of its segment.
func (c *Client) url(path []string) (*url.URL, error) {
	root, err := service{base: c.BaseURL, customer: c.CustomerID}.find(c.root)
	if err != nil {
		return nil, err
	}
	plain, escaped := []byte(root.Path), []byte(root.EscapedPath())
	for _, segment := range path {
		if err := checkSegment(segment); err != nil {
			return nil, fmt.Errorf("%w: it %w", ErrBadID, err)
		}
		plain = append(append(plain, '/'), segment...)
		escaped = append(append(escaped, '/'), url.PathEscape(segment)...)
	}
	target := *root
	target.Path, target.RawPath = string(plain), string(escaped)
	return &target, nil
}

// known are the addresses that are the same call after call: those of services
// without an id in their path, and under no op what all begin with. Nobody
// writes to them.
var known sync.Map // service -> *url.URL

type service struct{ base, customer, op string }

// find returns a known address, or makes it known.
func (s service) find(address func() (*url.URL, error)) (*url.URL, error) {
	if u, ok := known.Load(s); ok {
		return u.(*url.URL), nil
	}
	u, err := address()
	if err == nil {
		known.Store(s, u)
	}
	return u, err
}

// target is the address of a call.
func (c *Client) target(r *request) (*url.URL, error) {
	if r.path != nil {
		return c.url(r.path)
	}
	return service{c.BaseURL, c.CustomerID, r.op}.find(func() (*url.URL, error) { return c.url(banking(r.op)) })
}

// root is what all addresses begin with.
func (c *Client) root() (*url.URL, error) {
	base, err := checkBase(c.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("%w: BaseURL: %w", ErrSettings, err)
	}
	if err := checkSegment(c.CustomerID); err != nil {
		return nil, fmt.Errorf("%w: CustomerID %w", ErrSettings, err)
	}
	root, err := url.Parse(base + "/v3/" + url.PathEscape(c.CustomerID))
	if err != nil {
		return nil, fmt.Errorf("%w: BaseURL: %w", ErrSettings, withoutURL(err))
	}
	return root, nil
}

// checkBase returns the base without a slash at its end. Its errors do not
// repeat the URL, which may hold a password.
func checkBase(raw string) (string, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return "", withoutURL(err)
	case u.Scheme != "http" && u.Scheme != "https":
		return "", fmt.Errorf("it must begin with https:// or http://")
	case u.Host == "":
		return "", fmt.Errorf("it names no host")
	case u.User != nil, u.RawQuery != "", u.Fragment != "":
		return "", fmt.Errorf("it must hold no user, query or fragment")
	}
	return strings.TrimRight(raw, "/?#"), nil
}

// checkSegment refuses what would lead to another endpoint: nothing at all, or
// dots that a proxy resolves.
func checkSegment(s string) error {
	switch {
	case s == "":
		return fmt.Errorf("is empty")
	case s == ".", s == "..":
		return fmt.Errorf("is a dot path")
	case strings.ContainsFunc(s, isControl):
		return fmt.Errorf("holds a control character")
	}
	return nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }
