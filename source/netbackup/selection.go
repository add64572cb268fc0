package netbackup

import (
	"errors"
	"net/http"
	"strings"

	"backwire/source/netbackup/api"
)

// selection is the attribute by which finished jobs are read: the last update, or the end of the job where
// the server refuses the other. A refusal is not for life: a release or a patch may bring the filter.
type selection struct {
	by      orderBy
	refused int64  // agent's clock when lastUpdateTime was last refused, ms; 0 where it was not
	version string // of the API when it was
}

const tryAgainAfter = 3_600_000 // ms after which a filter that was refused is tried again

// choose is what to read by; at is the agent's clock, ms.
func (s *selection) choose(at int64, version string) orderBy {
	if s.refused != 0 && (at-s.refused >= tryAgainAfter || at < s.refused || version != s.version) {
		return byLastUpdate
	}
	return s.by
}

// refuse goes over to the end of jobs, and says whether that is new.
func (s *selection) refuse(at int64, version string) bool {
	fresh := s.refused == 0
	s.by, s.refused, s.version = byEnd, at, version
	return fresh
}

// accept goes by the last update, and says whether that is new.
func (s *selection) accept() bool {
	fresh := s.refused != 0
	s.by, s.refused = byLastUpdate, 0
	return fresh
}

// refuses says that NetBackup itself does not take an attribute in a filter: it answers 400 with an error
// code of its own (admin.yaml, GET /admin/jobs). A proxy's refusal says nothing about the server.
func refuses(err error, attribute string) bool {
	e, ok := errors.AsType[*api.Error](err)
	return ok && e.Kind == api.ErrRequest && e.Status == http.StatusBadRequest && e.Code != 0 && strings.Contains(e.Query, attribute)
}
