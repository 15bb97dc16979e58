package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"nightshift/flinks"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		samples samples
		want    float64
	}{{nil, 0}, {samples{3}, 3}, {samples{9, 1, 3}, 3}, {samples{4, 1, 2, 9}, 3}} {
		if got := c.samples.median(); got != c.want {
			t.Errorf("median of %v: %v, want %v", c.samples, got, c.want)
		}
	}
}

func TestNumber(t *testing.T) {
	for x, want := range map[float64]string{0.5539: "0.554", 12.34: "12.3", 100: "100", 3387: "3,387", 1234567: "1,234,567"} {
		if got := number(x); got != want {
			t.Errorf("%v is written %q, want %q", x, got, want)
		}
	}
}

func TestRatioOfTheMedians(t *testing.T) {
	b := &bench{}
	b.add(figure{Name: "bare", Samples: samples{100, 400, 200}})
	b.add(figure{Name: "ours", Samples: samples{100, 150, 160}, Reference: "bare"})
	if got := b.Figures[1].Ratio; got != 0.75 {
		t.Errorf("ratio %v, want 0.75", got)
	}
	var out bytes.Buffer
	b.print(&out)
	if !strings.Contains(out.String(), "| 100 to 160 | 0.75") {
		t.Errorf("table:\n%s", &out)
	}
}

func TestCurveIsXML(t *testing.T) {
	d := xml.NewDecoder(bytes.NewReader(curve([]night{{Jobs: 10_000, Rate: 3000}, {Jobs: 100_000, Rate: 2900}})))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// The stub's replies are what the client takes for a login with fresh data.
func TestStubAnswersLikeFlinks(t *testing.T) {
	srv := httptest.NewServer(newStub(0))
	defer srv.Close()
	c := &flinks.Client{BaseURL: srv.URL, CustomerID: customer, SecretKey: "secret", APIKey: "key"}
	token, err := c.GenerateAuthorizeToken(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	session, err := c.Authorize(t.Context(), token, flinks.Cached("a-login"))
	if err != nil || !session.OK() || time.Since(session.Login.LastRefresh.Time) > time.Minute {
		t.Fatalf("session %v, %v", session, err)
	}
	detail, err := c.GetAccountsDetail(t.Context(), flinks.AccountsDetailRequest{RequestID: session.RequestID})
	if err != nil {
		t.Fatal(err)
	}
	if accounts, transactions := detail.Counts(); accounts != 1 || transactions != 45 || len(detail.Raw) < 7<<10 || len(detail.Raw) > 9<<10 {
		t.Errorf("%d accounts, %d transactions, %d bytes", accounts, transactions, len(detail.Raw))
	}
	if err := bareJob(srv.Client(), srv.URL, true); err != nil {
		t.Errorf("the reference: %v", err)
	}
}
