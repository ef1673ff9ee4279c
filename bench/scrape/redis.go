package scrape

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Redis reads the numbers of a Redis's INFO: redis://[:password@]host:port.
func Redis(ctx context.Context, address string) (Metrics, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return nil, errors.New("redis: want an address such as redis://127.0.0.1:6379")
	}
	conn, err := (&net.Dialer{Timeout: timeout}).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return nil, fmt.Errorf("redis %s: %w", u.Host, err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		return nil, fmt.Errorf("redis %s: %w", u.Host, err)
	}
	from := bufio.NewReader(conn)
	if password, ok := u.User.Password(); ok {
		if _, err := ask(conn, from, "AUTH", password); err != nil {
			return nil, fmt.Errorf("redis %s: the password was refused", u.Host)
		}
	}
	text, err := ask(conn, from, "INFO", "all")
	if err != nil {
		return nil, fmt.Errorf("redis %s: %w", u.Host, err)
	}
	return parseInfo(text), nil
}

// ask sends one command and reads a reply of one line or one bulk string.
func ask(to io.Writer, from *bufio.Reader, words ...string) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(words))
	for _, word := range words {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(word), word)
	}
	if _, err := io.WriteString(to, b.String()); err != nil {
		return "", err
	}
	line, err := from.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimSpace(line)
	if !strings.HasPrefix(line, "$") {
		if strings.HasPrefix(line, "+") {
			return line[1:], nil
		}
		return "", errors.New("it answers " + line)
	}
	size, err := strconv.Atoi(line[1:])
	if err != nil || size < 0 || size > 1<<20 {
		return "", errors.New("it answers something else than a Redis")
	}
	text := make([]byte, size+2)
	_, err = io.ReadFull(from, text)
	return string(text), err
}

// parseInfo takes the numbers: name:12, and of commandstats cmdstat_get:calls=12,….
func parseInfo(text string) Metrics {
	all := Metrics{}
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok {
			continue
		}
		if calls, ok := strings.CutPrefix(value, "calls="); ok {
			value, _, _ = strings.Cut(calls, ",")
		}
		if n, err := strconv.ParseFloat(value, 64); err == nil {
			all[name] = n
		}
	}
	return all
}
