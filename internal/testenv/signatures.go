package testenv

import (
	"crypto/md5" // the hash of ClamAV's .hdb format; it protects nothing
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
)

// Marker is harmless text that the scanner of Clamd reports as a virus.
const Marker = "RAWLINK-FAKE-MALWARE-MARKER"

// eicarHex is the EICAR test file, 68 bytes that every scanner agrees to report.
// In hex, so that no scanner reports this source.
const eicarHex = "58354f2150254041505b345c505a58353428505e2937434329377d24" +
	"45494341522d5354414e444152442d414e544956495255532d544553542d46494c4521" +
	"24482b482a"

// selfSignature names the signature by which a server is recognised.
const selfSignature = "Rawlink-Test-Self"

// EICAR returns the EICAR test file.
func EICAR() []byte {
	text, err := hex.DecodeString(eicarHex)
	if err != nil {
		panic(err) // a typing error above
	}
	return text
}

// writeSignatures makes clamd's database in dir. clamd runs offline with this
// tiny database of our own: the real one is hundreds of megabytes, comes from the
// net and changes daily, while a test needs one virus that is always found.
// EICAR is listed by its body, wherever it stands in a file (.ndb), and by its
// size and MD5 (.hdb). The text self is found as well: one server is told from
// another by it.
func writeSignatures(dir, self string) error {
	bodies := fmt.Sprintf("Eicar-Test-Body:0:*:%s\nRawlink-Test-Marker:0:*:%x\n%s:0:*:%x\n",
		eicarHex, Marker, selfSignature, self)
	eicar := EICAR()
	hashes := fmt.Sprintf("%x:%d:Eicar-Test-Hash\n", md5.Sum(eicar), len(eicar))

	if err := os.Mkdir(dir, 0o755); err != nil {
		return fmt.Errorf("write clamd's database: %w", err)
	}
	for name, text := range map[string]string{"test.ndb": bodies, "test.hdb": hashes} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return fmt.Errorf("write clamd's database: %w", err)
		}
	}
	return nil
}
