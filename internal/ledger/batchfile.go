package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"rawlink/internal/share"
)

// errDamaged is lines of the journal that are not what was written.
var errDamaged = errors.New("lines are damaged, and what they counted is lost")

// readBatch reads a batch's file. Lines that are damaged are left out, whatever they are:
// of the first one, which names the batch, its file's name has all but the edge. Then the
// error is errDamaged, beside the rest.
func readBatch(path string) (b share.Batch, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return b, fmt.Errorf("read journal: %w", err)
	}
	b.Count = map[string]int64{}
	damaged, first := 0, true
	for line := range bytes.Lines(text) {
		body, sound := unseal(bytes.TrimSuffix(line, []byte{'\n'}))
		switch {
		case sound && first:
			err = json.Unmarshal(body, &b)
			b.Count = map[string]int64{} // it names none
		case sound:
			err = addLine(&b, body)
		case first || bytes.HasSuffix(line, []byte{'\n'}): // else it was being written when the process died
			damaged++
		}
		if err != nil {
			return b, fmt.Errorf("read journal: %s: %w", filepath.Base(path), err)
		}
		first = false
	}
	if damaged > 0 {
		err = fmt.Errorf("read journal: %s: %d %w", filepath.Base(path), damaged, errDamaged)
	}
	return b, err
}

func addLine(b *share.Batch, body []byte) error {
	var added map[string]int64
	err := json.Unmarshal(body, &added)
	for id, n := range added {
		b.Count[id] += n
	}
	return err
}

// maxLine is the size of a file from which on it is written anew, in one line: maxShares
// ids with their counts are far less.
const maxLine = 1 << 20

// seal ends a line and begins it with its checksum.
func seal(line []byte, v any) ([]byte, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return line, err
	}
	line = fmt.Appendf(line, "%08x ", crc32.ChecksumIEEE(body))
	return append(append(line, body...), '\n'), nil
}

func unseal(line []byte) (body []byte, ok bool) {
	if len(line) < 9 || line[8] != ' ' {
		return nil, false
	}
	sum, err := strconv.ParseUint(string(line[:8]), 16, 32)
	return line[9:], err == nil && uint32(sum) == crc32.ChecksumIEEE(line[9:])
}

func (j *Journal) path(b *share.Batch) string {
	return filepath.Join(j.dir, b.Epoch+"-"+strconv.FormatInt(b.Seq, 10)+journalSuffix)
}

// add notes what was added to a batch that has so much in total already. A file
// that has grown beyond use is written anew.
func (j *Journal) add(b *share.Batch, added map[string]int64) error {
	info, err := os.Stat(j.path(b))
	switch {
	case errors.Is(err, os.ErrNotExist), err == nil && info.Size() > maxLine:
		return j.write(b)
	case err != nil:
		return fmt.Errorf("write journal: %w", err)
	}
	line, err := seal(nil, added)
	if err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	file, err := os.OpenFile(j.path(b), os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	_, err = file.Write(line)
	return wrapClose(file, err)
}

// write begins a batch's file with all of it.
func (j *Journal) write(b *share.Batch) error {
	named := *b
	named.Count = nil
	text, err := seal(nil, named)
	if err == nil {
		text, err = seal(text, b.Count)
	}
	if err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	fresh := strings.TrimSuffix(j.path(b), journalSuffix) + freshSuffix
	if err = os.WriteFile(fresh, text, 0o600); err == nil {
		err = os.Rename(fresh, j.path(b))
	}
	if err != nil {
		_ = os.Remove(fresh)
		return fmt.Errorf("write journal: %w", err)
	}
	return nil
}

func wrapClose(file *os.File, err error) error {
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	return nil
}
