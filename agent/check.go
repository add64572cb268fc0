package agent

import (
	"context"
	"errors"
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

// Check tries every site and every endpoint for real, all at once: a site by its login and a
// page of each collector, an endpoint by an empty write. Nothing is kept, and no queue is
// opened, so that it may run beside the agent.
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
	config := a.config.siteConfig(s, a.version)
	config.Client.Impatient = true
	site, err := netbackup.NewSite(config, source.Checkpoint{}, a.log, time.Now)
	if err != nil {
		return []Finding{{Subject: subject, Step: "settings", Err: err}}
	}
	var findings []Finding
	for _, r := range site.Check(ctx) {
		if !r.OK && r.Hint == "" && len(findings) == 0 {
			r.Hint = "is the URL right, with /netbackup at its end?" // the first step is what every server answers
		}
		f := Finding{Subject: subject, Step: r.Step, Detail: r.What}
		if r.Hint != "" {
			f.Detail += "; " + r.Hint
		}
		if !r.OK {
			f.Detail, f.Err = "", errors.New(f.Detail)
		}
		findings = append(findings, f)
	}
	a.logout(ctx, s.Site, site)
	return findings
}

func (a *Agent) checkEndpoint(ctx context.Context, e *Endpoint) []Finding {
	f := Finding{Subject: "endpoint " + e.Name, Step: "empty write", Detail: e.URL.String()}
	made, err := a.newEndpoint(e, nil, nil)
	if err != nil {
		f.Step, f.Err = "settings", err
		return []Finding{f}
	}
	f.Err = made.Check(ctx)
	return []Finding{f}
}
