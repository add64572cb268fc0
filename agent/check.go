package agent

import (
	"context"
	"slices"
	"sync"
	"time"

	"backwire/agent/config"
	"backwire/source"
	"backwire/source/netbackup"
	"backwire/source/probe"
)

// Check tries every site and every endpoint for real, all at once: from the network to a page of each
// collector, from the network to one sample that is written. No queue is opened, so that it may run beside the
// agent.
func (a *Agent) Check(ctx context.Context) []probe.Finding {
	findings := make([][]probe.Finding, len(a.config.Sites)+len(a.config.Endpoints))
	var wg sync.WaitGroup
	for i := range a.config.Sites {
		s := &a.config.Sites[i]
		wg.Go(func() { findings[i] = about("site "+s.Site, a.checkSite(ctx, s)) })
	}
	for i := range a.config.Endpoints {
		e := &a.config.Endpoints[i]
		wg.Go(func() { findings[len(a.config.Sites)+i] = about("endpoint "+e.Name, a.checkEndpoint(ctx, e)) })
	}
	wg.Wait()
	return append(slices.Concat(findings...), about("queue", a.checkNames())...)
}

func about(subject string, findings []probe.Finding) []probe.Finding {
	for i := range findings {
		findings[i].Subject = subject
	}
	return findings
}

func (a *Agent) checkSite(ctx context.Context, s *config.Site) []probe.Finding {
	made := siteConfig(a.config, s, a.version)
	made.Client.Impatient = true
	site, err := netbackup.NewSite(made, source.Checkpoint{}, a.log, time.Now)
	if err != nil {
		return refusedSettings(err)
	}
	findings := site.Check(ctx)
	a.logout(ctx, s.Site, site)
	return findings
}

func (a *Agent) checkEndpoint(ctx context.Context, e *config.Endpoint) []probe.Finding {
	if e.URL.Dir() != "" {
		made, err := a.newExporter(e, nil)
		if err != nil {
			return refusedSettings(err)
		}
		return made.Check()
	}
	made, err := a.newEndpoint(e, nil, nil)
	if err != nil {
		return refusedSettings(err)
	}
	return made.Check(ctx)
}

func refusedSettings(err error) []probe.Finding {
	return []probe.Finding{{
		Step: "settings", Result: probe.Failed, Tried: "apply the settings", Found: err.Error(),
		Next: "correct the setting named in the message",
	}}
}
