package chaos

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/Shopify/toxiproxy/v2/toxics"
)

// lossToxic does to a TCP stream what a network that loses packets does: no byte
// is missing in the end, but what was lost comes only when TCP sends it again,
// 200 ms later, 400 ms after that if it is lost once more, and so on; everything
// behind it waits.
type lossToxic struct {
	Share float64 `json:"share"` // of the packets, 0 to 1
}

// resendAfter is Linux's least retransmission timeout.
const resendAfter = 200 * time.Millisecond

func (t *lossToxic) delay() (d time.Duration) {
	for wait := resendAfter; rand.Float64() < t.Share && wait < 10*time.Second; wait *= 2 {
		d += wait
	}
	return d
}

// GetBufferSize implements toxics.BufferedToxic: a sender is not held up.
func (t *lossToxic) GetBufferSize() int { return 1024 }

// Pipe implements toxics.Toxic.
func (t *lossToxic) Pipe(stub *toxics.ToxicStub) {
	for {
		select {
		case <-stub.Interrupt:
			return
		case chunk := <-stub.Input:
			if chunk == nil {
				stub.Close()
				return
			}
			wait := time.NewTimer(t.delay())
			select {
			case <-wait.C:
				stub.Output <- chunk
			case <-stub.Interrupt:
				wait.Stop()
				stub.Output <- chunk
				return
			}
		}
	}
}

var registered sync.Once // toxiproxy's list of toxics is its package's own

func registerLoss() { registered.Do(func() { toxics.Register("loss", new(lossToxic)) }) }
