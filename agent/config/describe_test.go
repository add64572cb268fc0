package config

import (
	"slices"
	"strings"
	"testing"
)

// The names and defaults of the reference table; a change here is a change for every
// administrator.
func TestDescribeKeepsNamesAndDefaults(t *testing.T) {
	t.Parallel()
	want := []string{
		"INTERVAL=60s", "NETBACKUP_SITES=", "NETBACKUP_URL=", "NETBACKUP_SITE=", "NETBACKUP_API_KEY=", "NETBACKUP_API_KEY_FILE=",
		"NETBACKUP_USERNAME=", "NETBACKUP_PASSWORD=", "NETBACKUP_PASSWORD_FILE=", "NETBACKUP_DOMAIN_NAME=", "NETBACKUP_DOMAIN_TYPE=",
		"NETBACKUP_CA_FILE=", "NETBACKUP_CA_FINGERPRINT=", "NETBACKUP_INSECURE_SKIP_VERIFY=false", "NETBACKUP_ALLOW_HTTP=false",
		"NETBACKUP_API_VERSION=", "NETBACKUP_TIMEOUT=30s", "NETBACKUP_CONCURRENCY=4",
		"NETBACKUP_TIME_ZONE=", "NETBACKUP_MAX_CLIENT_SERIES=50000", "NETBACKUP_MAX_JOB_SERIES=20000", "NETBACKUP_FORGET_CLIENTS=35d", "NETBACKUP_FORGET_POLICIES=35d", "COLLECT=all", "BACKFILL=24h",
		"REMOTE_WRITE_ENDPOINTS=", "REMOTE_WRITE_URL=", "REMOTE_WRITE_USERNAME=", "REMOTE_WRITE_PASSWORD=", "REMOTE_WRITE_PASSWORD_FILE=",
		"REMOTE_WRITE_BEARER_TOKEN_FILE=", "REMOTE_WRITE_OAUTH2_CLIENT_ID=", "REMOTE_WRITE_OAUTH2_CLIENT_SECRET_FILE=",
		"REMOTE_WRITE_OAUTH2_TOKEN_URL=", "REMOTE_WRITE_OAUTH2_SCOPES=", "REMOTE_WRITE_OAUTH2_PARAMS=", "REMOTE_WRITE_TENANT=", "REMOTE_WRITE_HEADERS=",
		"REMOTE_WRITE_HEADERS_FILE=", "REMOTE_WRITE_CA_FILE=", "REMOTE_WRITE_CERT_FILE=", "REMOTE_WRITE_KEY_FILE=",
		"REMOTE_WRITE_INSECURE_SKIP_VERIFY=false", "REMOTE_WRITE_ALLOW_HTTP=false", "REMOTE_WRITE_PROXY_URL=", "REMOTE_WRITE_PROTOCOL=auto",
		"REMOTE_WRITE_TIMEOUT=30s", "REMOTE_WRITE_MAX_SAMPLES=20000", "REMOTE_WRITE_MAX_SAMPLE_AGE=0", "REMOTE_WRITE_CONCURRENCY=1",
		"REMOTE_WRITE_KEEP=", "REMOTE_WRITE_DROP=", "REMOTE_WRITE_START=newest", "REMOTE_WRITE_ORDER=auto", "REMOTE_WRITE_EXPORT_INTERVAL=1h",
		"REMOTE_WRITE_SIGNING_KEY_FILE=", "REMOTE_WRITE_EXTERNAL_LABELS=",
		"QUEUE_DIR=/var/lib/backwire", "QUEUE_MAX_BYTES=2GiB", "QUEUE_MAX_AGE=0", "QUEUE_SEGMENT_BYTES=8MiB",
		"EXTERNAL_LABELS=", "NATIVE_HISTOGRAMS=false", "SELF_METRICS=true", "INSTANCE=", "LISTEN=127.0.0.1:9469", "LISTEN_CONFIG_FILE=", "LISTEN_HOSTS=", "NIGHT=18:00-08:00", "RUN_STANDBY=false", "LOG_LEVEL=info", "LOG_FORMAT=text", "COMPAT=",
	}
	var got []string
	for _, v := range Describe() {
		got = append(got, strings.TrimPrefix(v.Name, prefix+"_")+"="+v.Default)
		if !strings.HasSuffix(v.Description, ".") {
			t.Errorf("%s: description %q is no sentence", v.Name, v.Description)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// Every secret has a file form, and a secret in a file cannot be set beside it.
func TestEverySecretHasAFile(t *testing.T) {
	t.Parallel()
	described := Describe()
	for _, v := range described {
		if v.Secret && !slices.ContainsFunc(described, func(other Variable) bool { return other.Name == v.Name+"_FILE" }) {
			t.Errorf("%s has no _FILE form", v.Name)
		}
	}
}

// The tags that the loader reads name what exists.
func TestTagsNameVariables(t *testing.T) {
	t.Parallel()
	for shared, spec := range map[string]any{sitePrefix: &Site{}, endpointPrefix: &Endpoint{}} {
		variables := gather(shared, spec)
		for suffix := range exclusions(shared, variables) {
			if !slices.ContainsFunc(variables, func(v variable) bool { return v.name == shared+"_"+suffix }) {
				t.Errorf("excludes names %s_%s, which is not there", shared, suffix)
			}
		}
	}
}
