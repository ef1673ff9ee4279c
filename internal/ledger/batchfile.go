package ledger

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strconv"

	"rawlink/internal/share"
)

func readBatch(path string) (b share.Batch, err error) {
	file, err := os.Open(path)
	if err != nil {
		return b, fmt.Errorf("read journal: %w", err)
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, maxLine)
	for first := true; lines.Scan(); first = false {
		body, ok := unseal(lines.Bytes())
		if !ok {
			break
		}
		var added map[string]int64
		if first {
			err = json.Unmarshal(body, &b)
			b.Count = map[string]int64{}
		} else {
			err = json.Unmarshal(body, &added)
		}
		if err != nil {
			return b, fmt.Errorf("read journal: %s: %w", filepath.Base(path), err)
		}
		for id, n := range added {
			b.Count[id] += n
		}
	}
	if err := lines.Err(); err != nil {
		return b, fmt.Errorf("read journal: %s: %w", filepath.Base(path), err)
	}
	return b, nil
}

// maxLine bounds a line of the journal: maxShares ids with their counts fit.
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
	fresh := j.path(b) + ".new"
	if err = os.WriteFile(fresh, text, 0o600); err == nil {
		err = os.Rename(fresh, j.path(b))
	}
	if err != nil {
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
