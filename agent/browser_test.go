package agent

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	devtools "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"backwire/agent/page"
	"backwire/agent/page/pagetest"
)

var update = flag.Bool("update", false, "take the screenshots in docs again")

// browser is a headless Chromium and what it complained of.
type browser struct {
	ctx context.Context

	mu       sync.Mutex
	requests []string
	problems []string
}

// newBrowser starts Chromium with an empty profile, which ends with the test.
func newBrowser(t *testing.T) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("BACKWIRE_TEST_REQUIRE") == "all" {
			t.Fatal("chromium is required and is not installed")
		}
		t.Skip("left out: chromium is not installed")
	}
	profile, err := os.MkdirTemp("", "backwire-chromium-")
	if err != nil {
		t.Fatal(err)
	}
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.UserDataDir(profile), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.Flag("hide-scrollbars", true),
	}
	allocator, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	ctx, end := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // waits for the end of the program
		end()
		cancel()
		_ = os.RemoveAll(profile)
	})
	b := &browser{ctx: ctx}
	if err := chromedp.Listen(ctx, b.note); err != nil {
		t.Fatal(err)
	}
	var release context.CancelFunc
	b.ctx, release = context.WithTimeout(ctx, time.Minute) // of the first command would end the browser itself
	t.Cleanup(release)
	call(t, b, network.Enable, network.EnableParams{})
	call(t, b, runtime.Enable, cdp.Empty{})
	call(t, b, log.Enable, cdp.Empty{})
	return b
}

// call is one command of the protocol.
func call[P, R any](t *testing.T, b *browser, command cdp.Command[P, R], params P) {
	t.Helper()
	if _, err := chromedp.Call(b.ctx, command, params); err != nil {
		t.Fatalf("%s: %v", command.Method, err)
	}
}

// act runs an action and gives its value.
func act[T any](t *testing.T, b *browser, action chromedp.Action[T]) T {
	t.Helper()
	value, err := chromedp.Run(b.ctx, action)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// note takes what the page asks for and what the console says.
func (b *browser) note(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.URL)
	case *runtime.EventExceptionThrown:
		b.problems = append(b.problems, e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		b.problems = append(b.problems, "console: "+string(e.Type))
	case *log.EventEntryAdded:
		b.problems = append(b.problems, e.Entry.Text)
	}
}

// sight is how somebody looks at the page.
type sight struct {
	name   string
	of     string // the scene: empty, twenty sites or 10,000 clients
	path   string
	width  int64
	dark   bool
	script bool
	kept   bool  // as a screenshot in docs
	height int64 // of the screenshot; 0 is all of the page
}

func sights() []sight {
	return []sight{
		{name: "page-light", width: 1280, script: true, kept: true, height: 1180},
		{name: "page-dark", width: 1280, dark: true, script: true, kept: true},
		{name: "page-narrow", width: 360, script: true, kept: true},
		{name: "narrow and dark", width: 360, dark: true},
		{name: "wide without a script", width: 1280},
		{name: "clients", path: "clients?q=linux", width: 1280, dark: true},
		{name: "page-20-sites", of: "sites", width: 1280, script: true, kept: true, height: 2360},
		{name: "page-20-sites-narrow", of: "sites", width: 360, dark: true, script: true, kept: true, height: 3000},
		{name: "page-10000-clients", of: "clients", width: 1280, dark: true, script: true, kept: true, height: 1180},
		{name: "page-10000-clients-narrow", of: "clients", width: 360, script: true, kept: true, height: 2000},
		{name: "clients, narrow", path: "clients?show=failed", width: 360},
	}
}

func TestPageInABrowser(t *testing.T) {
	t.Parallel()
	urls := map[string]string{}
	for name, shown := range newScene(t).crowds() {
		server := httptest.NewServer(shown.handler())
		t.Cleanup(server.Close)
		urls[name] = server.URL
	}
	for _, s := range sights() {
		t.Run(s.name, func(t *testing.T) {
			b := newBrowser(t)
			screenshot := b.look(t, urls[s.of]+"/"+s.path, s)
			if s.kept && *update {
				keep(t, filepath.Join("..", "docs", s.name+".png"), screenshot)
			}
		})
	}
}

// look opens the page and returns a screenshot of all of it.
func (b *browser) look(t *testing.T, url string, s sight) (screenshot []byte) {
	t.Helper()
	scheme := "light"
	if s.dark {
		scheme = "dark"
	}
	call(t, b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: s.width, Height: cmp.Or(s.height, 900), DeviceScaleFactor: 1, Mobile: s.width < 500})
	call(t, b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
	call(t, b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !s.script})
	act(t, b, chromedp.Navigate(url))
	heading := act(t, b, chromedp.Evaluate[string](`document.querySelector("h1").textContent`))
	wide := act(t, b, chromedp.Evaluate[int64](`document.documentElement.scrollWidth`))
	columns := act(t, b, chromedp.Evaluate[int64](`document.documentElement.clientWidth`))
	back := act(t, b, chromedp.Evaluate[string](`getComputedStyle(document.body).backgroundColor`))
	shoot := chromedp.FullScreenshot(100)
	if s.height > 0 {
		shoot = chromedp.CaptureScreenshot()
	}
	screenshot = act(t, b, shoot)
	b.mu.Lock()
	defer b.mu.Unlock()
	if !strings.Contains(heading, "clients that ran") && !strings.Contains(heading, "Clients") {
		t.Errorf("the heading is %q", heading)
	}
	if wide > columns {
		t.Errorf("the page is %d wide where %d are to be seen", wide, columns)
	}
	if dark := strings.HasPrefix(back, "rgb(20,"); dark != s.dark {
		t.Errorf("the background is %s", back)
	}
	for _, r := range b.requests {
		if !strings.HasPrefix(r, url) && r != "data:," {
			t.Errorf("the page asks for %s", r)
		}
	}
	if len(b.problems) > 0 {
		t.Errorf("the browser complains: %q", b.problems)
	}
	return screenshot
}

// The script renews what the page says and leaves the reader where they are; where nothing answers, it says so.
func TestPageRefreshesInPlace(t *testing.T) {
	t.Parallel()
	shown := newScene(t)
	var handler atomic.Value
	handler.Store(shown.handler())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.Load().(http.Handler).ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	b := newBrowser(t)
	call(t, b, devtools.AddScriptToEvaluateOnNewDocument, devtools.AddScriptToEvaluateOnNewDocumentParams{Source: `window.setInterval = (refresh) => { window.refresh = refresh }`})
	act(t, b, chromedp.Navigate(server.URL+"/"))
	act(t, b, chromedp.Evaluate[bool](`document.getElementById("hours").open = true`))
	act(t, b, chromedp.Evaluate[bool](`document.getElementById("nights-summary").focus() || true`))

	changed := &scene{status: shown.status, overviews: shown.overviews}
	changed.status.Unhealthy = "a cycle is stuck"
	handler.Store(changed.handler())
	refreshed := chromedp.Evaluate[string](`refresh().then(() => document.getElementById("hours").open + " " + document.activeElement.id + " " + document.body.className + " " + document.body.textContent)`, chromedp.EvalAwaitPromise)
	if text := act(t, b, refreshed); !strings.HasPrefix(text, "true nights-summary  ") || !strings.Contains(text, "The agent is unhealthy: a cycle is stuck") {
		t.Errorf("after a refresh: %.100s", text)
	}
	server.Close()
	if text := act(t, b, refreshed); !strings.HasPrefix(text, "true nights-summary lost ") {
		t.Errorf("without an agent: %.100s", text)
	}
	if display := act(t, b, chromedp.Evaluate[string](`getComputedStyle(document.querySelector(".gone")).display`)); display != "block" {
		t.Errorf("the page does not say that it is old: %s", display)
	}
}

// What somebody sees in each situation is the answer of one who knows everything, and the title of the tab begins with it.
func TestAnswersInABrowser(t *testing.T) {
	t.Parallel()
	situations := pagetest.Situations()
	mux := http.NewServeMux()
	for i, x := range situations {
		shown := &scene{status: page.Status{Version: "1.0.0", Now: x.Now, Started: x.Now.Add(-time.Hour)}, overviews: x.Sites}
		for _, site := range x.Sites {
			shown.status.Sites = append(shown.status.Sites, page.SiteStatus{Name: site.Name, State: "up"})
		}
		path := "/" + strconv.Itoa(i)
		mux.Handle(path+"/", http.StripPrefix(path, shown.handler()))
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	b := newBrowser(t)
	tones := map[string]string{}
	for i, x := range situations {
		act(t, b, chromedp.Navigate(server.URL+"/"+strconv.Itoa(i)+"/"))
		seen := act(t, b, chromedp.Evaluate[map[string]any](`(() => {
			const h = document.querySelector("h1"), box = h.getBoundingClientRect()
			return {text: h.innerText, inView: box.width > 0 && box.top >= 0 && box.bottom <= innerHeight, title: document.title, color: getComputedStyle(h.querySelector("strong")).color}
		})()`))
		if seen["text"] != x.Sentence || seen["inView"] != true {
			t.Errorf("somebody sees %q (in view: %v), want %q", seen["text"], seen["inView"], x.Sentence)
		}
		word, _, _ := strings.Cut(x.Sentence, ":")
		if seen["title"] != word+" · backwire" {
			t.Errorf("the title is %q, want it to begin with %q", seen["title"], word)
		}
		color, _ := seen["color"].(string)
		if of, known := tones[color]; known && of != x.Tone {
			t.Errorf("%q has the color of %q", x.Tone, of)
		}
		tones[color] = x.Tone
	}
	if len(situations) < 26 || len(tones) != 4 {
		t.Errorf("%d situations and %d colors, want at least 26 and one for each tone", len(situations), len(tones))
	}
}

// keep writes a screenshot with the 256 colours that most of it has, which is a third of the bytes.
func keep(t *testing.T, path string, screenshot []byte) {
	t.Helper()
	full, err := png.Decode(bytes.NewReader(screenshot))
	if err != nil {
		t.Fatal(err)
	}
	bounds := full.Bounds()
	uses := map[color.Color]int{}
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			uses[full.At(x, y)]++
		}
	}
	colors := slices.SortedFunc(maps.Keys(uses), func(a, b color.Color) int { return uses[b] - uses[a] })
	small := image.NewPaletted(bounds, colors[:min(256, len(colors))])
	draw.Draw(small, bounds, full, bounds.Min, draw.Src)
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, small); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// The screenshots in docs are of the page as it is: whoever changes it takes them again.
func TestScreenshotsAreCurrent(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	crowds := newScene(t).crowds()
	for _, name := range slices.Sorted(maps.Keys(crowds)) {
		crowds[name].handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", http.NoBody))
	}
	sum := sha256.Sum256(w.Body.Bytes())
	path, current := filepath.Join("..", "docs", "page.sha256"), hex.EncodeToString(sum[:])+"\n"
	if *update {
		if err := os.WriteFile(path, []byte(current), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if kept, err := os.ReadFile(path); err != nil || string(kept) != current {
		t.Errorf("the page has changed (%v): go test ./agent -run 'Browser|Screenshots' -update, and look at docs/page-*.png", err)
	}
}
