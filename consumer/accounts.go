package consumer

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"nightshift/producer/event"
)

// chunkSize is the object store's own default.
const chunkSize = 128 << 10

// largestMessage is what is kept as one message, bytes; a server may allow
// less. NATS takes 1 MiB as a rule, and prefers far less than that.
const largestMessage = 512 << 10

// Accounts writes the accounts of a refresh: one message per login in the
// stream [event.StreamAccounts], which replaces the one before it, all in one
// request. What is too large for a message goes to the object store
// [event.BucketAccounts], one object per login, in the form that NATS ADR-20
// lays down; any object store client reads them.
//
// It does not use the client's own Put: that opens a publisher for each
// object and, when the object is small, may leave its goroutine behind for
// ever (measured with nats.go 1.55.0: 29 of 6,400). A worker writes millions.
type Accounts struct {
	js     jetstream.JetStream
	stream jetstream.Stream
}

// OpenAccounts looks the object store up, which producer.Setup has created.
func OpenAccounts(ctx context.Context, js jetstream.JetStream) (*Accounts, error) {
	stream, err := js.Stream(ctx, "OBJ_"+event.BucketAccounts)
	if err != nil {
		return nil, fmt.Errorf("consumer: object store %s: %w", event.BucketAccounts, err)
	}
	return &Accounts{js: js, stream: stream}, nil
}

// object is an object's description, as it lies in the store.
type object struct {
	Name    string `json:"name"`
	Options struct {
		ChunkSize int `json:"max_chunk_size"`
	} `json:"options"`
	Bucket string `json:"bucket"`
	NUID   string `json:"nuid"`
	Size   uint64 `json:"size"`
	Chunks int    `json:"chunks"`
	Digest string `json:"digest"`
}

// Put replaces the login's accounts. A reader sees the old ones or the new
// ones. What lies in the other place, from a refresh of another size, is no
// longer referred to and expires there.
func (a *Accounts) Put(ctx context.Context, loginID string, data []byte) (event.Accounts, error) {
	sum := sha256.Sum256(data)
	digest := "SHA-256=" + base64.URLEncoding.EncodeToString(sum[:])
	if len(data) > a.largest() {
		return a.putObject(ctx, object{Name: loginID, Size: uint64(len(data)), Digest: digest}, data)
	}
	at := event.Accounts{Stream: event.StreamAccounts, Subject: event.AccountsSubject(loginID), Digest: digest, Size: uint64(len(data))}
	if _, err := a.js.Publish(ctx, at.Subject, data); err != nil {
		return event.Accounts{}, fmt.Errorf("consumer: write accounts: %w", err)
	}
	return at, nil
}

// largest is what one message holds on this server, with room for its headers.
func (a *Accounts) largest() int {
	return min(largestMessage, int(a.js.Conn().MaxPayload())-4<<10)
}

// putObject replaces the login's object: chunks of a new name are written
// first, then the description, which counts, and the old chunks are removed
// last.
func (a *Accounts) putObject(ctx context.Context, o object, data []byte) (event.Accounts, error) {
	old, err := a.describe(ctx, o.Name)
	if err != nil {
		return event.Accounts{}, err
	}
	o.Bucket, o.NUID = event.BucketAccounts, rand.Text()
	o.Options.ChunkSize = chunkSize
	for rest := data; len(rest) > 0; o.Chunks++ {
		n := min(len(rest), chunkSize)
		if _, err := a.js.Publish(ctx, chunkSubject(o.NUID), rest[:n]); err != nil {
			return event.Accounts{}, fmt.Errorf("consumer: write accounts: %w", err)
		}
		rest = rest[n:]
	}
	if err := a.putDescription(ctx, o); err != nil {
		return event.Accounts{}, err
	}
	if old.NUID != "" {
		if err := a.stream.Purge(ctx, jetstream.WithPurgeSubject(chunkSubject(old.NUID))); err != nil {
			return event.Accounts{}, fmt.Errorf("consumer: remove old accounts: %w", err)
		}
	}
	return event.Accounts{Bucket: o.Bucket, Object: o.Name, Digest: o.Digest, Size: o.Size}, nil
}

// describe reads what is in the login's place; the zero object: nothing.
func (a *Accounts) describe(ctx context.Context, loginID string) (object, error) {
	var o object
	raw, err := a.stream.GetLastMsgForSubject(ctx, descriptionSubject(loginID))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return o, nil
	}
	if err != nil {
		return o, fmt.Errorf("consumer: look up accounts: %w", err)
	}
	if err := json.Unmarshal(raw.Data, &o); err != nil {
		return object{}, nil //nolint:nilerr // not ours; it is replaced
	}
	return o, nil
}

// putDescription replaces the one before it.
func (a *Accounts) putDescription(ctx context.Context, o object) error {
	data, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("consumer: encode description: %w", err)
	}
	msg := nats.NewMsg(descriptionSubject(o.Name))
	msg.Data = data
	msg.Header.Set(jetstream.MsgRollup, jetstream.MsgRollupSubject)
	if _, err := a.js.PublishMsg(ctx, msg); err != nil {
		return fmt.Errorf("consumer: write accounts: %w", err)
	}
	return nil
}

func chunkSubject(nuid string) string { return "$O." + event.BucketAccounts + ".C." + nuid }

func descriptionSubject(name string) string {
	return "$O." + event.BucketAccounts + ".M." + base64.URLEncoding.EncodeToString([]byte(name))
}
