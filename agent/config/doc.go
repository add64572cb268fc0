// Package config reads the settings: environment variables and an env file become a [Config], or [Problems].
// It reports all problems at once, each with the expected value and a suggestion.
//
// A Config never changes after [Load]. The environment overrides the file. No text that the package makes
// contains a secret. It never connects to a server or opens a queue; it reads only the files in the settings.
//
// # The env file
//
// The agent reads its env file itself, in the syntax of systemd's EnvironmentFile (systemd.exec(5)),
// so that the service, a shell and a reload see the same settings. See [ReadEnvFile] for the details of the
// syntax.
//
// # Blocks
//
// One site has BACKWIRE_NETBACKUP_URL and so on. Several sites are listed in BACKWIRE_NETBACKUP_SITES; each has
// its own block of settings, such as BACKWIRE_NETBACKUP_PARIS_URL. A setting without a site name applies to every
// site. Endpoints work the same way with BACKWIRE_REMOTE_WRITE_ENDPOINTS.
package config
