package logfile

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// StreamConfig says what becomes of a process's output.
type StreamConfig struct {
	// Name is the process's name, which begins its lines in syslog.
	Name string
	// Path is the log file, "" for none, SyslogPath for the system's log.
	Path string
	// MaxBytes and Backups are those of Open.
	MaxBytes, Backups int64
	// Syslog sends the output to the system's log as well.
	Syslog bool
	// StripANSI removes terminal escape sequences.
	StripANSI bool
	// CaptureMaxBytes bounds what is captured between the tokens, roughly. 0: there
	// is no capture mode.
	CaptureMaxBytes int64
	// Logged counts the bytes that go to the log. May be nil.
	Logged *atomic.Uint64
	// After is a stream whose output goes first where both have some: a program that
	// writes to stdout and then at once to stderr is logged in this order, as by the
	// reference, also when both go to one file. It is waited for only shortly. May be
	// nil.
	After *Stream
	// OnData is shown all output, captured or not, after stripping. It may keep the
	// stream waiting. The slice is valid during the call only. May be nil; SetOnData
	// changes it.
	OnData func([]byte)
	// OnCapture is given what was captured, to keep, when the end token comes. May
	// be nil.
	OnCapture func([]byte)
	// Report hears of failures to write, see Open. May be nil.
	Report func(error)
	// Writers is shared by the streams whose logs may be one file. Where it is nil
	// all output is copied.
	Writers *Writers
}

// Stream takes the output of a process from its pipe to its log, on a goroutine of
// its own (dispatchers.py, POutputDispatcher). Unlike the reference it holds back
// nothing but an unfinished token or escape, recognises these across reads, and at
// the end logs what it held back or captured without seeing an end token.
type Stream struct {
	cfg  StreamConfig
	tap  atomic.Pointer[func([]byte)] // cfg.OnData, nil for nobody
	pipe *os.File
	conn syscall.RawConn
	file *File // nil for none
	sys  []*Syslog
	done chan struct{} // closed when the pipe is
	end  sync.Once
	busy atomic.Bool // there is output that was read and not logged yet

	// Of the goroutine alone:
	capturing bool
	escapes   stripper
	held      [maxHeld]byte
	nheld     int
	refused   int // how often output could not be moved

	mu       sync.Mutex
	captured bounded
}

// bufferSize is the size of a read: what a pipe holds.
const bufferSize = 64 << 10

// buffers holds the buffers that no stream needs just now.
var buffers = sync.Pool{New: func() any { return new([maxHeld + bufferSize]byte) }}

// OpenStream opens the log and starts reading pipe, the reading end of a
// non-blocking pipe, which it owns from then on. On an error, which wraps the
// errno, the pipe is left to the caller.
func OpenStream(pipe *os.File, cfg StreamConfig) (*Stream, error) {
	// This fails on what the poller cannot wait for.
	if err := pipe.SetReadDeadline(time.Time{}); err != nil {
		return nil, fmt.Errorf("cannot read pipe: %w", err)
	}
	conn, err := pipe.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("cannot read pipe: %w", err)
	}
	s := &Stream{cfg: cfg, pipe: pipe, conn: conn, done: make(chan struct{})}
	s.captured.max = cfg.CaptureMaxBytes
	s.SetOnData(cfg.OnData)
	switch cfg.Path {
	case "":
	case SyslogPath:
		s.sys = append(s.sys, NewSyslog(""))
	default:
		if s.file, err = openCounted(cfg.Path, cfg.MaxBytes, cfg.Backups, cfg.Report, cfg.Writers); err != nil {
			return nil, err
		}
	}
	if cfg.Syslog {
		s.sys = append(s.sys, NewSyslog(cfg.Name+" "))
	}
	go s.run()
	return s, nil
}

// Drain is for when the process is dead: it reads what the pipe holds, closes pipe
// and log, and returns when all is written.
func (s *Stream) Drain() {
	s.end.Do(func() {
		// It fails when the goroutine has seen the end and closed the pipe.
		_ = s.pipe.SetReadDeadline(time.Unix(1, 0))
		<-s.done
		if s.file != nil {
			s.file.Close()
		}
		for _, sys := range s.sys {
			sys.Close()
		}
	})
	<-s.done
}

// SetOnData changes who is shown the output that is read from now on; nil is nobody.
func (s *Stream) SetOnData(f func([]byte)) {
	if f == nil {
		s.tap.Store(nil)
		return
	}
	s.tap.Store(&f)
}

// SetLimits is File.SetLimits.
func (s *Stream) SetLimits(maxBytes, backups int64) {
	if s.file != nil {
		s.file.SetLimits(maxBytes, backups)
	}
}

// ReopenLog is File.Reopen. After Drain it answers os.ErrClosed.
func (s *Stream) ReopenLog() error { return s.control((*File).Reopen) }

// ClearLog is File.Clear, and forgets what was captured so far. After Drain it
// answers os.ErrClosed, and Empty is what clears the log.
func (s *Stream) ClearLog() error {
	s.mu.Lock()
	s.captured.data = nil
	s.mu.Unlock()
	return s.control((*File).Clear)
}

func (s *Stream) control(do func(*File) error) error {
	if s.file == nil {
		return nil
	}
	return do(s.file)
}

// run reads until the end of the pipe, or until Drain.
func (s *Stream) run() {
	defer close(s.done)
	var (
		buf *[maxHeld + bufferSize]byte
		n   int
		err error

		full int // reads in a row that filled the buffer
	)
	read := func(fd uintptr) (ready bool) {
		if buf == nil {
			buf = buffers.Get().(*[maxHeld + bufferSize]byte)
		}
		s.busy.Store(true)
		if n, err = s.fill(fd, buf); err == unix.EAGAIN {
			s.busy.Store(false)
			buffers.Put(buf)
			buf = nil
			return false
		}
		return true
	}
	for {
		if s.conn.Read(read) != nil { // Drain's deadline
			s.rest()
			break
		}
		if n <= 0 {
			break
		}
		s.giveWay()
		s.process(buf[:n])
		s.busy.Store(false)
		if full = full + 1; n < bufferSize {
			full = 0
		} else if full == floodReads {
			full = 0
			buffers.Put(buf)
			buf = nil
			s.flood()
		}
	}
	s.busy.Store(false)
	if buf != nil {
		buffers.Put(buf)
	}
	s.finish()
	s.pipe.Close()
}

// After floodReads full reads in a row there is a flood; it is over after as many
// moves of less than floodLeast bytes. Moving output costs less than copying it when
// there is much of it at a time, so the pipe is widened to floodPipe bytes meanwhile. It
// is not wider, as what is in it should still be in a processor's cache when it is moved:
// with a MiB, eight floods are a third faster where nobody else needs the caches, and half
// as fast where somebody does.
const (
	floodReads = 8
	floodPipe  = 256 << 10
	floodLeast = 16 << 10
	// A log that others write to as well is given up after so many attempts.
	floodAttempts = 3
	// floodSilence is how long a log may be silent before what was reserved for it is
	// given back.
	floodSilence = time.Second
)

// flood moves output to the log without looking at it where nobody else looks at it
// either, until the flood is over, the pipe has ended or Drain has begun. The two
// last are for run to find out.
func (s *Stream) flood() {
	if s.refused == floodAttempts || !s.unseen() {
		return
	}
	before, wide := s.widen()
	if !wide {
		s.refused = floodAttempts
		return
	}
	defer s.resize(before)
	// Who floods and then is silent gives back what was reserved too.
	silence := time.AfterFunc(floodSilence, s.file.settle)
	silence.Stop()
	waiting := false
	defer s.file.settle()
	defer silence.Stop()
	var n int
	var err error
	seen := false
	move := func(fd uintptr) (ready bool) {
		if seen = s.tap.Load() != nil; seen { // since it waited for output
			return true
		}
		s.busy.Store(true)
		if n, err = s.file.moveFrom(fd); err == unix.EAGAIN {
			silence.Reset(floodSilence)
			waiting = true
			s.busy.Store(false)
			return false
		}
		if waiting {
			silence.Stop()
			waiting = false
		}
		return true
	}
	for few := 0; few < floodReads; {
		if s.conn.Read(move) != nil || seen || err == nil && n == 0 {
			break
		}
		if s.cfg.Logged != nil {
			s.cfg.Logged.Add(uint64(n))
		}
		s.busy.Store(false)
		if err != nil {
			s.refused++
			break
		}
		if few++; n >= floodLeast {
			few = 0
		}
	}
	s.busy.Store(false)
}

// widen widens the pipe for a flood, and says how large it was.
func (s *Stream) widen() (before int, wide bool) {
	_ = s.conn.Control(func(fd uintptr) {
		before, _ = unix.FcntlInt(fd, unix.F_GETPIPE_SZ, 0)
	})
	// A user may have only so many wide pipes.
	return before, before >= floodPipe || s.resize(floodPipe)
}

// resize makes the pipe so large, unless it holds more.
func (s *Stream) resize(size int) (done bool) {
	_ = s.conn.Control(func(fd uintptr) {
		_, err := unix.FcntlInt(fd, unix.F_SETPIPE_SZ, size)
		done = err == nil
	})
	return done
}

// unseen says whether the log is all that the output goes to, as it is.
func (s *Stream) unseen() bool {
	return s.file != nil && len(s.sys) == 0 && s.tap.Load() == nil && s.cfg.CaptureMaxBytes == 0 && !s.cfg.StripANSI
}

// giveWay waits while the stream that goes first has output, for half a millisecond or
// so at most: a log that is stuck, or a flood, holds up its own stream only.
func (s *Stream) giveWay() {
	const yields, pauses, pause = 10, 5, 100 * time.Microsecond
	first := s.cfg.After
	for i := 0; first != nil && i < yields+pauses && first.hasOutput(); i++ {
		if i < yields {
			runtime.Gosched()
		} else {
			time.Sleep(pause)
		}
	}
}

// hasOutput says whether the stream has output that is not logged yet.
func (s *Stream) hasOutput() (has bool) {
	_ = s.conn.Control(func(fd uintptr) { // it fails when the pipe is closed
		left, err := unix.IoctlGetInt(int(fd), unix.TIOCINQ)
		has = err == nil && left > 0
	})
	return has || s.busy.Load()
}

// rest reads what is in the pipe now: that includes all from the dead process, and
// only so much from others that go on writing.
func (s *Stream) rest() {
	_ = s.conn.Control(func(fd uintptr) {
		left, err := unix.IoctlGetInt(int(fd), unix.TIOCINQ)
		if err != nil || left == 0 {
			return
		}
		buf := buffers.Get().(*[maxHeld + bufferSize]byte)
		defer buffers.Put(buf)
		for left > 0 {
			held := s.nheld
			n, err := s.fill(fd, buf)
			if err != nil || n == 0 {
				return
			}
			left -= n - held
			s.process(buf[:n])
		}
	})
}

// fill reads once, behind the bytes that were held back. It answers how many bytes
// there are then, and 0 at the end of the pipe.
func (s *Stream) fill(fd uintptr, buf *[maxHeld + bufferSize]byte) (int, error) {
	held := copy(buf[:], s.held[:s.nheld])
	for {
		n, err := unix.Read(int(fd), buf[held:])
		switch {
		case err == unix.EINTR:
		case err != nil || n == 0:
			return 0, err
		default:
			s.nheld = 0
			return held + n, nil
		}
	}
}

// process sorts output into log and captured parts. It may change p.
func (s *Stream) process(p []byte) {
	for s.cfg.CaptureMaxBytes != 0 && len(p) > 0 {
		token := beginToken
		if s.capturing {
			token = endToken
		}
		before, after, found := bytes.Cut(p, []byte(token))
		if !found {
			if n := prefixAtEnd(p, token); n > 0 {
				p = s.hold(p, n)
			}
			break
		}
		s.emit(before)
		s.toggle()
		p = after
	}
	if s.cfg.StripANSI && s.nheld == 0 && len(p) > 0 && p[len(p)-1] == ansiEscape {
		p = s.hold(p, 1)
	}
	s.emit(p)
}

// hold keeps the last n bytes of p for the next read and gives the others.
func (s *Stream) hold(p []byte, n int) []byte {
	s.nheld = copy(s.held[:], p[len(p)-n:])
	return p[:len(p)-n]
}

// toggle is called where a token was.
func (s *Stream) toggle() {
	s.escapes = stripper{}
	s.capturing = !s.capturing
	if s.capturing {
		return
	}
	if data := s.takeCaptured(); s.cfg.OnCapture != nil {
		s.cfg.OnCapture(data)
	}
}

func (s *Stream) takeCaptured() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	data := s.captured.data
	s.captured.data = nil
	return data
}

func (s *Stream) emit(p []byte) {
	if s.cfg.StripANSI {
		p = s.escapes.strip(p)
	}
	if len(p) == 0 {
		return
	}
	if s.capturing {
		s.mu.Lock()
		s.captured.write(p)
		s.mu.Unlock()
	} else {
		s.log(p)
	}
	if tap := s.tap.Load(); tap != nil {
		(*tap)(p)
	}
}

// log writes to the log. The file reports its own failures, syslog has none.
func (s *Stream) log(p []byte) {
	if s.cfg.Logged != nil && (s.file != nil || len(s.sys) > 0) {
		s.cfg.Logged.Add(uint64(len(p)))
	}
	if s.file != nil {
		_, _ = s.file.Write(p)
	}
	for _, sys := range s.sys {
		_, _ = sys.Write(p)
	}
}

// finish logs what waited for more to come.
func (s *Stream) finish() {
	s.emit(s.held[:s.nheld])
	if !s.capturing {
		return
	}
	if data := s.takeCaptured(); len(data) > 0 {
		s.log(data)
	}
}
