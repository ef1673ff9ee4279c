package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"rawlink/origin/store"
)

// planned is one value of a plan as it is given: a number, a size or a duration as its
// rule wants, or default.
type planned string

// plan are the rules that a tenant may have a value of its own of. None is taken from the
// environment, where the same names are the service's.
type plan struct {
	RequestsPerMinute *planned `env:"-" help:"Requests one key may make in a minute; 0 is unlimited, here and below. Else limit_requests." placeholder:"N"`
	LinksPerMinute    *planned `env:"-" help:"Links one key may make in a minute. Else limit_shares." placeholder:"N"`
	UploadsPerMinute  *planned `env:"-" help:"Uploads one key may start in a minute. Else limit_uploads." placeholder:"N"`
	ImportsPerMinute  *planned `env:"-" help:"Imports one key may ask for in a minute. Else limit_imports." placeholder:"N"`
	UploadMax         *planned `env:"-" help:"Largest file, as far as upload_max goes." placeholder:"SIZE"`
	TrashGrace        *planned `env:"-" help:"How long deleted files can be restored; 0s: until they are purged by request. Else trash_grace." placeholder:"DURATION"`
}

// changes are the values that were given, by their rules; nil is the service's own.
func (p *plan) changes() (map[store.Rule]*int64, error) {
	all := map[store.Rule]*int64{}
	for rule, given := range map[store.Rule]*planned{
		store.RequestsPerMinute: p.RequestsPerMinute, store.LinksPerMinute: p.LinksPerMinute, store.UploadsPerMinute: p.UploadsPerMinute,
		store.ImportsPerMinute: p.ImportsPerMinute, store.UploadMax: p.UploadMax, store.TrashGrace: p.TrashGrace,
	} {
		if given == nil {
			continue
		}
		all[rule] = nil
		if *given != "default" {
			value, err := given.value(rule)
			if err != nil {
				return nil, fmt.Errorf("%s: %w, or default for the service's, got %q", strings.ReplaceAll(string(rule), "_", "-"), err, *given)
			}
			all[rule] = &value
		}
	}
	return all, nil
}

func (p planned) value(rule store.Rule) (int64, error) {
	switch rule {
	case store.UploadMax:
		n, err := humanize.ParseBytes(string(p))
		if err != nil || n < 1 || n > 1<<62 {
			return 0, fmt.Errorf("want a size such as 100MB")
		}
		return int64(n), nil
	case store.TrashGrace:
		d, err := time.ParseDuration(string(p))
		if err != nil || d < 0 {
			return 0, fmt.Errorf("want a duration such as 720h")
		}
		return d.Microseconds(), nil
	}
	n, err := strconv.ParseInt(string(p), 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("want a number from 0, which is unlimited")
	}
	return n, nil
}

// ownRules show what of a tenant's plan differs: for programs by name, for people in a
// line. Programs get durations in seconds.
func (p *place) ownRules(own store.Plan) any {
	numbers, texts := map[string]int64{}, []string{}
	own.Each(func(rule store.Rule, n int64) {
		text := strconv.FormatInt(n, 10)
		if rule == store.TrashGrace {
			d := time.Duration(n) * time.Microsecond
			text, n = strings.TrimSuffix(d.String(), "0m0s"), int64(d.Seconds())
		}
		numbers[string(rule)] = n
		texts = append(texts, string(rule)+"="+text)
	})
	if p.JSON {
		return numbers
	}
	return strings.Join(texts, " ")
}

type tenantPlan struct {
	place
	plan
	Tenant string `arg:"" help:"The tenant's id."`
}

// Help is shown below the flags.
func (*tenantPlan) Help() string {
	return `A rule that is not named stays as it is; default is the service's own. It holds from
the next request on.

  rawlink admin tenant plan TENANT_ID --requests-per-minute 6000 --links-per-minute 1200
  rawlink admin tenant plan TENANT_ID --upload-max 100MB --trash-grace 2160h
  rawlink admin tenant plan TENANT_ID --links-per-minute default`
}

// Run changes the plan.
func (c *tenantPlan) Run(ctx context.Context) error {
	return c.with(ctx, func(tables *store.Store) error {
		changes, err := c.changes()
		if err != nil {
			return err
		}
		if len(changes) == 0 {
			return fmt.Errorf("name a rule to change, such as --requests-per-minute 6000")
		}
		return named("tenant", c.Tenant, tables.SetTenantPlan(audited(ctx, "plan-tenant"), c.Tenant, changes))
	})
}
