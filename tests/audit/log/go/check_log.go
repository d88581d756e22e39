// Checks a log folder with Go's sumdb/note and sumdb/tlog, a second opinion that shares no line with ours.
//
// usage: check_log FOLDER VKEY [OLD_SIZE OLD_ROOT_BASE64]
// It verifies the checkpoint's signature, rebuilds the root from the tiles, proves every entry against the tree and,
// when an older head is given, that the log extends it. The tile paths are those of C2SP tlog-tiles.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type folder string

func (f folder) Height() int { return 8 }

func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}

func number(n int64) string {
	path := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		path = fmt.Sprintf("x%03d/%s", n%1000, path)
	}
	return path
}

func (f folder) read(level string, n int64, width int) ([]byte, error) {
	path := filepath.Join(string(f), "tile", level, number(n))
	if width < 256 {
		path += fmt.Sprintf(".p/%d", width)
	}
	return os.ReadFile(path)
}

func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, tile := range tiles {
		var err error
		if data[i], err = f.read(strconv.Itoa(tile.L), tile.N, tile.W); err != nil {
			return nil, err
		}
	}
	return data, nil
}

func check(args []string) error {
	f := folder(args[0])
	verifier, err := note.NewVerifier(args[1])
	if err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(args[0], "checkpoint"))
	if err != nil {
		return err
	}
	signed, err := note.Open(text, note.VerifierList(verifier))
	if err != nil {
		return err
	}
	lines := strings.Split(signed.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return err
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil {
		return err
	}
	tree := tlog.Tree{N: size}
	copy(tree.Hash[:], root)
	hashes := tlog.TileHashReader(tree, f)
	computed, err := tlog.TreeHash(size, hashes)
	if err != nil {
		return err
	}
	if !bytes.Equal(computed[:], root) {
		return fmt.Errorf("the tiles give another root")
	}
	for first := int64(0); first < size; first += 256 {
		width := 256
		if size-first < 256 {
			width = int(size - first)
		}
		bundle, err := f.read("entries", first/256, width)
		if err != nil {
			return err
		}
		indexes := make([]int64, width)
		for i := range indexes {
			indexes[i] = tlog.StoredHashIndex(0, first+int64(i))
		}
		leaves, err := hashes.ReadHashes(indexes) // checked against the tree by the reader
		if err != nil {
			return err
		}
		for i := 0; i < width; i++ {
			length := int(binary.BigEndian.Uint16(bundle))
			entry := bundle[2 : 2+length]
			bundle = bundle[2+length:]
			if tlog.RecordHash(entry) != leaves[i] {
				return fmt.Errorf("entry %d is not in the tree", first+int64(i))
			}
		}
		proof, err := tlog.ProveRecord(size, first+int64(width)-1, hashes)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(proof, size, tree.Hash, first+int64(width)-1, leaves[width-1]); err != nil {
			return err
		}
		if len(bundle) != 0 {
			return fmt.Errorf("bundle %d goes on", first/256)
		}
	}
	if len(args) > 2 {
		old, err := strconv.ParseInt(args[2], 10, 64)
		if err != nil {
			return err
		}
		oldRoot, err := base64.StdEncoding.DecodeString(args[3])
		if err != nil {
			return err
		}
		var oldHash tlog.Hash
		copy(oldHash[:], oldRoot)
		proof, err := tlog.ProveTree(size, old, hashes)
		if err != nil {
			return err
		}
		if err := tlog.CheckTree(proof, size, tree.Hash, old, oldHash); err != nil {
			return err
		}
	}
	fmt.Printf("%d entries verified\n", size)
	return nil
}

func main() {
	if err := check(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
