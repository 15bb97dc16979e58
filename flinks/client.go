package flinks

import (
	"math"
	"net"
	"net/http"
	"sync"
	"time"
)

// Client calls one Flinks instance for one customer. The fields are set before
// the first call and then left alone; a Client is safe for concurrent use.
type Client struct {
	// BaseURL is where the API is, such as https://toolbox-api.private.fin.ag
	// ([APIBase]). A path in it is kept as a prefix. Required.
	BaseURL string
	// CustomerID is the customer's GUID, a part of every path. Required.
	CustomerID string
	// SecretKey asks for authorize tokens (the header flinks-auth-key) and for
	// the nightly status (as a bearer token). It goes to no other endpoint.
	SecretKey Secret
	// APIKey is the x-api-key of the data endpoints. Empty: the header is not
	// sent, for instances on which Flinks has not switched it on.
	APIKey Secret
	// HTTP makes the calls; nil: a shared client as of [NewHTTPClient]. A
	// time-out of another one should exceed 210 s, which is how long Flinks may take to
	// answer. Its Jar and CheckRedirect are ignored: there are no cookies, and
	// redirects are not followed.
	HTTP *http.Client
	// Lean decodes what a refresh needs and no more, which costs a tenth.
	// Accounts are checked to be JSON and counted
	// ([AccountsDetailResponse.Counts]), and lie in Raw; links are left out.
	Lean bool
	// NoRaw leaves the Raw of accounts and attributes empty, for who only
	// counts them: it is a copy of all that came.
	NoRaw bool
	// MaxBody is the longest reply accepted, in bytes. 0: 32 MiB.
	MaxBody int64
}

// callTimeout leaves room beyond the 210 s after which Flinks itself answers
// OPERATION_DISPATCHED: authorize/error-codes.
const callTimeout = 225 * time.Second

// defaultMaxBody is far above a year of transactions of a busy business.
const defaultMaxBody = 32 << 20

// NewHTTPClient returns an HTTP client for Flinks: 10 s to connect, 10 s for
// TLS, 225 s for a call as a whole, and up to conns connections kept open for
// the next call. Give it the number of workers; below 1 means 100.
func NewHTTPClient(conns int) *http.Client {
	if conns < 1 {
		conns = 100
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Client{Transport: &Transport{
		DialContext: dialer.DialContext, Proxy: http.ProxyFromEnvironment, Timeout: callTimeout, Idle: conns,
	}}
}

// sharedHTTP serves the clients that bring none of their own.
var sharedHTTP = sync.OnceValue(func() *http.Client { return NewHTTPClient(0) })

// transport returns what makes the round trips, and the time-out that their
// contexts keep.
func (c *Client) transport() (http.RoundTripper, time.Duration) {
	client := c.HTTP
	if client == nil {
		client = sharedHTTP()
	}
	if client.Transport == nil {
		return http.DefaultTransport, client.Timeout
	}
	return client.Transport, client.Timeout
}

func (c *Client) maxBody() int64 {
	if c.MaxBody > 0 {
		return min(c.MaxBody, math.MaxInt64-1)
	}
	return defaultMaxBody
}
