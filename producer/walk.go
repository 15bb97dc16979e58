package producer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// getRequest asks a stream for messages without a consumer: one would take the
// jobs away from the workers, and a work queue allows no second one.
type getRequest struct {
	Seq      uint64 `json:"seq"`                    // the first one that counts
	Subject  string `json:"next_by_subj,omitempty"` // may hold wildcards
	Batch    int    `json:"batch,omitempty"`        // 0: the one with this sequence
	MaxBytes int    `json:"max_bytes,omitempty"`
}

// The most that one request brings. A request for each message would wait for
// the network each time.
const (
	batchMessages = 500
	batchBytes    = 2 << 20
)

// walk reads what a stream holds on a subject, with or without wildcards, in
// the order of the stream. It holds one batch in memory at most.
func walk(ctx context.Context, js jetstream.JetStream, stream, subject string) iter.Seq2[*jetstream.RawStreamMsg, error] {
	return func(yield func(*jetstream.RawStreamMsg, error) bool) {
		req := getRequest{Seq: 1, Subject: subject, Batch: batchMessages, MaxBytes: batchBytes}
		for {
			var batch []*jetstream.RawStreamMsg
			err := patiently(ctx, func(ctx context.Context) (err error) {
				batch, err = getBatch(ctx, js.Conn(), stream, req)
				return err
			})
			if err != nil {
				yield(nil, fmt.Errorf("producer: read stream %s: %w", stream, err))
				return
			}
			for _, m := range batch {
				if !yield(m, nil) {
					return
				}
				req.Seq = m.Sequence + 1
			}
			if len(batch) == 0 {
				return
			}
		}
	}
}

// getOne reads the message with a sequence; nil: there is none, or no longer.
func getOne(ctx context.Context, js jetstream.JetStream, stream string, seq uint64) (m *jetstream.RawStreamMsg, err error) {
	data, err := json.Marshal(getRequest{Seq: seq})
	if err != nil {
		return nil, err
	}
	err = patiently(ctx, func(ctx context.Context) error {
		reply, err := js.Conn().RequestWithContext(ctx, directSubject(stream), data)
		if err == nil {
			m, err = readReply(reply)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("producer: read sequence %d of stream %s: %w", seq, stream, err)
	}
	return m, nil
}

// getBatch asks once, and returns what came, in order.
func getBatch(ctx context.Context, nc *nats.Conn, stream string, req getRequest) ([]*jetstream.RawStreamMsg, error) {
	data, err := json.Marshal(req)
	if err != nil {
		return nil, err
	}
	sub, err := nc.SubscribeSync(nc.NewInbox())
	if err != nil {
		return nil, err
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := nc.PublishRequest(directSubject(stream), sub.Subject, data); err != nil {
		return nil, err
	}
	var all []*jetstream.RawStreamMsg
	for next := req.Seq; ; {
		reply, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			return nil, err
		}
		m, err := readReply(reply)
		if err != nil || m == nil {
			return all, err
		}
		if m.Sequence < next {
			return nil, fmt.Errorf("sequence %d came where %d or a later one was asked for", m.Sequence, next)
		}
		all, next = append(all, m), m.Sequence+1
	}
}

func directSubject(stream string) string { return jetstream.DefaultAPIPrefix + "DIRECT.GET." + stream }

// readReply takes one reply apart; nil: nothing more comes. A stored message
// may have any headers, those of a reply included: the server's own come last.
func readReply(m *nats.Msg) (*jetstream.RawStreamMsg, error) {
	last := func(name string) string {
		if all := m.Header[name]; len(all) > 0 {
			return all[len(all)-1]
		}
		return ""
	}
	if last(jetstream.SequenceHeader) == "" {
		switch status := m.Header.Get("Status"); status {
		case "404", "204": // none, or the end of the batch
			return nil, nil
		default:
			return nil, fmt.Errorf("the server answers %q %s", status, m.Header.Get("Description"))
		}
	}
	seq, err := strconv.ParseUint(last(jetstream.SequenceHeader), 10, 64)
	stamp, terr := time.Parse(time.RFC3339Nano, last(jetstream.TimeStampHeaer))
	if err := errors.Join(err, terr); err != nil {
		return nil, err
	}
	return &jetstream.RawStreamMsg{
		Subject: last(jetstream.SubjectHeader), Sequence: seq, Time: stamp, Header: m.Header, Data: m.Data,
	}, nil
}

// remove deletes one message of a stream. It reports whether it was there.
func remove(ctx context.Context, js jetstream.JetStream, stream jetstream.Stream, seq uint64) (bool, error) {
	err := stream.DeleteMsg(ctx, seq)
	if errors.Is(err, jetstream.ErrMsgDeleteUnsuccessful) {
		// What the server says then depends on where the message would have lain.
		if is, look := gone(ctx, js, stream.CachedInfo().Config.Name, seq); look == nil && is {
			return false, nil
		}
	}
	if err != nil {
		return false, fmt.Errorf("producer: delete sequence %d of stream %s: %w", seq, stream.CachedInfo().Config.Name, err)
	}
	return true, nil
}

// gone asks the leader of a stream: another replica, which might answer a
// direct get, may not know yet of a deletion that the leader knows of.
func gone(ctx context.Context, js jetstream.JetStream, stream string, seq uint64) (bool, error) {
	data, err := json.Marshal(getRequest{Seq: seq})
	if err != nil {
		return false, err
	}
	var answer struct {
		Error *jetstream.APIError `json:"error"`
	}
	err = patiently(ctx, func(ctx context.Context) error {
		reply, err := js.Conn().RequestWithContext(ctx, jetstream.DefaultAPIPrefix+"STREAM.MSG.GET."+stream, data)
		if err == nil {
			err = json.Unmarshal(reply.Data, &answer)
		}
		return err
	})
	return err == nil && answer.Error != nil && answer.Error.ErrorCode == jetstream.JSErrCodeMessageNotFound, err
}
