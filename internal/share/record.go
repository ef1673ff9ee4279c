package share

import (
	"encoding/json"
	"fmt"
	"time"
)

// Permission says how a link's bytes are shown.
type Permission string

// The two permissions of a share.
const (
	View     Permission = "view"     // Content-Disposition: inline
	Download Permission = "download" // Content-Disposition: attachment
)

// ScanStatus is the scanner's verdict on a file. Only Clean is ever served.
type ScanStatus string

// The three scan states of a file.
const (
	Pending  ScanStatus = "pending"
	Clean    ScanStatus = "clean"
	Infected ScanStatus = "infected"
)

// Object names one immutable version of stored bytes.
type Object struct {
	Key     string `json:"key"`     // key in the object store
	Version string `json:"version"` // the store's ETag, without quotes; every read is pinned to it
	Size    int64  `json:"size"`    // bytes
	SHA256  string `json:"sha256"`  // lower-case hex, of the whole content
}

// Record is what the origin knows now about one share: everything an edge needs
// to serve or refuse it. A revoked share keeps its record, as the tombstone that
// says so.
type Record struct {
	// Version grows with every change of the share or of its file. A cache never
	// replaces a record by one of a smaller version.
	Version      int64      `json:"version"`
	ShareID      string     `json:"share_id"`
	FileID       string     `json:"file_id"`
	TenantID     string     `json:"tenant_id"`
	Permission   Permission `json:"permission"`
	ExpiresAt    int64      `json:"expires_at,omitempty"`    // Unix seconds; 0 = permanent
	MaxDownloads int64      `json:"max_downloads,omitempty"` // 0 = no cap
	Exhausted    bool       `json:"exhausted,omitempty"`     // every capped download is handed out
	// CapEpoch grows with every change of the cap. A block of downloads that was
	// taken under an earlier one is not to be used.
	CapEpoch     int64      `json:"cap_epoch,omitempty"`
	Revoked      bool       `json:"revoked,omitempty"`
	PasswordHash string     `json:"password_hash,omitempty"` // slow hash; "" = none
	Confirm      bool       `json:"confirm,omitempty"`       // bytes are for those alone who have opened the link by POST
	Gone         bool       `json:"gone,omitempty"`          // the file is trashed or purged
	Scan         ScanStatus `json:"scan"`
	Object       Object     `json:"object"`
	Name         string     `json:"name"`     // the file's name, as the owner wrote it
	MIME         string     `json:"mime"`     // "" = unknown
	Modified     int64      `json:"modified"` // Unix seconds: when these bytes were stored
}

// Capped reports whether serving the share takes downloads from the ledger.
func (r *Record) Capped() bool { return r.MaxDownloads > 0 }

// Gate returns nil if the share may be served at now, else the reason why not.
// A used-up cap is not among the reasons: a client that holds a lease may still
// resume, so only the redeem step may refuse for it.
func (r *Record) Gate(now time.Time) error {
	switch {
	case r.Gone:
		return errFileGone
	case r.Revoked:
		return ErrRevoked
	case r.ExpiresAt != 0 && now.Unix() >= r.ExpiresAt:
		return ErrExpired
	case r.Scan == Infected:
		return ErrInfected
	case r.Scan != Clean:
		return ErrPending
	}
	return nil
}

// The reasons of Gate: package-level values, so refusing allocates nothing. A
// file that is gone has none of its own name: it is refused as if it never was.
var (
	errFileGone = E(NotFound, "share", fmt.Errorf("file is gone"))
	ErrRevoked  = E(Gone, "share", fmt.Errorf("revoked"))
	ErrExpired  = E(Gone, "share", fmt.Errorf("expired"))
	ErrInfected = E(NotReady, "share", fmt.Errorf("file is infected"))
	ErrPending  = E(NotReady, "share", fmt.Errorf("file is not scanned"))
)

// The formats of the encoding, one for each meaning that it had. A reader treats a
// format that it doesn't know as absent and asks the origin, whose answer it can't read
// either: it refuses the link. So a record is written in the first format whose readers
// do right by it, and of two versions side by side the older one serves all it can.
const (
	formatFirst   = 1
	formatConfirm = 2 // readers of the first would serve what is to be confirmed before
)

type recordEnvelope struct {
	Format int `json:"f"`
	Record
}

// Encode returns the record as it travels between processes.
func (r *Record) Encode() ([]byte, error) {
	format := formatFirst
	if r.Confirm {
		format = formatConfirm
	}
	return json.Marshal(recordEnvelope{Format: format, Record: *r})
}

// DecodeRecord reads what Encode wrote.
func DecodeRecord(raw []byte) (Record, error) {
	var e recordEnvelope
	if err := json.Unmarshal(raw, &e); err != nil {
		return Record{}, fmt.Errorf("decode record: %w", err)
	}
	if e.Format != formatFirst && e.Format != formatConfirm {
		return Record{}, fmt.Errorf("decode record: unknown format %d", e.Format)
	}
	return e.Record, nil
}
