// Package agent is time and life: configuration, scheduler, status page, health, self-metrics.
//
// It owns when things happen: the tick of a cycle, one cycle at a time a site, start and end.
// It knows sites that yield cycles and a queue that commits them. It never knows what a job is or
// what a request looks like. Invariant: a Config never changes after Load and an Agent holds nothing
// outside itself, so a new Agent can take over after the old one ended; if that broke, a reload
// would mix two configurations.
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
package agent
