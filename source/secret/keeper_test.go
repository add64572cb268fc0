package secret

import (
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"strings"
	"testing"
)

func TestWhatIsNotedIsCleared(t *testing.T) {
	k := NewKeeper("fixed secret", "abc", "")
	k.Note(`p"ss<&word/é`)
	for text, want := range map[string]string{
		"no":                              "no",
		"a fixed secret, twice":           "a [redacted], twice",
		"fixed+secretfixed%20secret":      "[redacted]",
		"abc and nothing":                 "abc and nothing", // shorter than Least
		`p"ss<&word/é`:                    "[redacted]",
		html.EscapeString(`p"ss<&word/é`): "[redacted]",
		url.QueryEscape(`p"ss<&word/é`):   "[redacted]",
		url.PathEscape(`p"ss<&word/é`):    "[redacted]",
		fmt.Sprintf("%q", `p"ss<&word/é`): `"[redacted]"`,
		`{"e":"p\"ss\u003c\u0026word/é"}`: `{"e":"[redacted]"}`,
	} {
		if got := k.Clear(text); got != want {
			t.Errorf("%s became %s, want %s", text, got, want)
		}
	}
}

func TestTheWholeIsClearedBeforeItsParts(t *testing.T) {
	if got := NewKeeper("secret", "user:secret").Clear("a secret of user:secret"); got != "a [redacted] of [redacted]" {
		t.Errorf("got %q", got)
	}
}

func TestSecretsInUseAreKeptAndOldOnesAreNotForEver(t *testing.T) {
	k := NewKeeper("fixed")
	for i := range 10 * mostNoted {
		k.Note("in use", fmt.Sprintf("token-%04d", i))
	}
	last := 10*mostNoted - 1
	text := fmt.Sprintf("fixed in use token-%04d token-%04d token-0000", last, last-1)
	if got := k.Clear(text); got != "[redacted] [redacted] [redacted] [redacted] token-0000" || len(k.noted) != mostNoted {
		t.Errorf("got %q with %d noted", got, len(k.noted))
	}
}

func TestWhatIsCutOffIsCleared(t *testing.T) {
	k := NewKeeper("0123456789")
	for text, want := range map[string]string{
		"it was 0123456789": "it was [redacted]",
		"it was 012345678":  "it was [redacted]",
		"it was 0123":       "it was [redacted]",
		"it was 012":        "it was 012",
		"0123 was it":       "0123 was it",
		"":                  "",
	} {
		if got := k.ClearBeginning(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

func TestErrorIsOfTheSameKind(t *testing.T) {
	k := NewKeeper("0123456789")
	err := k.ClearError(fmt.Errorf("open 0123456789: %w", fs.ErrNotExist))
	if err.Error() != "open [redacted]: file does not exist" || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if k.ClearError(fs.ErrExist) != fs.ErrExist || k.ClearError(nil) != nil { //nolint:errorlint // it is the same
		t.Error("an error without a secret is another")
	}
}

// The password's file may have been read by a library: what counts is what was sent.
func TestCredentialsOnTheWireAreNoted(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	defer srv.Close()
	for header, shown := range map[string][]string{
		"Bearer tokentoken": {"tokentoken"},
		"tokentoken":        {"tokentoken"},
		"Basic " + base64.StdEncoding.EncodeToString([]byte("me:pass:word")): {"pass:word", "bWU6cGFzczp3b3Jk"},
		"Basic " + base64.StdEncoding.EncodeToString([]byte("mine:word")):    {"word", "bWluZTp3b3Jk"},
	} {
		k := NewKeeper()
		req, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), k.Trace()), http.MethodGet, srv.URL, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", header)
		req.Header.Set("X-Other", "another")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		for _, secret := range append(shown, strings.TrimPrefix(header, "Basic ")) {
			if got := k.Clear("is " + secret + " another me"); strings.Contains(got, secret) || !strings.HasSuffix(got, " another me") {
				t.Errorf("%s: %q", header, got)
			}
		}
	}
}

func TestSecretsOfALongTextAreCleared(t *testing.T) {
	k := NewKeeper("0123456789")
	for _, before := range []int{0, piece - 5, piece - overlap - 5, 3 * piece} {
		text := strings.Repeat("x", before) + "%30123456789" + strings.Repeat("y", piece)
		if got := k.Clear(text); got != strings.Repeat("x", before)+Mark+strings.Repeat("y", piece) {
			t.Errorf("behind %d bytes", before)
		}
		if got := k.ClearBeginning(text + "01234"); !strings.HasSuffix(got, "y"+Mark) {
			t.Errorf("behind %d bytes: ends in %q", before, got[len(got)-20:])
		}
	}
}
