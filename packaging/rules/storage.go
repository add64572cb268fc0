package rules

func storageAlerts() []alert { return append(append(roomAlerts(), volumeFull()), downAlerts()...) }

// roomAlerts are about storage that fills.
func roomAlerts() []alert {
	return []alert{
		{
			name: "NetBackupStorageFilling", severity: warning, wait: "1h",
			expr: `(` + poolDays + ` and on (site, disk_pool) nbu_disk_pool_used_bytes offset 2d) < 14
or
(` + unitDays + ` and on (site, storage_unit) nbu_storage_unit_used_bytes offset 2d) < 14`,
			summary: "{{ with $labels.disk_pool }}disk pool {{ . }}{{ end }}{{ with $labels.storage_unit }}storage unit {{ . }}{{ end }} " +
				"at {{ $labels.site }} is full in {{ $value | printf \"%.1f\" }} days",
			meaning: "At last week's growth the storage reaches its high-water mark within two weeks. Then backups fail with status 129.",
			steps: []string{
				"Check when the growth began: the dashboard Storage and forecast shows the last weeks.",
				"A sudden rise: find the policy whose transferred bytes rose (nbu_job_moved_bytes_total by policy) and check whether it is intended.",
				"Steady growth: check that expired images are cleaned up (image cleanup jobs, bpimage -cleanup) and that duplications to the next tier run.",
				"Otherwise add capacity, shorten retention, or move policies to other storage.",
			},
		},
		{
			name: "NetBackupStorageFull", severity: critical, wait: "15m",
			expr: `nbu_disk_pool_used_bytes / nbu_disk_pool_usable_bytes
>= on (site, disk_pool) group_left ()
nbu_disk_pool_high_water_mark_ratio`,
			summary: "disk pool {{ $labels.disk_pool }} at {{ $labels.site }} is {{ $value | humanizePercentage }} full and has reached its high-water mark",
			meaning: "NetBackup treats the pool as full: new backups to it wait, or fail with status 129, until images are deleted.",
			steps: []string{
				"Run the image cleanup (bpimage -cleanup -allclients) and wait for its job; on MSDP, space is freed only after the queue is processed (crcontrol --processqueue).",
				"Move the most urgent policies to another storage unit.",
				"Then follow the steps of NetBackupStorageFilling.",
			},
		},
	}
}

// volumeFull is about one volume of several: NetBackup writes nothing to it any more, whatever room the others of its pool have.
func volumeFull() alert {
	return alert{
		name: "NetBackupDiskVolumeFull", severity: warning, wait: "30m",
		expr: `1 - nbu_disk_volume_free_bytes / nbu_disk_volume_size_bytes
>= on (site, disk_pool) group_left ()
nbu_disk_pool_high_water_mark_ratio
unless on (site, disk_pool)
nbu_disk_pool_used_bytes / nbu_disk_pool_usable_bytes >= on (site, disk_pool) group_left () nbu_disk_pool_high_water_mark_ratio`,
		summary: "volume {{ $labels.volume }} of disk pool {{ $labels.disk_pool }} at {{ $labels.site }} is {{ $value | humanizePercentage }} full",
		meaning: "The pool as a whole has room, but this volume has reached the high-water mark and gets no more jobs. The streams go to the other volumes.",
		steps: []string{
			"nbdevquery -listdv -U shows the volumes of the pool. Run the image cleanup (bpimage -cleanup -allclients) and wait for its job.",
			"Extend the volume, or move images from it (bpduplicate, then bpexpdate of the first copy).",
		},
	}
}

// downAlerts are about storage that does not work.
func downAlerts() []alert {
	return []alert{
		{
			name: "NetBackupDiskPoolDown", severity: critical, wait: "10m",
			expr:    `nbu_disk_pool_up == 0`,
			summary: "disk pool {{ $labels.disk_pool }} at {{ $labels.site }} is down",
			meaning: "No backup can be written to the pool and no image in it can be restored.",
			steps: []string{
				"Check whether its storage server is down too; correct that first.",
				"nbdevquery -listdp -U shows the state; check that the disk is mounted and writable on the media server.",
				"nbdevconfig -changestate -state UP sets it up again once the cause is corrected.",
			},
		},
		{
			name: "NetBackupDiskVolumeDown", severity: warning, wait: "10m",
			expr: `nbu_disk_volume_up == 0
unless on (site, disk_pool)
nbu_disk_pool_up == 0`,
			summary: "volume {{ $labels.volume }} of disk pool {{ $labels.disk_pool }} at {{ $labels.site }} is down",
			meaning: "The pool works without this volume, with less space. Images on the volume cannot be restored.",
			steps: []string{
				"nbdevquery -listdv -U shows the volume; check its disk, share or bucket and the credentials for it.",
				"nbdevconfig -changestate -state UP sets it up again once the cause is corrected.",
			},
		},
		{
			name: "NetBackupStorageServerDown", severity: critical, wait: "10m",
			expr:    `nbu_storage_server_up == 0`,
			summary: "storage server {{ $labels.storage_server }} ({{ $labels.type }}) at {{ $labels.site }} is down",
			meaning: "Nothing can be written to or read from the disk pools behind this server.",
			steps: []string{
				"Check that the host is up and reachable from the primary server and the media servers.",
				"On an MSDP server, check that spad and spoold run (bpps) and read their logs; a full data disk stops them.",
				"For cloud storage: check the credentials, the proxy and the certificate.",
			},
		},
	}
}
