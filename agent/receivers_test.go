package agent

import (
	"strings"
	"testing"
)

// A machine that only sends has endpoints and no site.
func TestLoadEndpoints(t *testing.T) {
	t.Parallel()
	c, err := LoadEndpoints([]string{
		"BACKWIRE_REMOTE_WRITE_ENDPOINTS=cloud,local", "BACKWIRE_EXTERNAL_LABELS=region:north",
		"BACKWIRE_REMOTE_WRITE_CLOUD_URL=https://mimir.example/push", "BACKWIRE_REMOTE_WRITE_CLOUD_TENANT=backup",
		"BACKWIRE_REMOTE_WRITE_LOCAL_URL=http://localhost:9090/push", "BACKWIRE_REMOTE_WRITE_LOCAL_HEADERS=x-team:backup",
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	receivers, err := c.Receivers("1.0")
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

func TestLoadEndpointsRefuses(t *testing.T) {
	t.Parallel()
	_, err := LoadEndpoints([]string{"BACKWIRE_REMOTE_WRITE_URL=http://mimir.example/push"}, nil)
	if err == nil || !strings.Contains(err.Error(), "BACKWIRE_REMOTE_WRITE_URL") {
		t.Errorf("http without leave = %v", err)
	}
	c, err := LoadEndpoints(nil, nil)
	if err != nil || len(c.Endpoints) != 0 {
		t.Errorf("nothing set = %+v, %v", c, err)
	}
}
