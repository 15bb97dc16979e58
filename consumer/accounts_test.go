package consumer_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"nightshift/consumer"
	"nightshift/flinks"
	"nightshift/flinks/flinkstest"
	"nightshift/producer/event"
)

// kept is an object as the store holds it.
type kept struct {
	LoginID        string          `json:"loginId"`
	Cycle          string          `json:"cycle"`
	AccountsDetail json.RawMessage `json:"accountsDetail"`
	Attributes     json.RawMessage `json:"attributes"`
}

// fetch reads accounts as a subscriber does: the last message of a subject, or
// an object, whose digest the client's own object store checks.
func (r *rig) fetch(at event.Accounts) []byte {
	r.Helper()
	if at.Bucket == event.BucketAccounts && at.Stream == "" {
		data, err := r.accounts.GetBytes(r.Context(), at.Object)
		if err != nil {
			r.Fatal(err)
		}
		return data
	}
	stream, err := r.js.Stream(r.Context(), at.Stream)
	if err != nil || at.Bucket != "" {
		r.Fatalf("accounts at %+v: %v", at, err)
	}
	msg, err := stream.GetLastMsgForSubject(r.Context(), at.Subject)
	if err != nil {
		r.Fatal(err)
	}
	return msg.Data
}

// read fetches the outcome's accounts, and holds them against what it says.
func (r *rig) read(o event.Outcome) kept {
	r.Helper()
	if o.Accounts == nil {
		r.Fatalf("outcome %s has no accounts", o.ID())
	}
	data := r.fetch(*o.Accounts)
	sum := sha256.Sum256(data)
	if digest := "SHA-256=" + base64.URLEncoding.EncodeToString(sum[:]); digest != o.Accounts.Digest || uint64(len(data)) != o.Accounts.Size {
		r.Errorf("accounts are %s, %d bytes; the outcome says %+v", digest, len(data), *o.Accounts)
	}
	var k kept
	if err := json.Unmarshal(data, &k); err != nil {
		r.Fatal(err)
	}
	return k
}

// inMessages counts the logins whose accounts are messages.
func (r *rig) inMessages() int { r.Helper(); return len(r.messages(event.StreamAccounts)) }

// chunks counts the messages that hold data in the object store.
func (r *rig) chunks() (n int) {
	r.Helper()
	for _, m := range r.messages("OBJ_" + event.BucketAccounts) {
		if strings.Contains(m.Subject, ".C.") {
			n++
		}
	}
	return n
}

// asked is GetAccountsDetail's body as Flinks sends it now.
func (r *rig) asked(loginID string, days string) []byte {
	r.Helper()
	token, err := r.client.GenerateAuthorizeToken(r.Context())
	if err != nil {
		r.Fatal(err)
	}
	session, err := r.client.Authorize(r.Context(), token, flinks.Cached(loginID))
	if err != nil {
		r.Fatal(err)
	}
	detail, err := r.client.GetAccountsDetail(r.Context(), flinks.AccountsDetailRequest{
		RequestID: session.RequestID, WithTransactions: days != "", DaysOfTransactions: days,
	})
	if err != nil {
		r.Fatal(err)
	}
	// Two sessions differ in their id only.
	return bytes.ReplaceAll(detail.Raw, []byte(session.RequestID), []byte("SESSION"))
}

func TestAccounts(t *testing.T) {
	t.Run("they are what Flinks sent", func(t *testing.T) {
		bubble(t, func(r *rig) {
			r.sim.Add(flinkstest.Login{ID: "login-1", LastRefresh: night.Add(-time.Hour), Accounts: 3, Transactions: 20})
			r.publish(nightly("login-1", func(j *event.Job) { j.Options = event.Options{DaysOfTransactions: 90, Attributes: "Income"} }))
			r.run(time.Minute)
			o := r.only()
			k := r.read(o)
			if o.Accounts.Subject != "refresh.accounts.login-1" || r.chunks() != 0 {
				t.Errorf("they lie at %+v", *o.Accounts)
			}
			if k.LoginID != "login-1" || k.Cycle != o.Cycle || len(k.Attributes) == 0 {
				t.Errorf("object of %s, cycle %s, attributes %d bytes", k.LoginID, k.Cycle, len(k.Attributes))
			}
			got := bytes.ReplaceAll(k.AccountsDetail, []byte(o.RequestID), []byte("SESSION"))
			diff(t, "accounts", string(bytes.TrimSpace(r.asked("login-1", flinks.Days90))), string(got))
		})
	})
	t.Run("large ones are written in chunks, and whatever the next refresh brings replaces them", func(t *testing.T) {
		bubble(t, func(r *rig) {
			login := flinkstest.Login{ID: "login-1", LastRefresh: night.Add(-time.Hour), Accounts: 2, Transactions: 6000}
			r.sim.Add(login)
			whole := func(j *event.Job) { j.Options.DaysOfTransactions = 365 }
			r.publish(nightly("login-1", whole))
			stop := r.start(r.worker("w"))
			defer stop()
			r.drain(time.Minute)
			first := r.only()
			if want := int(first.Accounts.Size+128<<10-1) / (128 << 10); want < 5 || r.chunks() != want {
				t.Errorf("%d bytes in %d chunks, want %d", first.Accounts.Size, r.chunks(), want)
			}
			r.read(first)

			login.Transactions = 3
			r.sim.Add(login)
			r.publish(nightly("login-1", whole, func(j *event.Job) { j.Cycle = "2000-01-02" }))
			r.drain(time.Minute)
			second := r.outcomes()[1]
			if k := r.read(second); k.Cycle != "2000-01-02" || second.Accounts.Stream != event.StreamAccounts {
				t.Errorf("the accounts are of cycle %s, at %+v", k.Cycle, *second.Accounts)
			}
		})
	})
	t.Run("there is one of each login, whichever it is", func(t *testing.T) {
		bubble(t, func(r *rig) {
			for _, text := range []string{"one", "two", strings.Repeat("three", 200_000), strings.Repeat("four", 200_000), "five"} {
				ref, err := r.keep.Put(r.Context(), "login-1", []byte(text))
				if err != nil {
					r.Fatal(err)
				}
				if got := string(r.fetch(ref)); got != text {
					t.Errorf("got %.9s, want %.9s", got, text)
				}
			}
			if m, c := r.inMessages(), r.chunks(); m != 1 || c != 7 {
				t.Errorf("%d messages, %d chunks", m, c)
			}
		})
	})
	t.Run("an object can be deleted, and comes back with the next refresh", func(t *testing.T) {
		bubble(t, func(r *rig) {
			for _, text := range []string{strings.Repeat("one", 1<<18), strings.Repeat("two", 1<<18)} {
				ref, err := r.keep.Put(r.Context(), "login-1", []byte(text))
				if err != nil {
					r.Fatal(err)
				}
				if got := string(r.fetch(ref)); got != text {
					t.Errorf("object is %.9s", got)
				}
				if err := r.accounts.Delete(r.Context(), ref.Object); err != nil {
					t.Error(err)
				}
				if _, err := r.accounts.GetInfo(r.Context(), ref.Object); !errors.Is(err, jetstream.ErrObjectNotFound) {
					t.Errorf("after the deletion: %v", err)
				}
			}
		})
	})
	t.Run("a worker without a store tells no reference", func(t *testing.T) {
		bubble(t, func(r *rig) {
			r.sim.Add(flinkstest.Login{ID: "login-1", LastRefresh: night.Add(-time.Hour)})
			r.publish(nightly("login-1"))
			r.run(time.Minute, func(w *consumer.Worker) { w.Accounts = nil })
			if o := r.only(); o.Accounts != nil || o.Counts.Accounts != 1 {
				t.Errorf("outcome %+v", o)
			}
			if n := r.chunks() + r.inMessages(); n != 0 {
				t.Errorf("%d messages in the stores", n)
			}
		})
	})
	t.Run("only a refresh keeps accounts", func(t *testing.T) {
		bubble(t, func(r *rig) {
			r.sim.Add(flinkstest.Login{ID: "login-1", Last: flinkstest.Answer{FlinksCode: "INVALID_PASSWORD"}})
			r.publish(nightly("login-1"))
			r.run(time.Minute)
			if o := r.only(); o.Accounts != nil || r.chunks()+r.inMessages() != 0 {
				t.Errorf("outcome %+v, %d chunks, %d messages", o, r.chunks(), r.inMessages())
			}
		})
	})
}

// private finds in accounts what must not be seen elsewhere.
var private = regexp.MustCompile(`"(AccountNumber|TransitNumber|Name|Email|PhoneNumber|CivicAddress|Description|Title)":"([^"]{6,})"`)

// standsIn reports whether the word stands in the text by itself: the digits
// of an account number may well be part of an id or of a time.
func standsIn(text, word string) bool {
	if !strings.Contains(text, word) {
		return false
	}
	return regexp.MustCompile(`(^|[^0-9A-Za-z.])` + regexp.QuoteMeta(word) + `($|[^0-9A-Za-z])`).MatchString(text)
}

// TestNothingPersonal searches everything that a mixed night leaves behind,
// but the accounts themselves, for what is in them and for our secrets.
func TestNothingPersonal(t *testing.T) {
	bubble(t, func(r *rig) {
		logins := flinkstest.Population(60, 9, flinkstest.Mix{}, night)
		r.sim.Add(logins...)
		var jobs []event.Job
		for _, l := range logins {
			jobs = append(jobs, nightly(l.ID, func(j *event.Job) { j.Options.DaysOfTransactions = 90 }))
		}
		r.publish(jobs...)
		if _, err := r.js.Publish(r.Context(), "refresh.job.x.nightly.ready", []byte("no job")); err != nil {
			r.Fatal(err)
		}
		debug := func(w *consumer.Worker) { w.Log = r.debugLog() }
		stop := r.start(r.worker("w", debug))
		time.Sleep(20 * time.Second)
		var seen strings.Builder // what lies in the stream while the night runs
		for _, m := range r.messages(event.StreamJobs) {
			seen.WriteString(m.Subject + string(m.Data))
		}
		r.drain(8 * time.Hour)
		stop()

		for _, stream := range []string{event.StreamOutcomes, event.StreamDead} {
			for _, m := range r.messages(stream) {
				seen.WriteString(m.Subject + string(m.Data))
				for k, v := range m.Header {
					seen.WriteString(k + strings.Join(v, " "))
				}
			}
		}
		seen.WriteString(r.log.String())
		text := seen.String()

		secrets := map[string]string{flinkstest.DefaultSecretKey: "secret key", flinkstest.DefaultAPIKey: "API key"}
		for _, l := range logins {
			secrets[l.Username] = "user name"
		}
		words := len(secrets)
		for _, o := range r.outcomes() {
			if o.Accounts == nil {
				continue
			}
			for _, m := range private.FindAllSubmatch(r.read(o).AccountsDetail, -1) {
				secrets[string(m[2])] = string(m[1])
			}
		}
		if len(secrets) < words+50 {
			t.Fatalf("only %d words of accounts to search for", len(secrets)-words)
		}
		for word, what := range secrets {
			if standsIn(text, word) {
				t.Errorf("%s %q is in a message or in the log", what, word)
			}
		}
	})
}
