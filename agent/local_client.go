package agent

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"backwire/agent/config"
	"backwire/agent/page"
	"backwire/remotewrite/queue"
	"backwire/remotewrite/rejected"
	"backwire/remotewrite/wal"
)

// LocalClient asks the agent of this machine, and where none answers its queue.
type LocalClient struct {
	config.Local

	// Who asks, where the page wants a password.
	User, PasswordFile string
}

// askWithin bounds the wait for an agent that is there and does not answer.
const askWithin = 3 * time.Second

// Status asks the running agent. Where none answers, it is what the queue alone tells, with the reason in Down.
func (l LocalClient) Status(ctx context.Context) (page.Status, error) {
	s, asked := l.ask(ctx)
	if asked == nil {
		return s, nil
	}
	found, err := queue.Inspect(l.Queue.Dir)
	if err != nil {
		return page.Status{}, fmt.Errorf("%w; and without it: %w", asked, err)
	}
	s = l.queued(found)
	s.Down = asked.Error()
	return s, l.countRejected(&s)
}

// ask is the agent's own answer.
func (l LocalClient) ask(ctx context.Context) (page.Status, error) {
	var s page.Status
	body, err := l.Page(ctx, "/status.json")
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(body, &s); err != nil {
		return s, l.silent(fmt.Errorf("another program answers at %s: %w", l.Listen, err))
	}
	return s, nil
}

// Page is what the running agent answers at a path of its page.
func (l LocalClient) Page(ctx context.Context, path string) ([]byte, error) {
	if l.Listen == "" {
		return nil, l.silent(errors.New("BACKWIRE_LISTEN is empty, so the agent has no status page"))
	}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	certificate, err := config.PageCertificate(l.ListenConfigFile)
	if err != nil {
		return nil, l.silent(err)
	}
	req, err := l.request(ctx, path, certificate != nil)
	if err != nil {
		return nil, fmt.Errorf("ask the agent: %w", err)
	}
	direct := &http.Transport{TLSClientConfig: only(certificate)} // no proxy stands between this machine and itself
	defer direct.CloseIdleConnections()
	resp, err := direct.RoundTrip(req)
	if err != nil {
		return nil, l.silent(err)
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusUnauthorized:
		return nil, l.unknown()
	default:
		return nil, l.silent(fmt.Errorf("its status page answers %s", resp.Status))
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, l.silent(err)
	}
	return body, nil
}

func (l LocalClient) request(ctx context.Context, path string, encrypted bool) (*http.Request, error) {
	scheme := "http://"
	if encrypted {
		scheme = "https://"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+string(l.Listen)+path, http.NoBody)
	if err != nil || l.User == "" {
		return req, err
	}
	password, err := config.ReadSecret(config.File(l.PasswordFile))
	if err != nil {
		return nil, err
	}
	req.SetBasicAuth(l.User, password)
	return req, nil
}

// only trusts one certificate, under whatever name: it is from this machine's own disk.
func only(certificate *x509.Certificate) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, InsecureSkipVerify: true, // VerifyConnection takes its place
		VerifyConnection: func(state tls.ConnectionState) error {
			if !state.PeerCertificates[0].Equal(certificate) {
				return errors.New("the status page presents a certificate other than the one in its web configuration")
			}
			return nil
		},
	}
}

// unknown is for an agent that answers, but not everybody.
func (l LocalClient) unknown() error {
	if l.User != "" {
		return fmt.Errorf("the agent is running, but its status page refuses the password in %s for user %s", l.PasswordFile, l.User)
	}
	return errors.New("the agent is running, but its status page needs a password: use --user and --password-file")
}

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 16 << 20

// silent says whether there is an agent that does not answer, by the queue's lock.
func (l LocalClient) silent(cause error) error {
	pid, err := wal.Holder(l.Queue.Dir)
	switch {
	case errors.Is(err, wal.ErrNotLocked):
		return errors.New("the agent is not running")
	case err != nil:
		return fmt.Errorf("the agent does not answer: %w", cause)
	}
	return fmt.Errorf("the agent is running (pid %d) but does not answer: %w", pid, cause)
}

// queued is what a queue tells of the agent that wrote it.
func (l LocalClient) queued(found queue.Inspection) page.Status {
	s := page.Status{Now: time.Now(), Queue: page.QueueStatus{
		Dir: l.Queue.Dir, MaxBytes: int64(l.Queue.MaxBytes), Segments: len(found.Segments),
	}}
	var newest, oldest int64
	for i := range found.Segments {
		segment := &found.Segments[i]
		s.Queue.Bytes += segment.Bytes
		s.Queue.Records += segment.Records
		s.Queue.Samples += segment.Samples
		newest = max(newest, segment.Newest)
		if oldest == 0 || segment.Oldest != 0 && segment.Oldest < oldest {
			oldest = segment.Oldest
		}
	}
	if newest != 0 {
		s.Queue.Oldest, s.Seen = page.Instant(time.UnixMilli(oldest)), page.Instant(time.UnixMilli(newest))
	}
	for _, site := range found.Sites {
		s.Sites = append(s.Sites, page.SiteStatus{Name: site.Name, State: "unknown"})
	}
	for _, c := range found.Cursors {
		e := page.EndpointStatus{Name: c.Name, Pending: c.Lag.Samples, Rejected: map[string]uint64{}}
		if c.Err != nil {
			e.Error = c.Err.Error()
		}
		s.Endpoints = append(s.Endpoints, e)
	}
	return s
}

// countRejected counts what is kept of refusals.
func (l LocalClient) countRejected(s *page.Status) error {
	for r, err := range rejected.Read(l.Queue.Dir) {
		if err != nil {
			return err
		}
		for i := range s.Endpoints {
			if s.Endpoints[i].Name == r.Endpoint {
				s.Endpoints[i].Rejected[strconv.Itoa(r.Status)] += uint64(r.Samples)
			}
		}
	}
	return nil
}
