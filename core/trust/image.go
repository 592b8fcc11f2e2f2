package trust

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// maxImage is how large an executable with a hash may be, in bytes: its copy lies in
// memory.
const maxImage = 1 << 30

// SealedCopy gives a copy of the executable at path that nobody can change, in
// memory, of which the hash is sum. What happens to the file afterwards, or while it
// is read, makes no difference to what is executed.
func SealedCopy(path, sum string) (*os.File, error) {
	source, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the plugin to check plugin.sha256: %w", err)
	}
	defer source.Close()
	if info, err := source.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("cannot check plugin.sha256: %s is not a file", path)
	}
	image, err := anonymousFile("plugin:" + filepath.Base(path))
	if err != nil {
		return nil, err
	}
	if err := fill(image, source, path, sum); err != nil {
		image.Close()
		return nil, err
	}
	return image, nil
}

func fill(image, source *os.File, path, sum string) error {
	n, err := io.Copy(image, io.LimitReader(source, maxImage+1))
	if err != nil {
		return fmt.Errorf("cannot copy %s to check plugin.sha256: %w", path, err)
	}
	if n > maxImage {
		return fmt.Errorf("%s is larger than the %d MB that plugin.sha256 can be used for", path, maxImage>>20)
	}
	// From here on the bytes are what they are.
	const seals = unix.F_SEAL_WRITE | unix.F_SEAL_GROW | unix.F_SEAL_SHRINK | unix.F_SEAL_SEAL
	if _, err := unix.FcntlInt(image.Fd(), unix.F_ADD_SEALS, seals); err != nil {
		return fmt.Errorf("cannot seal the copy of %s: %w", path, err)
	}
	if err := checkBinary(image, path); err != nil {
		return err
	}
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(image, 0, n)); err != nil {
		return fmt.Errorf("cannot read the copy of %s: %w", path, err)
	}
	if found := hex.EncodeToString(h.Sum(nil)); found != sum {
		return fmt.Errorf("%s is not the file of plugin.sha256: it has %s, the section says %s; "+
			"if it is meant to be another now, write its hash there", path, found, sum)
	}
	return nil
}

// checkBinary refuses what is not executed as it is.
func checkBinary(image io.ReaderAt, path string) error {
	head := make([]byte, 4)
	n, err := image.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("cannot read the copy of %s: %w", path, err)
	}
	switch head = head[:n]; {
	case bytes.HasPrefix(head, []byte("#!")):
		return fmt.Errorf("%s is a script, and plugin.sha256 cannot vouch for one: its interpreter opens the file once more by "+
			"its name, and others besides; remove plugin.sha256, or use a plugin that is one binary", path)
	case !bytes.Equal(head, []byte("\x7fELF")):
		return fmt.Errorf("%s is not an ELF binary, and plugin.sha256 cannot vouch for another kind: something else would have to "+
			"open the file once more by its name; remove plugin.sha256, or use a plugin that is one binary", path)
	}
	return nil
}

// anonymousFile makes an executable file in memory that can be sealed.
func anonymousFile(name string) (*os.File, error) {
	const longest = 249 // of memfd_create(2)
	if len(name) > longest {
		name = name[:longest]
	}
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate(name, flags|unix.MFD_EXEC)
	if errors.Is(err, unix.EINVAL) { // a kernel before 6.3
		fd, err = unix.MemfdCreate(name, flags)
	}
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("cannot make an executable copy for plugin.sha256: %w; "+
			"set the sysctl vm.memfd_noexec to 0 or 1, or remove plugin.sha256", err)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot make a copy for plugin.sha256: %w", err)
	}
	return os.NewFile(uintptr(fd), name), nil
}
