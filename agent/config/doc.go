// Package config is what an administrator sets: environment variables and an env file become a [Config],
// or [Problems], every one at once and each with what was expected and what was probably meant.
//
// It promises that a Config never changes after [Load], that the environment wins over the file, and that no
// text it makes holds a secret. It never talks to a server and never opens a queue: what it reads are the
// files that the settings name.
//
// # The env file
//
// The agent reads its env file itself, in the syntax of systemd's EnvironmentFile (systemd.exec(5)),
// so that the service, a shell and a reload see the same. See [ReadEnvFile] for its quirks. A variable
// that is set in the real environment wins over the file.
//
// # Blocks
//
// One site has BACKWIRE_NETBACKUP_URL and so on; several are named in BACKWIRE_NETBACKUP_SITES and
// each has its own block, BACKWIRE_NETBACKUP_PARIS_URL. A variable without the name is then the
// default of all blocks. Endpoints are the same with BACKWIRE_REMOTE_WRITE_ENDPOINTS.
package config
