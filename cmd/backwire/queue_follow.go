package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"backwire/agent/config"
	"backwire/agent/page"
	"backwire/remotewrite"
	"backwire/remotewrite/bundle"
)

// defaultFollowListen is where a following import shows how far it is: beside the agent's page.
const defaultFollowListen = "127.0.0.1:9470"

// followBundles sends bundles as they come, until ctx ends. A service manager does not start it again where a setting is wrong.
func (sh *shell) followBundles(ctx context.Context, dir string, flags importFlags) (err error) {
	cfg, receivers, err := sh.importTo(flags)
	if err != nil {
		return err
	}
	follow := bundle.FollowConfig{Dir: dir, To: receivers}
	if flags.trustedKey != "" {
		if follow.Trusted, err = bundle.ReadTrustedKey(flags.trustedKey); err != nil {
			return refusedError{err}
		}
	}
	rejected, finish, err := openRejected(flags.rejected)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, finish()) }()
	follow.Rejected = rejected
	log := sh.logger(cfg)
	follower, err := bundle.NewFollower(follow, log)
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(ctx)
	shown, err := showFollower(running, flags.listen, follower, log)
	if err != nil {
		stop()
		return err
	}
	log.Info("waiting for bundles", "directory", dir, "page", flags.listen)
	_, _ = daemon.SdNotify(false, daemon.SdNotifyReady) // nobody may listen
	err = follower.Run(running)
	stop()
	return errors.Join(err, <-shown)
}

// showFollower serves the page of a following import until ctx ends, and then gives its error; there may be no page.
func showFollower(ctx context.Context, address string, f *bundle.Follower, log *slog.Logger) (<-chan error, error) {
	ended := make(chan error, 1)
	if address == "" {
		ended <- nil
		return ended, nil
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil || !config.LoopbackHost(host) {
		return nil, usageError{fmt.Errorf("--listen %q: expected a loopback host and a port, such as %s", address, defaultFollowListen)}
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for the page: %w", err)
	}
	go func() {
		ended <- page.Serve(ctx, listener, page.Hosts{}.Only(followPage(f, time.Now())), "", log)
	}()
	return ended, nil
}

func followPage(f *bundle.Follower, began time.Time) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(remotewrite.ImportMetrics(f), promhttp.HandlerOpts{EnableOpenMetrics: true}))
	mux.HandleFunc("GET /status.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(followStatus{Import: true, Started: began, FollowStats: f.Stats()}) // who asked may have gone
	})
	mux.HandleFunc("GET /-/healthy", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "healthy") })
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		fmt.Fprint(w, describeFollower(f.Stats(), began, time.Now()))
	})
	return mux
}

// followStatus is what an import tells backwire status on its machine.
type followStatus struct {
	Import  bool      `json:"import"` // tells it from what else may answer there
	Started time.Time `json:"started"`
	bundle.FollowStats
}

// askFollower returns what the import that follows a directory on this machine tells, or nil where none answers.
func askFollower(ctx context.Context, address string) *followStatus {
	if address == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, askFollowerWithin)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/status.json", http.NoBody)
	if err != nil {
		return nil
	}
	direct := new(http.Transport) // no proxy stands between this machine and itself
	defer direct.CloseIdleConnections()
	resp, err := direct.RoundTrip(req)
	if err != nil {
		return nil
	}
	defer resp.Body.Close()
	var s followStatus
	if resp.StatusCode != http.StatusOK || json.NewDecoder(io.LimitReader(resp.Body, maxFollowerAnswer)).Decode(&s) != nil || !s.Import {
		return nil
	}
	return &s
}

const (
	askFollowerWithin = 3 * time.Second
	maxFollowerAnswer = 4 << 20 // bytes
)

// needsSomebody says that bundles are missing or stuck, or cannot be read or sent.
func (s *followStatus) needsSomebody() bool {
	return s.Trouble != "" ||
		slices.ContainsFunc(s.Agents, func(a bundle.AgentStats) bool { return len(a.Gaps) > 0 }) ||
		slices.ContainsFunc(s.Waiting, func(w bundle.Waiting) bool { return w.Stuck }) ||
		slices.ContainsFunc(s.Endpoints, func(e bundle.DeliveryStats) bool { return e.Error != "" })
}

// shownBundles is how many bundles that wait are named.
const shownBundles = 20

// describeFollower is what a person reads: what is wrong first.
func describeFollower(s bundle.FollowStats, began, now time.Time) string {
	b := &board{now: now}
	b.line("backwire queue import --follow, up %s, %s imported", page.Roughly(now.Sub(began)), plural(int(s.Done), "bundle"))
	if s.Trouble != "" {
		b.under(0, "FAILING: "+s.Trouble)
	}
	for _, a := range s.Agents {
		for _, gap := range a.Gaps {
			b.under(0, "MISSING: "+gap)
		}
	}
	for i, w := range s.Waiting {
		if i == shownBundles {
			b.line("and %s", plural(len(s.Waiting)-i, "more bundle"))
			break
		}
		kind := "waiting"
		if w.Stuck {
			kind = "STUCK"
		}
		b.under(0, kind+": "+w.Name+", unchanged for "+page.Roughly(now.Sub(w.Since))+": "+w.Why)
	}
	for _, a := range s.Agents {
		switch {
		case a.Newest.IsZero():
		case a.Number > 0:
			b.under(0, fmt.Sprintf("%s: up to bundle %d, made on %s", a.Agent, a.Number, a.Newest.Format("2006-01-02 15:04 MST")))
		default:
			b.under(0, fmt.Sprintf("%s: up to the bundle made on %s", a.Agent, a.Newest.Format("2006-01-02 15:04 MST")))
		}
	}
	for _, e := range s.Endpoints {
		b.under(0, fmt.Sprintf("endpoint %s: %s samples sent, %s rejected, %s not sent", e.Endpoint, count(e.Samples), count(e.Rejected), count(e.Dropped)))
		if e.Error != "" {
			b.under(2, "FAILING: "+e.Error)
		}
	}
	return b.String()
}
