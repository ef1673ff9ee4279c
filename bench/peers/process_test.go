package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// zombie reports whether nothing but the entry of a process is left.
func zombie(pid int) bool {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return strings.Contains(string(text), ") Z ")
}

// What a server's children use is the server's, and they end with it, also those
// that it forgets.
func TestServerIncludesItsChildren(t *testing.T) {
	p, err := start(t.TempDir(), "burner", anyCore, nil, "sh", "-c", "sh -c 'while :; do :; done'; :")
	if err != nil {
		t.Fatal(err)
	}
	ended := false
	defer func() {
		if !ended {
			p.stop()
		}
	}()
	for end := time.Now().Add(20 * time.Second); p.cpu() < 0.1; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%v s used; want more", p.cpu())
		}
	}
	if own, ok := readStat(p.cmd.Process.Pid); !ok || own.ticks > 5 {
		t.Errorf("the shell itself used %d ticks; want its child to", own.ticks)
	}
	family := descendants(p.cmd.Process.Pid)
	p.stop()
	ended = true
	for _, pid := range family {
		for end := time.Now().Add(20 * time.Second); syscall.Kill(pid, 0) == nil && !zombie(pid); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("process %d outlived stop", pid)
			}
		}
	}
}
