package rules

import "strings"

// Which clients an alert is about. Each has the labels site, client and policy, the missed ones schedule_type too.
const (
	// neverBackedUp are those of whom the server's policies or jobs tell, and no success is known. What a policy promises has to
	// be due once before that is said.
	neverBackedUp = `max by (site, client, policy) (nbu_client_never_succeeded == 1)
or
(
  max by (site, client, policy) (nbu_client_last_attempt_timestamp_seconds)
  unless on (site, client, policy) nbu_client_last_success_timestamp_seconds
  unless on (site, client, policy) nbu_client_never_succeeded
  unless on (site, client, policy) (nbu_client_due_timestamp_seconds > time())
  unless on (site, client) nbu_client_paused
  and on (site, client, policy) (nbu_client_last_attempt_timestamp_seconds offset 1d)
)`

	missed = overdue + `
unless on (site, client, policy)
nbu_client_never_succeeded == 1`

	failedOnce = failedStatus + `
unless on (site, client, policy)
nbu_client_consecutive_failures >= 2`

	// cancelled are those whose last backup somebody ended on purpose.
	cancelled = `max by (site, client, policy) (nbu_client_last_status == 150)`
)

// many is how many clients of a policy are one matter: their own alerts then are only its details.
const many = "3"

// ofPolicy counts clients by policy, where they are many.
func ofPolicy(clients string) string {
	return `count by (site, policy) (
  max by (site, client, policy) (
` + indented(clients, "    ") + `
  )
)
>= ` + many
}

// policyAlerts come first and wait less long than the alerts of the single clients, which they replace: see alertmanager.example.yml.
func policyAlerts() []alert {
	return []alert{
		{
			name: "NetBackupPolicyBackupsMissed", severity: critical, wait: "10m", expr: ofPolicy(missed),
			summary: "{{ $value }} clients of policy {{ $labels.policy }} (site {{ $labels.site }}) were due and have no good backup since",
			meaning: "The start windows of these clients have closed without a success. So many of one policy have a common cause. NetBackupBackupMissed names the clients.",
			steps: []string{
				"Check the alerts about storage, the primary server and NetBackupJobQueuedTooLong first: they name the usual causes.",
				"The dashboard Clients and RPO, with this policy chosen, shows whether the backups failed, with which status, or never ran.",
				"They never ran: check that the policy is active, that its storage unit or SLP exists, and that its windows are long enough.",
				"All windows look shifted by hours: set BACKWIRE_NETBACKUP_TIME_ZONE to the zone of the primary server.",
				"Correct the cause, then run the policy manually. The alert clears with the clients' next success.",
			},
		},
		{
			name: "NetBackupPolicyBackupsFailed", severity: warning, wait: "10m", expr: ofPolicy(failedStatus),
			summary: "the last backups of {{ $value }} clients of policy {{ $labels.policy }} (site {{ $labels.site }}) failed",
			meaning: "So many clients of one policy have a common cause. Backups that were cancelled (status 150) do not count. " +
				"NetBackupBackupFailed and NetBackupBackupFailingAgain name the clients.",
			steps: []string{
				"The dashboard Clients and RPO, with this policy chosen, shows the status of each client and what it means.",
				"Status 129 or 84: storage is full or not writable. Status 24, 25, 41, 42, 58: the network or a firewall. Status 96: no media. Status 2074: a disk volume is down.",
				"Different statuses: look for what the clients share, such as the media server, the network or a change of the policy.",
				"Correct the cause, then restart the failed jobs from the Activity monitor.",
			},
		},
		{
			name: "NetBackupPolicyBackupsCancelled", severity: warning, wait: "50m", expr: ofPolicy(cancelled),
			summary: "the last backups of {{ $value }} clients of policy {{ $labels.policy }} (site {{ $labels.site }}) were cancelled",
			meaning: "Somebody ended them on purpose (status 150): they did not fail, but there is no backup either. NetBackupBackupCancelled names the clients.",
			steps: []string{
				"Web UI, Security > Security events > Audit events: shows who cancelled the jobs. Ask whether the reason is gone.",
				"It is: run the policy manually, or wait for its next window. NetBackupPolicyBackupsMissed fires if that is too late.",
			},
		},
		{
			name: "NetBackupPolicyClientsNeverSucceeded", severity: critical, wait: "50m", expr: ofPolicy(neverBackedUp),
			summary: "{{ $value }} clients of policy {{ $labels.policy }} (site {{ $labels.site }}) have never been backed up successfully",
			meaning: "No successful backup of these clients is known, and their first ones were due. Nothing of them can be restored. NetBackupClientNeverSucceeded names them.",
			steps: []string{
				"A new policy: check that it is active, has a schedule with a window and a storage unit that exists, and run it manually for one client.",
				"Failed attempts: the dashboard Clients and RPO shows the status and what it means.",
				"The clients are on another network than the others: check host names, firewall and certificates (bptestbpcd).",
			},
		},
	}
}

func missedAlerts() []alert {
	return []alert{
		{
			name: "NetBackupBackupMissed", severity: warning, wait: "15m", expr: missed,
			summary: "{{ $labels.client }} (policy {{ $labels.policy }}, {{ $labels.schedule_type }}, site {{ $labels.site }}): a backup was due {{ $value | humanizeDuration }} ago and none has succeeded since",
			meaning: "The last start window in which a backup of this type had to start has closed without a success. " +
				"Windows, calendar and frequency of the policy are taken into account, so a weekend without a window does not fire. If the client is lost now, everything since its last success is lost. " +
				"Good backups of another type do not clear it: a full backup that always fails beside good incrementals is missed.",
			steps: []string{
				"Check whether it failed or never ran: nbu_client_last_attempt_timestamp_seconds and nbu_client_last_status of this client.",
				"It failed: find the job in the Activity monitor, look up its status code, correct the cause, and run the policy manually for this client.",
				"It was cancelled (status 150): find out who did it and why, then run the policy manually for this client.",
				"It never ran: check whether the policy is active, the window is long enough, and whether the job is queued.",
				"The date looks wrong: docs/troubleshooting.md explains where it comes from. Shifted by hours: set BACKWIRE_NETBACKUP_TIME_ZONE to the zone of the primary server.",
				"The client was retired: remove it from the policy, and the alert clears.",
			},
		},
		{
			name: "NetBackupClientMissedRPO", severity: warning, wait: "15m",
			expr: `time() - max by (site, client, policy) (nbu_client_last_success_timestamp_seconds)
> on (site, client, policy)
1.25 * ` + clientRPO + `
unless on (site)
nbu_client_due_timestamp_seconds
unless on (site, client)
nbu_client_paused`,
			summary: "{{ $labels.client }} (policy {{ $labels.policy }}, site {{ $labels.site }}) was last backed up {{ $value | humanizeDuration }} ago",
			meaning: "The client's last successful backup is older than its schedule allows, plus a quarter of that time. " +
				"If the client is lost now, everything since then is lost. The allowed time is one week if the schedules do not define it, and one day if policies cannot be read. Where due dates are known, NetBackupBackupMissed takes the place of this alert. Nothing is missed of clients whose backups are paused.",
			steps: []string{
				"Check whether it failed or never ran: nbu_client_last_attempt_timestamp_seconds and nbu_client_last_status of this client.",
				"It failed: find the job in the Activity monitor, look up its status code, correct the cause, and run the policy manually for this client.",
				"It never ran: check whether the policy is active, the schedule's window is long enough, and whether the job is queued.",
				"Many clients of one policy or storage unit at once: check the storage alerts first.",
				"The client was retired: remove it from the policy, and the alert clears.",
				"Only users start the policy, or it runs on a single day: silence the alert for this policy, or give the policy a frequency.",
			},
		},
		{
			name: "NetBackupJobsNotShown", severity: warning, wait: "1h", expr: `nbu_clients_not_shown > 0`,
			summary: "no job of any {{ $labels.policy_type }} policy of {{ $labels.site }} is known, though backups of {{ $value }} client(s) were due",
			meaning: "Jobs of other policies are known, so the role probably shows the jobs of some workloads and all policies. Whether these clients were backed up is not known; nbu_client_due_timestamp_seconds and nbu_client_never_succeeded are absent for them.",
			steps: []string{
				"Web UI, Activity monitor > Jobs, as an administrator: if there are jobs of these policies, give backwire's role View on |MANAGE|JOBS| under Global permissions, in place of a permission on single workloads.",
				"If there are none, no backup of this type has ever started: check that a policy of it is active and has a schedule with a window, and run it manually for one client.",
				"If these policies are backed up and monitored elsewhere, silence the alert for the policy type.",
			},
		},
		{
			name: "NetBackupClientNeverSucceeded", severity: warning, wait: "1h", expr: neverBackedUp,
			summary: "{{ $labels.client }} (policy {{ $labels.policy }}, site {{ $labels.site }}) has never been backed up successfully",
			meaning: "The client is in an active policy and its first backup was due, or a backup was attempted, but no successful backup is known. Nothing of this client can be restored.",
			steps: []string{
				"No attempt: check that the policy is active, has a schedule with a window, and uses the host name that the client uses.",
				"Failed attempts: bptestbpcd on the primary server shows whether the client is reachable; then read the job details.",
				"A virtual machine: a snapshot that fails is a failed backup; look at the events of the machine in vCenter.",
				"The agent is new and reads a short history (BACKWIRE_BACKFILL): the alert clears with the next success.",
			},
		},
	}
}

func failedAlerts() []alert {
	return []alert{
		{
			name: "NetBackupBackupFailed", severity: warning, wait: "30m", expr: failedOnce,
			summary: "{{ $labels.client }} (policy {{ $labels.policy }}, site {{ $labels.site }}): the last backup failed with status {{ $value }}",
			meaning: "The last backup of this client, with all its streams and snapshots, ended with a status above 1, and NetBackup has not repeated it with success for half an hour. The one before was good.",
			steps: []string{
				"The status page of the agent and the dashboard Clients and RPO say what the status means; the Activity monitor shows the details of the job.",
				"Correct the cause, and restart the job from the Activity monitor or wait for the next window.",
				"A single status 24, 25, 41 or 42 during changes of the network often corrects itself with the next backup.",
			},
		},
		{
			name: "NetBackupBackupFailingAgain", severity: warning, wait: "15m",
			expr: `max by (site, client, policy) (nbu_client_consecutive_failures >= 2)
and on (site, client, policy)
` + failedStatus,
			summary: "{{ $labels.client }} (policy {{ $labels.policy }}, site {{ $labels.site }}): {{ $value }} backups in a row have failed",
			meaning: "No backup of this client has succeeded since several attempts. It does not correct itself.",
			steps: []string{
				"nbu_client_last_status shows the status; the status page of the agent and the dashboard Clients and RPO say what it means.",
				"Status 24, 25, 41, 42, 58: bptestbpcd on the primary server shows whether the client is reachable. Status 59: the client does not allow access to the server.",
				"A virtual machine with status 156 or 4207: its snapshot fails; look at its events in vCenter.",
				"Part of the streams fail each night: compare the streams of the job; one of the paths or databases is the cause.",
				"The client was retired: remove it from the policy, and the alert clears.",
			},
		},
		{
			name: "NetBackupBackupCancelled", severity: warning, wait: "1h", expr: cancelled,
			summary: "{{ $labels.client }} (policy {{ $labels.policy }}, site {{ $labels.site }}): the last backup was cancelled",
			meaning: "Somebody ended the backup on purpose (status 150): it did not fail, but there is no backup either.",
			steps: []string{
				"Web UI, Security > Security events > Audit events: shows who cancelled the job. Ask whether the reason is gone.",
				"It is: run the policy manually for this client, or wait for its next window. NetBackupBackupMissed fires if that is too late.",
			},
		},
	}
}

// indented moves each line of an expression to the right.
func indented(expr, by string) string { return by + strings.ReplaceAll(expr, "\n", "\n"+by) }
