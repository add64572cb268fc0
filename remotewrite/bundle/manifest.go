package bundle

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"backwire/remotewrite/queue"
	"backwire/remotewrite/record"
	"backwire/remotewrite/wal"
	"backwire/source"
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

	Endpoint string `json:"endpoint,omitempty"` // whose bundle it is, where it is an endpoint's
	Number   uint64 `json:"number,omitempty"`   // of the bundle among the endpoint's, from 1 on; each begins where the one before ended

	Files []File `json:"files"` // oldest first
}

// Place is a position in the log.
type Place struct {
	Segment uint64 `json:"segment"`
	Offset  uint64 `json:"offset"`
}

// File is one segment. What it holds is 0 where damage hides it.
type File struct {
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
func (m *Manifest) Totals() (t record.Totals) {
	for _, f := range m.Files {
		t = t.Plus(record.Totals{Records: f.Records, Samples: f.Samples})
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

// What a manifest says at most. A segment is of a gibibyte, and one record more.
const (
	maxManifest     = 4 << 20 // bytes
	maxWord         = 1 << 10 // bytes of a name
	maxBundleNames  = 10_000  // of sites
	maxSegmentBytes = 2 << 30
	mostCommas      = 5*maxMediumSegments + maxBundleNames + 100 // a segment has five fields
)

// readManifest believes nothing before the signature is right, where a key is trusted.
func (m *Medium) readManifest(root *os.Root) (*Manifest, error) {
	b, err := readUnlinked(root, manifestFile, maxManifest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is missing: this is not a bundle, or its export was interrupted", manifestFile)
	}
	if err != nil {
		return nil, err
	}
	if m.trusted != nil {
		if err := checkSignature(root, b, m.trusted); err != nil {
			return nil, err
		}
	}
	if n := bytes.Count(b, []byte(",")); n > mostCommas { // a list of nothing takes twenty times its bytes
		return nil, fmt.Errorf("%s lists %d entries, more than one import accepts", manifestFile, n)
	}
	found := &Manifest{}
	if err := json.Unmarshal(b, found); err != nil {
		return nil, fmt.Errorf("%s: %s", manifestFile, source.Printable(err.Error()))
	}
	if err := found.validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", manifestFile, err)
	}
	found.clean()
	return found, m.admit(found, len(b))
}

func readUnlinked(root *os.Root, name string, most int64) ([]byte, error) {
	f, err := openUnlinked(root, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(b)) > most {
		err = fmt.Errorf("%s has more than %d bytes", name, most)
	}
	return b, err
}

// validate refuses what this program would not write: whatever names a file or asks for memory.
func (m *Manifest) validate() error {
	switch {
	case m.Version != manifestVersion:
		return fmt.Errorf("version %d is not supported, only %d", m.Version, manifestVersion)
	case len(m.Files) == 0:
		return errors.New("it lists no segment")
	case len(m.Agent) > maxWord || len(m.Endpoint) > maxWord || len(m.Sites) > maxBundleNames:
		return errors.New("it has too many names, or names that are too long")
	}
	before := uint64(0)
	for _, f := range m.Files {
		number, ok := wal.SegmentNumber(f.Name)
		switch {
		case !ok:
			return fmt.Errorf("%q is not the name of a segment", f.Name[:min(len(f.Name), maxWord)])
		case number <= before:
			return fmt.Errorf("%s is listed twice or out of order", f.Name)
		case f.Bytes < 0 || f.Bytes > maxSegmentBytes:
			return fmt.Errorf("%s has an impossible size: %d bytes", f.Name, f.Bytes)
		}
		before = number
	}
	return nil
}

// clean leaves nothing in the manifest's texts that a terminal or a log obeys.
func (m *Manifest) clean() {
	m.Agent, m.Endpoint = source.Printable(m.Agent), source.Printable(m.Endpoint)
	for i, site := range m.Sites {
		m.Sites[i] = source.Printable(site[:min(len(site), maxWord)])
	}
}

func checkSignature(root *os.Root, manifest []byte, trusted ed25519.PublicKey) error {
	signature, err := readUnlinked(root, signatureFile, ed25519.SignatureSize)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is missing: the bundle is not signed, but --trusted-key requires a signature", signatureFile)
	}
	if err != nil {
		return err
	}
	if !ed25519.Verify(trusted, manifest, signature) {
		return fmt.Errorf("%s does not match %s: it was changed, or signed with another key", signatureFile, manifestFile)
	}
	return nil
}

// hashFiles reads every segment and compares it with what the manifest says.
func (m *Manifest) hashFiles(ctx context.Context, root *os.Root, dir string, progress func(done, total int64)) (*hashedFiles, error) {
	hashed := &hashedFiles{dir: dir, files: make(map[string]hashedFile, len(m.Files))}
	var problems []error
	total, done := m.Bytes(), int64(0)
	for _, f := range m.Files {
		file, err := f.hash(ctx, root)
		if ctx.Err() != nil {
			return nil, queue.ErrInterrupted
		}
		if err != nil && len(problems) < mostProblems {
			problems = append(problems, err)
		}
		hashed.files[f.Name] = file
		done += f.Bytes
		progress(done, total)
	}
	return hashed, errors.Join(problems...)
}

// mostProblems is how many segments are named that are not as the manifest says.
const mostProblems = 20

// checkSegments refuses a directory whose log is not the one that the manifest lists.
func (m *Manifest) checkSegments(root *os.Root, found []wal.SegmentInfo) error {
	for i, s := range found {
		if i >= len(m.Files) || s.Name() != m.Files[i].Name {
			return fmt.Errorf("%s is out of order in %s", s.Name(), manifestFile)
		}
	}
	if len(found) < len(m.Files) {
		return fmt.Errorf("%s is not a readable segment", m.Files[len(found)].Name)
	}
	listed := make(map[string]bool, len(m.Files))
	for _, f := range m.Files {
		listed[f.Name] = true
	}
	entries, err := entriesOf(root.Name())
	if err != nil {
		return err
	}
	for _, e := range entries {
		if _, segment := wal.SegmentNumber(e.Name()); segment && !listed[e.Name()] {
			return fmt.Errorf("%s is not in %s", e.Name(), manifestFile)
		}
	}
	return nil
}
