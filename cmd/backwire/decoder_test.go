package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/gogo/protobuf/proto"
	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
)

// decoderVariable makes this test binary a receiver that decodes everything and keeps nothing but the bodies. It
// is a process of its own, so that what a sender needs is told from what a receiver needs.
const decoderVariable = "DECODER_OF_SAMPLES"

// decoded is what a decoder has had.
type decoded struct {
	Samples, Bytes, Requests int
	First, Full              time.Time     // when the first request came, when all that was wanted was decoded
	Alone                    time.Duration // what decoding the same bodies again takes, without a network
}

type decoder struct {
	mu      sync.Mutex
	wanted  int
	open    bool // until then it answers 503
	decoded decoded
	bodies  []body
}

type body struct {
	v2     bool
	packed []byte
}

// serveDecoder says its address and serves until it is killed.
func serveDecoder(wanted string) error {
	d := &decoder{}
	if _, err := fmt.Sscan(wanted, &d.wanted); err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("DECODER=http://%s\n", l.Addr())
	mux := http.NewServeMux()
	mux.HandleFunc("POST /write", d.write)
	mux.HandleFunc("POST /open", d.begin)
	mux.HandleFunc("GET /decoded", func(w http.ResponseWriter, _ *http.Request) { d.tell(w, func() {}) })
	mux.HandleFunc("GET /alone", func(w http.ResponseWriter, _ *http.Request) { d.tell(w, d.again) })
	return (&http.Server{Handler: mux}).Serve(l)
}

func (d *decoder) begin(http.ResponseWriter, *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open = true
}

func (d *decoder) tell(w http.ResponseWriter, before func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	before()
	_ = json.NewEncoder(w).Encode(d.decoded)
}

func (d *decoder) write(w http.ResponseWriter, r *http.Request) {
	came := time.Now()
	packed, err := io.ReadAll(r.Body)
	d.mu.Lock()
	open := d.open
	d.mu.Unlock()
	if err != nil || !open {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	b := body{r.Header.Get("X-Prometheus-Remote-Write-Version") == "2.0.0", packed}
	n, err := b.samples()
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	d.count(b, n, came)
	w.Header().Set("X-Prometheus-Remote-Write-Samples-Written", strconv.Itoa(n))
	w.WriteHeader(http.StatusNoContent)
}

func (d *decoder) count(b body, samples int, came time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := &d.decoded
	if t.First.IsZero() {
		t.First = came
	}
	if !t.Full.IsZero() {
		return
	}
	d.bodies = append(d.bodies, b)
	t.Samples, t.Bytes, t.Requests = t.Samples+samples, t.Bytes+len(b.packed), t.Requests+1
	if t.Samples >= d.wanted {
		t.Full = time.Now()
	}
}

// samples decodes a body in full by Prometheus's own types.
func (b body) samples() (n int, err error) {
	raw, err := snappy.Decode(nil, b.packed)
	if err != nil {
		return 0, err
	}
	if b.v2 {
		var m writev2.Request
		err = proto.Unmarshal(raw, &m)
		for i := range m.Timeseries {
			n += len(m.Timeseries[i].Samples)
		}
		return n, err
	}
	var m prompb.WriteRequest
	err = proto.Unmarshal(raw, &m)
	for i := range m.Timeseries {
		n += len(m.Timeseries[i].Samples)
	}
	return n, err
}

// again decodes everything once more, one after the other; the best of three times counts.
func (d *decoder) again() {
	for range 3 {
		start := time.Now()
		for _, b := range d.bodies {
			if _, err := b.samples(); err != nil {
				panic(err)
			}
		}
		if took := time.Since(start); d.decoded.Alone == 0 || took < d.decoded.Alone {
			d.decoded.Alone = took
		}
	}
}

// decoderProgram is a decoder as a process.
type decoderProgram struct {
	*process
	url string
}

func startDecoder(t testing.TB, wanted int) *decoderProgram {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	d := &decoderProgram{process: start(t, []string{fmt.Sprint(decoderVariable, "=", wanted)}, self)}
	await(t, "the decoder listens", func() error {
		if d.url = settings(d.output())["DECODER"]; d.url == "" {
			return fmt.Errorf("it said %q", d.output())
		}
		return nil
	})
	return d
}

// begin lets it take what comes.
func (d *decoderProgram) begin(t testing.TB) {
	t.Helper()
	res, err := http.Post(d.url+"/open", "", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
}

func (d *decoderProgram) ask(t testing.TB, what string) decoded {
	t.Helper()
	b, err := fetch(http.DefaultClient, d.url+what)
	if err != nil {
		t.Fatal(err)
	}
	var got decoded
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	return got
}

// full waits until it has all that is wanted. A sender may have backed off for a minute before it begins.
func (d *decoderProgram) full(t testing.TB) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); d.ask(t, "/decoded").Full.IsZero(); {
		if time.Now().After(deadline) || !wait(t.Context(), 50*time.Millisecond) {
			t.Fatalf("not everything is decoded: %+v", d.ask(t, "/decoded"))
		}
	}
}
