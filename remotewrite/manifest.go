package remotewrite

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"backwire/remotewrite/wal"
)

const (
	manifestFile    = "manifest.json"
	signatureFile   = "manifest.sig" // the 64 bytes of an ed25519 signature of the manifest's bytes
	manifestVersion = 1
	bundleMode      = 0o600
)

// Manifest says what a bundle holds.
type Manifest struct {
	Version int       `json:"version"`
	Agent   string    `json:"agent"` // host and directory of the queue
	Created time.Time `json:"created"`
	Sites   []string  `json:"sites"`
	From    Place     `json:"from"` // what lies before was not asked for and is not sent

	FirstSequence uint64 `json:"first_sequence"` // of the log's records, heads included; 0 if not legible
	LastSequence  uint64 `json:"last_sequence"`

	Files []BundleFile `json:"files"` // oldest first
}

// Place is a position in the log.
type Place struct {
	Segment uint64 `json:"segment"`
	Offset  uint64 `json:"offset"`
}

// BundleFile is one segment. What it holds is 0 where damage hides it.
type BundleFile struct {
	Name    string `json:"name"`
	SHA256  string `json:"sha256"` // in hex
	Bytes   int64  `json:"bytes"`
	Records uint64 `json:"records"`
	Samples uint64 `json:"samples"`
}

// Bytes is the size of all segments.
func (m *Manifest) Bytes() (n int64) {
	for _, f := range m.Files {
		n += f.Bytes
	}
	return n
}

// Totals is what all segments hold.
func (m *Manifest) Totals() (t Totals) {
	for _, f := range m.Files {
		t = t.plus(Totals{f.Records, f.Samples})
	}
	return t
}

// write puts the manifest into a bundle, last of all: without it, there is no bundle.
func (m *Manifest) write(root *os.Root, key ed25519.PrivateKey) error {
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	b = append(b, '\n')
	if key != nil {
		if err := writeFile(root, signatureFile, ed25519.Sign(key, b)); err != nil {
			return err
		}
	}
	return writeFile(root, manifestFile, b)
}

func writeFile(root *os.Root, name string, content []byte) error {
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, bundleMode)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// readManifest believes nothing before the signature is right, where a key is trusted.
func readManifest(root *os.Root, trusted ed25519.PublicKey) (*Manifest, error) {
	b, err := root.ReadFile(manifestFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is missing: this is no bundle, or its export did not end", manifestFile)
	}
	if err != nil {
		return nil, err
	}
	if trusted != nil {
		if err := checkSignature(root, b, trusted); err != nil {
			return nil, err
		}
	}
	m := &Manifest{}
	if err := json.Unmarshal(b, m); err != nil {
		return nil, fmt.Errorf("%s: %w", manifestFile, err)
	}
	if m.Version != manifestVersion {
		return nil, fmt.Errorf("%s: version %d, only %d is known", manifestFile, m.Version, manifestVersion)
	}
	if len(m.Files) == 0 {
		return nil, fmt.Errorf("%s: it names no segment", manifestFile)
	}
	return m, nil
}

func checkSignature(root *os.Root, manifest []byte, trusted ed25519.PublicKey) error {
	signature, err := root.ReadFile(signatureFile)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is missing: the bundle is not signed, and a key is trusted", signatureFile)
	}
	if err != nil {
		return err
	}
	if !ed25519.Verify(trusted, manifest, signature) {
		return fmt.Errorf("%s does not fit %s: it was changed, or signed with a key that is not trusted", signatureFile, manifestFile)
	}
	return nil
}

// checkFiles reads every segment and compares it with what the manifest says.
func (m *Manifest) checkFiles(root *os.Root, progress func(done, total int64)) error {
	var problems []error
	total, done := m.Bytes(), int64(0)
	for _, f := range m.Files {
		if err := f.check(root); err != nil {
			problems = append(problems, err)
		}
		done += f.Bytes
		progress(done, total)
	}
	return errors.Join(problems...)
}

func (f *BundleFile) check(root *os.Root) error {
	file, err := root.Open(f.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is missing", f.Name)
	}
	if err != nil {
		return err
	}
	defer file.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, io.LimitReader(file, f.Bytes+1))
	switch {
	case err != nil:
		return err
	case n < f.Bytes:
		return fmt.Errorf("%s is truncated: it has %d of %d bytes", f.Name, n, f.Bytes)
	case n > f.Bytes:
		return fmt.Errorf("%s has more than its %d bytes", f.Name, f.Bytes)
	case hex.EncodeToString(sum.Sum(nil)) != f.SHA256:
		return fmt.Errorf("%s was changed: its SHA-256 is not the manifest's", f.Name)
	}
	return nil
}

// checkSegments refuses a directory whose log is not the one that the manifest lists.
func (m *Manifest) checkSegments(found []wal.SegmentInfo) error {
	for i, s := range found {
		if i >= len(m.Files) || s.Name() != m.Files[i].Name {
			return fmt.Errorf("%s is not in %s, or not in its place", s.Name(), manifestFile)
		}
	}
	if len(found) < len(m.Files) {
		return fmt.Errorf("%s is no segment that can be read", m.Files[len(found)].Name)
	}
	return nil
}
