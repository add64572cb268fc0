package agent

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"backwire/source"
	"backwire/source/netbackup"
)

// Finding is one line of a check: what was tried on what, and what came of it. The error
// says what to do.
type Finding struct {
	Subject string // "site paris", "endpoint cloud"
	Step    string
	Detail  string // what came back, where it is worth a word
	Err     error
}

// Check tries every site and every endpoint for real, all at once: a site by the cycle that
// runs in production, an endpoint by an empty write. Nothing is kept, and no queue is opened,
// so that it may run beside the agent.
func (a *Agent) Check(ctx context.Context) []Finding {
	findings := make([][]Finding, len(a.config.Sites)+len(a.config.Endpoints))
	var wg sync.WaitGroup
	for i := range a.config.Sites {
		wg.Go(func() { findings[i] = a.checkSite(ctx, &a.config.Sites[i]) })
	}
	for i := range a.config.Endpoints {
		wg.Go(func() { findings[len(a.config.Sites)+i] = a.checkEndpoint(ctx, &a.config.Endpoints[i]) })
	}
	wg.Wait()
	var all []Finding
	for _, f := range findings {
		all = append(all, f...)
	}
	return all
}

func (a *Agent) checkSite(ctx context.Context, s *Site) []Finding {
	subject := "site " + s.Site
	site, _, err := a.tryCycle(ctx, s, 0)
	if err != nil {
		return []Finding{{Subject: subject, Step: "settings", Err: err}}
	}
	status := site.Status()
	if same := commonError(status); same != nil {
		return []Finding{{Subject: subject, Step: "connect", Detail: s.URL.String(), Err: adviseURL(same)}}
	}
	findings := []Finding{{Subject: subject, Step: "connect", Detail: describeServer(status)}}
	for _, c := range status.Collectors {
		f := Finding{Subject: subject, Step: c.Name, Detail: roughly(c.Took)}
		if c.NotOffered {
			f.Detail = "not offered by this server: left out"
		} else if c.Err != nil {
			f.Err = c.Err
		}
		findings = append(findings, f)
	}
	return findings
}

// tryCycle runs one cycle of a fresh site, which remembers nothing and is forgotten.
func (a *Agent) tryCycle(ctx context.Context, s *Site, backfill Duration) (primary, []source.Batch, error) {
	config := *a.config
	config.Backfill = backfill
	site, err := (&Agent{config: &config, version: a.version, log: a.log}).newPrimary(s, source.Checkpoint{})
	if err != nil {
		return nil, nil, err
	}
	interval := time.Duration(config.Interval)
	limited, cancel := context.WithTimeout(ctx, cycleLimit(interval))
	defer cancel()
	var batches []source.Batch
	for c := range site.Collect(limited, floor(time.Now(), interval)) {
		batches = append(batches, c.Batches...)
	}
	ending, endEnding := context.WithTimeout(context.WithoutCancel(ctx), closeGrace)
	defer endEnding()
	if err := site.Close(ending); err != nil {
		a.log.Warn("logout", "site", s.Site, "err", err)
	}
	return site, batches, nil
}

// commonError is the error that every collector has: the server was not reached at all.
func commonError(s netbackup.Status) error {
	if len(s.Collectors) == 0 {
		return nil
	}
	first := s.Collectors[0].Err
	for _, c := range s.Collectors {
		if c.Err == nil || c.Err.Error() != first.Error() {
			return nil
		}
	}
	return first
}

// adviseURL adds what to do where a server has nothing of what every release has.
func adviseURL(err error) error {
	if e, ok := errors.AsType[*netbackup.Error](err); ok && e.Hint == "" && errors.Is(err, netbackup.ErrNotOffered) {
		return fmt.Errorf("%w; is the URL right, with /netbackup at its end?", err)
	}
	return err
}

func describeServer(s netbackup.Status) string {
	parts := []string{s.Server}
	if s.ServerVersion != "" {
		parts = append(parts, "NetBackup "+s.ServerVersion)
	}
	if s.APIVersion != "" {
		parts = append(parts, "API "+s.APIVersion)
	}
	return strings.Join(append(parts, "its clock is "+skew(s.Skew)), ", ")
}

func skew(d time.Duration) string {
	switch {
	case d >= time.Second:
		return roughly(d) + " ahead of this one"
	case d <= -time.Second:
		return roughly(-d) + " behind this one"
	}
	return "right"
}

func (a *Agent) checkEndpoint(ctx context.Context, e *Endpoint) []Finding {
	f := Finding{Subject: "endpoint " + e.Name, Step: "empty write", Detail: e.URL.String()}
	made, err := a.newEndpoint(e, nil)
	if err != nil {
		f.Step, f.Err = "settings", err
		return []Finding{f}
	}
	f.Err = made.Check(ctx)
	return []Finding{f}
}
