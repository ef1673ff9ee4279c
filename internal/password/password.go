// Package password stores share passwords as slow hashes: Argon2id in the PHC
// string format, with the first of the parameter sets that OWASP's password
// storage cheat sheet recommends. It keeps no state.
package password

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"

	"golang.org/x/crypto/argon2"
)

// 19 MiB and two passes cost an attacker's try some 30 ms of a core.
const (
	memoryKiB = 19 * 1024
	passes    = 2
	threads   = 1
	saltSize  = 16
	hashSize  = 32
)

// Hash returns the stored form of a password.
func Hash(password string) string {
	var salt [saltSize]byte
	_, _ = rand.Read(salt[:]) // never fails, see crypto/rand
	sum := argon2.IDKey([]byte(password), salt[:], passes, memoryKiB, threads, hashSize)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, memoryKiB, passes, threads,
		base64.RawStdEncoding.EncodeToString(salt[:]), base64.RawStdEncoding.EncodeToString(sum))
}

// Matches reports whether the password is the one that was stored. Anything that
// Hash did not write matches nothing.
func Matches(stored, password string) bool {
	var version, memory, time int
	var lanes uint8
	var rest string
	if _, err := fmt.Sscanf(stored, "$argon2id$v=%d$m=%d,t=%d,p=%d$%s", &version, &memory, &time, &lanes, &rest); err != nil {
		return false
	}
	if version != argon2.Version || memory != memoryKiB || time != passes || lanes != threads {
		return false
	}
	const saltText = (saltSize*8 + 5) / 6
	if len(rest) <= saltText+1 || rest[saltText] != '$' {
		return false
	}
	salt, errSalt := base64.RawStdEncoding.DecodeString(rest[:saltText])
	sum, errSum := base64.RawStdEncoding.DecodeString(rest[saltText+1:])
	if errSalt != nil || errSum != nil || len(sum) != hashSize {
		return false
	}
	return subtle.ConstantTimeCompare(sum, argon2.IDKey([]byte(password), salt, passes, memoryKiB, threads, hashSize)) == 1
}
