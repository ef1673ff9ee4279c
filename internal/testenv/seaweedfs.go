package testenv

import (
	"context"
	"crypto/rand"
	"errors"
	"strconv"
	"syscall"
	"testing"
)

// SeaweedFS is S3 on another server: a distributed store whose S3 side is its own
// work. What both agree on is S3 and not one server's reading of it.
func SeaweedFS(tb testing.TB) S3Server {
	tb.Helper()
	if common == nil {
		tb.Fatal(errNoMain)
	}
	return newBucket(tb, common.weed)
}

func startSeaweedFS(h *house) (*gateway, error) {
	path, errPath := findTool("weed")
	dir, errDir := tempDir("weed", h.atEnd)
	if err := errors.Join(errPath, errDir); err != nil {
		return nil, err
	}
	g := &gateway{S3Server: S3Server{Region: s3Region, AccessKey: rand.Text(), SecretKey: rand.Text()}}
	var failed error
	p, port, err := boot(func(port int) command {
		args, err := weedArgs(dir, port)
		failed = errors.Join(failed, err)
		own := g.S3Server
		own.Endpoint = "http://" + loopback(port)
		return command{
			name: "seaweedfs", path: path, args: args, dir: dir,
			env:   []string{"AWS_ACCESS_KEY_ID=" + g.AccessKey, "AWS_SECRET_ACCESS_KEY=" + g.SecretKey},
			quit:  syscall.SIGTERM,
			ready: func(ctx context.Context, _ int) error { return s3Ready(ctx, own) },
		}
	})
	if err = errors.Join(failed, err); err != nil {
		return nil, err
	}
	h.atEnd(p.stop)
	g.Endpoint = "http://" + loopback(port)
	return g, nil
}

// weedArgs puts all of its servers into one process, each on a port of its own,
// and has them tell nobody.
func weedArgs(dir string, port int) ([]string, error) {
	args := []string{
		"-logtostderr", "server", "-dir", dir, "-ip", "127.0.0.1", "-filer", "-s3", "-s3.port", strconv.Itoa(port),
		"-s3.port.iceberg", "0", "-s3.port.lance", "0", "-s3.localSocket", dir + "/s3.sock", "-filer.localSocket", dir + "/filer.sock",
		"-master.telemetry=false", "-master.volumeSizeLimitMB", "64", "-volume.max", "1000", "-volume.preStopSeconds", "0",
	}
	for _, name := range []string{"-s3.port.grpc", "-master.port", "-master.port.grpc", "-volume.port", "-volume.port.grpc", "-filer.port", "-filer.port.grpc"} {
		free, claim, err := freePort()
		if err != nil {
			return nil, err
		}
		defer claim.Close() // so that no two of them are one
		args = append(args, name, strconv.Itoa(free))
	}
	return args, nil
}
