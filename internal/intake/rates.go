package intake

import (
	"net/netip"
	"sync"
	"time"

	"formrelay/internal/profile"
)

// maxTracked is how many addresses are counted at a time, over all profiles of this process: some 20 MB. Whoever comes beyond that is
// not counted, so that a flood from a million addresses costs neither memory nor a customer.
const maxTracked = 200_000

// rates counts posts by profile and address. A window slides: of the posts in the window before, that share counts which would still
// lie in a window that ends now. Each process counts what comes to it.
type rates struct {
	mu      sync.Mutex
	windows map[string]*window
	tracked int // the entries of all windows
	full    int // posts that were not counted because there was no room
}

// window is one profile's counts.
type window struct {
	length    time.Duration
	began     time.Time // of now's window
	now, last map[netip.Addr]int
}

// take counts one post. held: it is over the rate. A wait that is not 0 says that it is over the flood, and how long it is until one
// more would be under it.
func (r *rates) take(name string, ip netip.Addr, g profile.Guard, at time.Time) (held bool, wait time.Duration) {
	if g.Rate == 0 || !ip.IsValid() {
		return false, 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.window(name, g.Window, at)
	ip = counted(ip)
	before, known := w.now[ip]
	if !known && r.tracked >= maxTracked {
		r.sweep(name, at)
		if r.tracked >= maxTracked {
			r.full++
			return false, 0
		}
	}
	if !known {
		r.tracked++
	}
	w.now[ip] = before + 1
	passed := float64(at.Sub(w.began)) / float64(w.length)
	n := float64(w.last[ip])*(1-passed) + float64(before+1)
	if n > float64(g.Flood) {
		return true, w.until(w.last[ip], before+1, g.Flood, at)
	}
	return n > float64(g.Rate), 0
}

// counted is what stands for a client: an IPv6 address is one of the 2⁶⁴ that its owner has.
func counted(ip netip.Addr) netip.Addr {
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip
	}
	const network = 64
	prefix, _ := ip.Prefix(network) // an IPv6 address has 128 bits
	return prefix.Addr()
}

// window finds a profile's window and moves it on to the time at. A profile whose time was changed begins anew.
func (r *rates) window(name string, length time.Duration, at time.Time) *window {
	w := r.windows[name]
	if w == nil || w.length != length {
		if w != nil {
			r.tracked -= len(w.now) + len(w.last)
		}
		w = &window{length: length, began: at, now: map[netip.Addr]int{}}
		if r.windows == nil {
			r.windows = map[string]*window{}
		}
		r.windows[name] = w
	}
	r.roll(w, at)
	return w
}

// roll moves a window on. A clock that was set back leaves it where it is, and no further than a window behind.
func (r *rates) roll(w *window, at time.Time) {
	passed := at.Sub(w.began)
	switch {
	case passed < -w.length || passed >= 2*w.length:
		r.tracked -= len(w.now) + len(w.last)
		w.began, w.now, w.last = at, map[netip.Addr]int{}, nil
	case passed >= w.length:
		r.tracked -= len(w.last)
		w.began, w.now, w.last = w.began.Add(w.length), map[netip.Addr]int{}, w.now
	}
}

// sweep forgets what counts no longer, also of profiles to which nobody posts any more; the window of current is about to be used.
func (r *rates) sweep(current string, at time.Time) {
	for name, w := range r.windows {
		if r.roll(w, at); len(w.now)+len(w.last) == 0 && name != current {
			delete(r.windows, name)
		}
	}
}

// until is how long it takes until one more post of an address that has last and now is no more than most.
func (w *window) until(last, now, most int, at time.Time) time.Duration {
	passed := at.Sub(w.began)
	end := w.length
	if now >= most { // only when this window is the last one does its count go down
		last, now = now, 0
		end *= 2
	}
	// The share of the window by which last·(1-share) + now + 1 = most.
	share := 1 - float64(most-now-1)/float64(max(last, 1))
	begin := end - w.length + time.Duration(share*float64(w.length))
	return max(begin-passed+time.Millisecond, time.Second) // what a number with a point loses is less than that
}

// takeFull is how many posts were not counted since it was asked last.
func (r *rates) takeFull() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.full
	r.full = 0
	return n
}
