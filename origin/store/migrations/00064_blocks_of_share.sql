-- A new cap counts what edges may yet tell of the share's earlier blocks.

-- +goose Up
CREATE INDEX ledger_blocks_of_share ON ledger_blocks (share_id);

-- +goose Down
DROP INDEX ledger_blocks_of_share;
