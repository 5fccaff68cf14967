package sandbox

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// faultsView is the page on which a person sets faults.
type faultsView struct {
	Kinds  []faultOption
	Faults []string // those that wait for their calls
}

// faultOption is a way to misbehave, as the form offers it.
type faultOption struct {
	Kind  FaultKind
	Words string
}

// faultPage gathers the page.
func (s *Sandbox) faultPage() faultsView {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := faultsView{Faults: s.waiting()}
	for _, k := range FaultKinds() {
		v.Kinds = append(v.Kinds, faultOption{k, k.words()})
	}
	return v
}

// waiting says of each fault that waits what it will do. The caller holds the lock.
func (s *Sandbox) waiting() []string {
	var all []string
	for _, f := range s.faults {
		all = append(all, f.String())
	}
	return all
}

// postFault is POST /faults: one Fault from a form's fields. Fields left empty are the Fault's zero values.
func (s *Sandbox) postFault(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	f := Fault{
		Kind: FaultKind(r.PostFormValue("kind")), Stored: r.PostFormValue("stored") != "", Method: r.PostFormValue("method"),
		Path: r.PostFormValue("path"), Body: r.PostFormValue("body"), RetryAfter: r.PostFormValue("retry_after"),
	}
	var err error
	for _, n := range []struct {
		field string
		into  *int
	}{{"times", &f.Times}, {"status", &f.Status}, {"part", &f.Part}} {
		if text := r.PostFormValue(n.field); text != "" && err == nil {
			*n.into, err = strconv.Atoi(text)
		}
	}
	if text := r.PostFormValue("delay"); text != "" && err == nil {
		f.Delay, err = time.ParseDuration(text)
	}
	if err == nil {
		err = s.Inject(f)
	}
	if err != nil {
		http.Error(w, "This fault cannot be set: "+err.Error(), http.StatusBadRequest)
		return
	}
	http.Redirect(w, r, "/faults", http.StatusSeeOther)
}

// words tell what the way to misbehave is, to a person who chooses one.
func (k FaultKind) words() string {
	switch k {
	case Slow:
		return "the answer comes late"
	case Status:
		return "it answers the status below"
	case Hang:
		return "no answer comes"
	case Cut:
		return "the connection breaks"
	case Redirect:
		return "a 302 to the same place"
	case HTML:
		return "a page instead of JSON"
	case Short:
		return "stored; half the answer comes"
	case Unauthorised:
		return "the token is refused"
	case Gzip:
		return "the answer comes packed"
	default:
		return ""
	}
}

// String says in words which calls the fault waits for and what becomes of them: "Next POST call: answers 503".
func (f Fault) String() string {
	text := f.calls() + ": " + f.does()
	if f.Stored && f.Kind != Slow && f.Kind != Short && f.Kind != Gzip { // those always store it
		what := "it"
		if f.Part > 0 {
			what = fmt.Sprintf("%d orders of an import", f.Part)
		}
		text += ", after storing " + what
	}
	return text
}

// calls are those that the fault waits for: "Each of the next 2 POST calls to /order".
func (f Fault) calls() string {
	words := []string{"Next", f.Method, "call"}
	switch {
	case f.Times < 0:
		words[0] = "Every"
	case f.Times > 1:
		words = []string{"Each of the next", strconv.Itoa(f.Times), f.Method, "calls"}
	}
	if f.Path != "" {
		words = append(words, "to", f.Path)
	}
	return join(" ", words...)
}

// does is what becomes of such a call: "answers 503".
func (f Fault) does() string {
	switch f.Kind {
	case Slow:
		if f.Delay <= 0 {
			return "keeps the caller waiting for ever"
		}
		return "answers as usual, after " + span(f.Delay)
	case Status:
		return join(", ", fmt.Sprintf("answers %d", f.Status), f.retry())
	case Hang:
		if f.Delay <= 0 {
			return "never answers"
		}
		return "gives no answer, and breaks the connection after " + span(f.Delay)
	case Cut:
		return "breaks the connection"
	case Redirect:
		return "answers 302, to the same address"
	case HTML:
		return join(", ", fmt.Sprintf("answers %d with a page of HTML", f.Status), f.retry())
	case Short:
		return "stores it, and breaks off halfway through the answer"
	case Unauthorised:
		return "answers 401, as for a token that was taken back"
	case Gzip:
		return "answers as usual, packed with gzip"
	default:
		return string(f.Kind)
	}
}

// retry is the header that tells the caller when to come again, if there is one.
func (f Fault) retry() string {
	if f.RetryAfter == "" {
		return ""
	}
	return "Retry-After " + f.RetryAfter
}
