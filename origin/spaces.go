package origin

import (
	"context"

	"rawlink/origin/store"
)

// space is a Space as clients see it.
type space struct {
	ID        string  `json:"id"`
	TenantID  string  `json:"tenant_id"`
	Name      string  `json:"name"`
	App       *string `json:"app"`
	CreatedAt string  `json:"created_at"`
	UpdatedAt string  `json:"updated_at"`
}

func spaceOf(v store.Space) space {
	return space{ID: v.ID, TenantID: v.TenantID, Name: v.Name, App: v.App, CreatedAt: stamp(v.CreatedAt), UpdatedAt: stamp(v.UpdatedAt)}
}

type listSpacesIn struct{ Page }

func (o *Origin) listSpaces(ctx context.Context, in *listSpacesIn) (*list[space], error) {
	some, err := o.Store.Spaces(ctx, caller(ctx).TenantID, in.wanted())
	return paged(&in.Page, some, func(v store.Space) store.Cursor { return store.Cursor{CreatedAt: v.CreatedAt, ID: v.ID} }, spaceOf), err
}

type createSpaceIn struct {
	Body struct {
		Name string  `json:"name" required:"true" minLength:"1" maxLength:"200" format:"text"`
		App  *string `json:"app" minLength:"1" maxLength:"255" format:"text"`
	}
}

func (o *Origin) createSpace(ctx context.Context, in *createSpaceIn) (*shown[space], error) {
	if err := firstError(checkText("name", in.Body.Name, maxSpaceName), checkOptional("app", in.Body.App, maxName)); err != nil {
		return nil, err
	}
	v, err := o.Store.CreateSpace(ctx, caller(ctx).TenantID, in.Body.Name, in.Body.App)
	return show(spaceOf(v)), err
}

func (o *Origin) getSpace(ctx context.Context, in *Thing) (*shown[space], error) {
	return on(ctx, in, "space", spaceOf, o.Store.Space)
}

type renameSpaceIn struct {
	Thing
	Body struct {
		Name string `json:"name" required:"true" minLength:"1" maxLength:"200" format:"text"`
	}
}

func (o *Origin) renameSpace(ctx context.Context, in *renameSpaceIn) (*shown[space], error) {
	if err := checkText("name", in.Body.Name, maxSpaceName); err != nil {
		return nil, err
	}
	return on(ctx, &in.Thing, "space", spaceOf, func(ctx context.Context, tenantID, id string) (store.Space, error) {
		return o.Store.RenameSpace(ctx, tenantID, id, in.Body.Name)
	})
}

type deleteSpaceIn struct {
	Thing
	Recursive bool `query:"recursive" doc:"Move everything in the space to the trash first."`
}

func (o *Origin) deleteSpace(ctx context.Context, in *deleteSpaceIn) (*none, error) {
	id, err := parseID(in.ID, "space")
	if err != nil {
		return nil, err
	}
	return nil, o.Store.DeleteSpace(onlyIf(ctx, &in.Conditions, spaceOf), caller(ctx).TenantID, id, in.Recursive)
}

// each turns stored rows into what clients see; never nil, so that an empty list
// is [].
func each[A, B any](all []A, turn func(A) B) []B {
	out := make([]B, len(all))
	for i, one := range all {
		out[i] = turn(one)
	}
	return out
}
