package flinks_test

import (
	"net/url"
	"testing"

	"nightshift/flinks"
)

func TestConnect(t *testing.T) {
	widget := flinks.Connect{BaseURL: "https://toolbox-iframe.private.fin.ag/v2/"}
	full := flinks.Connect{
		BaseURL: widget.BaseURL, RedirectURL: "https://bank.test/back?a=b&c", Language: "fr", CustomerName: "Bank & Co", Tag: "t",
		ScheduleRefresh: true, Extra: url.Values{"demo": {"true"}, "requestId": {"mine"}, "authorizeToken": {"mine"}},
	}
	base := widget.BaseURL + "?"
	tests := []struct {
		rule string
		make func() (flinks.Secret, error)
		want string
	}{
		{"reconnect", func() (flinks.Secret, error) { return widget.Reconnect(token) }, base + "authorizeToken=the-token"},
		{"resume", func() (flinks.Secret, error) { return widget.Resume("r", token) }, base + "authorizeToken=the-token&requestId=r"},
		{
			"resume with everything", func() (flinks.Secret, error) { return full.Resume("r&x", "t&k") },
			base + "authorizeToken=t%26k&customerName=Bank+%26+Co&demo=true&language=fr&redirectUrl=https%3A%2F%2Fbank.test%2Fback%3Fa%3Db%26c&requestId=r%26x&scheduleRefresh=true&tag=t",
		},
		{"resume without a requestId", func() (flinks.Secret, error) { return widget.Resume("", token) }, "flinks: bad id: the requestId is empty"},
		{"no base", func() (flinks.Secret, error) { return flinks.Connect{}.Reconnect(token) }, "flinks: bad settings: the widget's BaseURL: it must begin with https:// or http://"},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			got, err := tt.make()
			text := got.Reveal()
			if err != nil {
				text = err.Error()
			}
			if text != tt.want {
				t.Errorf("\n got %s\nwant %s", text, tt.want)
			}
		})
	}
	if _, there := full.Extra["tag"]; there {
		t.Error("Extra was changed")
	}
}

func TestConnectBase(t *testing.T) {
	tests := []struct{ in, want string }{
		{flinks.APIBase("toolbox"), "https://toolbox-iframe.private.fin.ag/v2/"},
		{"https://my-api-api.private.fin.ag/", "https://my-api-iframe.private.fin.ag/v2/"},
		{"http://127.0.0.1:8080", ""},
		{"https://-api.private.fin.ag", ""},
		{"https://toolbox-api", ""},
		{"://", ""},
	}
	for _, tt := range tests {
		got, err := flinks.ConnectBase(tt.in)
		if got != tt.want || (err != nil) != (tt.want == "") {
			t.Errorf("ConnectBase(%q) = %q, %v", tt.in, got, err)
		}
	}
}
