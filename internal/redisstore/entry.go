package redisstore

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"rawlink/internal/share"
)

// entry is one element of the bus's stream, as read.
type entry struct {
	id, before, history string
	events              []share.Event // unless a tick
	tick                tick          // zero unless a tick
}

// tick is a sign of life of one origin.
type tick struct {
	origin string
	number int64 // 1, 2, 3, … while each is acknowledged
}

// parseEntry reads an entry. The links id, before and history are valid also
// beside an error.
func parseEntry(m redis.XMessage) (entry, error) {
	text := func(field string) string { s, _ := m.Values[field].(string); return s }
	e := entry{id: m.ID, before: text(fieldBefore), history: text(fieldHistory)}
	var err error
	if t := text(fieldTick); t != "" {
		e.tick, err = parseTick(t)
	} else {
		e.events, err = parseEvents(text(fieldEvents))
	}
	return e, err
}

func parseTick(text string) (tick, error) {
	origin, number, _ := strings.Cut(text, " ")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || origin == "" || n < 1 {
		return tick{}, errors.New("bus: malformed tick")
	}
	return tick{origin, n}, nil
}

// encodeEvents writes events as "hash:version", separated by spaces.
func encodeEvents(events []share.Event) string {
	var b strings.Builder
	for i, e := range events {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(e.Hash.String())
		b.WriteByte(':')
		b.WriteString(strconv.FormatInt(e.Version, 10))
	}
	return b.String()
}

// parseEvents reads what encodeEvents wrote: all of it, or an error.
func parseEvents(text string) ([]share.Event, error) {
	var events []share.Event
	for word := range strings.SplitSeq(text, " ") {
		hash, version, _ := strings.Cut(word, ":")
		h, err := share.ParseHash(hash)
		if err != nil {
			return nil, fmt.Errorf("bus: malformed event: %w", err)
		}
		v, err := strconv.ParseInt(version, 10, 64)
		if err != nil {
			return nil, errors.New("bus: malformed event version")
		}
		events = append(events, share.Event{Hash: h, Version: v})
	}
	return events, nil
}

// position is a place in the stream: a stream id, milliseconds and sequence.
type position struct{ ms, seq uint64 }

func parsePosition(id string) (position, error) {
	ms, seq, _ := strings.Cut(id, "-")
	m, err1 := strconv.ParseUint(ms, 10, 64)
	s, err2 := strconv.ParseUint(seq, 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		return position{}, errors.New("bus: malformed stream id")
	}
	return position{m, s}, nil
}

// before reports whether p is an earlier place than q.
func (p position) before(q position) bool {
	return p.ms < q.ms || p.ms == q.ms && p.seq < q.seq
}
