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

type oneSpace struct{ Body space }

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

func (o *Origin) createSpace(ctx context.Context, in *createSpaceIn) (*oneSpace, error) {
	if err := firstError(checkText("name", in.Body.Name, maxSpaceName), checkOptional("app", in.Body.App, maxName)); err != nil {
		return nil, err
	}
	v, err := o.Store.CreateSpace(ctx, caller(ctx).TenantID, in.Body.Name, in.Body.App)
	return &oneSpace{Body: spaceOf(v)}, err
}

func (o *Origin) getSpace(ctx context.Context, in *byID) (*oneSpace, error) {
	id, err := parseID(in.ID, "space")
	if err != nil {
		return nil, err
	}
	v, err := o.Store.Space(ctx, caller(ctx).TenantID, id)
	return &oneSpace{Body: spaceOf(v)}, err
}

type renameSpaceIn struct {
	ID   string `path:"id"`
	Body struct {
		Name string `json:"name" required:"true" minLength:"1" maxLength:"200" format:"text"`
	}
}

func (o *Origin) renameSpace(ctx context.Context, in *renameSpaceIn) (*oneSpace, error) {
	if err := checkText("name", in.Body.Name, maxSpaceName); err != nil {
		return nil, err
	}
	id, err := parseID(in.ID, "space")
	if err != nil {
		return nil, err
	}
	v, err := o.Store.RenameSpace(ctx, caller(ctx).TenantID, id, in.Body.Name)
	return &oneSpace{Body: spaceOf(v)}, err
}

type deleteSpaceIn struct {
	ID        string `path:"id"`
	Recursive bool   `query:"recursive" doc:"Move everything in the space to the trash first."`
}

func (o *Origin) deleteSpace(ctx context.Context, in *deleteSpaceIn) (*none, error) {
	id, err := parseID(in.ID, "space")
	if err != nil {
		return nil, err
	}
	return nil, o.Store.DeleteSpace(ctx, caller(ctx).TenantID, id, in.Recursive)
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
