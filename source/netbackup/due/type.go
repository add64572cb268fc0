package due

import "strings"

// Types of backups, in the words that jobs have for them (admin.yaml, scheduleType).
const (
	Full         = "FULL_BACKUP"
	Cumulative   = "CUMULATIVE_INCREMENTAL_BACKUP"
	Differential = "DIFFERENTIAL_INCREMENTAL_BACKUP"
	RedoLog      = "ARCHIVE_REDO_LOG_BACKUP"
	Log          = "TRANSACTION_LOG_BACKUP"
)

// TypeOf is the type of a backup in the words of jobs, from those of a policy (backupType: Full Backup) or those that servers
// use beside the documented ones (FULL, INCR). A word that is not known stays as it is.
func TypeOf(word string) string {
	switch upper := strings.ReplaceAll(strings.ToUpper(word), " ", "_"); upper {
	case "FULL":
		return Full
	case "INCR", "DIFFERENTIAL_INCREMENTAL", "DIFFERENTIAL":
		return Differential
	case "CINC", "CUMULATIVE_INCREMENTAL", "CUMULATIVE":
		return Cumulative
	case "TRANSACTION_LOG":
		return Log
	case "ARCHIVED_REDO_LOG_BACKUP":
		return RedoLog
	default:
		return upper
	}
}

// StartsByItself says that NetBackup begins such a backup, and not a user, an application or a deployment.
func StartsByItself(scheduleType string) bool {
	switch scheduleType {
	case "USER_BACKUP", "USER_ARCHIVE", "APPLICATION_BACKUP", "PRECHECK", "PRE_CHECK", "STAGE_PACKAGE", "INSTALL_PACKAGE", "STAGE", "INSTALL":
		return false
	}
	return true
}

// Keeps says that a success of one type keeps the promise of another: an incremental backup is also kept by one that holds
// more, because NetBackup counts its frequency from that too. Nothing but a full keeps the promise of a full.
func Keeps(done, promised string) bool {
	if promised == "" || done == promised {
		return true
	}
	have, want := holds(done), holds(promised)
	return want > 0 && have >= want || isLog(done) && isLog(promised)
}

// holds ranks what a backup of a type holds; 0 is not known. The automatic ones are those of databases.
func holds(scheduleType string) int {
	switch scheduleType {
	case Full, "AUTOMATIC_FULL_BACKUP", "AUTOMATIC_BACKUP":
		return 3
	case Cumulative, "AUTOMATIC_CUMULATIVE_INCREMENTAL_BACKUP":
		return 2
	case Differential, "AUTOMATIC_DIFFERENTIAL_INCREMENTAL_BACKUP", "AUTOMATIC_INCREMENTAL_BACKUP":
		return 1
	}
	return 0
}

func isLog(scheduleType string) bool { return scheduleType == RedoLog || scheduleType == Log }
