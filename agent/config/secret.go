package config

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"backwire/source/regular"
	"backwire/source/secret"
)

const redacted = secret.Mark

// Secret is a value that no print shows. It is behind a pointer, because fmt asks no
// methods of a value in an unexported field: there it prints an address.
type Secret struct{ value *string }

// UnmarshalText takes any text.
func (s *Secret) UnmarshalText(text []byte) error {
	value := string(text)
	s.value = &value
	return nil
}

// Set says whether there is a secret.
func (s Secret) Set() bool { return s.value != nil && *s.value != "" }

// Reveal is the secret itself.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// String shows whether there is a secret, and nothing of it.
func (s Secret) String() string {
	if !s.Set() {
		return ""
	}
	return redacted
}

// Format redacts under every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText redacts in JSON, XML and the like.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue redacts in every slog.Handler.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// File is the path of a file that was there when the configuration was loaded.
type File string

// maxSecretFile bounds what is read of a secret's file, in bytes: a wrong path may be anything.
const maxSecretFile = 64 << 10

// ReadSecret reads a secret's file; the end of line that editors leave is not part of it.
func ReadSecret(path File) (string, error) {
	content, err := regular.Read(string(path), maxSecretFile)
	if err != nil {
		return "", fmt.Errorf("read a secret: %w", err)
	}
	text := string(bytes.TrimRight(content, "\r\n"))
	if strings.TrimSpace(text) == "" {
		return "", fmt.Errorf("read a secret: %s is empty", path)
	}
	return text, nil
}

// Credential gives a secret that is set directly or is in a file. The file is read each
// time, so that a rotated secret is used without a reload.
func Credential(direct Secret, file File) func() (string, error) {
	if file == "" {
		return func() (string, error) { return direct.Reveal(), nil }
	}
	return func() (string, error) { return ReadSecret(file) }
}

// findFile resolves a path as the administrator and systemd mean it: an absolute path as it
// is, anything else, and what is not there, by its name in $CREDENTIALS_DIRECTORY.
func findFile(path, credentials string) (File, fs.FileInfo, error) {
	candidates := []string{path}
	if credentials != "" {
		inCredentials := filepath.Join(credentials, filepath.Base(path))
		if filepath.IsAbs(path) {
			candidates = append(candidates, inCredentials)
		} else {
			candidates = []string{filepath.Join(credentials, path), inCredentials, path}
		}
	}
	var first error
	for _, candidate := range candidates {
		info, err := os.Stat(candidate)
		if err == nil && info.Mode().IsRegular() {
			return File(candidate), info, nil
		}
		if err == nil {
			err = fmt.Errorf("%s is not a file", candidate)
		}
		if first == nil {
			first = err
		}
	}
	return "", nil, first
}
