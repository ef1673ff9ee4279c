package settings

import "time"

// Common are the settings of every long-running program.
type Common struct {
	Config        string        `help:"YAML file with settings." type:"path" placeholder:"FILE"`
	CheckConfig   bool          `help:"Show the settings that hold, without secrets, and what is wrong with them; start nothing."`
	LogLevel      string        `help:"Least level that is logged: debug, info, warn or error." default:"info"`
	OpsAddr       string        `help:"Listener of /metrics, /healthz, /readyz and /debug/pprof; keep it private." default:"${ops_addr}"`
	OpsPublic     bool          `help:"Let ops_addr be reached from other networks: it shows profiles and the load to whoever asks."`
	ShutdownDelay time.Duration `help:"How long a stop goes on accepting while /readyz says no, so that a load balancer looks elsewhere." default:"0s"`
	ShutdownGrace time.Duration `help:"How long a stop may then take to finish what is under way." default:"10s"`
	HandoverGrace time.Duration `help:"How long a process that has handed over to its successor (SIGUSR2) may take to finish what is under way." default:"15m"`
	PIDFile       string        `name:"pid-file" env:"RAWLINK_PID_FILE" help:"File with the id of the process that serves; a successor writes its own." type:"path" placeholder:"FILE"`
	OTLPEndpoint  string        `name:"otlp-endpoint" env:"RAWLINK_OTLP_ENDPOINT" help:"URL of an OTLP/HTTP receiver that traces are sent to, such as http://127.0.0.1:4318. Without one nothing is traced." placeholder:"URL"`
	OTLPHeader    Secret        `name:"otlp-header" env:"RAWLINK_OTLP_HEADER" help:"Header that authenticates there, such as Authorization: Bearer … Secret." placeholder:"NAME: VALUE"`
	Health        bool          `env:"-" help:"Ask a running one, by its settings, whether it is ready; then exit: 0 it is, 1 it is not. For images without a shell."`
	TraceRatio    float64       `help:"Part of the requests that are traced, from 0 to 1. Where a trusted proxy, or an edge, has decided with a traceparent header, that holds." default:"0.001"`
}

// API are the settings of the control plane's listener and rules.
type API struct {
	APIAddr    string   `help:"Listener of the REST API." default:"127.0.0.1:8080"`
	APIURL     string   `name:"api-url" env:"RAWLINK_API_URL" help:"URL under which clients reach the API, and the console is opened. Default of rawlink up: http:// and api_addr." placeholder:"URL"`
	FilesURL   string   `help:"URL under which clients reach the edges: the start of every raw link. Default of rawlink up: http:// and files_addr." placeholder:"URL"`
	APIOrigins []string `name:"api-origins" env:"RAWLINK_API_ORIGINS" help:"Web origins whose scripts may call the API, and upload, from a browser, comma separated. The console needs none." placeholder:"ORIGIN"`
	Console    bool     `help:"Serve the console, a page for partners, at / of the API's host." default:"true" negatable:""`

	RequireIfMatch bool `help:"Refuse changes and deletes that come without If-Match, so that no client overwrites what it has not seen. The SDK sends none."`

	UploadMax           Size          `help:"Largest file accepted; with clamd, not above clamd_max_size." default:"5GiB"`
	UploadMultipartFrom Size          `help:"Files of this size and more are uploaded in parts." default:"100MB"`
	UploadPartSize      Size          `help:"Size of these parts, at least 5MiB." default:"16MiB"`
	UploadLifetime      time.Duration `help:"How long an upload ticket is good." default:"1h"`
	UploadOrigins       []string      `help:"Web origins that may upload from a browser besides the console and api_origins, comma separated. A bucket is told by a CORS rule." placeholder:"ORIGIN"`
	DownloadLifetime    time.Duration `help:"How long an owner's presigned download is good." default:"5m"`

	ImportMax           Size          `help:"Largest file that is imported from a URL; upload_max holds besides." default:"5GiB"`
	ImportTimeout       time.Duration `help:"Limit for fetching one, below 4m30s." default:"4m"`
	ImportIdle          time.Duration `help:"How long a source may be silent." default:"15s"`
	ImportRedirects     int           `help:"Redirects that are followed." default:"5"`
	ImportAtOnce        int           `help:"Imports at the same time in one process; each may take 20 MiB of memory." default:"8"`
	ImportPorts         []string      `help:"Ports that sources may have, comma separated." default:"80,443"`
	ImportAllowNetworks []string      `help:"Addresses or CIDR ranges that are imported from, on any port, although they are not public; for private deployments, comma separated." placeholder:"CIDR"`

	WebhookWorkers       int           `help:"Events delivered at the same time by one process." default:"16"`
	WebhookTimeout       time.Duration `help:"Limit for one attempt to deliver an event." default:"15s"`
	WebhookAttempts      int           `help:"Attempts, each three times as long after the one before; then the event is a dead letter." default:"12"`
	WebhookFirstRetry    time.Duration `help:"How long after the first failure the second attempt comes." default:"5s"`
	WebhookDisableAfter  time.Duration `help:"Webhooks that only failed for so long are disabled." default:"120h"`
	WebhookKeep          time.Duration `help:"How long ended deliveries can be looked at and replayed." default:"720h"`
	WebhookAllowHTTP     bool          `name:"webhook-allow-http" env:"RAWLINK_WEBHOOK_ALLOW_HTTP" help:"Also take receivers with http:// URLs; for private deployments."`
	WebhookPorts         []string      `help:"Ports that receivers may have, comma separated." default:"443,8443"`
	WebhookAllowNetworks []string      `help:"Addresses or CIDR ranges that events are delivered to, on any port, although they are not public; for private deployments, comma separated." placeholder:"CIDR"`

	APITrustedProxies []string      `name:"api-trusted-proxies" env:"RAWLINK_API_TRUSTED_PROXIES" help:"Addresses or CIDR ranges whose X-Forwarded-For names the client in the audit log, comma separated." placeholder:"CIDR"`
	AuditKeep         time.Duration `help:"How long the audit log reaches back." default:"8760h"`

	CDNPurgeURL    Secret `name:"cdn-purge-url" env:"RAWLINK_CDN_PURGE_URL" help:"URL of a CDN's purge by surrogate key; it gets a POST for each link that changed. Secret." placeholder:"URL"`
	CDNPurgeHeader Secret `name:"cdn-purge-header" env:"RAWLINK_CDN_PURGE_HEADER" help:"Header that authenticates it, such as Fastly-Key: … Secret." placeholder:"NAME: VALUE"`
	CDNPurgeField  string `name:"cdn-purge-field" env:"RAWLINK_CDN_PURGE_FIELD" help:"JSON field that lists the keys: surrogate_keys for Fastly, tags for Cloudflare." default:"surrogate_keys"`

	TrashGrace time.Duration `help:"How long deleted files can be restored; then they are purged. 0: until they are purged by request." default:"720h"`

	ScanWait      time.Duration `help:"How long completing an upload waits for the verdict before it answers pending." default:"3s"`
	ScanWorkers   int           `help:"Files scanned at the same time." default:"4"`
	RescanWorkers int           `help:"Stored files scanned again at the same time; uploads have scan_workers of their own." default:"1"`
	ScanTimeout   time.Duration `help:"Limit for scanning one file." default:"5m"`
	ScanHashes    string        `help:"File with SHA-256 digests, one a line, that the built-in scanner calls infected." type:"path" placeholder:"FILE"`
	ClamdHosts    []string      `help:"clamd daemons, comma separated: tcp://host:port or unix:///path." placeholder:"HOST"`
	ClamdMaxSize  Size          `help:"Largest file that clamd may call clean. Not above its own StreamMaxLength, MaxFileSize and MaxScanSize; below 2GiB." default:"25MiB"`

	LimitRequests int `help:"Requests a key may make in 60 seconds; 0 is unlimited, here and below." default:"600"`
	LimitShares   int `help:"Links a key may make in 60 seconds." default:"120"`
	LimitUploads  int `help:"Uploads a key may start in 60 seconds." default:"300"`
	LimitImports  int `help:"Imports from URLs a key may ask for in 60 seconds." default:"30"`

	QuotaNearLimit           int  `help:"Percent of a quota from which on quota.near_limit is told to webhooks; 0: never." default:"90"`
	QuotaCountPermanentLinks bool `help:"Count links without expiry against links_limit." default:"true" negatable:""`
}

// Edge are the settings of the data plane.
type Edge struct {
	FilesAddr string `help:"Listener of the files domain." default:"127.0.0.1:8081"`

	EdgeMaxStale           time.Duration `help:"Longest time for which a link is served after it was revoked, when this edge is cut off from the bus." default:"5s"`
	EdgeServeStale         time.Duration `help:"How long uncapped links are served when nothing can be asked." default:"60s"`
	EdgeMaxAge             time.Duration `help:"max-age of permanent, uncapped links." default:"1h"`
	EdgeRecordCache        Size          `help:"Memory for records." default:"64MiB"`
	EdgeCacheRAM           Size          `name:"edge-cache-ram" env:"RAWLINK_EDGE_CACHE_RAM" help:"Memory for objects' bytes." default:"256MiB"`
	EdgeCacheSmall         Size          `help:"Objects of up to this size are kept whole, in memory; the bytes of larger ones in slices, on disk." default:"1MiB"`
	EdgeCacheDir           string        `help:"Directory for slices, for this edge alone; without one they aren't kept." type:"path" placeholder:"DIR"`
	EdgeCacheDisk          Size          `help:"Most that slices may take of the disk." default:"10GiB"`
	EdgeMaxInFlight        int           `help:"Requests at the same time; more are answered 429." default:"16384"`
	EdgeMaxConns           int           `help:"Connections at the same time; more are answered 429." default:"65536"`
	EdgeMaxPerClient       int           `help:"Requests of one client at the same time; more are answered 429. A trusted proxy that doesn't name its clients has no limit." default:"512"`
	EdgeMaxClientConns     int           `help:"Connections of one client at the same time; more are answered 429. Trusted proxies have no limit." default:"1024"`
	EdgeSendStall          time.Duration `help:"How long a client may go without accepting anything." default:"60s"`
	EdgeMinRate            Size          `help:"Bytes a second that a client must average." default:"1KiB"`
	EdgeCutEnded           bool          `help:"Break a body off when its link is revoked meanwhile, or its file trashed, purged or found infected; otherwise it is finished." default:"true" negatable:""`
	EdgeTrustedProxies     []string      `help:"Addresses or CIDR ranges whose X-Forwarded-For is believed, comma separated. Have them send it, or a PROXY header: clients they don't name share leases and have no limit of their own." placeholder:"CIDR"`
	EdgeProxyProtocol      bool          `help:"Trusted proxies begin each connection with a PROXY header, version 1 or 2."`
	EdgeEnforcePasswords   bool          `help:"Ask for a link's password. Without it passwords are stored and not asked for."`
	EdgePasswordTries      int           `help:"Passwords a client may try in 60 seconds; more are answered 429." default:"10"`
	EdgePasswordShareTries int           `help:"Passwords that all clients together may try at one link in 60 seconds." default:"100"`
	EdgePasswordHashes     int           `help:"Passwords compared at the same time; each takes 19 MiB, and some 30 ms of a core." default:"2"`
	EdgeJournalDir         string        `help:"Directory, for this edge alone, in which counts of downloads survive a kill until they are handed over. Default: beside the data, or rawlink-counts-NAME in the temporary directory." type:"path" placeholder:"DIR"`
	EdgePreviewBots        string        `help:"Programs that fetch a link for a preview. count: as anybody. refuse: they get no bytes of capped links, and take no download." default:"count"`
	LedgerBlocks           bool          `help:"Take the downloads of links with large caps from blocks in Redis; otherwise each is asked for at the origin." default:"true" negatable:""`
	LedgerCountMode        string        `help:"lease: a counted client resumes for free. strict: every GET with a body counts, but for a player's look at the first two bytes." default:"lease"`
}

// Keys are the secrets of tokens, the same for all origins and edges.
type Keys struct {
	TokenKeys Secret `help:"Keys of the tokens' tags, ID:HEX[,ID:HEX…], 32 bytes each; the first one seals. Secret." placeholder:"ID:HEX"`
}

// Internal is what an edge and an origin agree on.
type Internal struct {
	InternalKey Secret `help:"Shared secret of the internal API, at least 16 characters. Secret." placeholder:"SECRET"`
}

// Redis is the shared cache and bus.
type Redis struct {
	RedisURL              Secret `help:"Redis: redis://[user:password@]host:port[,host:port...][/db], rediss:// with TLS. Several hosts are Sentinels or nodes of a Cluster. Secret." placeholder:"URL"`
	RedisMode             string `help:"How Redis is run: single, sentinel or cluster." default:"single"`
	RedisPrimary          string `help:"Name under which the Sentinels watch the primary." placeholder:"NAME"`
	RedisSentinelUser     string `help:"User at the Sentinels, if they ask for one; redis_url has Redis's own." placeholder:"USER"`
	RedisSentinelPassword Secret `help:"Password at the Sentinels. Secret." placeholder:"PASSWORD"`
}

// S3 is where bytes are in production.
type S3 struct {
	S3Endpoint       string `name:"s3-endpoint" env:"RAWLINK_S3_ENDPOINT" help:"URL of the S3 server, as this program reaches it." placeholder:"URL"`
	S3PublicEndpoint string `name:"s3-public-endpoint" env:"RAWLINK_S3_PUBLIC_ENDPOINT" help:"URL of the S3 server, as clients reach it; default: s3_endpoint." placeholder:"URL"`
	S3Region         string `name:"s3-region" env:"RAWLINK_S3_REGION" help:"Region." default:"us-east-1"`
	S3Bucket         string `name:"s3-bucket" env:"RAWLINK_S3_BUCKET" help:"Bucket." placeholder:"NAME"`
	S3AccessKey      string `name:"s3-access-key" env:"RAWLINK_S3_ACCESS_KEY" help:"Access key id." placeholder:"KEY"`
	S3SecretKey      Secret `name:"s3-secret-key" env:"RAWLINK_S3_SECRET_KEY" help:"Secret access key. Secret." placeholder:"KEY"`
	S3PathStyle      bool   `name:"s3-path-style" env:"RAWLINK_S3_PATH_STYLE" help:"Put the bucket into the path, not into the host name." default:"true" negatable:""`
}

// Database is the origin's truth in production.
type Database struct {
	DatabaseURL      Secret `help:"PostgreSQL: postgres://user:password@host:port/name. Secret." placeholder:"URL"`
	DatabaseMaxConns int    `help:"Connections to PostgreSQL." default:"20"`
}

// Embedded is what the all-in-one program adds.
type Embedded struct {
	Data   string `help:"Directory of database, objects and keys." default:"./data" type:"path"`
	DevKey Secret `help:"API key to use instead of a drawn one: fck_live_ or fck_test_ and 32 lower-case hex digits. Secret." placeholder:"KEY"`
}

// OriginProgram is everything bin/origin can be told.
type OriginProgram struct {
	Common
	API
	Keys
	Internal
	Redis
	S3
	Database
	InternalAddr string `help:"Listener of the internal API, for edges; keep it private." default:"127.0.0.1:8084"`
	MintSecret   Secret `help:"Secret that tokens are derived from, 64 hex digits; the same for all origins, unknown to edges. Secret." placeholder:"HEX"`
}

// EdgeProgram is everything bin/edge can be told.
type EdgeProgram struct {
	Common
	Edge
	Keys
	Internal
	Redis
	S3
	OriginURL string `help:"URL of the origins' internal API." placeholder:"URL"`
	LeaseKey  Secret `help:"Secret that stands between a client's address and its lease, at least 32 characters; the same for all edges. Secret." placeholder:"HEX"`
	EdgeName  string `help:"Name of this edge in counts. Default: the host's name." placeholder:"NAME"`
}

// UpProgram is everything rawlink up can be told.
type UpProgram struct {
	Common
	API
	Edge
	Embedded
}

// every holds each name once, for telling unknown names from other programs'.
type every struct {
	Common
	API
	Edge
	Keys
	Internal
	Redis
	S3
	Database
	Embedded
	InternalAddr string
	MintSecret   Secret
	OriginURL    string
	LeaseKey     Secret
	EdgeName     string
}
