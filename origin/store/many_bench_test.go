package store

import (
	"fmt"
	"path/filepath"
	"testing"

	"rawlink/internal/database"
	"rawlink/internal/testenv"
)

// durableEngines are both engines as they are run in earnest: each commit is on
// the disk before it is answered.
var durableEngines = []struct {
	name string
	open func(b *testing.B) (*database.DB, error)
}{
	{"sqlite", func(b *testing.B) (*database.DB, error) {
		return database.OpenSQLite(b.Context(), filepath.Join(b.TempDir(), "bench.db"))
	}},
	{"postgres", func(b *testing.B) (*database.DB, error) {
		return database.OpenPostgres(b.Context(), testenv.DurablePostgres(b).DSN, 16)
	}},
}

func onDurableEngines(b *testing.B, run func(b *testing.B, s *bench)) {
	b.Helper()
	for _, engine := range durableEngines {
		b.Run(engine.name, func(b *testing.B) {
			db, err := engine.open(b)
			if err != nil {
				b.Fatal(err)
			}
			run(b, newBench(b, db))
		})
	}
}

// BenchmarkPage reads pages of 100 of a million files, from the list's start and
// from its end.
func BenchmarkPage(b *testing.B) {
	const all, size = 1_000_000, 100
	onDurableEngines(b, func(b *testing.B, s *bench) {
		s.fillFiles(b, nil, all)
		s.exec(b, `ANALYZE`)
		for _, page := range []int{1, 100, all / size} {
			from := Page{Limit: size}
			if page > 1 {
				n := (page-1)*size - 1
				from.After = &Cursor{s.micros() + int64(n), fillID(n)}
			}
			b.Run(fmt.Sprintf("page=%d", page), func(b *testing.B) {
				for b.Loop() {
					got, err := s.Files(b.Context(), s.tenant, ListFilter{SpaceID: s.space, Page: from})
					if err != nil || len(got) != size {
						b.Fatalf("%d files, %v; want %d", len(got), err, size)
					}
				}
			})
		}
	})
}

// BenchmarkTrashFolder trashes and restores a folder of 100,000 shared files, and
// announces all of its links.
func BenchmarkTrashFolder(b *testing.B) {
	const many = 100_000
	onDurableEngines(b, func(b *testing.B, s *bench) {
		folder, err := s.CreateFolder(b.Context(), s.tenant, s.space, nil, "many")
		if err != nil {
			b.Fatal(err)
		}
		to, err := s.CreateFolder(b.Context(), s.tenant, s.space, nil, "other")
		if err != nil {
			b.Fatal(err)
		}
		s.fill(b, &folder.ID, many)
		s.exec(b, `ANALYZE`)
		steps := []struct {
			name string
			do   func() error
		}{
			{"move", func() error {
				_, err := s.UpdateFolder(b.Context(), s.tenant, folder.ID, nil, Placement{Set: true, ID: &to.ID})
				return err
			}},
			{"trash", func() error { _, err := s.TrashFolder(b.Context(), s.tenant, folder.ID); return err }},
			{"restore", func() error { _, err := s.RestoreFolder(b.Context(), s.tenant, folder.ID); return err }},
			{"announce", func() error {
				for told := 0; told < many; {
					n, err := s.Relay(b.Context(), 500, func(changes []Change) error { told += len(changes); return nil })
					if err != nil || n == 0 {
						return fmt.Errorf("%d of %d links told: %w", told, many, err)
					}
				}
				return nil
			}},
		}
		for range b.N {
			for _, step := range steps {
				start := b.Elapsed()
				if err := step.do(); err != nil {
					b.Fatalf("%s: %v", step.name, err)
				}
				b.ReportMetric(float64((b.Elapsed()-start).Microseconds())/1000, step.name+"-ms")
			}
		}
	})
}
