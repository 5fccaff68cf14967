package form

import (
	"fmt"
	"io"
)

const (
	firstBlock = 2 << 10 // bytes, of a body that announces no size; most forms fit into it
	largeBlock = 8 << 10 // bytes; the most that is made room for on the word of whoever posts
	idleReads  = 100     // reads in a row that bring nothing before the reader is called broken
)

// source buffers a body, never more than max bytes of it, and one byte beyond to know that there is
// one.
type source struct {
	reader io.Reader
	buf    []byte
	max    int64
	limits Limits // what to say when max is passed
	size   int64  // what the sender announced, 0 for nothing
	eof    bool
}

// readAll reads to the end. The buffer it returns is not copied: whoever cuts texts out of it must.
func (s *source) readAll() ([]byte, error) {
	for !s.eof {
		if err := s.fill(); err != nil {
			return nil, err
		}
	}
	return s.buf, nil
}

// fill adds at least one byte to buf or sets eof. One byte beyond max is an error, so that a body
// of exactly max bytes is not.
func (s *source) fill() error {
	s.grow()
	for range idleReads {
		n, err := s.reader.Read(s.buf[len(s.buf):cap(s.buf)])
		s.buf = s.buf[:len(s.buf)+n]
		switch {
		case int64(len(s.buf)) > s.max:
			return bodyTooLarge(s.limits)
		case err == io.EOF:
			s.eof = true
			return nil
		case err != nil:
			return fmt.Errorf("the form's body could not be read: %w", err)
		case n > 0:
			return nil
		}
	}
	return fmt.Errorf("the form's body could not be read: %w", io.ErrNoProgress)
}

// grow makes room for the next read by doubling, to one byte beyond max at most: the room is a
// bound too.
func (s *source) grow() {
	if len(s.buf) == cap(s.buf) {
		s.reserve(max(cap(s.buf), s.first()))
	}
}

// first is the room that is made before anything has come: what was announced and one byte, so that the
// first read can tell the end, as long as that is no reason to be sorry when nothing follows.
func (s *source) first() int {
	if 0 < s.size && s.size < largeBlock {
		return int(s.size) + 1
	}
	return firstBlock
}

// reserve makes room for n bytes more, as far as max allows.
func (s *source) reserve(n int) {
	room := int64(len(s.buf)) + int64(n)
	if room > s.max {
		room = s.max + 1
	}
	if room > int64(cap(s.buf)) {
		s.buf = append(make([]byte, 0, room), s.buf...)
	}
}
