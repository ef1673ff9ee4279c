package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// userHz is ticks a second in /proc, the same on every Linux.
const userHz = 100

// cpu returns the processor time that the server and all its children have
// used, in seconds; of those that have ended too, for their parents keep it.
func (p *process) cpu() float64 {
	var ticks int64
	for _, pid := range descendants(p.cmd.Process.Pid) {
		if stat, ok := readStat(pid); ok {
			ticks += stat.ticks
		}
	}
	return float64(ticks) / userHz
}

// descendants returns the process and all its children's children.
func descendants(root int) []int {
	children := map[int][]int{}
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil {
			if stat, ok := readStat(pid); ok {
				children[stat.parent] = append(children[stat.parent], pid)
			}
		}
	}
	family := []int{root}
	for i := 0; i < len(family); i++ {
		family = append(family, children[family[i]]...)
	}
	return family
}

type stat struct {
	parent int
	ticks  int64
}

// readStat reads /proc/PID/stat, see proc_pid_stat(5): the parent is field 4,
// user and system time, own and of ended children, are fields 14 to 17.
func readStat(pid int) (s stat, ok bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return s, false // it has ended
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:])) // from field 3
	if len(fields) < 15 {
		return s, false
	}
	s.parent, _ = strconv.Atoi(fields[1])
	for _, field := range fields[11:15] {
		n, _ := strconv.ParseInt(field, 10, 64)
		s.ticks += n
	}
	return s, true
}
