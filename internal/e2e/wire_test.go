package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// wire is an HTTP/1.1 client without mercy: it repeats nothing, so that a connection
// which is closed under its request shows.
type wire struct {
	keep bool   // the connection for the next request, unless the answer ends it
	key  string // for the API
	conn net.Conn
	from *bufio.Reader
	addr string
}

// wirePatience is how long an answer may take to end.
const wirePatience = 30 * time.Second

func (w *wire) get(addr, path, agent string) (status int, body []byte, err error) {
	fresh := "a kept"
	if w.conn == nil || w.addr != addr {
		fresh = "a new"
		w.close()
		if w.conn, err = net.DialTimeout("tcp", addr, wirePatience); err != nil {
			return 0, nil, err
		}
		w.from, w.addr = bufio.NewReader(w.conn), addr
	}
	status, body, last, err := w.exchange(path, agent)
	if err != nil {
		w.close()
		return status, body, fmt.Errorf("on %s connection: %w", fresh, err)
	}
	if last || !w.keep {
		w.close()
	}
	return status, body, nil
}

func (w *wire) exchange(path, agent string) (status int, body []byte, last bool, err error) {
	if err = w.conn.SetDeadline(time.Now().Add(wirePatience)); err != nil {
		return 0, nil, true, err
	}
	header := "GET " + path + " HTTP/1.1\r\nHost: " + w.addr + "\r\nUser-Agent: " + agent + "\r\n"
	if w.key != "" {
		header += "X-API-Key: " + w.key + "\r\n"
	}
	if _, err = io.WriteString(w.conn, header+"\r\n"); err != nil {
		return 0, nil, true, err
	}
	resp, err := http.ReadResponse(w.from, nil)
	if err != nil {
		return 0, nil, true, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	return resp.StatusCode, body, resp.Close, err
}

func (w *wire) close() {
	if w.conn != nil {
		_ = w.conn.Close()
		w.conn = nil
	}
}

// narrow is a way on which the network holds little of a body.
var narrow = &http.Transport{
	DisableKeepAlives: true, DisableCompression: true,
	DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err == nil {
			err = conn.(*net.TCPConn).SetReadBuffer(64 << 10)
		}
		return conn, err
	},
}
