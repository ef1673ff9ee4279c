package main

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"rawlink/cmd/internal/redisparts"
	"rawlink/cmd/internal/settings"
	"rawlink/internal/database"
	"rawlink/internal/share"
	"rawlink/internal/testenv"
	"rawlink/origin/store"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// TestExplainLooksIntoAnyRedis has explain find a record in Redis however it is run,
// by the settings that origins and edges have for that.
func TestExplainLooksIntoAnyRedis(t *testing.T) {
	dir := t.TempDir()
	db, err := database.OpenSQLite(t.Context(), filepath.Join(dir, "rawlink.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if _, err := store.Open(t.Context(), db, store.Options{}); err != nil {
		t.Fatal(err)
	}
	keys := "1:" + share.NewKey()
	ring, err1 := share.ParseKeyring(keys)
	mint, err2 := share.ParseMint(share.NewKey())
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	token := string(mint.Token(ring, "s"))
	watched, nodes := testenv.RedisSentinels(t), testenv.RedisCluster(t, 3)
	watched.Steady(t)
	for name, redis := range map[string]settings.Redis{
		"single":   {RedisURL: settings.Secret("redis://" + watched.Primary.Addr), RedisMode: "single"},
		"sentinel": {RedisURL: settings.Secret("redis://" + watched.Hosts()), RedisMode: "sentinel", RedisPrimary: testenv.WatchedName},
		"cluster":  {RedisURL: settings.Secret("redis://" + nodes[0].Addr), RedisMode: "cluster"},
	} {
		t.Run(name, func(t *testing.T) {
			shared, err := redisparts.Open(&redis, "", slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = shared.Close() })
			if err := shared.Records.Put(t.Context(), share.HashToken(token), share.Record{ShareID: "s", Version: 7, Scan: share.Clean}); err != nil {
				t.Fatal(err)
			}
			t.Setenv("RAWLINK_REDIS_MODE", redis.RedisMode)
			args := []string{"admin", "explain", "--json", "--data", dir, "--token-keys", keys, "--redis-url", string(redis.RedisURL), token}
			if redis.RedisPrimary != "" {
				if err := run(t.Context(), args, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), "redis_primary: ") {
					t.Errorf("without the primary's name: %v; want it asked for", err)
				}
				args = append(args, "--redis-primary", redis.RedisPrimary)
			}
			var out bytes.Buffer
			if err := run(t.Context(), args, &out, io.Discard); err != nil {
				t.Fatal(err)
			}
			var layers []struct{ Layer, State, Version string }
			if err := json.Unmarshal(out.Bytes(), &layers); err != nil || len(layers) < 2 || layers[1].Layer != "l2" || layers[1].State != "holds" || layers[1].Version != "7" {
				t.Errorf("%v, %s; want the record in l2", err, out.String())
			}
		})
	}
}
