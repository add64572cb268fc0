package remotewrite_test

import (
	"context"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"testing"

	"github.com/prometheus/client_golang/exp/api/remote"
	"github.com/prometheus/compliance/remotewrite/sender"
)

// TestActAsSender is the process that Prometheus's suite for senders starts in the place of a Prometheus: it scrapes and sends as the configuration
// says, until it is interrupted.
func TestActAsSender(t *testing.T) {
	file := os.Getenv("BACKWIRE_TEST_ACT_AS_SENDER")
	if file == "" {
		t.Skip("left out: it is a process of another suite; make compliance runs it")
	}
	config, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	value := func(pattern string) string {
		found := regexp.MustCompile(pattern).FindSubmatch(config)
		if found == nil {
			t.Fatalf("the suite's configuration has no %s:\n%s", pattern, config)
		}
		return string(found[1])
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err = backwire{t}.Run(ctx, sender.Options{
		ScrapeTargetHostPort: value(`targets: \['(.*)'\]`), ScrapeTargetJobName: value(`job_name: '(.*)'`),
		RemoteWriteEndpointURL: value(`url: '(.*)'`), RemoteWriteMessage: remote.WriteMessageType(value(`protobuf_message: "(.*)"`)),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The Prometheus that make receivers builds is of the version whose types the tests use.
func TestPrometheusIsOfTheModulesVersion(t *testing.T) {
	version := func(file string) string {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(`github\.com/prometheus/prometheus (v\S+)`).FindSubmatch(text)
		if found == nil {
			t.Fatalf("%s does not name github.com/prometheus/prometheus", file)
		}
		return string(found[1])
	}
	if want, got := version("../go.mod"), version("internal/prometheus/go.mod"); got != want {
		t.Errorf("make receivers builds %s, the module requires %s: in remotewrite/internal/prometheus, go get -tool github.com/prometheus/prometheus/cmd/prometheus@%s", got, want, want)
	}
}
