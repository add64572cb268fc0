package secret

import (
	"net/http/httptrace"
	"slices"
	"strings"
	"sync"
)

// Mark replaces a secret.
const Mark = "[redacted]"

// Least is the length, in bytes, of the shortest secret that is searched for. A shorter one is part of too many
// words: clearing it would wreck every text, and show by the holes what it is.
const Least = 4

// mostNoted bounds how many of the secrets that were used are remembered. A request uses three at most; those
// before them are there for answers that repeat an older one.
const mostNoted = 24

// Keeper knows the secrets of one client. Its methods are for any goroutine.
type Keeper struct {
	fixed []string

	mu    sync.Mutex
	noted []string // the one used last is the last
	forms forms    // of all
	stale bool     // a secret was added since
}

// NewKeeper returns a keeper of those secrets that never change.
func NewKeeper(fixed ...string) *Keeper { return &Keeper{fixed: fixed, stale: true} }

// Note adds secrets that are in use now: of files that are read again, of logins.
func (k *Keeper) Note(secrets ...string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range secrets {
		if i := slices.Index(k.noted, s); i >= 0 {
			k.noted = append(slices.Delete(k.noted, i, i+1), s)
			continue
		}
		k.noted = append(k.noted, s)
		k.noted = slices.Delete(k.noted, 0, max(0, len(k.noted)-mostNoted))
		k.stale = true
	}
}

// Trace records the credentials that requests carry on the wire, from any source.
func (k *Keeper) Trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{WroteHeaderField: func(name string, values []string) {
		if !strings.EqualFold(name, "Authorization") && !strings.EqualFold(name, "Proxy-Authorization") {
			return
		}
		for _, value := range values {
			k.Note(OfHeader(value)...)
		}
	}}
}

// Clear puts the mark in the place of every secret, also where all or some of its bytes are escaped, or it stands in
// base64, hex or a list of numbers.
func (k *Keeper) Clear(text string) string {
	cleared, _ := k.clear(text)
	return cleared
}

// ClearBeginning is Clear for a text that is cut off: what begins like a secret at its end is one.
func (k *Keeper) ClearBeginning(text string) string {
	for _, end := range []int{len(text), len(text) - len(cutEnd(text))} {
		if _, rest := k.clear(text[:end]); rest >= 0 {
			return strings.TrimSuffix(k.Clear(text[:rest]), Mark) + Mark
		}
	}
	return k.Clear(text)
}

// clear also says where the text's end begins like a secret; -1 where it does not.
func (k *Keeper) clear(text string) (cleared string, rest int) {
	all := k.known()
	marked := make([]bool, len(text))
	for from := 0; ; from += piece - overlap {
		end := min(from+piece, len(text))
		rest = all.mark(text[from:end], marked[from:end])
		if end == len(text) {
			if rest >= 0 {
				rest += from
			}
			return redact(text, marked), rest
		}
	}
}

// A long text is looked through in pieces of so many bytes, which overlap: beside it, it is only known what it reads as.
const (
	piece   = 128 << 10
	overlap = 32 << 10
)

// mark marks the bytes that secrets stand in, and says where the text's end begins like one; -1 where it does not.
func (f *forms) mark(text string, marked []bool) (rest int) {
	rest = -1
	for _, l := range layersOf(text) {
		for _, kind := range []struct {
			text  string
			forms []string
		}{{string(l.text), f.exact}, {l.lower(), f.hex}} {
			for _, form := range kind.forms {
				l.find(kind.text, form, marked)
			}
			if at := l.begins(kind.text, kind.forms); at >= 0 && (rest < 0 || at < rest) {
				rest = at
			}
		}
	}
	return rest
}

func redact(text string, marked []bool) string {
	if !slices.Contains(marked, true) {
		return text
	}
	var b strings.Builder
	for i := range marked {
		if !marked[i] {
			b.WriteByte(text[i])
		} else if i == 0 || !marked[i-1] {
			b.WriteString(Mark)
		}
	}
	return b.String()
}

// ClearError has an error say no secret. It is the same error for whoever asks what kind it is.
func (k *Keeper) ClearError(err error) error {
	if err == nil {
		return nil
	}
	said := err.Error()
	text := k.Clear(said)
	if text == said {
		return err
	}
	return &clearedError{text, err}
}

type clearedError struct {
	text  string
	cause error
}

func (e *clearedError) Error() string { return e.text }
func (e *clearedError) Unwrap() error { return e.cause }

func (k *Keeper) known() forms {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.stale {
		k.forms, k.stale = formsOf(slices.Concat(k.fixed, k.noted)), false
	}
	return k.forms
}
