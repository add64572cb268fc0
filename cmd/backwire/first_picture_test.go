package main

import (
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The chapter "Your first picture" with the distribution's Prometheus: with the installed configuration and the flags of the document it takes what
// backwire sends, a day late too, the document's query has data, and every rule is loaded and can be computed.
func TestFirstPicture(t *testing.T) {
	t.Parallel()
	path := needProgram(t, "prometheus")
	blocks := blocksOf(t, "../../docs/first-picture.md")
	flags := regexp.MustCompile(`ARGS="(.*?)"`).FindStringSubmatch(blocks["Prometheus"])
	if flags == nil {
		t.Fatal("the chapter has no flags of Prometheus")
	}
	dir := t.TempDir()
	shared, err := filepath.Abs("../../packaging")
	if err != nil {
		t.Fatal(err)
	}
	config, err := os.ReadFile("../../packaging/provisioning/prometheus.yml")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(config), "/usr/share/backwire", shared)
	text = strings.Replace(text, "evaluation_interval: 1m", "evaluation_interval: 1s", 1) // nobody waits a minute here
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	address := freePort(t)
	start(t, nil, path, append(strings.Fields(flags[1]), "--config.file="+filepath.Join(dir, "prometheus.yml"),
		"--storage.tsdb.path="+filepath.Join(dir, "tsdb"), "--web.listen-address="+address)...)
	p := newPrometheus(address)
	answers(t, p.url+"/-/ready")

	s := newStand(t)
	s.settings["REMOTE_WRITE_URL"] = strings.Replace(documentedURL(t), "127.0.0.1:9090", address, 1)
	code, stdout, _ := s.execute(t, "check")
	wantLines(t, stdout, "takes samples up to 24 h late")
	if code != exitOK {
		t.Errorf("check: exit code %d", code)
	}
	defer runAgent(t, s)()
	query := regexp.MustCompile(`'query=(.*?)'`).FindStringSubmatch(blocks["the first sample"])
	await(t, "the query of the chapter", func() error {
		rows, err := p.query(query[1])
		if err == nil && len(rows) == 0 {
			err = errors.New("it has no data")
		}
		return err
	})
	await(t, "the rules", p.evaluated)
}

// documentedURL is backwire's setting in the chapter.
func documentedURL(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/first-picture.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^BACKWIRE_REMOTE_WRITE_URL=(http://127\.0\.0\.1:9090/.*)$`).FindSubmatch(text)
	if m == nil {
		t.Fatal("the chapter has no URL of Prometheus")
	}
	if _, err := url.Parse(string(m[1])); err != nil {
		t.Fatal(err)
	}
	return string(m[1])
}
