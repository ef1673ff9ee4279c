package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// The events that webhooks can be told of.
const (
	EventFileClean      = "file.clean"
	EventFileInfected   = "file.infected"
	EventFilePurged     = "file.purged"
	EventShareCreated   = "share.created"
	EventShareRevoked   = "share.revoked"
	EventShareExhausted = "share.exhausted"
	EventShareExpired   = "share.expired"
	EventQuotaNearLimit = "quota.near_limit"
)

// Events are all of them.
func Events() []string {
	return []string{EventFileClean, EventFileInfected, EventFilePurged, EventShareCreated, EventShareRevoked, EventShareExhausted, EventShareExpired, EventQuotaNearLimit}
}

// eventBody is what is delivered, by the Standard Webhooks specification. It
// never holds a link or another secret.
type eventBody struct {
	Type      string `json:"type"`
	Timestamp string `json:"timestamp"`
	Data      any    `json:"data"`
}

type fileEvent struct {
	FileID       string  `json:"file_id"`
	SpaceID      string  `json:"space_id"`
	FolderID     *string `json:"folder_id"`
	ClientKey    *string `json:"client_key"`
	OriginalName string  `json:"original_name"`
	Size         int64   `json:"size"`
	SHA256       *string `json:"sha256"`
	ScanStatus   string  `json:"scan_status"`
	ScanDetail   *string `json:"scan_detail"`
	SourceApp    *string `json:"source_app"`
}

type shareEvent struct {
	ShareID       string  `json:"share_id"`
	FileID        string  `json:"file_id"`
	Permission    string  `json:"permission"`
	ExpiresAt     *string `json:"expires_at"`
	MaxDownloads  *int64  `json:"max_downloads"`
	DownloadCount int64   `json:"download_count"`
}

type quotaEvent struct {
	Resource string `json:"resource"` // bytes or links
	Used     int64  `json:"used"`
	Limit    int64  `json:"limit"`
}

func isoTime(micros int64) string { return time.UnixMicro(micros).UTC().Format("2006-01-02T15:04:05Z") }

func (s *Store) tellFile(ctx context.Context, tx *sql.Tx, event string, f File) error {
	return s.tell(ctx, tx, f.TenantID, event, fileEvent{FileID: f.ID, SpaceID: f.SpaceID, FolderID: f.FolderID, ClientKey: f.ClientKey, OriginalName: f.OriginalName,
		Size: f.Size, SHA256: f.SHA256, ScanStatus: string(f.ScanStatus), ScanDetail: f.ScanDetail, SourceApp: f.SourceApp})
}

func (s *Store) tellShare(ctx context.Context, tx *sql.Tx, event string, v Share) error {
	return s.tell(ctx, tx, v.TenantID, event, eventOfShare(v))
}

func eventOfShare(v Share) shareEvent {
	data := shareEvent{ShareID: v.ID, FileID: v.FileID, Permission: string(v.Permission), MaxDownloads: v.MaxDownloads, DownloadCount: v.DownloadCount}
	if v.ExpiresAt != nil {
		text := isoTime(*v.ExpiresAt)
		data.ExpiresAt = &text
	}
	return data
}

// tellShareID is tellShare for a share that has to be read first.
func (s *Store) tellShareID(ctx context.Context, tx *sql.Tx, event, id string) error {
	v, err := readShare(tx.QueryRowContext(ctx, `SELECT `+shareColumns+` FROM shares WHERE id = $1`, id))
	if err != nil {
		return fmt.Errorf("read share of an event: %w", err)
	}
	return s.tellShare(ctx, tx, event, v)
}

// tellNearLimit tells that usage passed, by this change, the part of the limit
// from which on a tenant is warned.
func (s *Store) tellNearLimit(ctx context.Context, tx *sql.Tx, tenantID, resource string, before, after, limit int64) error {
	if near := s.nearFrom(limit); before >= near || after < near {
		return nil
	}
	return s.tell(ctx, tx, tenantID, EventQuotaNearLimit, quotaEvent{Resource: resource, Used: after, Limit: limit})
}

// nearFrom is the usage of a limit from which on a tenant is warned.
func (s *Store) nearFrom(limit int64) int64 {
	if limit < 1 || s.nearLimit < 1 {
		return math.MaxInt64
	}
	return limit/100*s.nearLimit + (limit%100*s.nearLimit+99)/100
}

// listener is a webhook and the events that it wants.
type listener struct{ id, events string }

// listeners keeps them as they are until the transaction ends: an event for one that is
// deleted meanwhile would fail the change that it tells of, and for one that is
// disabled it would wait for ever.
func (s *Store) listeners(ctx context.Context, tx *sql.Tx, tenantID string) ([]listener, error) {
	rows, err := tx.QueryContext(ctx, `SELECT id, events FROM webhooks WHERE tenant_id = $1 AND enabled ORDER BY id`+s.db.ForShare(), tenantID)
	all, err := collect(rows, err, func(row scanner) (l listener, err error) {
		err = row.Scan(&l.id, &l.events)
		return l, err
	})
	if err != nil {
		return nil, fmt.Errorf("look for webhooks: %w", err)
	}
	return all, nil
}

// tell queues an event for every webhook of the tenant that wants it, in the
// transaction of the change.
func (s *Store) tell(ctx context.Context, tx *sql.Tx, tenantID, event string, data any) error {
	all, err := s.listeners(ctx, tx, tenantID)
	if err != nil {
		return err
	}
	return s.tellListeners(ctx, tx, all, tenantID, event, data)
}

func (s *Store) tellListeners(ctx context.Context, tx *sql.Tx, all []listener, tenantID, event string, data any) error {
	listeners := slices.DeleteFunc(slices.Clone(all), func(l listener) bool {
		return l.events != "" && !slices.Contains(strings.Fields(l.events), event)
	})
	if len(listeners) == 0 {
		return nil
	}
	now := s.micros()
	payload, err := json.Marshal(eventBody{Type: event, Timestamp: isoTime(now), Data: data})
	if err != nil {
		return fmt.Errorf("write event: %w", err)
	}
	id := newID()
	for _, l := range listeners {
		if _, err := tx.ExecContext(ctx, `INSERT INTO webhook_deliveries (id, webhook_id, tenant_id, event_id, event, payload, run_at, created_at, updated_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $7)`, newID(), l.id, tenantID, id, event, string(payload), now); err != nil {
			return fmt.Errorf("queue event: %w", err)
		}
	}
	s.told.Store(true)
	return nil
}

// ExpireShares tells of up to limit shares that expired since it was last
// called, and returns how many it saw. What had ended before makes no event.
func (s *Store) ExpireShares(ctx context.Context, limit int) (n int64, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		now := s.micros()
		rows, err := tx.QueryContext(ctx, `UPDATE shares SET expiry_told = TRUE WHERE id IN (
				SELECT id FROM shares WHERE expires_at IS NOT NULL AND NOT expiry_told AND expires_at <= $1 ORDER BY expires_at LIMIT $2`+s.db.SkipLocked()+`)
			RETURNING `+usedUpShare+`, `+shareColumns, now, limit)
		type expired struct {
			share  Share
			usedUp bool
		}
		all, err := collect(rows, err, func(row scanner) (e expired, err error) {
			e.share, err = readShare(behind{row, &e.usedUp})
			return e, err
		})
		if err != nil {
			return fmt.Errorf("expire shares: %w", err)
		}
		n = int64(len(all))
		for _, e := range all {
			if e.share.Revoked || e.usedUp {
				continue
			}
			if err := s.tellShare(ctx, tx, EventShareExpired, e.share); err != nil {
				return err
			}
		}
		return nil
	})
	return n, err
}
