package chaos

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// Network makes paths whose faults can be chosen. It is toxiproxy in process.
type Network struct {
	server *toxiproxy.ApiServer
}

// NewNetwork returns a network without paths.
func NewNetwork() *Network {
	registerLoss()
	return &Network{server: toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())}
}

// Path is a way for TCP connections from Addr to a server. Its methods are for
// one goroutine at a time.
type Path struct {
	Addr  string
	tb    testing.TB
	proxy *toxiproxy.Proxy
	up    bool
	count int // of toxics, names them
	names []string
}

// Path opens a path to upstream, host:port, that ends with the test.
func (n *Network) Path(tb testing.TB, upstream string) *Path {
	tb.Helper()
	p := &Path{tb: tb, proxy: toxiproxy.NewProxy(n.server, "path", "127.0.0.1:0", upstream)}
	p.Up()
	p.Addr = p.proxy.Listen
	tb.Cleanup(p.Down)
	return p
}

// Up lets connections in again, after Down.
func (p *Path) Up() {
	if p.up {
		return
	}
	if err := p.proxy.Start(); err != nil {
		p.tb.Errorf("open path: %v", err)
		return
	}
	p.up = true
}

// Down closes every connection and refuses new ones.
func (p *Path) Down() {
	if p.up {
		p.proxy.Stop()
		p.up = false
	}
}

// Cut closes every connection; new ones are let in.
func (p *Path) Cut() { p.Down(); p.Up() }

// Lead makes the path end at another server; its connections are closed.
func (p *Path) Lead(upstream string) {
	p.Down()
	p.proxy.Upstream = upstream
	p.Up()
}

// BlackHole swallows what is sent in either direction and closes nothing.
func (p *Path) BlackHole() {
	p.toxic("timeout", "upstream", `"timeout":0`)
	p.toxic("timeout", "downstream", `"timeout":0`)
}

// DropReplies lets everything reach the server and nothing come back.
func (p *Path) DropReplies() { p.toxic("timeout", "downstream", `"timeout":0`) }

// Delay adds a round-trip time.
func (p *Path) Delay(rtt time.Duration) {
	half := fmt.Sprintf(`"latency":%d`, rtt.Milliseconds()/2)
	p.toxic("latency", "upstream", half)
	p.toxic("latency", "downstream", half)
}

// Lose loses this share of the packets in either direction; see lossToxic.
func (p *Path) Lose(share float64) {
	p.toxic("loss", "upstream", fmt.Sprintf(`"share":%g`, share))
	p.toxic("loss", "downstream", fmt.Sprintf(`"share":%g`, share))
}

// Heal ends all of these. Connections that lost bytes are closed by it.
func (p *Path) Heal() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, name := range p.names {
		if err := p.proxy.Toxics.RemoveToxic(ctx, name); err != nil {
			p.tb.Errorf("heal path: %v", err)
		}
	}
	p.names = nil
	p.Up()
}

func (p *Path) toxic(kind, stream, attributes string) {
	p.count++
	name := fmt.Sprintf("%s-%d", kind, p.count)
	text := fmt.Sprintf(`{"name":%q,"type":%q,"stream":%q,"toxicity":1,"attributes":{%s}}`, name, kind, stream, attributes)
	if _, err := p.proxy.Toxics.AddToxicJson(strings.NewReader(text)); err != nil {
		p.tb.Errorf("add %s: %v", kind, err)
		return
	}
	p.names = append(p.names, name)
}
