package logfile

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// What a flood reserves on the disk ahead of its output: at first pieceLeast bytes,
// then twice as much each time, up to pieceMost. To find and to reserve blocks page
// by page, as the file system does otherwise, is most of what moving output costs.
//
// What is reserved lies beyond the end of the log and does not show in its size. A
// daemon that is killed leaves at most a piece and a move behind (floodPipe), which the
// log's next output goes into, and which the log's next Close gives back.
const (
	pieceLeast = 4 << 20
	pieceMost  = 16 << 20
	// spare must be free beside a piece: nobody else shall find a disk full for bytes
	// that may never be written. It is room for 64 floods, and two of the fastest seconds.
	spare = 1 << 30
	// leftover is how far the blocks of a log may go beyond its size without being
	// taken for reserved ones: some of them are the file system's own.
	leftover = 1 << 20
)

// reserve reserves blocks for length bytes at place, and more, but none that rotation
// will not let the log fill. Where it can't, output is written as without it. The
// caller holds both mutexes.
func (f *File) reserve(log int, place, length int64) {
	w := f.writers
	if w.unreservable || place+length <= w.reserved {
		return
	}
	if f.piece == 0 {
		// What could not be given back is not reserved: not now while somebody else
		// has the log open, and never without leases.
		if err := lease(log, func() error { return nil }); err != nil {
			w.unreservable = err != unix.EAGAIN
			return
		}
	}
	piece := min(max(2*f.piece, pieceLeast), pieceMost)
	from := max(place, w.reserved)
	to := from + piece
	if f.due > 0 {
		to = min(to, f.due)
	}
	if to <= from {
		return
	}
	var disk unix.Statfs_t
	if unix.Fstatfs(log, &disk) != nil || !hasRoom(disk, to-from) {
		w.unreservable = true
		return
	}
	err := unix.Fallocate(log, unix.FALLOC_FL_KEEP_SIZE, from, to-from)
	f.piece, w.reserved = piece, to
	if err != nil { // it may have got a part
		w.unreservable = true
		w.giveBack(log)
	}
}

// hasRoom says whether a file system gains from reserving, and has so many bytes and
// enough to spare. On btrfs, which writes to new places, reserving makes writing
// slower; tmpfs would take the memory; of others nothing is known.
func hasRoom(disk unix.Statfs_t, bytes int64) bool {
	known := disk.Type == unix.EXT4_SUPER_MAGIC || disk.Type == unix.XFS_SUPER_MAGIC
	return known && int64(disk.Bavail) >= (spare+bytes)/int64(disk.Bsize)
}

// settle gives back what was reserved and not used. The next flood begins small.
func (f *File) settle() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.piece = 0
	f.giveBack()
}

func (f *File) giveBack() {
	w := f.writers
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.reserved > 0 {
		_ = withFD(f.file, func(fd uintptr) error { w.giveBack(int(fd)); return nil })
	}
}

// giveBack frees the blocks beyond the end of the log by truncating it to its size:
// no other call does that on ext4. What another program appends between the look at
// the size and the truncation would be cut off, so both are done under a lease. While
// somebody else has the log open, if only to read, it is left for the next time.
func (w *writers) giveBack(log int) {
	var stat unix.Stat_t
	if unix.Fstat(log, &stat) == nil && stat.Size >= w.reserved {
		w.reserved = 0
		return
	}
	err := lease(log, func() error {
		if err := unix.Fstat(log, &stat); err != nil {
			return err
		}
		return unix.Ftruncate(log, stat.Size)
	})
	if err == nil {
		w.reserved = 0
	}
}

// lease calls do while nobody else has the file open. It answers EAGAIN when somebody
// has. Who opens it meanwhile has to wait, or is told EWOULDBLOCK if he asked not to
// (openAtOnce); the SIGIO that comes of it is ignored.
func lease(fd int, do func() error) error {
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_WRLCK); err != nil {
		return err
	}
	err := do()
	_, _ = unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_UNLCK)
	return err
}

// leftBehind is where the blocks of a log end if they go well beyond its size, as
// after a daemon that was killed in a flood; otherwise 0.
func leftBehind(stat *syscall.Stat_t) int64 {
	const unit = 512
	if end := stat.Blocks * unit; end > stat.Size+leftover {
		return end
	}
	return 0
}
