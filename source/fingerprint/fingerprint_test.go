package fingerprint

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
)

// Every form that nbcertcmd, openssl and browsers show is read, and one is written.
func TestParse(t *testing.T) {
	sum := sha256.Sum256([]byte("certificate"))
	digits, colons := hex.EncodeToString(sum[:]), Format(sum[:])
	if len(colons) != 95 || colons != strings.ToUpper(colons) {
		t.Errorf("%q is not 32 bytes in upper case with colons", colons)
	}
	for _, text := range []string{digits, strings.ToUpper(digits), colons, strings.ToLower(colons), "SHA256:" + digits, "sha256:" + colons, " " + strings.ReplaceAll(colons, ":", " ") + "\n"} {
		if got, err := Parse(text); err != nil || string(got) != string(sum[:]) {
			t.Errorf("%q: %x %v", text, got, err)
		}
	}
	for _, text := range []string{"", "AB:CD", "xyz", digits[1:], digits + "00", digits[:63] + "g", "sha1:" + digits} {
		if got, err := Parse(text); err == nil {
			t.Errorf("%q is taken for %x", text, got)
		}
	}
}
