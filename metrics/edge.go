package metrics

import (
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Edge counts what the data plane does. Safe for concurrent use.
type Edge struct {
	requests byClass[*labelled]
	duration byClass[prometheus.Observer]
	bytes    prometheus.Counter
	inFlight prometheus.Gauge
	l1       *labelled
	lookups  *labelled
	redeems  *labelled
	secrets  *labelled
	confirms *labelled
	rooms    [Rooms]prometheus.Observer
	store    map[bool]prometheus.Observer // by whether the read began
	panics   prometheus.Counter
	purges   prometheus.Counter
	unnamed  prometheus.Counter
}

// Rooms is how many rooms a request passes, see RoomNames.
const Rooms = 8

// RoomNames are the rooms in the order in which a request passes them.
var RoomNames = [Rooms]string{"admit", "claim", "lookup", "plan", "read", "redeem", "send", "tally"}

// byClass holds something for each class of statuses, 1xx at 1 to 5xx at 5.
type byClass[T any] [6]T

func forClasses[T any](make func(class string) T) (all byClass[T]) {
	for i := range all {
		all[i] = make(strconv.Itoa(i) + "xx")
	}
	return all
}

// of returns the status's; one outside all classes counts as 0xx.
func (all *byClass[T]) of(status int) T {
	if class := status / 100; class > 0 && class < len(all) {
		return all[class]
	}
	return all[0]
}

// labelled is a family of counters that differ in one label. Each is looked up in
// the family once: a request passes five of them, and the values are so few that
// going through them is the fastest way to one.
type labelled struct {
	family *prometheus.CounterVec
	adding sync.Mutex
	known  atomic.Pointer[[]bound] // replaced, never changed
}

type bound struct {
	value   string
	counter prometheus.Counter
}

func (l *labelled) inc(value string) { l.of(value).Inc() }

func (l *labelled) of(value string) prometheus.Counter {
	if known := l.known.Load(); known != nil {
		for i := range *known {
			if (*known)[i].value == value {
				return (*known)[i].counter
			}
		}
	}
	l.adding.Lock()
	defer l.adding.Unlock()
	counter := l.family.WithLabelValues(value)
	all := []bound{{value, counter}}
	if known := l.known.Load(); known != nil {
		all = append(slices.Clone(*known), all...) // perhaps twice, which does no harm
	}
	l.known.Store(&all)
	return counter
}

// NewEdge registers the data plane's metrics. It panics if the registry has
// them already: one edge per registry.
func NewEdge(r *Registry) *Edge {
	auto := promauto.With(r)
	requests := auto.NewCounterVec(prometheus.CounterOpts{
		Name: "rawlink_edge_requests_total",
		Help: "Requests that ended, by status class and by how they ended.",
	}, []string{"status", "outcome"})
	duration := auto.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "rawlink_edge_request_seconds",
		Help:    "Time from a request's arrival to the end of its body, in seconds.",
		Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5, 30, 300},
	}, []string{"status"})
	rooms := auto.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "rawlink_edge_room_seconds",
		Help:    "Time in each room that a request passed, of one request in 16, chosen at random, and of each that is traced.",
		Buckets: []float64{.000001, .00001, .0001, .001, .005, .01, .025, .05, .1, .25, .5, 1, 5, 30, 300},
	}, []string{"room"})
	store := auto.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "rawlink_edge_store_seconds",
		Help:    "Time until a read of the object store began to answer, by outcome.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 15},
	}, []string{"outcome"})
	m := &Edge{
		requests: forClasses(func(class string) *labelled {
			return &labelled{family: requests.MustCurryWith(prometheus.Labels{"status": class})}
		}),
		duration: forClasses(func(class string) prometheus.Observer { return duration.WithLabelValues(class) }),
		bytes: auto.NewCounter(prometheus.CounterOpts{
			Name: "rawlink_edge_sent_bytes_total",
			Help: "Body bytes of files handed to clients' connections.",
		}),
		inFlight: auto.NewGauge(prometheus.GaugeOpts{
			Name: "rawlink_edge_in_flight_requests",
			Help: "Requests whose body has not ended.",
		}),
		l1: counters(r, "rawlink_edge_l1_lookups_total",
			"Look-ups in the process's own record cache, by outcome.", "outcome", "hit", "miss", "stale"),
		lookups: counters(r, "rawlink_edge_record_lookups_total",
			"Records found, by where; or error.", "source", "l1", "l2", "origin", "stale", "error"),
		redeems: counters(r, "rawlink_edge_redeems_total",
			"Requests for bytes, by how they were paid for.", "outcome", "counted", "leased", "granted", "probe", "gone", "unavailable", "error"),
		secrets: counters(r, "rawlink_edge_passwords_total",
			"Requests for shares whose password is enforced, by what came of it.", "outcome",
			"remembered", "grant", "right", "missing", "wrong", "address_limit", "share_limit", "unproved"),
		confirms: counters(r, "rawlink_edge_confirmations_total",
			"Requests for shares that are to be confirmed, by what came of it.", "outcome", "grant", "missing", "given"),
		purges: auto.NewCounter(prometheus.CounterOpts{
			Name: "rawlink_edge_purges_total",
			Help: "Purged objects whose bytes were removed from this edge, or would have been.",
		}),
		unnamed: auto.NewCounter(prometheus.CounterOpts{
			Name: "rawlink_edge_unnamed_clients_total",
			Help: "Requests of a trusted proxy that named no client: they have no limit per client.",
		}),
		panics: auto.NewCounter(prometheus.CounterOpts{
			Name: "rawlink_edge_panics_total",
			Help: "Requests that ended in a recovered panic. Any is a defect.",
		}),
	}
	for i, name := range RoomNames {
		m.rooms[i] = rooms.WithLabelValues(name)
	}
	m.store = map[bool]prometheus.Observer{true: store.WithLabelValues("ok"), false: store.WithLabelValues("error")}
	m.requests.of(500).of("failed") // so that the first failure is an increase, too
	return m
}

// counters registers a family that begins with these values at 0, the commonest
// first: what is scraped before something happened for the first time makes that
// an increase.
func counters(r *Registry, name, help, label string, values ...string) *labelled {
	l := &labelled{family: promauto.With(r).NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})}
	for _, value := range slices.Backward(values) { // the last added is found first
		l.of(value)
	}
	return l
}

// Begin notes that a request has arrived. Each Begin is followed by one End.
func (m *Edge) Begin() { m.inFlight.Inc() }

// End notes that a request's outcome is known.
func (m *Edge) End(status int, outcome string, bytes int64, took time.Duration) {
	m.inFlight.Dec()
	m.requests.of(status).inc(outcome)
	m.duration.of(status).Observe(took.Seconds())
	m.bytes.Add(float64(bytes))
}

// L1 notes what a look-up in the record cache found.
func (m *Edge) L1(outcome string) { m.l1.inc(outcome) }

// Lookup notes where a record came from.
func (m *Edge) Lookup(source string) { m.lookups.inc(source) }

// Redeem notes how a request for bytes was paid for.
func (m *Edge) Redeem(outcome string) { m.redeems.inc(outcome) }

// Password notes what came of asking for a share's password.
func (m *Edge) Password(outcome string) { m.secrets.inc(outcome) }

// Confirm notes what came of asking for a confirmation.
func (m *Edge) Confirm(outcome string) { m.confirms.inc(outcome) }

// Room notes how long a request was in a room, by its place in RoomNames.
func (m *Edge) Room(room int, took time.Duration) { m.rooms[room].Observe(took.Seconds()) }

// Store notes how long the object store took to begin its answer.
func (m *Edge) Store(began bool, took time.Duration) { m.store[began].Observe(took.Seconds()) }

// Panic notes a recovered panic.
func (m *Edge) Panic() { m.panics.Inc() }

// Unnamed notes a request whose client a trusted proxy did not name.
func (m *Edge) Unnamed() { m.unnamed.Inc() }

// Purge notes that a purged object's bytes were removed.
func (m *Edge) Purge() { m.purges.Inc() }
