package netbackup

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"

	"backwire/source/collect"
	"backwire/source/netbackup/api"
)

// statusWords asks the server for its own words of the statuses that were seen, each once: they go before those of the table. It asks
// beside the cycles, which do not wait for it.
type statusWords struct {
	site  *Site
	asked map[int32]bool
	under bool                         // some are being asked for
	again int64                        // not before, ms of the agent's clock; 0 for at once
	told  atomic.Pointer[toldStatuses] // what came of it, until it is taken
}

// toldStatuses is what came of a few questions: a word may be empty, which no further question would change.
type toldStatuses struct {
	words map[int32]string
	err   error // that ended it
}

const (
	statusesACycle = 5
	statusesAgain  = quarterMillis // after an error
)

// ask takes what came of the last questions, and asks the next ones; now is ms of the agent's clock.
func (w *statusWords) ask(seen map[int32]bool, now int64) {
	if told := w.told.Swap(nil); told != nil {
		w.take(told, now)
	}
	if w.under || now < w.again && w.again-now <= statusesAgain {
		return
	}
	var next []int32
	for status := range seen {
		if !w.asked[status] {
			next = append(next, status)
		}
	}
	if len(next) == 0 {
		return
	}
	slices.Sort(next)
	next = next[:min(len(next), statusesACycle)]
	w.under = true
	w.site.background.Start(func(ctx context.Context, _ *collect.Pages) error {
		told := &toldStatuses{words: map[int32]string{}, err: errors.New("it was broken off")}
		defer w.told.Store(told)
		for _, status := range next {
			message, err := w.site.client.StatusMessage(ctx, status)
			if err != nil && nobodyAsked(err) {
				told.err = err
				return err
			}
			told.words[status] = message
		}
		told.err = nil
		return nil
	})
}

func (w *statusWords) take(told *toldStatuses, now int64) {
	w.under = false
	for status, message := range told.words {
		w.asked[status] = true
		if message != "" {
			w.site.meanings[status] = message
		}
	}
	if told.err != nil {
		w.site.log.Debug("the server could not be asked what a status means: backwire's own words stand meanwhile", "error", told.err)
		w.again = now + statusesAgain
	}
}

// nobodyAsked says that an error is not an answer about the one thing that was asked for: the question is still open.
func nobodyAsked(err error) bool {
	return passes(err) || errors.Is(err, api.ErrAuthentication) || errors.Is(err, api.ErrCredential) || errors.Is(err, api.ErrVersion) || errors.Is(err, api.ErrForeign)
}
