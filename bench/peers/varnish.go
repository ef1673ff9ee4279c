package main

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
)

const nameVarnish = "Varnish"

// quiet turns off what Varnish would write into its log in shared memory for each
// request, header by header: the others' access logs are off too. It serves
// half as much again without.
const quiet = "vsl_mask=-Begin,-End,-Link,-Hit,-SessOpen,-SessClose,-Timestamp," +
	"-ReqStart,-ReqMethod,-ReqURL,-ReqProtocol,-ReqHeader,-ReqUnset,-ReqAcct," +
	"-RespProtocol,-RespStatus,-RespReason,-RespHeader,-RespUnset,-VCL_call,-VCL_return,-VCL_use"

// startVarnish starts Varnish with its objects in RAM.
func startVarnish(ctx context.Context, dir string, upstream *server, objects []*object) (*server, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(hostPort(upstream))
	if err != nil {
		return nil, fmt.Errorf("start varnish: %w", err)
	}
	config := filepath.Join(dir, "varnish.vcl")
	if err := render(config, "varnish.vcl", struct{ Host, Port string }{host, port}); err != nil {
		return nil, err
	}
	return startServer(ctx, dir, nameVarnish, serverCore, addr, objects[0].Target, nil, "varnishd", "-F",
		"-j", "none", // it stays who it is: loopback only, and a folder that others can't enter
		"-n", filepath.Join(dir, "varnish"), "-a", addr, "-T", "none", "-f", config,
		"-s", "malloc,512m", "-p", quiet, "-p", "thread_pools=1", "-p", "thread_pool_min=100")
}
