package origin

import (
	"context"

	"rawlink/origin/store"
)

type whoamiOut struct {
	Body struct {
		TenantID string   `json:"tenant_id"`
		KeyID    string   `json:"key_id"`
		Label    string   `json:"label"`
		Mode     string   `json:"mode" enum:"live,test"`
		Scopes   []string `json:"scopes"`
	}
}

func (o *Origin) whoami(ctx context.Context, _ *none) (*whoamiOut, error) {
	key := caller(ctx)
	out := &whoamiOut{}
	out.Body.TenantID, out.Body.KeyID, out.Body.Label, out.Body.Mode, out.Body.Scopes = key.TenantID, key.ID, key.Label, key.Mode, key.Scopes
	return out, nil
}

type quotaOut struct {
	Body struct {
		BytesUsed  int64      `json:"bytes_used" doc:"Stored bytes, trash included, and what open uploads have reserved."`
		BytesLimit int64      `json:"bytes_limit" doc:"-1: unlimited."`
		LinksUsed  int64      `json:"links_used" doc:"Active links."`
		LinksLimit int64      `json:"links_limit" doc:"-1: unlimited."`
		ByApp      []appUsage `json:"by_app"`
	}
}

type appUsage struct {
	App       *string `json:"app" doc:"null: uploaded without an app."`
	BytesUsed int64   `json:"bytes_used"`
	FileCount int64   `json:"file_count"`
}

func (o *Origin) quota(ctx context.Context, _ *none) (*quotaOut, error) {
	q, err := o.Store.Quota(ctx, caller(ctx).TenantID)
	out := &quotaOut{}
	out.Body.BytesUsed, out.Body.BytesLimit, out.Body.LinksUsed, out.Body.LinksLimit = q.BytesUsed, q.BytesLimit, q.LinksUsed, q.LinksLimit
	out.Body.ByApp = each(q.ByApp, func(u store.AppUsage) appUsage {
		return appUsage{App: u.App, BytesUsed: u.BytesUsed, FileCount: u.Files}
	})
	return out, err
}
