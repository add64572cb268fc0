package testwindow

import (
	"errors"
	"io"
	"testing"

	"backwire/remotewrite/record"
	"backwire/remotewrite/window"
)

// Feed is what an endpoint reads, such as a subscription of a queue.
type Feed interface {
	Fill(w *window.Window, least int) error
	Advance(w *window.Window, note []byte) error
}

// Drain delivers everything and says how much that was.
func Drain(tb testing.TB, from Feed) (got record.Totals) {
	tb.Helper()
	var w window.Window
	for {
		err := from.Fill(&w, 1)
		if errors.Is(err, io.EOF) {
			return got
		}
		if err != nil {
			tb.Fatal(err)
		}
		got = got.Plus(record.Totals{Records: uint64(w.Records), Samples: uint64(w.Samples)})
		if err := from.Advance(&w, nil); err != nil {
			tb.Fatal(err)
		}
	}
}
