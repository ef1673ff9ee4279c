package speed

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// tick is the unit of the kernel's accounts, see proc(5).
const tick = time.Second / 100

// usage is the processor time that each program under this process has taken so
// far, and "client" for this process itself. Unlike the rates it says the same
// on a machine that has other work to do.
func usage() map[string]time.Duration {
	type process struct {
		name   string
		parent int
		spent  time.Duration
	}
	all := map[int]process{}
	paths, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is well formed
	for _, path := range paths {
		text, err := os.ReadFile(path)
		open, end := strings.IndexByte(string(text), '('), strings.LastIndexByte(string(text), ')')
		if err != nil || end < open {
			continue // it has ended
		}
		fields := strings.Fields(string(text[end+1:]))
		id, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		p := process{name: string(text[open+1 : end])}
		p.parent, _ = strconv.Atoi(fields[1])
		for _, field := range fields[11:15] { // own and ended children's, user and system
			n, _ := strconv.ParseInt(field, 10, 64)
			p.spent += time.Duration(n) * tick
		}
		all[id] = p
	}
	spent := map[string]time.Duration{"client": ownUsage()}
	for id, p := range all {
		for up := p.parent; up > 1; up = all[up].parent {
			if up == os.Getpid() && id != up {
				spent[p.name] += p.spent
				break
			}
		}
	}
	return spent
}

func ownUsage() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		panic(fmt.Sprintf("read the usage of this process: %v", err))
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
