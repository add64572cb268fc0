package nbusim

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// The namespaces of the roles that the API asks for.
const (
	NamespaceJobs           = "|MANAGE|JOBS|"
	NamespaceStorageUnits   = "|STORAGE|STORAGE-UNITS|"
	NamespaceDiskPools      = "|STORAGE|DISK-POOLS|"
	NamespaceStorageServers = "|STORAGE|STORAGE-SERVERS|"
	NamespaceTapeDevices    = "|STORAGE|TAPE-DEVICES|"
	NamespaceTapeMedia      = "|STORAGE|TAPE-MEDIA|"
	NamespaceVolumePools    = "|STORAGE|TAPE-MEDIA|VOLUME-POOLS|"
	NamespaceAPIKeys        = "|SECURITY|USERS|API-KEYS|"
	NamespacePolicies       = "|PROTECTION|POLICIES|"
	NamespaceAlerts         = "|MANAGE|EMAIL-NOTIFICATIONS|"
	NamespaceMalware        = "|MANAGE|MALWARE|"
	NamespaceImages         = "|MANAGE|IMAGES|"
	NamespaceSLOs           = "|PROTECTION|PROTECTION_PLAN|"
)

// DefaultKey is the API key of a server whose options name neither keys nor users.
const DefaultKey = "nbusim-api-key"

// APIKey is a credential that is sent raw in Authorization.
type APIKey struct {
	Key     string
	Tag     string // its id in /security/api-keys
	User    string
	Created time.Time
	Expires time.Time // the zero time is one year after the start
	Roles   Roles
}

// User may log in with a password.
type User struct {
	Name, Password         string
	DomainType, DomainName string // any domain where both are empty
	MFA                    bool   // a second factor is required: the token is not one to work with
	Validity               time.Duration
	Roles                  Roles
}

// Roles are the namespaces that a credential may read; nil is all of them.
type Roles []string

// NoRoles is a credential that may log in and sees nothing.
func NoRoles() Roles { return Roles{} }

// identity is who sent a request.
type identity struct {
	user    string
	tag     string // of the API key; empty for a token
	issued  time.Time
	expires time.Time
	roles   Roles
	mfa     bool
}

// may says whether the identity sees the objects of a namespace. One without the role gets an empty list.
func (i *identity) may(namespace string) bool {
	return namespace == "" || i.roles == nil || slices.Contains(i.roles, namespace)
}

// gate knows every credential.
type gate struct {
	mu     sync.Mutex
	keys   []APIKey
	users  []User
	tokens map[string]*identity
	logins int
}

func newGate(keys []APIKey, users []User, now time.Time) *gate {
	if len(keys) == 0 && len(users) == 0 {
		keys = []APIKey{{Key: DefaultKey}}
	}
	keys = slices.Clone(keys)
	for i := range keys {
		k := &keys[i]
		if k.Tag == "" {
			k.Tag = "tag-" + itoa(i+1)
		}
		if k.User == "" {
			k.User = "monitor"
		}
		if k.Created.IsZero() {
			k.Created = now
		}
		if k.Expires.IsZero() {
			k.Expires = now.AddDate(1, 0, 0)
		}
	}
	return &gate{keys: keys, users: slices.Clone(users), tokens: map[string]*identity{}}
}

// identify gives nil where the credential is missing, wrong or expired.
func (g *gate) identify(req *http.Request, now time.Time) *identity {
	credential := req.Header.Get("Authorization")
	if credential == "" || strings.Contains(credential, " ") { // there is no scheme in front, "Bearer" neither
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if t, ok := g.tokens[credential]; ok {
		if !now.Before(t.expires) {
			delete(g.tokens, credential)
			return nil
		}
		return t
	}
	i := slices.IndexFunc(g.keys, func(k APIKey) bool { return k.Key == credential })
	if i < 0 || !now.Before(g.keys[i].Expires) {
		return nil
	}
	k := g.keys[i]
	return &identity{user: k.User, tag: k.Tag, issued: k.Created, expires: k.Expires, roles: k.Roles}
}

const defaultValidity = 24 * time.Hour

// admit checks a password and gives a token.
func (g *gate) admit(l loginRequest, now time.Time) (string, *identity) {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := slices.IndexFunc(g.users, l.matches)
	if i < 0 {
		return "", nil
	}
	u := g.users[i]
	validity := u.Validity
	if validity == 0 {
		validity = defaultValidity
	}
	g.logins++
	token := "nbusim." + itoa(g.logins) + "." + requestID()
	who := &identity{user: u.Name, issued: now, expires: now.Add(validity), roles: u.Roles, mfa: u.MFA}
	if !u.MFA {
		g.tokens[token] = who
	}
	return token, who
}

func (g *gate) forget(token string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.tokens, token)
}

func (g *gate) everyKey() []APIKey {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.keys)
}

// Sessions is how many tokens are valid: those handed out, not logged out and not yet refused for their age.
func (s *Server) Sessions() int {
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	return len(s.gate.tokens)
}

// RevokeTokens makes every token that was handed out worthless, as a restart of the web service does.
func (s *Server) RevokeTokens() {
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	clear(s.gate.tokens)
}

// SetKeys replaces the API keys.
func (s *Server) SetKeys(keys ...APIKey) {
	fresh := newGate(keys, nil, s.clock())
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	s.gate.keys = fresh.keys
}
