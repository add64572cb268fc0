package send

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/prometheus/common/config"

	"backwire/remotewrite/window"
	"backwire/remotewrite/wire"
	"backwire/source"
	"backwire/source/probe"
	"backwire/source/regular"
)

// checkMetric is what a check writes. It is the only thing that a check leaves behind.
const checkMetric = "backwire_check_timestamp_seconds"

// Check goes to the receiver step by step and writes one sample of backwire_check_timestamp_seconds, whose
// arrival a receiver of 2.0 confirms by its count.
func (e *Endpoint) Check(ctx context.Context) []probe.Finding {
	findings, err := e.checkNetwork(ctx)
	if err != nil {
		return append(findings, probe.Finding{
			Step: "settings", Result: probe.Failed, Tried: "read the TLS settings", Found: err.Error(),
			Next: "correct CA_FILE, CERT_FILE and KEY_FILE, and make them readable for this user",
		})
	}
	if !probe.Reached(findings) {
		return findings
	}
	written := e.checkWrite(ctx)
	if findings = append(findings, written...); written[0].Result == probe.OK {
		findings = append(findings, e.checkWindow(ctx))
		if e.config.Natives {
			findings = append(findings, e.checkNatives(ctx))
		}
	}
	return findings
}

// checkNatives asks whether the receiver takes native histograms, with their canary.
func (e *Endpoint) checkNatives(ctx context.Context) probe.Finding {
	f := probe.Finding{Step: "native histograms", Result: probe.OK, Tried: "write a native histogram, " + nativeCanary}
	switch taken, why, known := e.takesNatives(ctx); {
	case !known:
		f.Found = "unknown whether the receiver accepts native histograms: the answers leave it open"
	case !taken:
		f.Result, f.Found, f.Next = probe.Warning, why+"; only the classic histograms are sent", nativesAdvice
	default:
		f.Found = "accepted; the receiver reports that it stored it"
	}
	return f
}

// checkWindow asks how late the receiver takes samples, with canaries of the past.
func (e *Endpoint) checkWindow(ctx context.Context) probe.Finding {
	f := probe.Finding{Step: "window", Result: probe.OK, Tried: "write samples of " + canaryMetric + " of the past"}
	taken, refused, known := e.shards[0].boundary(life{ctx, ctx}, max(startLateness, e.config.Backfill))
	switch {
	case !known:
		f.Found = "unknown how late a sample may be: the answers leave it open"
	case refused > 0:
		f.Result = probe.Warning
		f.Found = "refuses what is older than " + roundly(taken) + ": an outage longer than that will lose samples"
		f.Next = "raise out_of_order_time_window, the name of the setting in Prometheus and Mimir, or ask who runs the receiver"
	default:
		f.Found = "takes samples up to " + roundly(taken) + " late"
	}
	return f
}

// roundly is an age as people say it.
func roundly(d time.Duration) string {
	d = d.Round(time.Minute)
	if d%time.Hour == 0 {
		return fmt.Sprintf("%d h", int(d/time.Hour))
	}
	return fmt.Sprintf("%d h %d min", int(d/time.Hour), int(d%time.Hour/time.Minute))
}

// checkNetwork leaves out what a replaced transport does in its own way.
func (e *Endpoint) checkNetwork(ctx context.Context) ([]probe.Finding, error) {
	if e.config.Transport != nil {
		return nil, nil
	}
	to, err := url.Parse(e.config.URL)
	if err != nil {
		return nil, fmt.Errorf("endpoint %s: %w", e.config.Name, err)
	}
	hc, err := httpConfig(e.config)
	if err != nil {
		return nil, err
	}
	address := probe.Address{URL: to, Proxy: proxyOf(hc, to), Advise: e.adviseTrust}
	if address.TLS, err = config.NewTLSConfigWithContext(ctx, &hc.TLSConfig); err != nil {
		return nil, err
	}
	if !e.config.InsecureSkipVerify {
		address.Verify = verifier(address.TLS.RootCAs, to.Hostname())
	}
	findings := address.Try(ctx)
	if own := e.checkOwnCertificate(); own.Step != "" {
		findings = append(findings, own)
	}
	return findings, nil
}

func proxyOf(hc config.HTTPClientConfig, to *url.URL) *url.URL {
	if hc.ProxyURL.URL != nil {
		return hc.ProxyURL.URL
	}
	proxy, _ := http.ProxyFromEnvironment(&http.Request{URL: to})
	return proxy
}

// verifier is what crypto/tls does by itself where nobody looks on. Roots are the system's where nil.
func verifier(roots *x509.CertPool, host string) func(tls.ConnectionState) error {
	return func(state tls.ConnectionState) error {
		between := x509.NewCertPool()
		for _, c := range state.PeerCertificates[1:] {
			between.AddCert(c)
		}
		_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{DNSName: host, Roots: roots, Intermediates: between})
		return err
	}
}

// adviseTrust is what to do about a receiver's certificate.
func (e *Endpoint) adviseTrust(err error) string {
	switch err.(type) { //nolint:errorlint // Verify does not wrap
	case x509.UnknownAuthorityError:
		if e.config.CAFile == "" {
			return "no CA of this system issued it: set CA_FILE to a file with the certificate of the CA"
		}
		return e.config.CAFile + " does not contain the CA that issued it: add the CA certificate"
	}
	return ""
}

// checkOwnCertificate looks at the client certificate, where there is one; its step is empty where not.
func (e *Endpoint) checkOwnCertificate() probe.Finding {
	if e.config.CertFile == "" {
		return probe.Finding{}
	}
	f := probe.Finding{Step: "client certificate", Result: probe.OK, Tried: "read " + e.config.CertFile}
	pair, err := readKeyPair(e.config.CertFile, e.config.KeyFile)
	if err != nil {
		f.Result, f.Found, f.Next = probe.Failed, err.Error(), "check that CERT_FILE and KEY_FILE belong together and that this user can read them"
		return f
	}
	end := pair.Leaf.NotAfter
	f.Found = fmt.Sprintf("%q, valid until %s", pair.Leaf.Subject.CommonName, end.UTC().Format(time.DateOnly))
	if time.Until(end) < probe.ExpiresSoon {
		f.Result, f.Next = probe.Warning, "have a new one issued before that day; after it the receiver refuses the certificate"
	}
	return f
}

func readKeyPair(certFile, keyFile string) (tls.Certificate, error) {
	certificate, err := regular.Read(certFile, maxSecretFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := regular.Read(keyFile, maxSecretFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(certificate, key)
}

// Answers sends the canary: it is nil where a receiver takes it as one does.
func (e *Endpoint) Answers(ctx context.Context) error {
	a, v := e.settle(func(p wire.Protocol) answer {
		_, a := e.canary.ask(ctx, p)
		return a
	})
	if v == delivered {
		return nil
	}
	return fmt.Errorf("write to %s: %s; %s", withoutQuery(e.config.URL), a.complaint(), a.advice())
}

// settle sends the same thing as 2.0 and, where that is not understood, as 1.0.
func (e *Endpoint) settle(send func(wire.Protocol) answer) (answer, verdict) {
	a := send(e.protocol())
	if e.fallback && notUnderstood(&a) {
		if a = send(wire.V1); judge(a, false) == delivered {
			e.speak(wire.V1)
		}
	}
	return a, judge(a, false)
}

func (e *Endpoint) checkWrite(ctx context.Context) []probe.Finding {
	at := time.Now().UnixMilli()
	w := oneSample(&source.Metric{
		Name: checkMetric, Type: source.Gauge, Unit: "seconds", Help: "Time of the last backwire check of this endpoint.",
	}, []source.Label{{Name: "endpoint", Value: e.config.Name}, {Name: "instance", Value: e.canary.instance}}, window.Point{T: at, V: float64(at) / 1000})
	return reportWrite(e.settle(func(p wire.Protocol) answer {
		_, a := sendOnce(ctx, e.client, e.config.ExternalLabels, p, w)
		return a
	}))
}

// reportWrite says what the receiver made of the sample: its words, its count, its clock.
func reportWrite(a answer, v verdict) []probe.Finding {
	tried := "write one sample of " + checkMetric + " by remote write " + a.protocol.String()
	f := probe.Finding{Step: "write", Result: probe.OK, Tried: tried}.Timed(a.took)
	took := a.took.Round(time.Millisecond / 10)
	switch {
	case v != delivered:
		f.Result, f.Found, f.Next = probe.Failed, a.complaint(), a.advice()
		return []probe.Finding{f}
	case a.written == 0:
		f.Result, f.Found = probe.Failed, fmt.Sprintf("%d, but the receiver reports that 0 samples were stored", a.status)
		f.Next = "check whether a relabelling rule of the receiver drops " + checkMetric + ", or whether something in between answers"
	case a.status == http.StatusAccepted:
		f.Result, f.Found = probe.Warning, "202: the receiver accepted the sample and does not say that it stored it"
		f.Next = "Mimir answers so to a replica that it does not follow now: the other host of the pair is the one whose samples it stores"
	case a.written > 0:
		f.Found = fmt.Sprintf("stored in %s, confirmed by the receiver", took)
	default:
		f.Found = fmt.Sprintf("accepted (%d) in %s; remote write %s cannot confirm how many samples were stored", a.status, took, a.protocol)
	}
	findings := []probe.Finding{f}
	if !a.date.IsZero() {
		// The header has whole seconds, so half of one is the best guess at the rest.
		ahead := a.date.Add(time.Second / 2).Sub(time.Now().Add(-a.took / 2))
		findings = append(findings, probe.Clock("the Date header of that answer", ahead, 2*time.Second, "receivers refuse samples with future times"))
	}
	return findings
}
