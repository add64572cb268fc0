package config

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// Every bound of docs/configuration.md, at the value itself and one step beyond it.
func TestBoundsAreExact(t *testing.T) {
	t.Parallel()
	const site, endpoint, queue = "BACKWIRE_NETBACKUP_", "BACKWIRE_REMOTE_WRITE_", "BACKWIRE_QUEUE_"
	for _, c := range []struct{ name, taken, refused string }{
		{"BACKWIRE_INTERVAL", "1s", "0.999999999s"},
		{"BACKWIRE_INTERVAL", "4m", "4m0.000000001s"},
		{"BACKWIRE_BACKFILL", "0", "-1ns"},
		{"BACKWIRE_BACKFILL", "365d", "365d1ns"},
		{site + "TIMEOUT", "1s", "999999999ns"},
		{site + "TIMEOUT", "10m", "10m0.000000001s"},
		{site + "CONCURRENCY", "1", "0"},
		{site + "CONCURRENCY", "64", "65"},
		{site + "MAX_CLIENT_SERIES", "5", "4"},
		{site + "MAX_CLIENT_SERIES", "1000000", "1000001"},
		{site + "MAX_JOB_SERIES", "100", "99"},
		{site + "MAX_JOB_SERIES", "1000000", "1000001"},
		{site + "FORGET_CLIENTS", "1d", "23h59m59.999999999s"},
		{endpoint + "TIMEOUT", "1s", "999999999ns"},
		{endpoint + "TIMEOUT", "10m", "10m1ns"},
		{endpoint + "MAX_SAMPLES", "1", "0"},
		{endpoint + "MAX_SAMPLES", "1000000", "1000001"},
		{endpoint + "CONCURRENCY", "1", "0"},
		{endpoint + "CONCURRENCY", "64", "65"},
		{endpoint + "EXPORT_INTERVAL", "1m", "59.999999999s"},
		{endpoint + "EXPORT_INTERVAL", "7d", "7d1ns"},
		{endpoint + "MAX_SAMPLE_AGE", "0", "-1ns"},
		{queue + "MAX_AGE", "0", "-1ns"},
		{queue + "SEGMENT_BYTES", "64KiB", "65535"},
		{queue + "SEGMENT_BYTES", "1GiB", "1073741825"},
		{queue + "MAX_BYTES", "16777216", "16777215"}, // two segments of 8 MiB
	} {
		push := endpoint + "URL=https://mimir.example/api/v1/push"
		if strings.HasSuffix(c.name, "EXPORT_INTERVAL") {
			push = endpoint + "URL=file:///media/stick/out"
		}
		mustLoad(t, minimal(push, c.name+"="+c.taken)...)
		problems := problemsOf(t, minimal(push, c.name+"="+c.refused)...)
		if len(problems) != 1 || problems[0].Variable != c.name {
			t.Errorf("%s=%s: %v, want one problem with it", c.name, c.refused, problems)
		}
	}
}

// The least queue is 1 MiB, however small its segments are.
func TestLeastQueue(t *testing.T) {
	t.Parallel()
	small := "BACKWIRE_QUEUE_SEGMENT_BYTES=64KiB"
	mustLoad(t, minimal(small, "BACKWIRE_QUEUE_MAX_BYTES=1MiB")...)
	wantProblem(t, problemsOf(t, minimal(small, "BACKWIRE_QUEUE_MAX_BYTES=1048575")...), "BACKWIRE_QUEUE_MAX_BYTES", "at least 1MiB")
}

// What an int64 can just hold, and what it cannot: a value that wraps would be within its bounds.
func TestValuesAtTheEndOfTheirType(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		value interface{ UnmarshalText([]byte) error }
		text  string
		taken bool
	}{
		{new(Duration), "9223372036854775807ns", true},
		{new(Duration), "9223372036854775808ns", false},
		{new(Duration), "106750d", true},
		{new(Duration), "106751d", false}, // 2^63 ns are 106751.99 days: the last begun one is left out
		{new(Duration), "106750d47h47m16.854775807s", true},
		{new(Duration), "106750d47h47m16.854775808s", false},
		{new(Duration), "d", false},
		{new(Duration), "-1d", false},
		{new(Duration), "0d", true},
		{new(Duration), "", false},
		{new(Size), "9223372036854775807", true},
		{new(Size), "9223372036854775808", false},
		{new(Size), "8388607TiB", true},
		{new(Size), "8388608TiB", false},
		{new(Size), "8589934591GiB", true},
		{new(Size), "8589934592GiB", false},
		{new(Size), "-1", false},
		{new(Size), "KiB", false},
		{new(Count), "2147483647", true},
		{new(Count), "2147483648", false},
	} {
		if err := c.value.UnmarshalText([]byte(c.text)); (err == nil) != c.taken {
			t.Errorf("%T %q: %v, taken %v", c.value, c.text, err, c.taken)
		}
	}
}

// A site has an API key, or a user and a password: half a login is refused by the name of the half that is not there, beside a
// key as well, because a setting that does nothing is a mistake that nobody sees.
func TestLoginIsWholeOrNotThere(t *testing.T) {
	t.Parallel()
	const block = "BACKWIRE_NETBACKUP_"
	url := block + "URL=https://primary.example:1556/netbackup"
	key, user, password := block+"API_KEY="+canary, block+"USERNAME=u", block+"PASSWORD="+canary
	keyFile := block + "API_KEY_FILE=" + writeSecret(t, "key", canary, 0o600)
	passwordFile := block + "PASSWORD_FILE=" + writeSecret(t, "password", canary, 0o600)
	for name, c := range map[string]struct {
		settings []string
		wrong    []string // suffixes of the variables with a problem
	}{
		"a key":                          {[]string{key}, nil},
		"a key's file":                   {[]string{keyFile}, nil},
		"a user and a password":          {[]string{user, password}, nil},
		"a user and a password's file":   {[]string{user, passwordFile}, nil},
		"nothing":                        {nil, []string{"API_KEY_FILE"}},
		"a password without a user":      {[]string{password}, []string{"USERNAME"}},
		"a password's file without user": {[]string{passwordFile}, []string{"USERNAME"}},
		"a user without a password":      {[]string{user}, []string{"PASSWORD_FILE"}},
		"a user and two passwords":       {[]string{user, password, passwordFile}, []string{"PASSWORD"}},
		"a key and a user":               {[]string{key, user}, []string{"API_KEY"}},
		"a key and a password":           {[]string{key, password}, []string{"API_KEY", "USERNAME"}},
		"a key's file and a user":        {[]string{keyFile, user}, []string{"API_KEY_FILE"}},
	} {
		_, err := load(append(c.settings, url), nil)
		wantProblemsWith(t, name, err, block, c.wrong)
	}
}

// The same of an endpoint, which may do without either.
func TestLoginOfAnEndpointIsWholeOrNotThere(t *testing.T) {
	t.Parallel()
	const block = "BACKWIRE_REMOTE_WRITE_"
	url := block + "URL=https://mimir.example/api/v1/push"
	user, password := block+"USERNAME=u", block+"PASSWORD="+canary
	passwordFile := block + "PASSWORD_FILE=" + writeSecret(t, "password", canary, 0o600)
	token := block + "BEARER_TOKEN_FILE=" + writeSecret(t, "token", canary, 0o600)
	for name, c := range map[string]struct {
		settings []string
		wrong    []string
	}{
		"nothing":                        {nil, nil},
		"a token":                        {[]string{token}, nil},
		"a user and a password":          {[]string{user, password}, nil},
		"a user and a password's file":   {[]string{user, passwordFile}, nil},
		"a password without a user":      {[]string{password}, []string{"USERNAME"}},
		"a password's file without user": {[]string{passwordFile}, []string{"USERNAME"}},
		"a user without a password":      {[]string{user}, []string{"PASSWORD_FILE"}},
		"a user and a token":             {[]string{user, password, token}, []string{"BEARER_TOKEN_FILE", "BEARER_TOKEN_FILE"}},
	} {
		_, err := load(minimal(append(c.settings, url)...), nil)
		wantProblemsWith(t, name, err, block, c.wrong)
	}
}

// A client certificate needs its key and the other way round.
func TestClientCertificateIsWholeOrNotThere(t *testing.T) {
	t.Parallel()
	const block = "BACKWIRE_REMOTE_WRITE_"
	url := block + "URL=https://mimir.example/api/v1/push"
	certificate := block + "CERT_FILE=" + writeSecret(t, "cert.pem", "", 0o600)
	key := block + "KEY_FILE=" + writeSecret(t, "key.pem", canary, 0o600)
	for name, c := range map[string]struct {
		settings []string
		wrong    []string
	}{
		"both":               {[]string{certificate, key}, nil},
		"a certificate only": {[]string{certificate}, []string{"KEY_FILE"}},
		"a key only":         {[]string{key}, []string{"CERT_FILE"}},
	} {
		_, err := load(minimal(append(c.settings, url)...), nil)
		wantProblemsWith(t, name, err, block, c.wrong)
	}
}

// wantProblemsWith wants problems with exactly these variables of a block.
func wantProblemsWith(t *testing.T, name string, err error, block string, suffixes []string) {
	t.Helper()
	var got []string
	if problems, ok := errors.AsType[Problems](err); ok {
		for _, p := range problems {
			got = append(got, strings.TrimPrefix(p.Variable, block))
		}
	} else if err != nil {
		t.Errorf("%s: %v", name, err)
	}
	slices.Sort(got)
	if !slices.Equal(got, suffixes) {
		t.Errorf("%s: problems with %v, want %v: %v", name, got, suffixes, err)
	}
}
