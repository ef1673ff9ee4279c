package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"rawlink/cmd/internal/settings"
	"rawlink/internal/database"
	"rawlink/internal/share"
	"rawlink/origin/store"
)

// adminCommand works on the database itself, so it needs no key and no server.
type adminCommand struct {
	Tenant struct {
		Create  tenantCreate  `cmd:"" help:"Add a tenant."`
		List    tenantList    `cmd:"" help:"List tenants, what they may use and what they use."`
		Plan    tenantPlan    `cmd:"" help:"Give a tenant rules of its own: requests in a minute, largest file, days in the trash."`
		Limit   tenantLimit   `cmd:"" help:"Change what a tenant may use; a limit that is not named stays."`
		Suspend tenantSuspend `cmd:"" help:"Close the API to a tenant's keys; its links go on."`
		Resume  tenantResume  `cmd:"" help:"Open the API to a suspended tenant again."`
	} `cmd:"" help:"Tenants: create, list, limit, suspend, resume."`
	Key struct {
		Create keyCreate `cmd:"" help:"Add an API key; its text is shown once."`
		List   keyList   `cmd:"" help:"List a tenant's keys."`
		Rotate keyRotate `cmd:"" help:"Replace a key; the old one goes on working for a while."`
		Revoke keyRevoke `cmd:"" help:"End a key at once."`
	} `cmd:"" help:"API keys: create, list, rotate, revoke."`
	TokenKey struct {
		List   tokenKeyList   `cmd:"" help:"List the ids of the keys that links are made with."`
		Add    tokenKeyAdd    `cmd:"" help:"Add a key that checks links and does not make any yet."`
		Seal   tokenKeySeal   `cmd:"" help:"Let a key make new links."`
		Retire tokenKeyRetire `cmd:"" help:"Forget a key, and end every link it made."`
	} `cmd:"" help:"Keys of the links' tags: list, add, seal, retire."`
	Webhooks  webhookCommands `cmd:"" help:"Webhooks and their deliveries."`
	Uploads   uploadCommands  `cmd:"" help:"Uploads under way, and the room that they hold."`
	Rescan    rescanCommand   `cmd:"" help:"Have stored files scanned again."`
	Audit     auditList       `cmd:"" help:"Show who changed what, when, and from where."`
	Explain   explain         `cmd:"" help:"Say whether a link would be served, and why not."`
	Recompute recompute       `cmd:"" help:"Compare quotas and counts with what they stand for, and repair them."`
	Backup    backup          `cmd:"" help:"Copy an embedded Rawlink while it runs."`
}

// place says which database, and how to print.
type place struct {
	Data        string          `help:"Data directory of an embedded Rawlink." default:"./data" type:"path"`
	DatabaseURL settings.Secret `help:"PostgreSQL, instead of --data: postgres://user:password@host:port/name. Secret." placeholder:"URL"`
	JSON        bool            `help:"Print JSON." name:"json"`
}

// adminConns is plenty for one command.
const adminConns = 2

// with opens the database, runs one command and closes it again.
func (p *place) with(ctx context.Context, do func(*store.Store) error) error {
	return p.withOptions(ctx, store.Options{CountPermanentLinks: true}, do)
}

func (p *place) withOptions(ctx context.Context, options store.Options, do func(*store.Store) error) (err error) {
	var db *database.DB
	if p.DatabaseURL != "" {
		db, err = database.OpenPostgres(ctx, string(p.DatabaseURL), adminConns)
	} else {
		path := filepath.Join(p.Data, "rawlink.db")
		if _, missing := os.Stat(path); missing != nil {
			return fmt.Errorf("data: there is no database in %s; start rawlink up there first, or pass --database-url", p.Data)
		}
		db, err = database.OpenSQLite(ctx, path)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tables, err := store.Open(ctx, db, options)
	if err != nil {
		return err
	}
	return do(tables)
}

// show prints rows as a table, or as JSON if asked.
func (p *place) show(out io.Writer, rows []map[string]any, columns ...string) error {
	if p.JSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(rows)
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, strings.ToUpper(strings.ReplaceAll(strings.Join(columns, "\t"), "_", " ")))
	for _, row := range rows {
		cells := make([]string, len(columns))
		for i, column := range columns {
			cells[i] = cell(row[column])
		}
		fmt.Fprintln(table, strings.Join(cells, "\t"))
	}
	return table.Flush()
}

// cell is a value in a table: "-" where there is none, so that columns can be cut.
func cell(value any) string {
	if text := fmt.Sprint(value); value != nil && text != "" {
		return text
	}
	return "-"
}

// isTenant says so if there is no such tenant.
func isTenant(ctx context.Context, tables *store.Store, id string) error {
	found, err := tables.HasTenant(ctx, id)
	if err == nil && !found {
		err = fmt.Errorf("tenant: there is none with the id %q; rawlink admin tenant list shows them", id)
	}
	return err
}

// named says which argument named nothing that is there.
func named(argument, id string, err error) error {
	if err != nil && share.KindOf(err) == share.NotFound {
		return fmt.Errorf("%s: there is none with the id %q; rawlink admin %s list shows them", argument, id, argument)
	}
	return err
}
