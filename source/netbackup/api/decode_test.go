package api

import (
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"backwire/source/secret"
)

func newTestDecoder() *decoder {
	return &decoder{words: words{}, problems: newProblems(slog.New(slog.DiscardHandler), secret.NewKeeper()), noun: "row"}
}

// readPage returns the ids of the rows before the first trouble.
func readPage(body string) (ids []int64, p pagination, err error) {
	d := newTestDecoder()
	p, err = d.page([]byte(body), func() bool {
		j, ok := jobRow(d)
		if ok && d.err == nil {
			ids = append(ids, j.ID)
		}
		return true
	})
	return ids, p, err
}

func TestPageFailuresAreNamed(t *testing.T) {
	tests := map[string]struct{ body, want string }{
		"empty":               {"", "truncated after 0 bytes"},
		"truncated in a row":  {`{"data":[{"id":"1"},{"id":"2","attributes":{"try":1,"clientName":"cut`, "truncated after"},
		"truncated after all": {`{"data":[{"id":"1"}]`, "truncated after"},
		"html":                {`<html><body>Sign in</body></html>`, "not JSON"},
		"comma missing":       {`{"data":[{"id":"1"} {"id":"2"}]}`, "not JSON"},
		"an array":            {`[{"id":"1"}]`, `no "data"`},
		"no data":             {`{"meta":{}}`, `no "data"`},
		"null":                {`null`, `no "data"`},
		"data is no list":     {`{"data":{"id":"1"}}`, `"data" is not a list`},
		"data is a number":    {`{"data":0}`, `"data" is not a list`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			ids, _, err := readPage(test.body)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
			if len(ids) > 1 {
				t.Errorf("rows %v: a row that was cut off counts as read", ids)
			}
		})
	}
}

func TestPaginationOfBothStyles(t *testing.T) {
	tests := map[string]pagination{
		`{"next":"abc=","limit":100}`:               {next: "abc="},
		`{"next":17}`:                               {next: "17"},
		`{"next":null,"prev":"x"}`:                  {},
		`{"next":"","count":3}`:                     {count: some[int64](3)},
		`{"next":500,"last":"1000","count":1200.0}`: {next: "500", last: some[int64](1000), count: some[int64](1200)},
		`[]`: {},
	}
	for s, want := range tests {
		for _, body := range []string{`{"data":[],"meta":{"pagination":` + s + `}}`, `{"meta":{"pagination":` + s + `,"x":1},"data":null}`} {
			want.noList = strings.Contains(body, `"data":null`)
			if _, got, err := readPage(body); err != nil || got != want {
				t.Errorf("%s: %+v %v, want %+v", body, got, err, want)
			}
		}
	}
}

func TestBooleanIsTolerant(t *testing.T) {
	tests := map[string]Optional[bool]{
		`true`: some(true), `"true"`: some(true), `1`: some(true), `"False"`: some(false), `0`: some(false),
		`null`: {}, `""`: {}, `"maybe"`: {}, `{}`: {},
	}
	for s, want := range tests {
		d := newTestDecoder()
		d.reset([]byte(s))
		if got := d.boolean(); got != want || d.err != nil {
			t.Errorf("%s: %+v %v, want %+v", s, got, d.err, want)
		}
	}
}

func TestSizeThatCannotBeOneIsAbsent(t *testing.T) {
	tests := map[string]Optional[int64]{
		`0`: some[int64](0), `1099511627776`: some[int64](1 << 40), `"12"`: some[int64](12), `1.5e12`: some[int64](1.5e12),
		`9223372036854775807`: {}, `9223372036854775806`: {}, `-1`: {}, `null`: {}, `9.3e18`: {},
	}
	for s, want := range tests {
		d := newTestDecoder()
		d.reset([]byte(s))
		if got := d.size(); got != want {
			t.Errorf("%s: %+v, want %+v", s, got, want)
		}
	}
}

func TestWordsAreSharedAndBounded(t *testing.T) {
	w := words{}
	if w.word([]byte("daily")) != "daily" || testing.AllocsPerRun(100, func() { w.word([]byte("daily")) }) != 0 {
		t.Error("a word that came before is allocated again")
	}
	w.word([]byte(strings.Repeat("x", longestWord+1)))
	if len(w) != 1 {
		t.Errorf("%d words, want 1: a long text is not kept", len(w))
	}
	for i := range mostWords + 1 {
		w.word([]byte{byte(i), byte(i >> 8), byte(i >> 16)})
	}
	if len(w) > mostWords {
		t.Errorf("%d words, want %d at most", len(w), mostWords)
	}
}

// fuzzRows holds for every listing: no input panics, every row that comes out is whole,
// and what encoding/json accepts is accepted.
func fuzzRows[T any](f *testing.F, row func(*decoder) (T, bool), check func(*testing.T, T)) {
	f.Fuzz(func(t *testing.T, body []byte) {
		d := newTestDecoder()
		_, err := d.page(body, func() bool {
			if v, ok := row(d); ok && d.err == nil {
				check(t, v)
			}
			return true
		})
		if err != nil && json.Valid(body) && strings.Contains(err.Error(), "truncated") {
			t.Errorf("whole JSON is called truncated: %v", err)
		}
		if err == nil && !json.Valid(body) && utf8.Valid(body) && !trailed(body) {
			t.Errorf("what is not JSON was read as a page")
		}
	})
}

// trailed says that a page is followed by something: it is not looked at.
func trailed(body []byte) bool {
	dec := json.NewDecoder(strings.NewReader(string(body)))
	var v json.RawMessage
	return dec.Decode(&v) == nil
}

func checkText(t *testing.T, texts ...string) {
	for _, s := range texts {
		if !utf8.ValidString(s) {
			t.Errorf("%q is not valid UTF-8", s)
		}
	}
}

func FuzzJobs(f *testing.F) {
	f.Add([]byte(page("b", wholeJobRow(1), wholeJobRow(2))))
	f.Add([]byte(page("", `null`, job(1, `"status":1e400,"endTime":1,"elapsedTime":"P1D"`))))
	fuzzRows(f, jobRow, func(t *testing.T, j Job) {
		checkText(t, j.Client, j.Policy, j.Type)
		if j.ID == 0 || (!j.End.IsZero() && j.End.Unix() <= 0) {
			t.Errorf("job %+v", j)
		}
	})
}

func FuzzStorageUnits(f *testing.F) {
	f.Add([]byte(page("", mediumUnit)))
	fuzzRows(f, storageUnitRow, func(t *testing.T, u StorageUnit) {
		checkText(t, u.Name, u.DiskPool)
		if u.Name == "" || u.Capacity.Value < 0 || (u.Category == "TAPE" && u.Capacity.Given) {
			t.Errorf("unit %+v", u)
		}
	})
}

func FuzzDiskPools(f *testing.F) {
	f.Add([]byte(page("", mediumPool)))
	fuzzRows(f, diskPoolRow, func(t *testing.T, p DiskPool) {
		checkText(t, p.Name, p.ID)
		if p.Name == "" || p.Raw.Value < 0 {
			t.Errorf("pool %+v", p)
		}
		for _, v := range p.Volumes {
			if v.Name == "" {
				t.Errorf("volume %+v", v)
			}
		}
	})
}

func FuzzStorageServers(f *testing.F) {
	f.Add([]byte(page("", mediumServer)))
	fuzzRows(f, storageServerRow, func(t *testing.T, s StorageServer) {
		checkText(t, s.Name, s.Type)
		if s.Name == "" {
			t.Errorf("server %+v", s)
		}
	})
}

func FuzzAPIKeys(f *testing.F) {
	f.Add([]byte(page("", `{"id":"t","attributes":{"userName":"u","expiryDateTime":"2027-01-01T00:00:00Z"}}`)))
	fuzzRows(f, apiKeyRow, func(t *testing.T, k apiKey) {
		if k.Expires.IsZero() {
			t.Errorf("key %+v", k)
		}
	})
}

func FuzzAlerts(f *testing.F) {
	f.Add([]byte(page("", vendorAlert)))
	fuzzRows(f, alertRow, func(t *testing.T, a *Alert) { checkText(t, a.Severity, a.Category) })
}

func FuzzMalwareScans(f *testing.F) {
	f.Add([]byte(page("", vendorScan, olderScan)))
	fuzzRows(f, malwareScanRow, func(t *testing.T, m *MalwareScan) { checkText(t, m.State, m.Result) })
}

func FuzzImages(f *testing.F) {
	f.Add([]byte(page("", newerImage, olderImage)))
	fuzzRows(f, imageRow, func(t *testing.T, i *Image) { checkText(t, i.MalwareStatus, i.AnomalyStatus) })
}

func FuzzSLOs(f *testing.F) {
	f.Add([]byte(page("", vendorSLO)))
	fuzzRows(f, sloRow, func(t *testing.T, s *SLO) {
		if checkText(t, s.ID, s.Workload); s.ID == "" {
			t.Errorf("SLO %+v", s)
		}
	})
}

func FuzzTapeMedia(f *testing.F) {
	f.Add([]byte(page("b", vendorTape)))
	fuzzRows(f, tapeMediumRow, func(t *testing.T, m *TapeMedium) {
		if checkText(t, m.ID, m.Pool, m.Status); m.ID == "" {
			t.Errorf("tape %+v", m)
		}
	})
}

func FuzzVolumePools(f *testing.F) {
	f.Add([]byte(page("", vendorPool)))
	fuzzRows(f, volumePoolRow, func(t *testing.T, p *VolumePool) {
		if checkText(t, p.Name, p.Type); p.Name == "" {
			t.Errorf("volume pool %+v", p)
		}
	})
}

func FuzzPolicies(f *testing.F) {
	f.Add([]byte(page("", listedPolicy)))
	fuzzRows(f, policyRow, func(t *testing.T, p Policy) {
		checkText(t, p.Name, p.Type)
		if p.Name == "" {
			t.Errorf("policy %+v", p)
		}
	})
}

func FuzzPolicyPlan(f *testing.F) {
	f.Add([]byte(wholePolicy))
	f.Fuzz(func(t *testing.T, body []byte) {
		d := newTestDecoder()
		var p PolicyPlan
		if err := d.document(body, func() { p = policyPlan(d) }); err == nil {
			checkText(t, p.Clients...)
			for _, kind := range p.Runs.Types(time.Unix(0, 0)) {
				if p.Runs.LongestGap(kind) < 0 {
					t.Errorf("the longest gap of %q is %v", kind, p.Runs.LongestGap(kind))
				}
			}
			if slices.Contains(p.Clients, "") {
				t.Errorf("plan %+v", p)
			}
		}
	})
}

func FuzzServerInfo(f *testing.F) {
	f.Add([]byte(`{"serverName":"primary.example","nbuVersion":"11.0"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		d := newTestDecoder()
		if info, err := serverInfo(d, body); err == nil {
			checkText(t, info.Name, info.Version)
		}
	})
}

func FuzzIdentity(f *testing.F) {
	f.Add([]byte(`{"data":{"attributes":{"subject":"a:b:c","isAdmin":false,"permissions":[{"permission":"p","collections":[]}]}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		d := newTestDecoder()
		var id Identity
		if err := d.document(body, func() { id = identityAttributes(d) }); err == nil {
			checkText(t, id.Subject)
		}
	})
}

func FuzzVendorError(f *testing.F) {
	f.Add([]byte(`{"errorCode":8000,"errorMessage":"m","attributeErrors":{"a":"b"},"errorDetails":["d"]}`))
	f.Add([]byte(`{"errorCode":"227","errorMessage":"m","details":{"a":{"b":1}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if _, message, ok := vendorError(body); ok && strings.ContainsAny(oneLine(message), "\r\n") {
			t.Errorf("message %q is more than one line", message)
		}
	})
}

func FuzzCACert(f *testing.F) {
	f.Add([]byte(`{"webRootCertificateData":[{"caCert":"-----BEGIN CERTIFICATE-----"}],"caCertificateData":[]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if cas, err := parseCACert(body); err == nil && len(cas) == 0 {
			t.Error("neither a CA nor an error")
		}
	})
}
