package origin

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"fmt"
)

// seal encrypts text so that only the key opens it, and only beside the same
// context. AES-256-GCM with a drawn nonce, in base64.
func seal(key [32]byte, text []byte, context string) string {
	return base64.StdEncoding.EncodeToString(box(key).Seal(nil, nil, text, []byte(context))) //nolint:gosec // the AEAD draws the nonce itself
}

func unseal(key [32]byte, sealed, context string) ([]byte, error) {
	raw, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil {
		return nil, fmt.Errorf("unseal: %w", err)
	}
	text, err := box(key).Open(nil, nil, raw, []byte(context))
	if err != nil {
		return nil, errors.New("unseal: damaged, or sealed under another secret")
	}
	return text, nil
}

// box panics for no key of this length.
func box(key [32]byte) cipher.AEAD {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return aead
}
