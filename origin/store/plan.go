package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Rule is a rule of the service that a tenant may have its own value of: the name of
// its column.
type Rule string

// The rules that a plan may set.
const (
	RequestsPerMinute Rule = "requests_per_minute" // by one key; 0 is unlimited, here and below
	LinksPerMinute    Rule = "links_per_minute"
	UploadsPerMinute  Rule = "uploads_per_minute"
	ImportsPerMinute  Rule = "imports_per_minute"
	UploadMax         Rule = "upload_max"  // bytes of one file, as far as the service takes them
	TrashGrace        Rule = "trash_grace" // microseconds; 0: until it is purged by request
)

// rules are all of them, in the order in which they are read.
var rules = [...]Rule{RequestsPerMinute, LinksPerMinute, UploadsPerMinute, ImportsPerMinute, UploadMax, TrashGrace}

// planColumns are those of a tenant t, in the order of the rules.
var planColumns = func() string {
	columns := make([]string, len(rules))
	for i, rule := range rules {
		columns[i] = "t." + string(rule)
	}
	return strings.Join(columns, ", ")
}()

// Plan is what of the service's rules differs for a tenant. The zero Plan differs in
// nothing. A Plan that was read is not changed.
type Plan struct{ own map[Rule]int64 }

// Or is the tenant's own value, or the service's.
func (p Plan) Or(rule Rule, services int64) int64 {
	if value, ok := p.own[rule]; ok {
		return value
	}
	return services
}

// Each calls f for every rule that differs.
func (p Plan) Each(f func(Rule, int64)) {
	for _, rule := range rules {
		if value, ok := p.own[rule]; ok {
			f(rule, value)
		}
	}
}

// planRow reads a Plan behind other columns.
type planRow [len(rules)]sql.NullInt64

func (r *planRow) dest() []any {
	all := make([]any, len(r))
	for i := range r {
		all[i] = &r[i]
	}
	return all
}

func (r *planRow) plan() Plan {
	var p Plan
	for i, value := range r {
		if value.Valid && p.own == nil {
			p.own = map[Rule]int64{}
		}
		if value.Valid {
			p.own[rules[i]] = value.Int64
		}
	}
	return p
}

// SetTenantPlan gives a tenant its own value of some rules from now on; nil gives it the
// service's back. Other rules stay as they are.
func (s *Store) SetTenantPlan(ctx context.Context, id string, changes map[Rule]*int64) error {
	set, args := []string{}, []any{id}
	for _, rule := range rules {
		if value, ok := changes[rule]; ok {
			args = append(args, value)
			set = append(set, string(rule)+` = $`+strconv.Itoa(len(args)))
		}
	}
	if len(set) == 0 {
		return nil
	}
	return s.updateTenant(ctx, id, `UPDATE tenants SET `+strings.Join(set, ", ")+` WHERE id = $1`, args...)
}

// AgedTrash is what has been in the trash for longer than grace, and likewise of each
// tenant that has a grace of its own; 0 keeps it.
func (s *Store) AgedTrash(ctx context.Context, grace time.Duration) ([]Trash, error) {
	rows, err := s.db.Read().QueryContext(ctx, `SELECT id, trash_grace FROM tenants WHERE trash_grace > 0`)
	now := s.micros()
	aged, err := collect(rows, err, func(row scanner) (t Trash, err error) {
		err = row.Scan(&t.TenantID, &t.Until)
		t.Until = now - t.Until
		return t, err
	})
	if err != nil {
		return nil, fmt.Errorf("look for own graces: %w", err)
	}
	if grace > 0 {
		aged = append(aged, Trash{Until: now - grace.Microseconds(), CommonGrace: true})
	}
	return aged, nil
}
