package share

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func ring(t testing.TB, text string) *Keyring {
	t.Helper()
	r, err := ParseKeyring(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTokenVerifiesOnlyAsSealed(t *testing.T) {
	t.Parallel()
	r := ring(t, "7:"+NewKey())
	rapid.Check(t, func(t *rapid.T) {
		var random [randomSize]byte
		copy(random[:], rapid.SliceOfN(rapid.Byte(), randomSize, randomSize).Draw(t, "random"))
		token := string(r.Seal(random))
		if len(token) != TokenLen || strings.Trim(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			t.Fatalf("token %q: want %d URL-safe characters", token, TokenLen)
		}
		if !r.Verify(token) {
			t.Fatal("a sealed token does not verify")
		}
		at := rapid.IntRange(0, TokenLen-1).Draw(t, "at")
		other := rapid.ByteRange('0', 'z').Draw(t, "other")
		if other == token[at] {
			return
		}
		if changed := token[:at] + string(rune(other)) + token[at+1:]; r.Verify(changed) {
			t.Fatalf("token with character %d changed verifies", at)
		}
	})
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	r := ring(t, "1:"+NewKey())
	token := string(r.Seal([randomSize]byte{1}))
	other := string(ring(t, "1:"+NewKey()).Seal([randomSize]byte{1}))
	unknown := string(ring(t, "2:"+NewKey()).Seal([randomSize]byte{1}))
	for name, bad := range map[string]string{
		"empty": "", "short": token[1:], "long": token + "A", "padded": token[:TokenLen-1] + "=",
		"not base64": strings.Repeat("!", TokenLen), "another key": other, "unknown key id": unknown,
		"zeros": strings.Repeat("A", TokenLen), "line break": token[:TokenLen-1] + "\n",
	} {
		if r.Verify(bad) {
			t.Errorf("%s: verifies", name)
		}
	}
}

func TestKeysRotate(t *testing.T) {
	t.Parallel()
	old, fresh := "1:"+NewKey(), "2:"+NewKey()
	token := string(ring(t, old).Seal([randomSize]byte{9}))
	if !ring(t, fresh+","+old).Verify(token) {
		t.Error("a token of the previous key does not verify")
	}
	if ring(t, fresh).Verify(token) {
		t.Error("a token verifies after its key was retired")
	}
	if sealed := string(ring(t, fresh+","+old).Seal([randomSize]byte{9})); !ring(t, fresh).Verify(sealed) {
		t.Error("the first key does not seal")
	}
}

func TestParseKeyringNamesTheMistakeNotTheKey(t *testing.T) {
	t.Parallel()
	key := NewKey()
	for name, text := range map[string]string{
		"empty": "", "no id": key, "id 0": "0:" + key, "id 256": "256:" + key, "short": "1:" + key[2:],
		"not hex": "1:" + strings.Repeat("g", 64), "twice": "1:" + key + ",1:" + key, "trailing comma": "1:" + key + ",",
	} {
		_, err := ParseKeyring(text)
		if err == nil {
			t.Errorf("%s: accepted", name)
		} else if strings.Contains(err.Error(), key[2:10]) {
			t.Errorf("%s: the error repeats the key", name)
		}
	}
}

func TestMintIsRepeatableAndDistinct(t *testing.T) {
	t.Parallel()
	secret, r := NewKey(), ring(t, "1:"+NewKey())
	mint, err := ParseMint(secret)
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseMint(secret)
	if err != nil {
		t.Fatal(err)
	}
	if mint.Token(r, "a") != again.Token(r, "a") {
		t.Error("one share gets two tokens")
	}
	if mint.Token(r, "a") == mint.Token(r, "b") {
		t.Error("two shares get one token")
	}
	other, err := ParseMint(NewKey())
	if err != nil {
		t.Fatal(err)
	}
	if mint.Token(r, "a") == other.Token(r, "a") {
		t.Error("the token does not depend on the secret")
	}
	if !r.Verify(string(mint.Token(r, "a"))) {
		t.Error("a minted token does not verify")
	}
}

func TestTokenHidesFromPrinting(t *testing.T) {
	t.Parallel()
	token := ring(t, "1:"+NewKey()).Seal([randomSize]byte{3})
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "token", token)
	for _, printed := range []string{fmt.Sprint(token), fmt.Sprintf("%v %s %q %#v", token, token, token, token), log.String()} {
		if strings.Contains(printed, string(token)) {
			t.Errorf("printed: %s", printed)
		}
	}
}

func FuzzVerify(f *testing.F) {
	r := ring(f, "1:"+strings.Repeat("ab", KeySize))
	sealed := string(r.Seal([randomSize]byte{1}))
	f.Add(sealed)
	f.Add("")
	f.Add(strings.Repeat("A", TokenLen))
	f.Fuzz(func(t *testing.T, token string) {
		if r.Verify(token) && token != sealed {
			t.Errorf("a token nobody sealed verifies: %q", token)
		}
	})
}
