package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"rawlink/internal/share"
)

// datadir is the directory that holds everything of an embedded Rawlink:
//
//	rawlink.db   the database
//	objects/     the bytes
//	secrets.json the keys that sign tokens and URLs
//	api-key      the API key, for its owner's convenience
//	lock         held while a process uses the directory
type datadir struct {
	path string
	lock *os.File
}

// openDatadir makes the directory if need be and locks it.
func openDatadir(path string) (*datadir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("data: can't make the directory: %w", err)
	}
	d := &datadir{path: path}
	lock, err := os.OpenFile(d.file("lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data: %s is not writable: %w", path, errors.Unwrap(err))
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("data: %s is in use by another rawlink; stop it or choose another directory with --data", path)
	}
	d.lock = lock
	return d, nil
}

// Close lets others use the directory.
func (d *datadir) Close() error { return d.lock.Close() }

func (d *datadir) file(name string) string { return filepath.Join(d.path, name) }

// secrets are drawn once per data directory. Losing them ends all links.
type secrets struct {
	TokenKeys string `json:"token_keys"`
	Mint      string `json:"mint_secret"`
	Objects   string `json:"objects_secret"`
	Lease     string `json:"lease_key"`
}

// secrets reads the directory's secrets, drawing them at the first start.
func (d *datadir) secrets() (secrets, error) {
	path := d.file("secrets.json")
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		drawn := secrets{TokenKeys: "1:" + share.NewKey(), Mint: share.NewKey(), Objects: share.NewKey(), Lease: share.NewKey()}
		return drawn, d.keepSecrets(drawn)
	}
	var kept secrets
	if err != nil {
		return kept, fmt.Errorf("data: read secrets: %w", err)
	}
	if err := json.Unmarshal(raw, &kept); err != nil {
		return kept, fmt.Errorf("data: %s is damaged; restore it from a backup, without it no existing link can be checked", path)
	}
	return kept, nil
}

// keepSecrets replaces the directory's secrets.
func (d *datadir) keepSecrets(s secrets) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return writeSecret(d.file("secrets.json"), append(text, '\n'))
}

// writeSecret writes a file that only its owner may read, whole or not at all.
func writeSecret(path string, text []byte) error {
	draft, err := os.CreateTemp(filepath.Dir(path), ".draft-*") // 0600 by itself
	if err != nil {
		return fmt.Errorf("data: write %s: %w", filepath.Base(path), err)
	}
	defer func() { _ = os.Remove(draft.Name()) }()
	_, err = draft.Write(text)
	if err = errors.Join(err, draft.Sync(), draft.Close()); err == nil {
		err = os.Rename(draft.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("data: write %s: %w", filepath.Base(path), err)
	}
	return nil
}

// apiKey returns the key kept from an earlier start, "" if there is none.
func (d *datadir) apiKey() string {
	raw, err := os.ReadFile(d.file("api-key"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(raw))
}

func (d *datadir) keepAPIKey(key string) error {
	return writeSecret(d.file("api-key"), []byte(key+"\n"))
}

// fromHex reads one of the secrets.
func fromHex(name, text string) ([]byte, error) {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) < share.KeySize {
		return nil, fmt.Errorf("data: secrets.json: %s is damaged", name)
	}
	return raw, nil
}
