package nbusim

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	mathrand "math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Mount is the path under which the API lives, as on a real primary server.
const Mount = "/netbackup"

// Options choose what the server is. The zero value is release 11.2 on the wall clock,
// with one API key (DefaultKey), no jobs and no storage.
type Options struct {
	Release       string           // "10.3", "10.5", "11.0" or "11.2"
	Clock         func() time.Time // the server's clock; every time in an answer follows it
	Name          string           // the primary server's host name
	Keys          []APIKey
	Users         []User
	Storage       Estate
	KeepJobs      time.Duration // KEEP_JOBS_HOURS: how long a finished job stays; 0 is for ever
	FirstJobID    int64         // 1 where it is 0
	Irregular     Irregularity
	NoVersionInfo bool // answer /ping without X-NetBackup-API-Version
}

// Server is a primary server. It is safe for concurrent use.
type Server struct {
	release   release
	clock     func() time.Time
	name      string
	irregular Irregularity
	columns   columns[view] // of /admin/jobs
	versioned bool
	mux       *http.ServeMux
	authority *authority
	gate      *gate
	faults    *faultBook

	mu       sync.Mutex // guards what follows; never held while an answer is sent
	jobs     *jobBook
	storage  Estate
	policies []Policy
	alerts   []Alert
	scans    []MalwareScan
	images   []Image
	slos     []SLO

	mediaServers []MediaServer
	paused       []PausedClient
	slpImages    []SLPImage
	slps         []SLP
	anomalies    []Anomaly
	events       []Event
	certificates []Certificate
	hosts        []Host
	services     []Service
	audit        []AuditRecord
	kmsKeys      []KMSKey
	licenses     []License
	frontEnd     []float64 // MB; empty where there is no report

	untidy   *untidy
	keep     time.Duration
	agenda   agenda
	omission omission
	// workload numbers the live workloads: what an older one has planned does not happen.
	workload int

	life life
}

// New returns a server that does not listen yet.
func New(o Options) (*Server, error) {
	r, err := releaseNamed(o.Release)
	if err != nil {
		return nil, err
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Name == "" {
		o.Name = "primary.example"
	}
	a, err := newAuthority(o.Name, o.Clock())
	if err != nil {
		return nil, err
	}
	s := &Server{
		release: r, clock: o.Clock, name: o.Name, irregular: o.Irregular, versioned: !o.NoVersionInfo,
		columns:   jobColumns(r),
		authority: a, gate: newGate(o.Keys, o.Users, o.Clock()), faults: &faultBook{},
		jobs: newJobBook(o.FirstJobID), storage: o.Storage, keep: o.KeepJobs,
		omission: omission{random: mathrand.New(mathrand.NewPCG(uint64(o.FirstJobID), 0x6f6d6974))},
	}
	s.mux = s.routes()
	return s, nil
}

// Now is the server's clock.
func (s *Server) Now() time.Time { return s.clock() }

// route is one path of the API.
type route struct {
	method    string
	base      string // media type without its version
	open      bool   // needs no authentication
	namespace string // of the role that it takes; empty is none
	answer    func(*Server, *exchange) reply
}

func (s *Server) routes() *http.ServeMux {
	const get, post = http.MethodGet, http.MethodPost
	mux := http.NewServeMux()
	for path, r := range map[string]route{
		"/ping":                             {method: get, base: plainType, open: true, answer: (*Server).ping},
		"/login":                            {method: post, base: jsonType, open: true, answer: (*Server).login},
		"/logout":                           {method: post, base: jsonType, answer: (*Server).logout},
		"/authorization-context":            {method: get, base: jsonType, answer: (*Server).authorizationContext},
		"/security/cacert":                  {method: get, base: jsonType, open: true, answer: (*Server).caCert},
		"/security/serverinfo":              {method: get, base: jsonType, open: true, answer: (*Server).serverInfo},
		"/security/servertime":              {method: get, base: jsonType, open: true, answer: (*Server).serverTime},
		"/security/api-keys":                {method: get, base: jsonType, namespace: NamespaceAPIKeys, answer: (*Server).apiKeys},
		"/security/api-keys/{tag}":          {method: get, base: jsonType, namespace: NamespaceAPIKeys, answer: (*Server).apiKey},
		"/admin/jobs":                       {method: get, base: jsonType, namespace: NamespaceJobs, answer: (*Server).jobPage},
		"/admin/jobs/{id}":                  {method: get, base: jsonType, namespace: NamespaceJobs, answer: (*Server).oneJob},
		"/storage/storage-units":            {method: get, base: jsonType, namespace: NamespaceStorageUnits, answer: (*Server).storageUnits},
		"/storage/storage-units/{id}":       {method: get, base: jsonType, namespace: NamespaceStorageUnits, answer: (*Server).storageUnit},
		"/storage/disk-pools":               {method: get, base: jsonType, namespace: NamespaceDiskPools, answer: (*Server).diskPools},
		"/storage/disk-pools/{id}":          {method: get, base: jsonType, namespace: NamespaceDiskPools, answer: (*Server).diskPool},
		"/storage/storage-servers":          {method: get, base: jsonType, namespace: NamespaceStorageServers, answer: (*Server).storageServers},
		"/storage/storage-servers/{id}":     {method: get, base: jsonType, namespace: NamespaceStorageServers, answer: (*Server).storageServer},
		"/storage/drives":                   {method: get, base: jsonType, namespace: NamespaceTapeDevices, answer: (*Server).tapeDrives},
		"/config/policies/{$}":              {method: get, base: jsonType, namespace: NamespacePolicies, answer: (*Server).policyList},
		"/config/policies/{name}":           {method: get, base: jsonType, namespace: NamespacePolicies, answer: (*Server).onePolicy},
		"/storage/tape-media":               {method: get, base: jsonType, namespace: NamespaceTapeMedia, answer: (*Server).tapeMedia},
		"/storage/tape-volume-pools":        {method: get, base: jsonType, namespace: NamespaceVolumePools, answer: (*Server).volumePools},
		"/storage/robots-device-hosts":      {method: get, base: jsonType, namespace: NamespaceTapeDevices, answer: (*Server).robotHosts},
		"/config/media-servers":             {method: get, base: jsonType, namespace: NamespaceMediaServers, answer: (*Server).mediaServerList},
		"/manage/alerts":                    {method: get, base: jsonType, namespace: NamespaceAlerts, answer: (*Server).alertList},
		"/malware/latest-scan-results":      {method: get, base: jsonType, namespace: NamespaceMalware, answer: (*Server).latestScans},
		"/catalog/images":                   {method: get, base: jsonType, namespace: NamespaceImages, answer: (*Server).imageList},
		"/config/paused-clients":            {method: get, base: jsonType, namespace: NamespaceHostProperties, answer: (*Server).pausedClientList},
		"/status-codes/{code}":              {method: get, base: jsonType, answer: (*Server).statusCode},
		"/security/auditlogs":               {method: get, base: jsonType, namespace: NamespaceAudit, answer: (*Server).auditList},
		"/security/key-management-services": {method: get, base: jsonType, namespace: NamespaceKMS, answer: (*Server).kmsList},
		"/security/key-management-services/{id}/key-details": {method: get, base: jsonType, namespace: NamespaceKMS, answer: (*Server).kmsKeyList},
		"/admin/hosts/{id}/services":                         {method: get, base: jsonType, namespace: NamespaceServices, answer: (*Server).serviceList},
		"/config/hosts":                                      {method: get, base: jsonType, namespace: NamespaceHosts, answer: (*Server).hostList},
		"/catalog/slp-images":                                {method: get, base: jsonType, namespace: NamespaceSLPImages, answer: (*Server).slpImageList},
		"/config/slps":                                       {method: get, base: jsonType, namespace: NamespaceSLPs, answer: (*Server).slpList},
		"/security/anomalies":                                {method: get, base: jsonType, namespace: NamespaceAnomalies, answer: (*Server).anomalyList},
		"/eventlog/notifications":                            {method: get, base: jsonType, namespace: NamespaceEvents, answer: (*Server).eventList},
		"/security/certificates/current":                     {method: get, base: jsonType, namespace: NamespaceCertificates, answer: (*Server).certificateList},
		"/licensing/entitlements":                            {method: get, base: jsonType, namespace: NamespaceLicenses, answer: (*Server).licenseList},
		"/licensing/capacity":                                {method: get, base: jsonType, namespace: NamespaceLicenseUsage, answer: (*Server).frontEndList},
		"/servicecatalog/slos":                               {method: get, base: jsonType, namespace: NamespaceSLOs, answer: (*Server).sloList},
	} {
		mux.Handle(Mount+path, answering(func(req *http.Request) reply { return s.serve(r, req) }))
	}
	mux.Handle(controlMount, answering(s.control))
	mux.Handle("/", answering(s.unknown))
	return mux
}

// answering makes the mux a table of functions that give a reply instead of writing one.
type answering func(*http.Request) reply

func (answering) ServeHTTP(http.ResponseWriter, *http.Request) {}

// Answer computes the reply to a request, with the faults that are due and their delays.
func (s *Server) answer(req *http.Request) reply {
	found, pattern := s.mux.Handler(req)
	req.Pattern = pattern
	to, ok := found.(answering)
	if !ok { // the mux wants to redirect: a path that is not clean
		to = s.unknown
	}
	if strings.HasPrefix(req.URL.Path, controlMount) {
		return to(req)
	}
	a := s.faults.around(req, s.clock(), func() reply { return to(req) })
	a.header.Set("X-Request-ID", requestID())
	return a
}

func (s *Server) serve(r route, req *http.Request) reply {
	x := &exchange{request: req, now: s.clock(), version: s.release.api}
	if req.Method != r.method {
		return x.fail(http.StatusMethodNotAllowed, "The method is not allowed.", nil)
	}
	v, ok := s.release.negotiate(req.Header.Get("Accept"), r.base)
	if !ok {
		return x.fail(http.StatusNotAcceptable, "The media type in the Accept header is not supported.", nil)
	}
	x.version = v
	s.mu.Lock()
	x.untidy = s.untidy
	s.mu.Unlock()
	if !r.open {
		x.who = s.gate.identify(req, x.now)
		if x.who == nil {
			return x.fail(http.StatusUnauthorized, "The credential is missing, wrong or expired.", nil)
		}
		x.allowed = x.who.may(r.namespace)
	}
	return r.answer(s, x)
}

func (s *Server) unknown(req *http.Request) reply {
	x := &exchange{request: req, version: s.release.api}
	return x.fail(http.StatusNotFound, "There is nothing at "+req.URL.Path+".", nil)
}

// lastSegment is the final element of the request's path: the mux is asked for a match only,
// so that it does not fill in PathValue.
func (x *exchange) lastSegment() string {
	p := x.request.URL.Path
	return p[strings.LastIndexByte(p, '/')+1:]
}

func requestID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand.Read)
	return hex.EncodeToString(b[:])
}

// wait sleeps on the clock of the process, or until the request is given up.
func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
