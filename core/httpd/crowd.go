package httpd

import (
	"container/list"
	"context"
	"fmt"
	"math"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

const (
	// maxConns is how many connections a server has at most, and maxStrangers how
	// many of them may be strangers.
	maxConns     = 4096
	maxStrangers = 256
	// connShare is the part of all descriptors that one server's connections may take:
	// programs and logs need the others.
	connShare = 4
	// crowdPause is how long the log is not told again that a server is full.
	crowdPause = time.Minute
)

// crowd bounds the connections of a server. Each costs a descriptor and some memory,
// and a client without a login can open as many as it likes.
//
// A connection is a stranger until one of its requests has passed the login (each
// does, where none is asked for). When there are too many strangers, or there is no
// room, the oldest stranger makes way for who comes: whoever has a login sends it at
// once. Others are never cut off, for event listeners keep theirs for days and do not
// connect again. When they are too many, who comes is turned away.
type crowd struct {
	section string
	logger  core.Logger

	mu        sync.Mutex
	most      int // connections
	mostNew   int // strangers
	count     int
	strangers list.List // of *conn, the oldest first
	quiet     time.Time // until then the log is not told
}

// newCrowd has the limits that the process's descriptors allow.
func newCrowd(section string) *crowd {
	descriptors := uint64(math.MaxInt32)
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err == nil {
		descriptors = limit.Cur
	}
	k := &crowd{section: section}
	k.most, k.mostNew = room(descriptors)
	return k
}

// room says how many connections and strangers a server may have, where there are so
// many descriptors.
func room(descriptors uint64) (most, strangers int) {
	most = int(max(min(descriptors/connShare, maxConns), 2))
	return most, min(most/2, maxStrangers)
}

// enter takes a connection in, or says that there is no room for it.
func (k *crowd) enter(c *conn) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.count >= k.most || k.strangers.Len() >= k.mostNew {
		oldest := k.strangers.Front()
		if oldest == nil {
			k.warn(fmt.Sprintf("has %d connections, more are refused", k.count))
			return false
		}
		k.warn(fmt.Sprintf("has %d connections, %d of them without a login: the oldest of these are closed for new ones", k.count, k.strangers.Len()))
		k.remove(oldest.Value.(*conn))
		// Not as TLS, which would wait for the client to take its good-bye.
		oldest.Value.(*conn).socket.Close()
	}
	k.count++
	c.crowd, c.stranger = k, k.strangers.PushBack(c)
	return true
}

// admit makes a connection one that is not cut off.
func (k *crowd) admit(c *conn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if c.stranger != nil {
		k.strangers.Remove(c.stranger)
		c.stranger = nil
	}
}

// leave is told of each connection that is closed.
func (k *crowd) leave(c *conn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.remove(c)
}

func (k *crowd) remove(c *conn) {
	if c.gone {
		return
	}
	c.gone = true
	k.count--
	if c.stranger != nil {
		k.strangers.Remove(c.stranger)
		c.stranger = nil
	}
}

func (k *crowd) warn(what string) {
	if now := time.Now(); now.After(k.quiet) {
		k.quiet = now.Add(crowdPause)
		k.logger.Log(rpcinterface.LevelWarn, fmt.Sprintf("Server '%s' %s", k.section, what))
	}
}

// connKey is where a request's context holds its connection.
type connKey struct{}

func keepConn(ctx context.Context, nc net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, nc)
}

// connOf gives the connection that a request came on.
func connOf(r *http.Request) *conn { return r.Context().Value(connKey{}).(*conn) }
