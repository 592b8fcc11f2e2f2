package main

import (
	"bytes"
	"fmt"
	"os"
)

// tail measures a read of the last 16 KiB of a large log over TCP.
func (b *bench) tail() error {
	f := fleet{}
	defer f.stop()
	for name, c := range b.daemons(false) {
		s, err := startDaemon(c, settings{programs: 1, logs: true})
		if err := f.add(name, s, err); err != nil {
			return err
		}
		if err := writeLines(s.log(0), b.tailed); err != nil {
			return err
		}
	}
	if s := f["O"]; s != nil {
		// Its programs have no log before they have run.
		if err := s.call("supervisor.startAllProcesses", "<param><value><boolean>0</boolean></value></param>"); err != nil {
			return err
		}
	}
	req := request("supervisor.tailProcessStdoutLog", stringParam("p0")+intParam(0)+intParam(16<<10))
	for name, s := range f {
		if n, err := s.answerSize(req); err != nil || n < 16<<10 {
			b.notes = append(b.notes, fmt.Sprintf("%s answers a tail of 16 KiB with %d bytes (error: %v); not measured.", name, n, err))
			s.stop()
			delete(f, name)
		}
	}
	m, err := b.rotate(f.bursts(req, 1, b.span, "ours", "reference", "O"))
	if err != nil {
		return err
	}
	b.table.add(line{
		work:      fmt.Sprintf("tail 16 KiB of a log of %d MiB, TCP, median", b.tailed>>20),
		reference: m.median("reference"), other: m.median("O"), ours: m.median("ours"), unit: seconds,
		goals: []goal{within(0.00015, seconds, m.median("ours")), atMost(1, "O", m.median("ours"), m.median("O"))},
	})
	return nil
}

// answerSize makes one call and gives the bytes of its answer.
func (s *server) answerSize(req []byte) (int, error) {
	c, err := dial(s.tcp)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	body, err := c.call(req)
	return len(body), err
}

// writeLines makes a file of text.
func writeLines(path string, size int64) error {
	const text = "127.0.0.1 - - GET /index.html HTTP/1.1 200 5120\n"
	block := bytes.Repeat([]byte(text), 1<<20/len(text))
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("cannot make log: %w", err)
	}
	defer f.Close()
	for left := size; left > 0; {
		n, err := f.Write(block[:min(left, int64(len(block)))])
		if err != nil {
			return fmt.Errorf("cannot write log: %w", err)
		}
		left -= int64(n)
	}
	return nil
}
