package bundle

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"

	"backwire/source/regular"
)

// bundleDir is where a queue keeps the number of each endpoint's last bundle, by which whoever imports them sees that one is
// missing. A file is one line: "backwire-bundle 1", the number, and the CRC-32C of both in hex.
const bundleDir = "bundles"

const maxNumberLine = 64 // bytes

// lastNumber is that of the endpoint's last bundle, 0 where there was none.
func lastNumber(queue *os.Root, endpoint string) (number uint64, err error) {
	b, err := regular.ReadIn(queue, bundleDir+"/"+endpoint, maxNumberLine)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the last bundle's number: %w", err)
	}
	if _, err := fmt.Sscanf(string(b), "backwire-bundle 1 %d", &number); err != nil || string(b) != numberLine(number) {
		return 0, errors.New("read the last bundle's number: it is damaged")
	}
	return number, nil
}

func numberLine(number uint64) string {
	text := fmt.Sprintf("backwire-bundle 1 %d", number)
	return fmt.Sprintf("%s %08x\n", text, crc32.Checksum([]byte(text), crc32.MakeTable(crc32.Castagnoli)))
}

// storeNumber makes a number durable: a bundle of it is whole.
func storeNumber(queue *os.Root, endpoint string, number uint64) error {
	err := storeLine(queue, endpoint, numberLine(number))
	if err != nil {
		return fmt.Errorf("store the bundle's number: %w", err)
	}
	return nil
}

func storeLine(queue *os.Root, endpoint, line string) error {
	if err := queue.Mkdir(bundleDir, 0o700); err == nil {
		if err := syncDir(queue); err != nil {
			return err
		}
	} else if !errors.Is(err, fs.ErrExist) {
		return err
	}
	dir, err := queue.OpenRoot(bundleDir)
	if err != nil {
		return err
	}
	defer dir.Close()
	part := "." + endpoint + partSuffix
	if err := dir.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := writeFile(dir, part, []byte(line)); err != nil {
		return err
	}
	if err := dir.Rename(part, endpoint); err != nil {
		return err
	}
	return syncDir(dir)
}
