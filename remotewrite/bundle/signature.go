package bundle

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"backwire/source/regular"
)

// maxKeyFile bounds what is read of a file with a key or a secret, in bytes: a wrong path may be anything.
const maxKeyFile = 64 << 10

// ReadSigningKey reads an ed25519 private key, PEM of PKCS #8, as openssl genpkey writes it.
func ReadSigningKey(path string) (ed25519.PrivateKey, error) {
	return readKey[ed25519.PrivateKey](path, "PRIVATE KEY", x509.ParsePKCS8PrivateKey)
}

// ReadTrustedKey reads an ed25519 public key, PEM of PKIX, as openssl pkey -pubout writes it.
func ReadTrustedKey(path string) (ed25519.PublicKey, error) {
	return readKey[ed25519.PublicKey](path, "PUBLIC KEY", x509.ParsePKIXPublicKey)
}

// readKey reads the first block of a PEM file, which has to be of the given type.
func readKey[K any](path, kind string, parse func(der []byte) (any, error)) (K, error) {
	var none K
	b, err := regular.Read(path, maxKeyFile)
	if errors.Is(err, fs.ErrPermission) {
		return none, fmt.Errorf("read key: %w; user %d has to read it: chown root:backwire %s && chmod 0640 %s", err, os.Geteuid(), path, path)
	}
	if err != nil {
		return none, fmt.Errorf("read key: %w", err)
	}
	block, _ := pem.Decode(b)
	if block == nil || block.Type != kind {
		return none, fmt.Errorf("read key %s: expected a PEM file with a %s", path, kind)
	}
	parsed, err := parse(block.Bytes)
	if err != nil {
		return none, fmt.Errorf("read key %s: %w", path, err)
	}
	key, ok := parsed.(K)
	if !ok {
		return none, fmt.Errorf("read key %s: expected an ed25519 key, found %T", path, parsed)
	}
	return key, nil
}
