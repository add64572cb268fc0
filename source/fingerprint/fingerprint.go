// Package fingerprint reads and writes the SHA-256 of a certificate, by which people tell certificates apart.
//
// It promises one form to write and every usual one to read. It never looks at a certificate, and knows nothing of whom a
// client trusts.
package fingerprint

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Parse reads a SHA-256 in hex, with or without colons, and sha256: before it.
func Parse(text string) ([]byte, error) {
	digits := strings.TrimPrefix(strings.ToLower(strings.TrimSpace(text)), "sha256:")
	sum, err := hex.DecodeString(strings.NewReplacer(":", "", " ", "").Replace(digits))
	if err == nil && len(sum) != sha256.Size {
		err = errors.New("a SHA-256 has 32 bytes")
	}
	if err != nil {
		return nil, fmt.Errorf("CA fingerprint %q: %w", text, err)
	}
	return sum, nil
}

// Format writes it as NetBackup does: upper case, with colons.
func Format(sum []byte) string {
	parts := make([]string, len(sum))
	for i, b := range sum {
		parts[i] = fmt.Sprintf("%02X", b)
	}
	return strings.Join(parts, ":")
}
