package edge

import "rawlink/internal/share"

// claim returns what the token says once its keyed tag is checked: the hash
// under which its share is known. It is not yet believed about the present. A
// guessed token costs this one keyed hash, compared in constant time, and is
// refused in the same words as a share that never existed.
func claim(keys *share.Keyring, token share.Token) (share.Hash, error) {
	if !keys.Verify(string(token)) {
		return share.Hash{}, errNotFound
	}
	return share.HashToken(string(token)), nil
}
