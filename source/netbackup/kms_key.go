package netbackup

import (
	"backwire/source/collect"
	"backwire/source/netbackup/api"
)

// kmsKeyCollector counts the keys that backups are encrypted with, and tells when the next one ends.
func kmsKeyCollector() collector {
	return collector{
		Name: "kms_keys", Noun: "kms_key", Section: sectionProtection, Optional: true, Every: collect.Seldom, First: firstOf((*api.Client).KMSKeys),
		Role: collect.Role{
			Namespace: "|SECURITY|KMS|", Operation: "|OPERATIONS|SECURITY|KMS|SERVICES|VIEW|", Lists: true, Screen: "Credential management > External KMS",
			Without: "no keys of key management services",
		},
		Start: func(w *workplace) collect.Reader {
			keys := w.Gauge("nbu_kms_keys", "",
				"Keys of the key management service by state (ACTIVE, INACTIVE, COMPROMISED, …).", "kms", "state")
			expiry := w.Gauge("nbu_kms_key_expiry_timestamp_seconds", "seconds",
				"Time at which the first active key of the service is deactivated. Absent for keys without such a date.", "kms")
			return counting(w, (*api.Client).KMSKeys, func(g *collect.Gauges, k *api.KMSKey) {
				g.Count(keys, k.Service, k.State)
				if k.State == "ACTIVE" && !k.Ends.IsZero() {
					g.Least(expiry, float64(milliseconds(k.Ends))/1000, k.Service)
				}
			})
		},
	}
}
