package nbusim

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func login(t *testing.T, s *Server, body string, change ...func(*http.Request)) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://x"+Mount+"/login", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", jsonType+";version=14.0")
	for _, c := range change {
		c(req)
	}
	return do(t, s, req)
}

type session struct {
	Token, TokenType string
	Validity         int
}

func (a answer) session(t *testing.T) session {
	t.Helper()
	var k session
	if err := json.Unmarshal(a.body, &k); err != nil {
		t.Fatal(err)
	}
	return k
}

func TestKeyIsRawAndExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Options{Keys: []APIKey{{Key: "k", Expires: time.Now().Add(time.Hour)}}})
		for credential, want := range map[string]int{"k": 200, "Bearer k": 401, "": 401, "another": 401} {
			if a := get(t, s, "/admin/jobs", header("Authorization", credential)); a.status != want {
				t.Errorf("%q answered %d, want %d", credential, a.status, want)
			}
		}
		time.Sleep(time.Hour)
		if a := get(t, s, "/admin/jobs", header("Authorization", "k")); a.status != 401 {
			t.Errorf("an expired key answered %d", a.status)
		}
	})
}

func TestTokenIsGivenExpiresAndIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Options{Users: []User{{Name: "u", Password: "p", DomainType: "vx", Validity: time.Hour}}})
		const right = `{"domainType":"vx","userName":"u","password":"p"}`
		a := login(t, s, right)
		k := a.session(t)
		if a.status != http.StatusCreated || k.TokenType != "BEARER" || k.Validity != 3600 {
			t.Fatalf("login answered %d %+v", a.status, k)
		}
		with := func(token string) int { return get(t, s, "/admin/jobs", header("Authorization", token)).status }
		if with(k.Token) != 200 {
			t.Error("the token is not accepted")
		}
		time.Sleep(time.Hour)
		if with(k.Token) != 401 || s.Sessions() != 0 {
			t.Error("the token did not expire")
		}
		k = login(t, s, right).session(t)
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://x"+Mount+"/logout", nil)
		req.Header.Set("Authorization", k.Token)
		if a := do(t, s, req); a.status != 200 || with(k.Token) != 401 {
			t.Errorf("logout answered %d", a.status)
		}
		k = login(t, s, right).session(t)
		s.RevokeTokens()
		if with(k.Token) != 401 {
			t.Error("a revoked token is accepted")
		}
	})
}

func TestLoginIsRefused(t *testing.T) {
	s := newServer(t, Options{Users: []User{{Name: "u", Password: "p", DomainType: "vx", DomainName: "d"}}})
	for body, want := range map[string]int{
		`{"domainType":"vx","domainName":"d","userName":"u","password":"p"}`: 201,
		`{"domainType":"vx","domainName":"d","userName":"u","password":"q"}`: 401,
		`{"domainType":"NT","domainName":"d","userName":"u","password":"p"}`: 401,
		`{"userName":"u"}`: 400,
		`not JSON`:         400,
	} {
		if a := login(t, s, body); a.status != want {
			t.Errorf("%s answered %d, want %d", body, a.status, want)
		}
	}
	for accept, want := range map[string]int{"": 400, jsonType + ";version=14.0": 400, jsonType + ";version=13.0": 415} {
		if a := login(t, s, "{}", header("Accept", accept)); a.status != want {
			t.Errorf("Accept %q answered %d, want %d", accept, a.status, want)
		}
	}
	if a := login(t, s, "{}", header("Content-Type", "application/json")); a.status != 415 {
		t.Errorf("plain JSON answered %d", a.status)
	}
}

func TestSecondFactorGivesNoTokenToWorkWith(t *testing.T) {
	s := newServer(t, Options{Users: []User{{Name: "u", Password: "p", MFA: true}}})
	k := login(t, s, `{"userName":"u","password":"p"}`).session(t)
	if k.TokenType != "MFA" {
		t.Errorf("the token's type is %q", k.TokenType)
	}
	if a := get(t, s, "/admin/jobs", header("Authorization", k.Token)); a.status != 401 {
		t.Errorf("the token answered %d", a.status)
	}
}

func TestMissingRoleIsAnEmptyList(t *testing.T) {
	s := newServer(t, Options{Storage: NewEstate(3), Keys: []APIKey{
		{Key: "jobs", Tag: "j", Roles: Roles{NamespaceJobs}}, {Key: "all", Tag: "a"},
	}})
	s.AddJob(JobSpec{})
	for path, want := range map[string]int{"/admin/jobs": 1, "/storage/storage-units": 0, "/storage/disk-pools": 0, "/security/api-keys": 1} {
		a := get(t, s, path, header("Authorization", "jobs"))
		if p := a.page(t); a.status != 200 || len(p.Data) != want {
			t.Errorf("%s answered %d with %d rows, want %d", path, a.status, len(p.Data), want)
		}
	}
	if a := get(t, s, "/security/api-keys/a", header("Authorization", "jobs")); a.status != 404 {
		t.Errorf("another's key answered %d", a.status)
	}
	body := string(get(t, s, "/authorization-context", header("Authorization", "jobs")).body)
	if !strings.Contains(body, NamespaceJobs) || strings.Contains(body, NamespaceStorageUnits) {
		t.Errorf("the context is %s", body)
	}
	p := get(t, s, "/security/api-keys", header("Authorization", "all")).page(t)
	if len(p.Data) != 2 || p.Data[0].Attributes["expiryDateTime"] == "" {
		t.Errorf("the keys are %+v", p.Data)
	}
}
