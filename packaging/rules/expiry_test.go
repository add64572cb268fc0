package rules_test

func endTrials() []trial {
	const (
		host    = `nbu_certificate_expiry_timestamp_seconds{site="paris",host="db1"}`
		product = `nbu_license_expiry_timestamp_seconds{site="paris",product="base"}`
		kms     = `nbu_kms_key_expiry_timestamp_seconds{site="paris",kms="nbkms"}`
		today   = `nbu_api_keys_expiring{site="paris",within="1d"}`
		week    = `nbu_api_keys_expiring{site="paris",within="7d"}`
		month   = `nbu_api_keys_expiring{site="paris",within="30d"}`
		frontE  = `nbu_front_end_bytes{site="paris"}`
		fetb    = `nbu_licensed_bytes{site="paris",meter="FETB"}`
		plus    = `nbu_licensed_bytes{site="paris",meter="FETB_PLUS"}`
	)
	certificate := map[string]string{"site": "paris", "kind": "certificate", "name": "db1"}
	licence := map[string]string{"site": "paris", "kind": "licence", "name": "base"}
	key := map[string]string{"site": "paris", "kind": "API key", "name": "of a user"}
	return []trial{
		{
			alert: "NetBackupExpiresWithinAMonth", at: "2h", every: "1h", labels: certificate,
			fires:   []series{{host, "871200x10"}},  // ten days and two hours after the epoch
			silent:  []series{{host, "2606400x10"}}, // thirty and four
			summary: "certificate db1 at paris expires within 10d 0h 0m 0s",
		},
		{
			// Each is told by one of the three.
			alert: "NetBackupExpiresWithinAMonth", at: "2h", every: "1h", labels: licence,
			fires:   []series{{product, "615600x10"}}, // a week and an hour are left
			silent:  []series{{product, "608400x10"}}, // an hour less than a week
			summary: "licence base at paris expires within 7d 1h 0m 0s",
		},
		{
			alert: "NetBackupExpiresWithinAWeek", at: "2h", every: "1h", labels: licence,
			fires:   []series{{product, "97200x10"}}, // a day and an hour are left
			silent:  []series{{product, "90000x10"}}, // an hour less than a day
			summary: "licence base at paris expires within 1d 1h 0m 0s",
		},
		{
			alert: "NetBackupExpiresWithinAWeek", at: "2h", every: "1h", labels: map[string]string{"site": "paris", "kind": "KMS key", "name": "nbkms"},
			fires:   []series{{kms, "439200x10"}},
			silent:  []series{{kms, "1735200x10"}},
			summary: "KMS key nbkms at paris expires within 5d 0h 0m 0s",
		},
		{
			alert: "NetBackupExpiresWithinAWeek", at: "2h", every: "1h", labels: key,
			fires:   []series{{today, "0x10"}, {week, "1x10"}, {month, "4x10"}},
			silent:  []series{{today, "0x10"}, {week, "0x10"}, {month, "4x10"}},
			summary: "API key of a user at paris expires within 7d 0h 0m 0s",
		},
		{
			alert: "NetBackupExpiresToday", at: "2h", every: "1h", labels: key,
			fires:   []series{{today, "1x10"}, {week, "1x10"}, {month, "4x10"}},
			silent:  []series{{today, "0x10"}, {week, "1x10"}, {month, "4x10"}},
			summary: "API key of a user at paris expires within 1d 0h 0m 0s",
		},
		{
			alert: "NetBackupExpiresToday", at: "2h", every: "1h", labels: certificate,
			fires:   []series{{host, "43200x10"}},
			silent:  []series{{host, "97200x10"}},
			summary: "certificate db1 at paris expires within 10h 0m 0s",
		},
		{
			// What is long over is not told for ever.
			alert: "NetBackupExpiresToday", at: "800h", every: "1h", labels: certificate,
			fires:   []series{{host, "2876400x1000"}},
			silent:  []series{{host, "252000x1000"}},
			summary: "certificate db1 at paris has expired",
		},
		{
			alert: "NetBackupLicenceExceeded", at: "30h", every: "1h", labels: map[string]string{"site": "paris"},
			fires:   []series{{frontE, "120x50"}, {fetb, "60x50"}, {plus, "40x50"}},
			silent:  []series{{frontE, "99x50"}, {fetb, "60x50"}, {plus, "40x50"}},
			summary: "paris protects 120% of the capacity that is licensed",
		},
	}
}
