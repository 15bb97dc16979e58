package main

import "github.com/spf13/pflag"

// connectSettings say what Flinks Connect looks like to an account holder.
type connectSettings struct {
	URL          Address // Empty: derived from Flinks' API.
	RedirectURL  Address // Where the holder goes afterwards; empty: Flinks' own page.
	Language     string  // Empty: Flinks' default.
	CustomerName string  // As the holder knows you; empty: not shown.
}

func (s *connectSettings) Register(fs *pflag.FlagSet) {
	declare(fs, &s.URL, "connect-url", "", address("https", "http"),
		"Flinks Connect, such as https://{instance}-iframe.private.fin.ag/v2/; empty: derived from --flinks-url")
	declare(fs, &s.RedirectURL, "connect-redirect-url", "", address("https", "http"),
		"where the account holder goes afterwards; empty: nowhere")
	declare(fs, &s.Language, "connect-language", "", language(),
		"language of Flinks Connect; empty: Flinks' default")
	declare(fs, &s.CustomerName, "connect-customer-name", "", text(),
		"the name that Flinks Connect shows to the account holder; empty: none")
}

// language takes one of Connect's languages, or none.
func language() form[string] {
	f := choice("en", "fr")
	named := f.parse
	f.parse = func(s string) (string, error) {
		if s == "" {
			return "", nil
		}
		return named(s)
	}
	return f
}
