package main

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

	"github.com/spf13/cobra"

	"backwire/agent"
	"backwire/remotewrite/receiver"
	"backwire/source/netbackup/nbusim"
)

const (
	demoInterval = 5 * time.Second
	demoHistory  = 12 * time.Hour
	demoJobs     = 500             // that ended within demoHistory
	demoOutage   = 2 * time.Second // of the receiver, at the start
	demoLive     = 4 * time.Second // for which new jobs begin
	demoPatience = 2 * time.Minute // for an emulated processor, too
)

func newDemo(sh *shell) *cobra.Command {
	var keep bool
	demo := &cobra.Command{
		Use:   "demo",
		Short: "Show backwire at work: a simulated primary server, the agent and a receiver in one program",
		Long: `demo starts a simulated NetBackup primary server with last night's jobs, the agent, and a
receiver that is down at first. Everything listens on loopback only and is removed when demo
ends. demo ends when the counts at the receiver equal the counts at the primary server.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return sh.demo(cmd.Context(), keep) },
	}
	demo.Flags().BoolVar(&keep, "keep", false, "keep running, with the status page, until interrupted")
	return demo
}

func (sh *shell) demo(ctx context.Context, keep bool) error {
	d, err := newStage(sh.stdout)
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

func newStage(out io.Writer) (*stage, error) {
	d := &stage{out: out, workload: nbusim.Workload{Seed: 1, JobsPerMinute: 120, MeanRun: time.Second, Turbulence: 0.1}}
	var err error
	d.primary, err = nbusim.New(nbusim.Options{Keys: []nbusim.APIKey{{Key: nbusim.DefaultKey}}, Storage: nbusim.NewEstate(8)})
	if err != nil {
		return nil, fmt.Errorf("simulate a primary server: %w", err)
	}
	d.primary.AddHistory(d.workload, demoJobs, demoHistory)
	d.primary.AddFindings()
	if err := d.primary.StartTLS("127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("start the simulated primary server: %w", err)
	}
	d.receiver = receiver.New(receiver.Options{Ordered: true})
	d.push = httptest.NewServer(d.receiver)
	if d.dir, err = os.MkdirTemp("", "backwire-demo-"); err != nil {
		return nil, fmt.Errorf("make a directory for the queue: %w", err)
	}
	return d, d.newAgent()
}

// newAgent goes through the configuration, as every agent does.
func (d *stage) newAgent() error {
	listen, err := freeAddress()
	if err != nil {
		return err
	}
	d.page = "http://" + listen + "/"
	cfg, err := agent.LoadConfig([]string{
		"BACKWIRE_INTERVAL=" + demoInterval.String(),
		"BACKWIRE_BACKFILL=" + demoHistory.String(),
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
	d.agent, err = agent.New(cfg, readBuild().version, slog.New(slog.DiscardHandler))
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

// play runs the agent beside the plot, and ends it with the plot.
func (d *stage) play(ctx context.Context, keep bool) error {
	running, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- d.agent.Run(running) }()
	err := d.plot(ctx, keep)
	stop()
	return errors.Join(err, <-ended)
}

// plot is what happens around the agent, told in a few lines.
func (d *stage) plot(ctx context.Context, keep bool) error {
	fmt.Fprintf(d.out, "primary server  %s  (simulated; %d jobs ended in the last %.0f hours, more are running)\n", d.primary.URL(), demoJobs, demoHistory.Hours())
	fmt.Fprintf(d.out, "agent           %s  collects every %s; its queue is %s\n", d.page, demoInterval, d.dir)
	fmt.Fprintf(d.out, "receiver        %s/api/v1/write  is down for the first %s\n\n", d.push.URL, demoOutage)
	d.receiver.Always(&receiver.Answer{Status: http.StatusServiceUnavailable})
	d.primary.Work(d.workload)
	wait(ctx, demoOutage)
	d.receiver.Always(nil)
	wait(ctx, demoLive-demoOutage)
	d.primary.Work(nbusim.Workload{})
	if err := d.awaitTruth(ctx); err != nil {
		return err
	}
	writeArrival(d.out, arrived(d.receiver), d.primary.Truth())
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
	ctx, cancel := context.WithTimeout(ctx, demoPatience)
	defer cancel()
	for {
		if arrived(d.receiver).total() == happened(d.primary.Truth()).total() {
			return nil
		}
		if !wait(ctx, 100*time.Millisecond) {
			return fmt.Errorf("after %s %d of %d jobs had arrived: %w", demoPatience,
				arrived(d.receiver).total(), happened(d.primary.Truth()).total(), ctx.Err())
		}
	}
}

// wait returns false if ctx ended first.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
