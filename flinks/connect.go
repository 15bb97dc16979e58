package flinks

import (
	"fmt"
	"maps"
	"net/url"
	"strings"
)

// APIBase is the [Client.BaseURL] of a named instance, such as "toolbox".
func APIBase(instance string) string { return "https://" + instance + "-api.private.fin.ag" }

// ConnectBase derives the [Connect.BaseURL] from an API's: the host
// toolbox-api.private.fin.ag becomes toolbox-iframe.private.fin.ag. It is an
// error when the host is not of that form.
func ConnectBase(apiBase string) (string, error) {
	u, err := url.Parse(apiBase)
	if err != nil {
		return "", fmt.Errorf("flinks: %w: the API's base: %w", ErrSettings, withoutURL(err))
	}
	label, domain, _ := strings.Cut(u.Host, ".")
	instance, ok := strings.CutSuffix(label, "-api")
	if !ok || instance == "" || domain == "" {
		return "", fmt.Errorf("flinks: %w: %q is not of the form <instance>-api.<domain>", ErrSettings, u.Host)
	}
	return u.Scheme + "://" + instance + "-iframe." + domain + "/v2/", nil
}

// Connect makes the addresses at which a holder meets Flinks Connect, to
// reconnect a login or to answer its bank. An address holds a fresh authorize
// token, so it is a [Secret], for that holder alone. The features Resume and
// Reconnect are switched on by Flinks.
// Sources: flinks-connect/widget, flinks-connect-parameters, resume-and-reconnect.
type Connect struct {
	// BaseURL is the widget's address ([ConnectBase]). Required.
	BaseURL string
	// RedirectURL is where the holder goes after success; Flinks adds loginId
	// and institution to it.
	RedirectURL string
	// Language is "en" or "fr"; empty: Flinks' default.
	Language string
	// CustomerName is shown to the holder.
	CustomerName string
	// Tag comes back in summaries and webhooks.
	Tag string
	// ScheduleRefresh puts a new login on the nightly refresh.
	ScheduleRefresh bool
	// Extra are parameters beyond these.
	Extra url.Values
}

// Reconnect is the address of a full session. The same bank, username and
// language give the same LoginId again; the widget takes no LoginId as input.
func (c Connect) Reconnect(token Secret) (Secret, error) { return c.address("", token) }

// Resume is the address at which a holder answers the challenge of a 203. The
// session dies after 8 minutes without activity, so make it when the holder
// is there.
func (c Connect) Resume(requestID string, token Secret) (Secret, error) {
	if err := checkSegment(requestID); err != nil {
		return "", fmt.Errorf("flinks: %w: the requestId %w", ErrBadID, err)
	}
	return c.address(requestID, token)
}

func (c Connect) address(requestID string, token Secret) (Secret, error) {
	if _, err := checkBase(c.BaseURL); err != nil {
		return "", fmt.Errorf("flinks: %w: the widget's BaseURL: %w", ErrSettings, err)
	}
	q := maps.Clone(c.Extra)
	if q == nil {
		q = url.Values{}
	}
	schedule := ""
	if c.ScheduleRefresh {
		schedule = "true"
	}
	for _, p := range [][2]string{
		{"authorizeToken", token.Reveal()},
		{"requestId", requestID},
		{"redirectUrl", c.RedirectURL},
		{"language", c.Language},
		{"customerName", c.CustomerName},
		{"tag", c.Tag},
		{"scheduleRefresh", schedule},
	} {
		if p[1] != "" {
			q.Set(p[0], p[1])
		}
	}
	return Secret(c.BaseURL + "?" + q.Encode()), nil
}
