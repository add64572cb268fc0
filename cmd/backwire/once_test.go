package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"

	"backwire/cmd/backwire/demo"
	"backwire/source/netbackup/nbusim"
)

// scraped is the value of every series that Prometheus's own parser finds, by its labels.
func scraped(t *testing.T, text string) map[string]float64 {
	t.Helper()
	p := textparse.NewOpenMetricsParser([]byte(text), labels.NewSymbolTable())
	values := map[string]float64{}
	for {
		entry, err := p.Next()
		if errors.Is(err, io.EOF) {
			return values
		}
		if err != nil {
			t.Fatalf("%v in:\n%s", err, text)
		}
		if entry != textparse.EntrySeries {
			continue
		}
		var l labels.Labels
		p.Labels(&l)
		_, _, v := p.Series()
		values[l.String()] = v
	}
}

func TestOncePrintsOpenMetrics(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	code, stdout, stderr := s.execute(t, "once")
	if code != exitOK {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	values := scraped(t, stdout)
	if got := values[`{__name__="nbu_up", site="paris"}`]; got != 1 {
		t.Errorf("nbu_up is %v, want 1", got)
	}
	if got := sumOf(values, "nbu_jobs_completed_total"); got != 60 {
		t.Errorf("%v jobs are counted, want 60", got)
	}
	if n := countOf(values, "nbu_storage_unit_info"); n != 4 {
		t.Errorf("%d storage units, want 4", n)
	}
	if sumOf(values, "nbu_storage_unit_capacity_bytes") <= 0 {
		t.Error("no storage unit has a capacity")
	}
	if _, err := os.Stat(s.settings["QUEUE_DIR"]); err == nil || len(s.receiver.Requests()) != 0 {
		t.Error("it has made a queue or sent something")
	}
}

func sumOf(values map[string]float64, name string) (sum float64) {
	for series, v := range values {
		if strings.Contains(series, `__name__="`+name+`"`) {
			sum += v
		}
	}
	return sum
}

func countOf(values map[string]float64, name string) (n int) {
	for series := range values {
		if strings.Contains(series, `__name__="`+name+`"`) {
			n++
		}
	}
	return n
}

// What did answer is printed although something else failed, and the exit code tells.
func TestOncePrintsWhatDidAnswer(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	s.primary.Inject(nbusim.Fault{Path: "/admin/jobs", Effect: nbusim.Status(500)})
	code, stdout, stderr := s.execute(t, "once")
	values := scraped(t, stdout)
	if code != exitFailed || !strings.Contains(stderr, "collector jobs") || countOf(values, "nbu_storage_unit_info") != 4 {
		t.Errorf("exit code %d, standard error %q, %d series", code, stderr, len(values))
	}
	if got, ok := values[`{__name__="nbu_collector_success", collector="jobs", site="paris"}`]; !ok || got != 0 {
		t.Errorf("nbu_collector_success of jobs is %v, %v; want 0", got, ok)
	}
}

// A push delivers, twice without counting twice, and its queue can be looked into.
func TestOncePushDelivers(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	s.settings["INTERVAL"] = "1s" // so that the second push has a tick of its own
	for range 2 {
		if code, stdout, stderr := s.execute(t, "once", "--push"); code != exitOK || stdout != "" {
			t.Fatalf("exit code %d, %q: %s", code, stdout, stderr)
		}
		if got, want := demo.Arrived(s.receiver), demo.Happened(s.primary.Truth()); got.Total() != want.Total() || want.Total() == 0 {
			t.Errorf("arrived %v, want %v", got, want)
		}
	}
	if up := s.receiver.Select("nbu_up"); len(up) != 1 || up[0].Last().V != 1 || up[0].Label("site") != "paris" {
		t.Errorf("nbu_up is %+v", up)
	}
	wantQueue(t, s)
}

// wantQueue wants a list with a segment, and an endpoint that is not behind.
func wantQueue(t *testing.T, s *stand) {
	t.Helper()
	code, stdout, stderr := s.execute(t, "queue", "ls")
	if code != exitOK {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	if !regexp.MustCompile(`(?m)^ *SEGMENT +BYTES .*\n *\d+ +\d+ +\d+ .*Z +\d{4}-.*Z *$`).MatchString(stdout) ||
		!regexp.MustCompile(`(?m)^ENDPOINT +POSITION +RECORDS BEHIND .*\ndefault +\S+ +0 +0$`).MatchString(stdout) {
		t.Errorf("the list is:\n%s", stdout)
	}
}

// What a push could not deliver stays queued, which is said by both commands.
func TestOncePushKeepsWhatIsNotDelivered(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	s.settings["REMOTE_WRITE_URL"] = s.primary.URL() + "/nowhere"
	s.settings["REMOTE_WRITE_CA_FILE"] = s.settings["NETBACKUP_CA_FILE"]
	code, _, stderr := s.execute(t, "once", "--push")
	if code != exitFailed || !strings.Contains(stderr, "endpoint default: not delivered; the samples stay in the queue: ") || !strings.Contains(stderr, "404") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	code, stdout, _ := s.execute(t, "queue", "ls")
	if code != exitOK || !regexp.MustCompile(`(?m)^default +\S+ +[1-9]\d* +[1-9]\d+$`).MatchString(stdout) {
		t.Errorf("exit code %d, the list is:\n%s", code, stdout)
	}
	s.settings["REMOTE_WRITE_URL"] = s.push
	if code, _, stderr := s.execute(t, "once", "--push"); code != exitOK {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	if got, want := demo.Arrived(s.receiver), demo.Happened(s.primary.Truth()); got.Total() != want.Total() {
		t.Errorf("arrived %v, want %v", got, want)
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := newStand(t).execute(t, "version")
	if code != exitOK || stderr != "" || !strings.HasPrefix(stdout, "backwire ") ||
		!strings.HasSuffix(stdout, ", "+runtime.Version()+", "+runtime.GOOS+"/"+runtime.GOARCH+")\n") {
		t.Errorf("exit code %d, %q, %q", code, stdout, stderr)
	}
}

// Without an agent there is nothing to reload and no queue to list, and both say so.
func TestNoAgentIsSaid(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"reload"}, {"queue", "ls"}} {
		s := newStand(t)
		code, stdout, stderr := s.execute(t, args...)
		if code != exitFailed || stdout != "" || !strings.Contains(stderr, s.settings["QUEUE_DIR"]) {
			t.Errorf("%v without a queue: exit code %d, %q, %q", args, code, stdout, stderr)
		}
	}
	s := newStand(t)
	if code, _, stderr := s.execute(t, "once", "--push"); code != exitOK {
		t.Fatal(stderr)
	}
	code, _, stderr := s.execute(t, "reload")
	if code != exitFailed || !strings.Contains(stderr, "find the running agent: ") || !strings.Contains(stderr, "no program uses it") {
		t.Errorf("reload: exit code %d, %q", code, stderr)
	}
}

// The settings may come from a file, over which the environment wins.
func TestEnvFile(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	lines := s.environ()
	slices.Sort(lines)
	path := s.file(t, "backwire.env", "# a site\n"+strings.Join(lines, "\n")+"\n")
	s.settings = map[string]string{"NETBACKUP_SITE": "lyon"}
	code, stdout, stderr := s.execute(t, "--env-file", path, "once")
	if code != exitOK || scraped(t, stdout)[`{__name__="nbu_up", site="lyon"}`] != 1 {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	code, _, stderr = s.execute(t, "--env-file", filepath.Join(s.dir, "absent.env"), "once")
	if code != exitRefused || !strings.Contains(stderr, "absent.env") {
		t.Errorf("without the file: exit code %d, %q", code, stderr)
	}
}
