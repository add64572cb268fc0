package agent

import (
	"slices"
	"strings"
	"testing"

	"backwire/agent/config"
	"backwire/source/netbackup"
)

// A machine that only sends has endpoints and no site.
func TestReceivers(t *testing.T) {
	t.Parallel()
	c, err := config.LoadEndpoints([]string{
		"BACKWIRE_REMOTE_WRITE_ENDPOINTS=cloud,local", "BACKWIRE_EXTERNAL_LABELS=region:north",
		"BACKWIRE_REMOTE_WRITE_CLOUD_URL=https://mimir.example/push", "BACKWIRE_REMOTE_WRITE_CLOUD_TENANT=backup",
		"BACKWIRE_REMOTE_WRITE_LOCAL_URL=http://localhost:9090/push", "BACKWIRE_REMOTE_WRITE_LOCAL_HEADERS=x-team:backup",
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	receivers, err := Receivers(c, "1.0")
	if err != nil || len(receivers) != 2 {
		t.Fatalf("%+v, %v", receivers, err)
	}
	cloud, local := receivers[0], receivers[1]
	if cloud.Name != "cloud" || cloud.Tenant != "backup" || cloud.UserAgent != "backwire/1.0" || cloud.ExternalLabels[0].Value != "north" {
		t.Errorf("%+v", cloud)
	}
	if local.URL != "http://localhost:9090/push" || local.Headers["X-Team"] != "backup" {
		t.Errorf("%+v", local)
	}
}

func TestOAuth2OfAnEndpoint(t *testing.T) {
	t.Parallel()
	const block = "BACKWIRE_REMOTE_WRITE_"
	c := mustLoad(t, minimal(
		block+"URL=https://mimir.example/api/v1/push", block+"OAUTH2_CLIENT_ID=backwire", block+"OAUTH2_TOKEN_URL=https://login.example/token",
		block+"OAUTH2_CLIENT_SECRET_FILE="+writeFile(t, canary), block+"OAUTH2_SCOPES=write, read", block+"OAUTH2_PARAMS=audience:https://mimir.example",
	)...)
	made, err := endpointConfig(c, &c.Endpoints[0], "1")
	if err != nil {
		t.Fatal(err)
	}
	if o := made.OAuth2; o.ClientID != "backwire" || o.TokenURL != "https://login.example/token" ||
		!slices.Equal(o.Scopes, []string{"write", "read"}) || o.Params.Get("audience") != "https://mimir.example" {
		t.Errorf("made %+v", o)
	}
}

func TestLabelsAndPatternsOfAnEndpoint(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, minimal(
		"BACKWIRE_EXTERNAL_LABELS=dc:one,env:prod", "BACKWIRE_REMOTE_WRITE_ENDPOINTS=cloud,local",
		"BACKWIRE_REMOTE_WRITE_CLOUD_URL=https://a.example", "BACKWIRE_REMOTE_WRITE_LOCAL_URL=https://b.example",
		"BACKWIRE_REMOTE_WRITE_CLOUD_EXTERNAL_LABELS=env:cloud,cluster:c,__replica__:a", "BACKWIRE_REMOTE_WRITE_DROP=nbu_client_.*",
	)...)
	for i, want := range []config.Labels{
		{{Name: "__replica__", Value: "a"}, {Name: "cluster", Value: "c"}, {Name: "dc", Value: "one"}, {Name: "env", Value: "cloud"}},
		{{Name: "dc", Value: "one"}, {Name: "env", Value: "prod"}},
	} {
		made, err := endpointConfig(c, &c.Endpoints[i], "1")
		if err != nil || !slices.Equal(made.ExternalLabels, want) {
			t.Errorf("%s: labels %v, %v, want %v", made.Name, made.ExternalLabels, err, want)
		}
		if made.Keep != nil || !made.Drop.MatchString("nbu_client_last_status") || made.Drop.MatchString("nbu_client") || made.Drop.MatchString("x_nbu_client_y") {
			t.Errorf("%s: keep %v, drop %v", made.Name, made.Keep, made.Drop)
		}
	}
}

// The exporter's names are made by the site.
func TestCompatReachesTheSite(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, minimal("BACKWIRE_COMPAT=nbu_exporter")...)
	if got := siteConfig(c, &c.Sites[0], "test").Compat; got != "nbu_exporter" {
		t.Errorf("the site is told %q", got)
	}
}

func TestADirectoryIsNoReceiver(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, minimal("BACKWIRE_REMOTE_WRITE_URL=file:///media/stick/out/")...)
	if receivers, err := Receivers(c, "1.0"); err != nil || len(receivers) != 0 {
		t.Errorf("%v, %v", receivers, err)
	}
}

// Which collectors there are is refused by name, so that a mistyped one is not silently left out.
func TestLoadConfigKnowsEveryCollector(t *testing.T) {
	t.Parallel()
	_, err := LoadConfig(minimal("BACKWIRE_COLLECT=all,-tapes"), nil)
	all := strings.Join(netbackup.Collectors(), ", ") + ", all, not -tapes"
	if err == nil || !strings.Contains(err.Error(), all) {
		t.Errorf("LoadConfig = %v", err)
	}
}
