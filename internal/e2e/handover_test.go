package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"rawlink/internal/testsystem"
)

// TestHandOver replaces edges and origin time and again while they are loaded. No
// request fails, no body is cut, no cap is passed, no count is lost and no slice is
// damaged.
func TestHandOver(t *testing.T) {
	for name, setup := range testsystem.Setups() {
		t.Run(name, func(t *testing.T) {
			s := setup(t, "LIMIT_SHARES=0", "EDGE_MAX_PER_CLIENT=4096")
			l := loadOf(t, s)
			stop := l.begin(t)
			for round := range handOvers {
				time.Sleep(500 * time.Millisecond)
				for _, p := range s.Programs() {
					p.HandOver()
				}
				t.Logf("round %d: %d requests so far", round, l.answered.Load())
			}
			time.Sleep(500 * time.Millisecond)
			stop()
			l.judge(t)
		})
	}
}

// TestFailedHandOver: a successor that can't start costs nothing. One that may, once
// its configuration is mended, takes over.
func TestFailedHandOver(t *testing.T) {
	t.Parallel()
	config := filepath.Join(t.TempDir(), "rawlink.yaml")
	write := func(text string) {
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("edge:\n  max_age: 30m\n")
	s := testsystem.Embedded(t, "CONFIG="+config)
	c := s.Client()
	_, path := c.Share(t, c.CleanFile(t, c.Space(t), "a", "text/plain", text(t)), nil)
	maxAge := func() string {
		response, _, err := testsystem.Fetch(t, "GET", s.Files[0]+path)
		if err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("%v, %v", response, err)
		}
		return response.Header.Get("Cache-Control")
	}
	before, pid := maxAge(), s.Origin.PID()
	write("edge:\n  max_age: soon\n")
	s.Origin.Signal(syscall.SIGUSR2)
	testsystem.Until(t, 30*time.Second, "word of the failure", func() error {
		if log := s.Origin.Stderr(); !strings.Contains(log, "not handed over") || !strings.Contains(log, "edge_max_age: want a duration") {
			return errors.New("none in the log")
		}
		return nil
	})
	if after := maxAge(); after != before || s.Origin.PID() != pid {
		t.Errorf("Cache-Control was %q and is %q; want nothing changed", before, after)
	}
	write("edge:\n  max_age: 10m\n")
	s.Origin.HandOver()
	testsystem.Until(t, 30*time.Second, "the new configuration", func() error {
		if now := maxAge(); !strings.Contains(now, "max-age=600") {
			return errors.New(now)
		}
		return nil
	})
}

// starvation is how late a process may be woken on a machine that is fit to judge
// whether a download was taken in time, which asks several processes for a turn.
const starvation = 250 * time.Millisecond

// judge compares what clients got with caps and counts.
func (l *load) judge(t *testing.T) {
	for _, failure := range l.failures {
		t.Error(failure)
	}
	if len(l.failures) > 0 { // what the programs say of them
		for _, p := range l.s.Programs() {
			for _, line := range strings.Split(p.Stderr(), "\n") {
				if strings.Contains(line, `"status":503`) || strings.Contains(line, `"level":"WARN"`) || strings.Contains(line, `"level":"ERROR"`) {
					t.Logf("%.600s", line)
				}
			}
		}
	}
	if l.bodies.Load() == 0 || l.answered.Load() < 50 {
		t.Errorf("%d requests, %d long bodies: nothing was tested", l.answered.Load(), l.bodies.Load())
	}
	late := time.Duration(l.starved.Load())
	if busy := l.busy.Load(); busy > 0 && late < starvation {
		t.Errorf("%d requests were answered 503", busy)
	} else if busy > 0 {
		t.Logf("%d requests were answered 503, on a machine that wakes a process %v late", busy, late)
	}
	for i, capped := range l.capped {
		got := l.got[i].Load()
		if got > l.caps[i] {
			t.Errorf("cap %d: %d bodies", l.caps[i], got)
		}
		l.counted(t, capped, got, l.busy.Load()) // what was refused late may have been taken
	}
	l.counted(t, l.free, l.gotFree.Load(), 0)
	l.counted(t, l.slow, l.gotSlow.Load(), 0)
	t.Logf("%d requests, %d long bodies, none failed", l.answered.Load(), l.bodies.Load())
}

func (l *load) counted(t *testing.T, k link, want, unsure int64) {
	t.Helper()
	testsystem.Until(t, 20*time.Second, "a count", func() error {
		if got := l.api.Must(t, http.StatusOK, "GET", "/shares/"+k.id, nil).Number("download_count"); got < want || got > want+unsure {
			return fmt.Errorf("download_count = %d; clients got %d bodies", got, want)
		}
		return nil
	})
}
