package objects

import "time"

// SetPatience shortens how long the stores wait for a peer that stopped.
func (l *Local) SetPatience(d time.Duration) { l.idle = d }

// SetPatience is Local.SetPatience for S3.
func (s *S3) SetPatience(d time.Duration) { s.stall = d }
