package testenv

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// s3Region is the region that the gateway and its clients sign for.
const s3Region = "us-east-1"

// S3Server says how to reach a bucket of one test. Address it path-style.
type S3Server struct {
	Endpoint  string // URL with scheme, host and port
	Region    string
	Bucket    string // made for this test, empty
	AccessKey string
	SecretKey string
}

// gateway is the test process's S3 server.
type gateway struct {
	S3Server              // without a bucket
	made     atomic.Int64 // buckets so far; numbers their names
}

// S3 returns a new, empty bucket on an S3 gateway that checks signatures,
// lengths, checksums and expiry as S3 does. The gateway is shared by the test
// process (see Main); the bucket is removed with it.
func S3(tb testing.TB) S3Server {
	tb.Helper()
	if common == nil {
		tb.Fatal(errNoMain)
	}
	return newBucket(tb, common.s3)
}

// S3Servers are the different servers on which whatever speaks S3 is to be tested;
// each returns a new, empty bucket as S3 does, which is the first of them.
func S3Servers() map[string]func(tb testing.TB) S3Server {
	return map[string]func(tb testing.TB) S3Server{"versitygw": S3, "seaweedfs": SeaweedFS}
}

func newBucket(tb testing.TB, start func() (*gateway, error)) S3Server {
	tb.Helper()
	g, err := start()
	if err != nil {
		tb.Fatal(err)
	}
	bucket := g.S3Server
	bucket.Bucket = fmt.Sprintf("test-%d", g.made.Add(1))
	ctx, cancel := context.WithTimeout(context.Background(), createWithin)
	defer cancel()
	if _, err := bucket.client().CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket.Bucket}); err != nil {
		tb.Fatalf("make bucket %s: %v", bucket.Bucket, err)
	}
	return bucket
}

// client makes a client for one or two requests: it keeps no connection, so it
// leaves no goroutine behind.
func (s S3Server) client() *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: &s.Endpoint,
		Region:       s.Region,
		UsePathStyle: true,
		Credentials:  credentials.NewStaticCredentialsProvider(s.AccessKey, s.SecretKey, ""),
		HTTPClient:   &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
	})
}

// S3 is a gateway of the test's own at the place, with an empty bucket.
func (p Place) S3(tb testing.TB) (S3Server, *Server) {
	tb.Helper()
	g, build, err := newGateway(p, tb.Cleanup)
	if err != nil {
		tb.Fatal(err)
	}
	server, port := open(tb, build)
	g.Endpoint, g.Bucket = "http://"+p.addr(port), "test-1"
	ctx, cancel := context.WithTimeout(context.Background(), createWithin)
	defer cancel()
	if _, err := g.client().CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &g.Bucket}); err != nil {
		tb.Fatalf("make bucket: %v", err)
	}
	return g.S3Server, server
}

func startGateway(h *house) (*gateway, error) {
	g, build, err := newGateway(Place{}, h.atEnd)
	if err != nil {
		return nil, err
	}
	p, port, err := boot(build)
	if err != nil {
		return nil, err
	}
	h.atEnd(p.stop)
	g.Endpoint = "http://" + loopback(port)
	return g, nil
}

// newGateway returns a gateway without an endpoint, and how to start it on a port.
func newGateway(place Place, atEnd func(func())) (*gateway, func(port int) command, error) {
	path, errPath := findTool("versitygw")
	dir, errDir := tempDir("s3", atEnd)
	if err := errors.Join(errPath, errDir); err != nil {
		return nil, nil, err
	}
	backend, err := s3Backend(dir)
	if err != nil {
		return nil, nil, err
	}
	// Keys of this process alone: a stranger's gateway would not accept them.
	g := &gateway{S3Server: S3Server{Region: s3Region, AccessKey: rand.Text(), SecretKey: rand.Text()}}
	return g, func(port int) command {
		own := g.S3Server
		own.Endpoint = "http://" + place.addr(port)
		args := []string{"--port", place.addr(port), "--region", s3Region, "--quiet", "--keep-alive", "posix"}
		return command{
			name: "versitygw", path: path, args: append(args, backend...), dir: dir, place: place,
			env:   []string{"ROOT_ACCESS_KEY=" + g.AccessKey, "ROOT_SECRET_KEY=" + g.SecretKey},
			quit:  syscall.SIGTERM,
			ready: func(ctx context.Context, _ int) error { return s3Ready(ctx, own) },
		}
	}, nil
}

// s3Ready asks for the list of buckets, which takes our keys.
func s3Ready(ctx context.Context, s S3Server) error {
	_, err := s.client().ListBuckets(ctx, &s3.ListBucketsInput{})
	return err
}

// s3Backend returns the arguments that say where objects are kept. Their headers
// go into extended attributes, or beside the objects where the file system of the
// temporary folder has none.
func s3Backend(dir string) ([]string, error) {
	objects, headers := filepath.Join(dir, "objects"), filepath.Join(dir, "headers")
	if err := errors.Join(os.Mkdir(objects, 0o755), os.Mkdir(headers, 0o755)); err != nil {
		return nil, err
	}
	if err := syscall.Setxattr(objects, "user.rawlink", []byte("1"), 0); err != nil {
		return []string{"--sidecar", headers, objects}, nil
	}
	return []string{objects}, nil
}
