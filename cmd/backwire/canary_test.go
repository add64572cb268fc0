package main

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"backwire/agent/config"
	"backwire/agent/page"
	"backwire/source/netbackup/nbusim"
)

// aviary puts a secret of its own in every place where settings have one.
type aviary struct {
	*stand
	secrets map[string]string // by field of the configuration
	placed  map[string]bool   // fields
	lines   []string          // of the env file
	paths   sync.Map          // of the receiver, that were asked for
}

// secretFields are the fields of a site's or an endpoint's settings that hold or refer to a secret.
func secretFields(spec reflect.Type) []string {
	var fields []string
	for field := range spec.Fields() {
		switch field.Type {
		case reflect.TypeFor[config.Secret](), reflect.TypeFor[config.Pairs](), reflect.TypeFor[config.URL](), reflect.TypeFor[config.Target](), reflect.TypeFor[config.Proxy]():
		default:
			if field.Tag.Get("secret") == "" {
				continue
			}
		}
		fields = append(fields, spec.Name()+"."+field.Name)
	}
	return fields
}

func newAviary(t *testing.T) *aviary {
	t.Helper()
	a := &aviary{stand: newStand(t), secrets: map[string]string{}, placed: map[string]bool{}}
	for _, spec := range []reflect.Type{reflect.TypeFor[config.Config](), reflect.TypeFor[config.Queue](), reflect.TypeFor[config.Site](), reflect.TypeFor[config.Endpoint]()} {
		for _, field := range secretFields(spec) {
			a.secrets[field] = fmt.Sprintf("Canary%dx%s", len(a.secrets), rand.Text())
		}
	}
	a.settleSites(t)
	a.settleEndpoints(t)
	return a
}

// secret is a field's secret, which is placed by that.
func (a *aviary) secret(field string) string {
	a.placed[field] = true
	return a.secrets[field]
}

func (a *aviary) secretFile(t *testing.T, field string) string {
	t.Helper()
	return a.file(t, field, a.secret(field)+"\n")
}

func (a *aviary) set(name, value string) {
	a.lines = append(a.lines, "BACKWIRE_"+name+"="+value)
}

func (a *aviary) settleSites(t *testing.T) {
	t.Helper()
	password := func(user, field string) nbusim.User { return nbusim.User{Name: user, Password: a.secrets[field]} }
	primary := startSimulator(t, nbusim.Options{
		Keys:  []nbusim.APIKey{{Key: a.secrets["Site.APIKey"]}, {Key: a.secrets["Site.APIKeyFile"]}},
		Users: []nbusim.User{password("direct", "Site.Password"), password("filed", "Site.PasswordFile")},
	})
	a.primary = primary
	a.set("NETBACKUP_SITES", "key,keyfile,password,passwordfile")
	a.set("NETBACKUP_URL", primary.URL())
	a.set("NETBACKUP_CA_FILE", a.file(t, "primary.pem", string(primary.CA())))
	a.set("NETBACKUP_KEY_API_KEY", a.secret("Site.APIKey"))
	a.set("NETBACKUP_KEYFILE_API_KEY_FILE", a.secretFile(t, "Site.APIKeyFile"))
	a.set("NETBACKUP_PASSWORD_USERNAME", "direct")
	a.set("NETBACKUP_PASSWORD_PASSWORD", a.secret("Site.Password"))
	a.set("NETBACKUP_PASSWORDFILE_USERNAME", "filed")
	a.set("NETBACKUP_PASSWORDFILE_PASSWORD_FILE", a.secretFile(t, "Site.PasswordFile"))
}

// settleEndpoints has a receiver for each, which answers in a way of its own.
func (a *aviary) settleEndpoints(t *testing.T) {
	t.Helper()
	push := httptest.NewServer(http.HandlerFunc(a.receive))
	t.Cleanup(push.Close)
	names := []string{"password", "passwordfile", "bearer", "oauth", "headers", "headersfile", "key", "proxied", "query"}
	a.set("REMOTE_WRITE_ENDPOINTS", strings.Join(append(names, "bundles"), ","))
	a.set("REMOTE_WRITE_BUNDLES_URL", "file://"+t.TempDir())
	a.set("REMOTE_WRITE_BUNDLES_SIGNING_KEY_FILE", a.file(t, "signing.key", a.secret("Endpoint.SigningKeyFile")+"\n"+signingKey(t)))
	a.paths.Store("bundles", true) // nobody is asked
	for _, name := range names {
		query := ""
		if name == "query" {
			query = "?token=" + a.secret("Endpoint.URL")
		}
		a.set("REMOTE_WRITE_"+strings.ToUpper(name)+"_URL", push.URL+"/"+name+query)
	}
	a.set("REMOTE_WRITE_PASSWORD_USERNAME", "direct")
	a.set("REMOTE_WRITE_PASSWORD_PASSWORD", a.secret("Endpoint.Password"))
	a.set("REMOTE_WRITE_PASSWORDFILE_USERNAME", "filed")
	a.set("REMOTE_WRITE_PASSWORDFILE_PASSWORD_FILE", a.secretFile(t, "Endpoint.PasswordFile"))
	a.set("REMOTE_WRITE_BEARER_BEARER_TOKEN_FILE", a.secretFile(t, "Endpoint.BearerTokenFile"))
	a.set("REMOTE_WRITE_OAUTH_OAUTH2_CLIENT_ID", "client")
	a.set("REMOTE_WRITE_OAUTH_OAUTH2_CLIENT_SECRET_FILE", a.secretFile(t, "Endpoint.Oauth2ClientSecretFile"))
	a.set("REMOTE_WRITE_OAUTH_OAUTH2_TOKEN_URL", push.URL+"/token?key="+a.secret("Endpoint.Oauth2TokenURL"))
	a.set("REMOTE_WRITE_OAUTH_OAUTH2_PARAMS", "client_assertion:"+a.secret("Endpoint.Oauth2Params"))
	a.set("REMOTE_WRITE_HEADERS_HEADERS", "X-Secret:"+a.secret("Endpoint.Headers"))
	a.set("REMOTE_WRITE_HEADERSFILE_HEADERS_FILE", a.file(t, "headers", "X-Secret:"+a.secret("Endpoint.HeadersFile")+"\n"))
	cert, key := clientCertificate(t)
	a.set("REMOTE_WRITE_KEY_CERT_FILE", a.file(t, "client.pem", cert))
	a.set("REMOTE_WRITE_KEY_KEY_FILE", a.file(t, "client.key", a.secret("Endpoint.KeyFile")+"\n"+key))
	a.set("REMOTE_WRITE_PROXIED_PROXY_URL", "http://user:"+a.secret("Endpoint.ProxyURL")+"@127.0.0.1:1")
}

// receive answers in all the ways that make a sender write something down.
func (a *aviary) receive(w http.ResponseWriter, r *http.Request) {
	name := strings.Trim(r.URL.Path, "/")
	_, again := a.paths.Swap(name, true)
	switch name {
	case "password", "bearer":
		http.Error(w, repeated(r), http.StatusUnauthorized)
	case "passwordfile":
		http.Error(w, repeated(r), http.StatusBadRequest)
	case "token":
		if again {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": "invalid_client", "error_description": repeated(r)})
	case "headers":
		http.Error(w, repeated(r), http.StatusInternalServerError)
	case "headersfile":
		w.Header().Set("Location", "https://elsewhere.example/"+r.Header.Get("X-Secret"))
		w.WriteHeader(http.StatusFound)
	case "query":
		if again {
			panic(http.ErrAbortHandler) // the connection ends without an answer
		}
		w.Header().Set("Location", "https://elsewhere.example/"+r.URL.RawQuery)
		http.Error(w, repeated(r), http.StatusPermanentRedirect)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

// repeated is what a receiver was sent, as one that helps with debugging writes it into its refusal.
func repeated(r *http.Request) string {
	_ = r.ParseForm() // the form of a request for a token
	user, password, _ := r.BasicAuth()
	return fmt.Sprint("You sent ", r.URL, " by ", user, ":", password, " ", r.PostForm, " ", r.Header)
}

func clientCertificate(t *testing.T) (certPEM, keyPEM string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})), privateKey(t, key)
}

func signingKey(t *testing.T) string {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return privateKey(t, key)
}

func privateKey(t *testing.T, key any) string {
	t.Helper()
	packed, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: packed}))
}

// unseen fails where a text holds one of the secrets, as it is or as basic authentication writes it.
func (a *aviary) unseen(t *testing.T, where, text string) {
	t.Helper()
	if text == "" {
		t.Errorf("%s: nothing to look at", where)
	}
	for field, secret := range a.secrets {
		forms := []string{secret}
		for _, user := range []string{"direct", "filed", "user", "client"} {
			forms = append(forms, base64.StdEncoding.EncodeToString([]byte(user+":"+secret)))
		}
		if slices.ContainsFunc(forms, func(form string) bool { return strings.Contains(text, form) }) {
			t.Errorf("%s shows the secret of %s:\n%s", where, field, around(text, secret))
		}
	}
}

// around is where a secret stands in a text.
func around(text, secret string) string {
	i := max(0, strings.Index(text, secret))
	return text[max(0, i-200):min(len(text), i+100)]
}

// A secret is nowhere to be seen, whatever goes wrong around it.
func TestCanary(t *testing.T) {
	t.Parallel()
	a := newAviary(t)
	page := freePort(t)
	for name, value := range map[string]string{
		"QUEUE_DIR": a.settings["QUEUE_DIR"], "LISTEN": page, "INTERVAL": "1s", "BACKFILL": "1h", "LOG_LEVEL": "debug",
	} {
		a.set(name, value)
	}
	envFile := filepath.Join(a.dir, "backwire.env")
	writeEnvFile(t, envFile, a.lines)
	running := start(t, []string{"GOTRACEBACK=system"}, buildPrograms(t).backwire, "run", "--env-file", envFile)
	a.awaitTrouble(t, "http://"+page)
	a.primary.SetKeys(nbusim.APIKey{Key: "another"})
	a.primary.RevokeTokens()
	for _, path := range []string{"/login", "/*/*"} {
		a.primary.Inject(nbusim.Fault{Path: path, Effect: nbusim.Echo(http.StatusUnauthorized)})
	}
	a.awaitEcho(t, "http://"+page)

	for _, path := range []string{"/", "/status.json", "/metrics", "/-/healthy", "/debug/pprof/goroutine", "/debug/pprof/heap"} {
		body, err := fetch(http.DefaultClient, "http://"+page+path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
		}
		a.unseen(t, path, string(body))
	}
	a.unseenInCommands(t, envFile)
	cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", running.cmd.Process.Pid))
	if err != nil {
		t.Error(err)
	}
	a.unseen(t, "argv", string(cmdline))

	// What a panic writes, and the watchdog's signal.
	_ = running.end(syscall.SIGQUIT)
	if err := mentions(running.output(), "SIGQUIT: quit"); err != nil {
		t.Error(err)
	}
	a.unseen(t, "log and panic", running.output())
	a.unseenInQueue(t)
}

func mentions(text, what string) error {
	if strings.Contains(text, what) {
		return nil
	}
	return fmt.Errorf("nothing of %q in %d bytes", what, len(text))
}

func statusOf(page string) (s page.Status, err error) {
	body, err := fetch(http.DefaultClient, page+"/status.json")
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(body, &s)
}

// awaitTrouble waits until every endpoint was tried and those that cannot send say why.
func (a *aviary) awaitTrouble(t *testing.T, page string) {
	t.Helper()
	await(t, "every endpoint is tried", func() error {
		s, err := statusOf(page)
		if err != nil {
			return err
		}
		for _, e := range s.Endpoints {
			if _, asked := a.paths.Load(e.Name); !asked && e.Error == "" {
				return errors.New(e.Name)
			}
		}
		for _, site := range s.Sites {
			if site.Cycles == 0 {
				return errors.New(site.Name)
			}
		}
		return nil
	})
}

// awaitEcho waits until every site and those endpoints that are refused in words show what they are told.
func (a *aviary) awaitEcho(t *testing.T, page string) {
	t.Helper()
	await(t, "the page shows what servers repeat", func() error {
		s, err := statusOf(page)
		if err != nil {
			return err
		}
		told := map[string]string{}
		for _, e := range s.Endpoints {
			told[e.Name] = e.Error
		}
		for _, site := range s.Sites {
			told["site "+site.Name] = fmt.Sprint(site)
		}
		for name, what := range map[string]string{
			"password": "/password", "bearer": "/bearer", "headers": "/headers",
			"site key": "/netbackup/admin/jobs", "site keyfile": "/netbackup/admin/jobs",
			"site password": "/netbackup/login", "site passwordfile": "/netbackup/login",
		} {
			if err := mentions(told[name], "You sent "+what); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return nil
	})
}

func (a *aviary) unseenInCommands(t *testing.T, envFile string) {
	t.Helper()
	bundle := filepath.Join(a.dir, "bundle.tar.gz")
	for _, args := range [][]string{
		{"check"},
		{"check", "--json"},
		{"once"},
		{"status"},
		{"status", "--json"},
		{"queue", "ls"},
		{"queue", "rejected"},
		{"reload"},
		{"support-bundle", "--output", bundle},
	} {
		var out strings.Builder
		execute(t.Context(), append(args, "--env-file", envFile), nil, &out, &out)
		a.unseen(t, strings.Join(args, " "), out.String())
	}
	for name, content := range unpack(t, bundle) {
		a.unseen(t, "bundle "+name, content)
	}
	// Each line once under a name that is none, and once with what must not be beside it.
	for i, line := range a.lines {
		name, value, _ := strings.Cut(line, "=")
		mistyped := slices.Clone(a.lines)
		mistyped[i] = name + "X=" + value
		a.unseenIn(t, "a start with "+name+"X", mistyped)
		file, isFile := strings.CutSuffix(name, "_FILE")
		if isFile {
			content, _ := os.ReadFile(value)
			a.unseenIn(t, "a start with "+file+" and its file", append(mistyped, line, file+"="+string(content)))
			a.unseenIn(t, "a start with a secret in place of "+name, append(mistyped, name+"="+strings.TrimSpace(string(content))))
		}
		if !strings.HasSuffix(name, "_URL") || strings.HasSuffix(name, "_PROXY_URL") {
			continue
		}
		a.unseenIn(t, "a start with a user in "+name, append(slices.Clone(a.lines), name+"=https://u:"+a.secrets["Site.Password"]+"@x.example"))
	}
	// A primary server's URL can have no secret: it is refused.
	a.unseenIn(t, "a start with a query", append(slices.Clone(a.lines), "BACKWIRE_NETBACKUP_URL="+a.primary.URL()+"?token="+a.secret("Site.URL")))
	for field := range a.secrets {
		if !a.placed[field] {
			t.Errorf("%s holds a secret and is not placed: where can it be seen?", field)
		}
	}
}

// unseenIn looks at what check, and the log of a start, say of settings that are refused.
func (a *aviary) unseenIn(t *testing.T, where string, lines []string) {
	t.Helper()
	file := a.file(t, "wrong.env", strings.Join(lines, "\n"))
	var out strings.Builder
	if code := execute(t.Context(), []string{"run", "--env-file", file}, nil, &out, &out); code != exitRefused {
		t.Errorf("%s: exits with %d, want %d", where, code, exitRefused)
	}
	a.unseen(t, where, out.String())
}

func (a *aviary) unseenInQueue(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir(a.settings["QUEUE_DIR"], func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if len(content) > 0 {
			a.unseen(t, path, string(content))
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
