package nbusim

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestIrregularitiesChangeHowAJobIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for irregular, want := range map[Irregularity]string{
			Regular:                `"id":"2"`,
			NumericIDs:             `"id":2`,
			UndocumentedAttributes: `"vendorDetail":{`,
			UnknownEnums:           `"scheduleType":"FULL"`,
			Nulls:                  `"acceleratorOptimization":null`,
			EmptyStrings:           `"transferRate":""`,
			DateForms:              `"endTime":"1970-01-01T00:00:00Z"`,
			ShortFloats:            `"compressionSpaceRatio":0,`,
			ClockDurations:         `"elapsedTime":"01:02:05"`,
		} {
			odd, plain := newServer(t, Options{Irregular: irregular}), newServer(t, Options{})
			for range 2 {
				odd.AddJob(JobSpec{})
				plain.AddJob(JobSpec{})
			}
			time.Sleep(time.Hour + 125*time.Second)
			a := get(t, odd, "/admin/jobs/2").body
			if !strings.Contains(string(a), want) || !json.Valid(a) {
				t.Errorf("%b: %s is not in %s", irregular, want, a)
			}
			a = get(t, plain, "/admin/jobs/2").body
			if irregular != Regular && strings.Contains(string(a), want) {
				t.Errorf("%s is regular", want)
			}
		}
	})
}

func TestTruthHasTheWordsOfTheAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Options{Irregular: EveryIrregularity})
		s.AddHistory(Workload{Seed: 1}, 200, time.Hour)
		s.AddJob(JobSpec{Life: Run(0, time.Second, 0)})
		time.Sleep(time.Minute)
		for k := range s.Truth().Completed {
			if k.ScheduleType == "FULL_BACKUP" {
				t.Errorf("the truth has the regular word: %+v", k)
			}
		}
		if a := get(t, s, "/admin/jobs"+query("page[limit]", "100")).body; !json.Valid(a) {
			t.Error("the page is not JSON")
		}
	})
}
