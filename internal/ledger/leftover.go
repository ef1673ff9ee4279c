package ledger

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"rawlink/internal/share"
)

// left returns the batches that dead processes did not hand over, in the order in
// which they have to be: by epoch, then by number. What was returned before is not
// returned again. A file that can't be read is left alone, with all of its epoch that
// follow, until it can be: once they are handed over it would be refused as older. What
// is damaged is reported, and what can be read of it returned. Both stand in the error
// beside the rest.
func (j *Journal) left() (batches []share.Batch, err error) {
	for _, epoch := range j.epochs() {
		_, known := j.locks[epoch]
		if _, rest := j.rest[epoch]; known && !rest {
			continue
		}
		if !known {
			ok, lockErr := j.take(epoch)
			if err = errors.Join(err, lockErr); !ok {
				continue
			}
		}
		found, readErr := j.leftOf(epoch)
		batches, err = append(batches, found...), errors.Join(err, readErr)
		j.forget(epoch)
	}
	return batches, err
}

// epochs lists those that there is anything of.
func (j *Journal) epochs() []string {
	entries, _ := os.ReadDir(j.dir) // what can't be read has nothing
	var all []string
	for _, entry := range entries {
		named, isFresh := strings.CutSuffix(entry.Name(), freshSuffix)
		named, isBatch := strings.CutSuffix(named, journalSuffix)
		epoch, isLock := strings.CutSuffix(named, lockSuffix)
		if !isFresh && !isBatch && !isLock {
			continue
		}
		epoch, _, _ = strings.Cut(epoch, "-")
		all = append(all, epoch)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// files are the numbers of an epoch's batches, in order.
func (j *Journal) files(epoch string) (numbers []int64, err error) {
	entries, err := os.ReadDir(j.dir)
	if err != nil {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	for _, entry := range entries {
		named, isBatch := strings.CutSuffix(entry.Name(), journalSuffix)
		number, isIts := strings.CutPrefix(named, epoch+"-")
		if seq, err := strconv.ParseInt(number, 10, 64); isBatch && isIts && err == nil {
			numbers = append(numbers, seq)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// leftOf returns an epoch's batches from the first that was not returned before.
func (j *Journal) leftOf(epoch string) (batches []share.Batch, err error) {
	j.sweep(epoch)
	from := j.rest[epoch]
	j.rest[epoch] = from
	numbers, err := j.files(epoch)
	if err != nil {
		return nil, err
	}
	for _, seq := range numbers {
		if seq < from {
			continue
		}
		path := j.path(&share.Batch{Epoch: epoch, Seq: seq})
		b, readErr := readBatch(path)
		if err = errors.Join(err, readErr); readErr != nil && !errors.Is(readErr, errDamaged) {
			j.rest[epoch] = seq
			return batches, err
		}
		b.Epoch, b.Seq = epoch, seq
		if len(b.Count) == 0 {
			_ = os.Remove(path) // nothing was added to it, or nothing of it can be read
			continue
		}
		batches = append(batches, b)
	}
	delete(j.rest, epoch)
	return batches, err
}

// sweep removes what a kill left of a dead process's writing.
func (j *Journal) sweep(epoch string) {
	fresh, _ := filepath.Glob(filepath.Join(j.dir, epoch+"-*"+freshSuffix)) // the pattern is sound
	for _, path := range fresh {
		_ = os.Remove(path)
	}
}

// done forgets a batch that was taken over.
func (j *Journal) done(b *share.Batch) {
	_ = os.Remove(j.path(b)) // else it is handed over again, to no effect
	if _, held := j.locks[b.Epoch]; held && b.Epoch != j.epoch {
		j.forget(b.Epoch)
	}
}

// forget ends a dead process's epoch, if nothing is left of it.
func (j *Journal) forget(epoch string) {
	if left, err := j.files(epoch); len(left) > 0 || err != nil {
		return
	}
	_ = os.Remove(j.lockPath(epoch))
	_ = j.locks[epoch].Close()
	delete(j.locks, epoch)
	delete(j.rest, epoch)
}
