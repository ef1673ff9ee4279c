package origin

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"rawlink/internal/testsystem"
)

// TestEveryWriteIsAudited makes each change once, and wants a line for it that
// names the key, the operation, the thing and the address; reads leave none.
func TestEveryWriteIsAudited(t *testing.T) {
	t.Parallel()
	r := serve(t, nil)
	me := r.Must(t, 200, "GET", "/me", nil).Text("key_id")
	var seen int
	did := func(operation, target string) {
		t.Helper()
		deeds := must(r.Store.Deeds(t.Context(), r.tenant, time.Hour, 100))
		if seen++; len(deeds) != seen {
			t.Fatalf("%s: %d lines; want %d", operation, len(deeds), seen)
		}
		got := deeds[0]
		if got.Operation != operation || got.Target != target || got.Who != "key:"+me || got.Source != "127.0.0.1" || got.RequestID == "" {
			t.Errorf("%s of %s: %+v", operation, target, got)
		}
	}
	first := r.Must(t, 200, "GET", "/spaces", nil).List[0]["id"].(string)
	did("list-spaces", first) // it made one
	space := r.Space(t)
	did("create-space", space)
	r.Must(t, 200, "PATCH", "/spaces/"+space, testsystem.Object{"name": "x"})
	did("rename-space", space)
	folder := r.Must(t, 201, "POST", "/folders", testsystem.Object{"name": "f", "space_id": space}).Text("id")
	did("create-folder", folder)
	open := r.Initiate(t, space, "a", "text/plain", 3).Text("file_id")
	did("initiate-upload", open)
	r.Must(t, 204, "POST", "/uploads/abort", testsystem.Object{"file_id": open})
	did("abort-upload", open)
	file := r.CleanFile(t, space, "a", "text/plain", []byte("abc"))
	seen++ // its initiate
	did("complete-upload", file)
	share, _ := r.Share(t, file, nil)
	did("create-share", share)
	for _, call := range []struct{ method, path, operation, target string }{
		{"PATCH", "/shares/" + share, "update-share", share}, {"DELETE", "/shares/" + share, "revoke-share", share},
		{"PATCH", "/folders/" + folder, "update-folder", folder}, {"DELETE", "/folders/" + folder, "delete-folder", folder}, {"POST", "/folders/" + folder + "/restore", "restore-folder", folder},
		{"PATCH", "/files/" + file, "update-file", file}, {"DELETE", "/files/" + file, "delete-file", file}, {"POST", "/files/" + file + "/restore", "restore-file", file},
		{"DELETE", "/gdpr/files/" + file, "purge-file", file}, {"DELETE", "/gdpr/trash?space_id=" + space, "empty-trash", space}, {"DELETE", "/spaces/" + space + "?recursive=true", "delete-space", space},
	} {
		if a := r.Do(t, call.method, call.path, testsystem.Object{}); a.Status >= 300 {
			t.Fatalf("%s: %d %s", call.operation, a.Status, a.Raw)
		}
		did(call.operation, call.target)
	}
	hook := r.Must(t, 201, "POST", "/webhooks", testsystem.Object{"url": "https://example.com/"}).Text("id")
	did("create-webhook", hook)
	r.Must(t, 200, "PATCH", "/webhooks/"+hook, testsystem.Object{"enabled": true})
	did("update-webhook", hook)
	r.Must(t, 200, "POST", "/webhooks/"+hook+"/rotate", testsystem.Object{})
	did("rotate-webhook", hook)
	r.exec(t, `INSERT INTO webhook_deliveries (id, webhook_id, tenant_id, event_id, event, payload, state, run_at, created_at, updated_at)
		VALUES ($1, $2, $3, $1, 'file.clean', '{}', 'dead', 0, $4, $4)`, open, hook, r.tenant, time.Now().UnixMicro()) // an old one may be swept
	r.Must(t, 202, "POST", "/webhooks/"+hook+"/deliveries/"+open+"/replay", nil)
	did("replay-delivery", open)
	r.Must(t, 204, "DELETE", "/webhooks/"+hook, nil)
	did("delete-webhook", hook)
	for _, path := range []string{"/me", "/spaces", "/folders", "/files", "/shares", "/quota", "/webhooks"} {
		r.Must(t, 200, "GET", path, nil)
	}
	r.Must(t, 404, "PATCH", "/files/"+file, testsystem.Object{"name": "gone"})
	if deeds := must(r.Store.Deeds(t.Context(), "", time.Hour, 100)); len(deeds) != seen {
		t.Errorf("%d lines after reads and a refusal; want %d", len(deeds), seen)
	}
}

// TestSource believes a trusted proxy about the hop before it, and nobody else.
func TestSource(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, proxies, forwarded, want string }{
		{"no proxy is trusted", "", "203.0.113.9", "127.0.0.1"},
		{"a trusted one", "127.0.0.0/8", "203.0.113.9", "203.0.113.9"},
		{"what the client wrote", "127.0.0.0/8", "198.51.100.1, 203.0.113.9", "203.0.113.9"},
		{"two trusted ones", "127.0.0.0/8,203.0.113.0/24", "198.51.100.1, 203.0.113.9", "198.51.100.1"},
		{"nonsense", "127.0.0.0/8", "unknown", "127.0.0.1"},
		{"IPv6", "127.0.0.0/8", "2001:db8::1", "2001:db8::1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := serve(t, func(c *Config, _ *Parts) {
				for text := range strings.SplitSeq(test.proxies, ",") {
					if text != "" {
						c.TrustedProxies = append(c.TrustedProxies, netip.MustParsePrefix(text))
					}
				}
			})
			if response, body := r.send(t, "POST", "/api/v1/spaces", `{"name":"s"}`, "X-Forwarded-For", test.forwarded); response.StatusCode != 201 {
				t.Fatal(body)
			}
			if deeds := must(r.Store.Deeds(t.Context(), r.tenant, time.Hour, 1)); deeds[0].Source != test.want {
				t.Errorf("source = %s; want %s", deeds[0].Source, test.want)
			}
		})
	}
}
