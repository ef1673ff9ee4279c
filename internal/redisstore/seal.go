package redisstore

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"

	"rawlink/internal/share"
)

// seal keeps the hashes of share passwords from whoever reads Redis: a dump of the
// cache is then worth nothing to a guesser. Only the hash is sealed, for nothing
// else in a record helps to open a link without its token. nil seals nothing.
type seal struct{ aead cipher.AEAD }

// newSeal derives the key from a secret that edges and origins share, "" = none.
func newSeal(secret string) *seal {
	if secret == "" {
		return nil
	}
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte("rawlink record seal v1"))
	block, err := aes.NewCipher(h.Sum(nil))
	if err != nil {
		panic("seal: " + err.Error()) // the key's length is right
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic("seal: " + err.Error()) // the block's size is right
	}
	return &seal{aead}
}

// close seals the record's password hash. It belongs to this token hash and opens
// under no other.
func (s *seal) close(h share.Hash, rec *share.Record) {
	if s == nil || rec.PasswordHash == "" {
		return
	}
	nonce := make([]byte, s.aead.NonceSize(), s.aead.NonceSize()+len(rec.PasswordHash)+s.aead.Overhead())
	_, _ = rand.Read(nonce) // never fails, see crypto/rand
	rec.PasswordHash = base64.RawStdEncoding.EncodeToString(s.aead.Seal(nonce, nonce, []byte(rec.PasswordHash), h[:]))
}

// open undoes close. A record whose hash can't be opened was written under
// another secret: it is none that can be used.
func (s *seal) open(h share.Hash, rec *share.Record) error {
	if s == nil || rec.PasswordHash == "" {
		return nil
	}
	raw, err := base64.RawStdEncoding.DecodeString(rec.PasswordHash)
	if err != nil || len(raw) < s.aead.NonceSize() {
		return errors.New("password hash is not sealed")
	}
	plain, err := s.aead.Open(nil, raw[:s.aead.NonceSize()], raw[s.aead.NonceSize():], h[:])
	rec.PasswordHash = string(plain)
	return err
}
