package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"rawlink/internal/share"
)

// answer is what is remembered of an edge's asks for a share: the newest one's grant, and
// how many downloads it was granted directly and has not returned since it is remembered.
type answer struct {
	share.Grant
	Direct int64 `json:"direct,omitempty"`
}

// then is what is remembered after one more ask.
func (a answer) then(ask share.Ask, g share.Grant) answer {
	return answer{Grant: g, Direct: max(0, a.Direct-ask.Return) + g.Downloads}
}

// answered returns what this ask was answered before, if it was; else what the one
// before it was.
func (s *Store) answered(ctx context.Context, tx *sql.Tx, shareID string, ask share.Ask) (last answer, found bool, err error) {
	var seq int64
	var kept string
	err = tx.QueryRowContext(ctx, `SELECT seq, answer FROM ledger_asks WHERE share_id = $1 AND edge = $2`, shareID, ask.Edge).Scan(&seq, &kept)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return last, false, nil
	case err != nil:
		return last, false, fmt.Errorf("redeem: %w", err)
	case seq > ask.Seq: // a late copy of an ask that nobody waits for
		return last, false, share.E(share.Unavailable, "redeem", errors.New("a newer ask was answered"))
	}
	return last, seq == ask.Seq, json.Unmarshal([]byte(kept), &last)
}

func (s *Store) remember(ctx context.Context, tx *sql.Tx, shareID string, ask share.Ask, a answer) error {
	kept, err := json.Marshal(a)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO ledger_asks (share_id, edge, seq, answer, asked_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (share_id, edge) DO UPDATE SET seq = excluded.seq, answer = excluded.answer, asked_at = excluded.asked_at`,
		shareID, ask.Edge, ask.Seq, string(kept), s.micros())
	if err != nil {
		return fmt.Errorf("remember grant: %w", err)
	}
	return nil
}

// takeBack puts downloads that were granted and not served back under the
// ceiling. A share that was said to be used up is told to be so no more.
//
// No more comes back than the edge is remembered to have been granted. It asked for
// all of it before it returns any, under the same name: so if nothing is remembered
// the memory was swept, by a clock that is ahead or after an hour without an answer,
// and this may be a copy of a return that was applied. Then the downloads stay
// reserved. The edge is answered all the same, and need not ask again.
func (s *Store) takeBack(ctx context.Context, tx *sql.Tx, shareID string, ask share.Ask, direct int64) (told bool, err error) {
	units := min(ask.Return, direct)
	if units == 0 {
		return false, nil
	}
	if told, err = usedUp(ctx, tx, shareID); err != nil {
		return false, fmt.Errorf("take back: %w", err)
	}
	ok, err := changed(tx.ExecContext(ctx, `UPDATE shares SET reserved = reserved - $2, download_count = download_count - $2
		WHERE id = $1 AND max_downloads IS NOT NULL AND cap_epoch = $3`, shareID, units, ask.Epoch))
	if err != nil || !ok || !told {
		return false, err
	}
	if err := raiseBound(ctx, tx, shareID); err != nil {
		return false, err
	}
	return true, s.announceShare(ctx, tx, shareID)
}
