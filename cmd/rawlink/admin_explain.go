package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"rawlink/cmd/internal/redisparts"
	"rawlink/cmd/internal/settings"
	"rawlink/internal/share"
	"rawlink/origin/store"
)

type explain struct {
	place
	settings.Redis
	TokenKeys settings.Secret `help:"Keys of the tokens' tags, if not those of --data; @FILE reads a file. Secret." placeholder:"KEYS"`
	Passwords bool            `help:"Explain for edges that enforce passwords."`
	Link      string          `arg:"" optional:"" help:"The link or its token. Left out, it is read from stdin, where no shell history keeps it."`
}

// Help is shown below the flags.
func (*explain) Help() string {
	return `Says whether a link would be served, and why not, from each layer that an edge asks:
the tag of its token, the shared cache (L2), the database. A link is a secret; give
it on stdin. Nothing is counted, changed or logged.

  rawlink admin explain                      # then paste the link and press Enter
  xclip -o | rawlink admin explain --json
  rawlink admin explain --database-url @db-url --token-keys @token-keys --redis-url @redis-url < link

The --redis flags, as the origin has them, let it look into the shared cache.

What an edge holds in its own memory (L1) is seen in its answer to a HEAD request:
Server-Timing names the layer the record came from.`
}

// Problems says what is wrong with how Redis is named, if it is.
func (c *explain) Problems() []error {
	if c.RedisURL == "" {
		return nil
	}
	return c.Redis.Problems()
}

// layer is what one layer says.
type layer struct {
	name, state, says string
	version           int64
}

// Run explains the link.
func (c *explain) Run(ctx context.Context, std *streams) error {
	token, err := c.token(std)
	if err != nil {
		return err
	}
	ring, err := c.keyring()
	if err != nil {
		return err
	}
	now := time.Now()
	layers := []layer{{name: "tag", state: "good", says: fmt.Sprintf("made with token key %d", share.TokenKey(token))}}
	if !ring.Verify(token) {
		layers[0] = layer{name: "tag", state: "bad", says: "404 not found: not made with any of the token keys; nothing is looked up"}
		return c.tell(std, layers, "404", "the token's tag is not one of ours: it is mistyped, invented, or its key was retired")
	}
	hash := share.HashToken(token)
	var known share.Record
	err = c.with(ctx, func(tables *store.Store) error {
		record, err := tables.Record(ctx, hash)
		known = record
		truth, err := c.database(record, err, now)
		if err != nil {
			return err
		}
		untold, err := tables.UntoldOf(ctx, hash.String())
		if untold > 0 {
			truth.says += fmt.Sprintf("; %d changes wait to be told to the edges", untold)
		}
		layers = append(layers, c.cached(ctx, hash, truth, now), truth)
		return err
	})
	if err != nil {
		return err
	}
	if layers[len(layers)-1].state == "absent" {
		return c.tell(std, layers, "404", "there is no such share, or its file was purged")
	}
	layers = append(layers, layer{name: "share", state: "is", says: known.ShareID},
		layer{name: "file", state: "is", says: known.FileID}, layer{name: "tenant", state: "is", says: known.TenantID})
	status, why := c.verdict(&known, now)
	return c.tell(std, layers, status, why)
}

func (c *explain) token(std *streams) (string, error) {
	text := c.Link
	if text == "" {
		if stat, err := os.Stdin.Stat(); err == nil && stat.Mode()&os.ModeCharDevice != 0 {
			fmt.Fprint(std.err, "Link or token: ")
		}
		line, err := bufio.NewReader(io.LimitReader(os.Stdin, 4<<10)).ReadString('\n')
		if err != nil && line == "" {
			return "", errors.New("link: there is none on stdin")
		}
		text = strings.TrimSpace(line)
	}
	if _, after, found := strings.Cut(text, "/s/"); found {
		text = after
	}
	text, _, _ = strings.Cut(text, "?")
	text, _, _ = strings.Cut(text, "/")
	if len(text) != share.TokenLen {
		return "", fmt.Errorf("link: want a link, or its token of %d characters; this has %d", share.TokenLen, len(text))
	}
	return text, nil
}

func (c *explain) keyring() (*share.Keyring, error) {
	if c.TokenKeys == "" && c.DatabaseURL != "" {
		return nil, errors.New("token-keys: are required with --database-url; @FILE reads them from a file")
	}
	text := string(c.TokenKeys)
	if text == "" {
		kept, err := (&keysPlace{Data: c.Data}).secrets()
		if err != nil {
			return nil, err
		}
		text = kept.TokenKeys
	}
	ring, err := share.ParseKeyring(text)
	if err != nil {
		return nil, fmt.Errorf("token-keys: %w", err)
	}
	return ring, nil
}

// database says what the truth is.
func (c *explain) database(record share.Record, err error, now time.Time) (layer, error) {
	l := layer{name: "database", state: "holds", version: record.Version}
	switch {
	case share.KindOf(err) == share.NotFound && err != nil:
		l.state, l.says = "absent", "no share with this token, or its file was purged"
		return l, nil
	case err != nil:
		return l, err
	}
	status, why := c.verdict(&record, now)
	l.says = status + " " + why
	return l, nil
}

// cached says what the shared cache holds, and whether it is behind.
func (c *explain) cached(ctx context.Context, hash share.Hash, truth layer, now time.Time) layer {
	l := layer{name: "l2", state: "not asked", says: "pass --redis-url to look into it"}
	if c.DatabaseURL == "" {
		l.says = "an embedded Rawlink keeps it in its own memory"
	}
	if c.RedisURL == "" {
		return l
	}
	shared, err := redisparts.Open(&c.Redis, "", slog.New(slog.DiscardHandler))
	if err != nil {
		l.state, l.says = "unusable", err.Error()
		return l
	}
	defer func() { _ = shared.Close() }()
	record, found, err := shared.Records.Get(ctx, hash)
	switch {
	case err != nil:
		l.state, l.says = "unreachable", "edges ask the origin instead"
	case !found:
		l.state, l.says = "absent", "the next edge that asks fetches it from the origin"
	default:
		status, why := c.verdict(&record, now)
		l.state, l.version, l.says = "holds", record.Version, status+" "+why
		if truth.state == "holds" && record.Version < truth.version {
			l.says += fmt.Sprintf("; behind the database by %d", truth.version-record.Version)
		}
	}
	return l
}

// verdict is what an edge would answer from this record, and why.
func (c *explain) verdict(r *share.Record, now time.Time) (status, why string) {
	err := r.Gate(now)
	switch {
	case r.Gone:
		return "404", "the file is in the trash, or purged"
	case errors.Is(err, share.ErrRevoked):
		return "410", "the share is revoked"
	case errors.Is(err, share.ErrExpired):
		return "410", "the share expired " + time.Unix(r.ExpiresAt, 0).UTC().Format(time.RFC3339)
	case err != nil:
		return "409", "the file's scan status is " + string(r.Scan)
	case r.Capped() && r.Exhausted:
		return "410", fmt.Sprintf("all %d downloads are handed out; clients that were counted may resume", r.MaxDownloads)
	case c.Passwords && r.PasswordHash != "":
		return "401", "unless the password comes along"
	case r.Confirm:
		return "403", "until it is opened by POST, which leads to a GET that is served"
	}
	return "200", "served"
}

// tell prints the layers and the verdict.
func (c *explain) tell(std *streams, layers []layer, status, why string) error {
	rows := make([]map[string]any, 0, len(layers)+1)
	for _, l := range layers {
		rows = append(rows, map[string]any{"layer": l.name, "state": l.state, "version": versionText(l.version), "says": l.says})
	}
	rows = append(rows, map[string]any{"layer": "answer", "state": status, "version": "", "says": why})
	return c.show(std.out, rows, "layer", "state", "version", "says")
}

func versionText(version int64) string {
	if version == 0 {
		return ""
	}
	return fmt.Sprint(version)
}
