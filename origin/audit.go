package origin

import (
	"context"
	"net/netip"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"rawlink/origin/store"
)

// audit names the doer of whatever an operation changes. That includes GET: a
// list of spaces may make a tenant's first one.
func (o *Origin) audit(ctx huma.Context, next func(huma.Context)) {
	key := caller(ctx.Context())
	next(huma.WithContext(ctx, store.Audited(ctx.Context(), store.Deed{
		ID: store.NewDeedID(), TenantID: key.TenantID, Who: "key:" + key.ID, Operation: ctx.Operation().OperationID,
		Target: targetOf(ctx), Source: o.source(ctx), RequestID: requestID(ctx.Context()),
	})))
}

// targetOf is the id in the path. What is no id is not repeated: the operation
// is about to refuse it.
func targetOf(ctx huma.Context) string {
	id, err := parseID(ctx.Param("id"), "")
	if err != nil {
		return ""
	}
	return id
}

// system is the doer of what origins do by themselves.
func system(ctx context.Context, operation string) context.Context {
	return store.Audited(ctx, store.Deed{Who: "system", Operation: operation})
}

// source is the client's address. A proxy that is trusted is asked for whom it
// came: the last name in X-Forwarded-For that is not itself a trusted proxy's,
// for anybody may write the ones before it.
func (o *Origin) source(ctx huma.Context) string {
	at, err := netip.ParseAddrPort(ctx.RemoteAddr())
	if err != nil {
		return ""
	}
	addr := at.Addr().Unmap()
	var hops []string
	for _, line := range linesOf(ctx, "X-Forwarded-For") {
		hops = append(hops, strings.Split(line, ",")...)
	}
	for i := len(hops) - 1; i >= 0 && o.trusted(addr); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		addr = hop.Unmap()
	}
	return addr.String()
}

func (o *Origin) trusted(addr netip.Addr) bool {
	for _, proxies := range o.config.TrustedProxies {
		if proxies.Contains(addr) {
			return true
		}
	}
	return false
}
