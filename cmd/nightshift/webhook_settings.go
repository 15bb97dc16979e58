package main

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/pflag"

	"nightshift/flinks"
)

// webhookSettings say how Flinks' pushes are taken in.
type webhookSettings struct {
	Secret Secret // Signs every push.
	Header string // Holds the signature.
	Path   string
}

func (s *webhookSettings) Register(fs *pflag.FlagSet) {
	declareFile(fs, &s.Secret, "webhook-secret", "", secret(),
		"the secret that Flinks signs its pushes with")
	declare(fs, &s.Header, "webhook-header", flinks.HeaderSignature, headerName(),
		"the header of a push that holds its signature")
	declare(fs, &s.Path, "webhook-path", "/flinks", urlPath(),
		"the path that Flinks pushes to")
}

// complete refuses to begin without what every push needs: a secret, and the
// stores that the workers use.
func (s *webhookSettings) complete(stores *storeSettings) error {
	switch {
	case s.Secret == "":
		return usageError("--webhook-secret is missing (or %s): without it anybody could push", variable("webhook-secret"))
	case stores.NATSURL == "":
		return usageError("--nats-url is missing (or %s): pushes wake jobs that wait in the workers' NATS", variable("nats-url"))
	case stores.RedisURL == "":
		return usageError("--redis-url is missing (or %s): the logins' records are in the workers' Redis", variable("redis-url"))
	}
	return nil
}

// urlPath takes the path of a URL, without a query.
func urlPath() form[string] {
	return form[string]{
		kind: "path",
		parse: func(s string) (string, error) {
			u, err := url.Parse(s)
			if err != nil || u.Path != s || !strings.HasPrefix(s, "/") {
				return "", fmt.Errorf("%q is no path: write it like /flinks", s)
			}
			return s, nil
		},
		show: func(s string) string { return s },
	}
}

// headerName takes the name of an HTTP header.
func headerName() form[string] {
	return form[string]{
		kind: "name",
		parse: func(s string) (string, error) {
			if s == "" || strings.ContainsFunc(s, func(r rune) bool {
				return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
			}) {
				return "", fmt.Errorf("%q is no name of a header: write it like %s", s, flinks.HeaderSignature)
			}
			return s, nil
		},
		show: func(s string) string { return s },
	}
}
