// Package demo is what "backwire demo" needs beside the agent: a simulated primary server, a receiver, and a look at both when
// everything has arrived.
//
// It is the one package that ships and links the simulator and the test receiver. It promises to listen on loopback alone and
// to leave nothing behind, and it never shares state with an agent of this machine.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"backwire/agent"
	"backwire/remotewrite/receiver"
	"backwire/source/netbackup/nbusim"
)

const (
	interval = 5 * time.Second
	history  = 12 * time.Hour
	jobs     = 500             // that ended within history
	outage   = 2 * time.Second // of the receiver, at the start
	live     = 4 * time.Second // for which new jobs begin
	patience = 2 * time.Minute // for an emulated processor, too
)

// Run plays the demo and tells of it. It ends when the counts at the receiver equal those at the primary server; with keep
// it then goes on until ctx ends.
func Run(ctx context.Context, out io.Writer, version string, keep bool) error {
	d, err := newStage(out, version)
	if err != nil {
		return err
	}
	defer d.clear()
	return d.play(ctx, keep)
}

// stage is what the demo plays on.
type stage struct {
	out      io.Writer
	primary  *nbusim.Server
	receiver *receiver.Receiver
	push     *httptest.Server
	agent    *agent.Agent
	page     string
	dir      string
	workload nbusim.Workload
}

func newStage(out io.Writer, version string) (*stage, error) {
	d := &stage{out: out, workload: nbusim.Workload{Seed: 1, JobsPerMinute: 120, MeanRun: time.Second, Turbulence: 0.1}}
	var err error
	d.primary, err = nbusim.New(nbusim.Options{Keys: []nbusim.APIKey{{Key: nbusim.DefaultKey}}, Storage: nbusim.NewEstate(8)})
	if err != nil {
		return nil, fmt.Errorf("simulate a primary server: %w", err)
	}
	d.primary.AddHistory(d.workload, jobs, history)
	d.primary.AddFindings()
	if err := d.primary.StartTLS("127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("start the simulated primary server: %w", err)
	}
	d.receiver = receiver.New(receiver.Options{Ordered: true})
	d.push = httptest.NewServer(d.receiver)
	if d.dir, err = os.MkdirTemp("", "backwire-demo-"); err != nil {
		return nil, fmt.Errorf("make a directory for the queue: %w", err)
	}
	return d, d.newAgent(version)
}

// newAgent goes through the configuration, as every agent does.
func (d *stage) newAgent(version string) error {
	listen, err := freeAddress()
	if err != nil {
		return err
	}
	d.page = "http://" + listen + "/"
	cfg, err := agent.LoadConfig([]string{
		"BACKWIRE_INTERVAL=" + interval.String(),
		"BACKWIRE_BACKFILL=" + history.String(),
		"BACKWIRE_NETBACKUP_URL=" + d.primary.URL(),
		"BACKWIRE_NETBACKUP_SITE=demo",
		"BACKWIRE_NETBACKUP_API_KEY=" + nbusim.DefaultKey,
		"BACKWIRE_NETBACKUP_CA_FINGERPRINT=" + d.primary.Fingerprint(),
		"BACKWIRE_REMOTE_WRITE_URL=" + d.push.URL + "/api/v1/write",
		"BACKWIRE_QUEUE_DIR=" + d.dir,
		"BACKWIRE_LISTEN=" + listen,
	}, nil)
	if err != nil {
		return err
	}
	d.agent, err = agent.New(cfg, version, slog.New(slog.DiscardHandler))
	return err
}

// freeAddress is an unused loopback address.
func freeAddress() (string, error) {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}

// clear ends what the demo started.
func (d *stage) clear() {
	d.push.Close()
	_ = d.primary.Close()
	_ = os.RemoveAll(d.dir)
}

// play runs the agent during the plot, and ends it with the plot.
func (d *stage) play(ctx context.Context, keep bool) error {
	running, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- d.agent.Run(running) }()
	err := d.plot(ctx, keep)
	stop()
	return errors.Join(err, <-ended)
}

// plot is what happens around the agent, shown in a few lines.
func (d *stage) plot(ctx context.Context, keep bool) error {
	fmt.Fprintf(d.out, "primary server  %s  (simulated; %d jobs ended in the last %.0f hours, more are running)\n", d.primary.URL(), jobs, history.Hours())
	fmt.Fprintf(d.out, "agent           %s  collects every %s; its queue is %s\n", d.page, interval, d.dir)
	fmt.Fprintf(d.out, "receiver        %s/api/v1/write  is down for the first %s\n\n", d.push.URL, outage)
	d.receiver.Always(&receiver.Answer{Status: http.StatusServiceUnavailable})
	d.primary.Work(d.workload)
	pause(ctx, outage)
	d.receiver.Always(nil)
	pause(ctx, live-outage)
	d.primary.Work(nbusim.Workload{})
	if err := d.awaitTruth(ctx); err != nil {
		return err
	}
	writeArrival(d.out, Arrived(d.receiver), d.primary.Truth())
	fmt.Fprintln(d.out)
	writeStorage(d.out, d.receiver)
	if keep {
		d.primary.Work(d.workload)
		fmt.Fprintf(d.out, "\nPress Ctrl-C to stop. Status page: %s\n", d.page)
		<-ctx.Done()
	}
	return nil
}

// awaitTruth returns when what arrived is what happened.
func (d *stage) awaitTruth(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		if Arrived(d.receiver).Total() == Happened(d.primary.Truth()).Total() {
			return nil
		}
		if pause(ctx, 100*time.Millisecond); ctx.Err() != nil {
			return fmt.Errorf("after %s %d of %d jobs had arrived: %w", patience,
				Arrived(d.receiver).Total(), Happened(d.primary.Truth()).Total(), ctx.Err())
		}
	}
}

// pause ends early where ctx ends.
func pause(ctx context.Context, d time.Duration) {
	paused, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-paused.Done()
}
