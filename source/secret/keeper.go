package secret

import (
	"net/http/httptrace"
	"slices"
	"strings"
	"sync"
)

// Mark stands where a secret was.
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

	mu     sync.Mutex
	noted  []string          // the one used last is the last
	forms  []string          // of all, the longest first; nil when a secret was added
	change *strings.Replacer // of forms
}

// NewKeeper returns a keeper of those secrets that never change.
func NewKeeper(fixed ...string) *Keeper { return &Keeper{fixed: fixed} }

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
		k.forms = nil
	}
}

// Trace notes the credentials that requests carry on the wire, whoever put them there.
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

// Clear puts the mark in the place of every secret.
func (k *Keeper) Clear(text string) string {
	_, change := k.known()
	return change.Replace(text)
}

// ClearBeginning is Clear for a text that is cut off: what begins like a secret at its end is one.
func (k *Keeper) ClearBeginning(text string) string {
	forms, change := k.known()
	text = change.Replace(text)
	for _, form := range forms {
		for n := min(len(form)-1, len(text)); n >= Least; n-- {
			if strings.HasSuffix(text, form[:n]) {
				return text[:len(text)-n] + Mark
			}
		}
	}
	return text
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

func (k *Keeper) known() ([]string, *strings.Replacer) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.forms == nil {
		k.forms = formsOf(slices.Concat(k.fixed, k.noted))
		pairs := make([]string, 0, 2*len(k.forms))
		for _, form := range k.forms {
			pairs = append(pairs, form, Mark)
		}
		k.change = strings.NewReplacer(pairs...)
	}
	return k.forms, k.change
}
