# Varnish as a CDN in front of the edges, purged by surrogate key. It needs vmod xkey
# (package varnish-modules). On the origins:
#
#	cdn_purge_url: http://varnish.internal:6081/purge
#	cdn_purge_header: "X-Purge-Key: a secret of yours"
#
# The origin POSTs there when a link changes, twice (1 s and 15 s later), with the ids
# of the links in Surrogate-Key; each answer of an edge carries the same ids.
vcl 4.1;

import xkey;

backend edge {
	.host = "127.0.0.1";
	.port = "8081";
	.first_byte_timeout = 75s;
	.between_bytes_timeout = 75s;
}

# Who may purge, beside knowing the key.
acl origins {
	"127.0.0.1";
	"10.0.0.0"/8;
}

sub vcl_recv {
	if (req.url == "/purge") {
		if (req.method != "POST" || client.ip !~ origins || req.http.X-Purge-Key != "a secret of yours") {
			return (synth(403));
		}
		set req.http.X-Purged = xkey.purge(req.http.Surrogate-Key);
		return (synth(200, "Purged"));
	}
	# What an answer depends on: the link alone. No cookie, and no query but the
	# grant that a POST led to, whose answers are never kept.
	unset req.http.Cookie;
	if (req.url !~ "[?&]grant=") {
		set req.url = regsub(req.url, "\?.*$", "");
	}
	# The name after the token is for people: one link is one object.
	set req.http.X-Key = regsub(req.url, "^(/s/[A-Za-z0-9_-]+).*$", "\1");
	# Passwords are asked for by the edge.
	if (req.http.Authorization || req.http.X-Share-Password) {
		return (pass);
	}
	if (req.method != "GET" && req.method != "HEAD") {
		return (pass);
	}
	# The edge is told by X-Forwarded-For who asks; Varnish adds it by itself. Have it in
	# edge_trusted_proxies.
	return (hash);
}

sub vcl_hash {
	hash_data(req.http.X-Key);
	return (lookup);
}

sub vcl_backend_fetch {
	unset bereq.http.X-Key;
}

sub vcl_backend_response {
	# Only what the edge says is public may be kept: permanent, uncapped links without a
	# password. Everything else is no-store, for the edge must count or check it.
	if (beresp.http.Cache-Control !~ "public" || beresp.status != 200) {
		set beresp.uncacheable = true;
		set beresp.ttl = 0s;
		return (deliver);
	}
	set beresp.http.xkey = beresp.http.Surrogate-Key;
	set beresp.grace = 0s; # a link that ended is not served while it is asked for
	set beresp.keep = 0s;
}

sub vcl_deliver {
	unset resp.http.xkey;
	unset resp.http.X-Varnish;
	unset resp.http.Via;
}
