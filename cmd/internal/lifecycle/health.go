package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// healthLimit is longer than /readyz takes to give up on its checks.
const healthLimit = checkTimeout + time.Second

// Health asks the process that listens on opsAddr whether it is ready, as a
// container's health check does that has no other program to ask with.
func Health(ctx context.Context, opsAddr string) error {
	host, port, err := net.SplitHostPort(opsAddr)
	if err != nil {
		return fmt.Errorf("ops_addr: %w", err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, healthLimit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/readyz", nil)
	if err != nil {
		return fmt.Errorf("ops_addr: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return errors.New("not ready: nobody answers at ops_addr")
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: /readyz answers %d", response.StatusCode)
	}
	return nil
}
