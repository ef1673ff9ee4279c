package model

import (
	"errors"

	"rawlink/bench/report"
)

// Learn takes hit ratios and the processor time of a request from what servers
// said of themselves in a run.
func (in *Inputs) Learn(servers []report.Server) error {
	for _, s := range servers {
		requests := s.Change.Sum("rawlink_edge_requests_total", "")
		lookups := s.Change.Sum("rawlink_edge_l1_lookups_total", "")
		bodies := s.Change.Sum("rawlink_edge_bytes_lookups_total", "")
		if requests == 0 || lookups == 0 {
			continue
		}
		in.EdgeCPU = s.Change.Sum("process_cpu_seconds_total", "") / requests
		in.L1Hits = s.Change.Sum("rawlink_edge_l1_lookups_total", `"hit"`) / lookups
		if bodies > 0 {
			in.ByteHits = (s.Change.Sum("rawlink_edge_bytes_lookups_total", `"ram"`) + s.Change.Sum("rawlink_edge_bytes_lookups_total", `"disk"`)) / bodies
		}
		return nil
	}
	return errors.New("no edge was scraped in that run; run it with --ops")
}
