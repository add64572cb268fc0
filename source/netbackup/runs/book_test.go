package runs

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

const (
	second = 1000
	night  = 1_700_000_000_000
)

// at is a job of db-1 under gold that started and ended so many seconds into the night.
func at(id, parent int64, status int32, start, end int64) Job {
	return Job{
		ID: id, Parent: parent, Type: backup, Policy: "gold", Client: "db-1", ScheduleType: "FULL_BACKUP", Try: 1,
		Status: status, Start: night + start*second, End: night + end*second, Bytes: 100,
	}
}

func parentOf(j Job, children int32) Job {
	j.Children, j.Bytes = children, 0
	return j
}

func of(client, kind string, j Job) Job {
	j.Client, j.Type = client, kind
	return j
}

func stream(number int32, j Job) Job {
	j.Stream = number
	return j
}

func tried(try int32, j Job) Job {
	j.Try = try
	return j
}

// sayings are the summaries of all pairs after an hour and a minute, as text.
func sayings(b *Book) map[Pair]string {
	b.Settle(night + 20*3600*second)
	out := map[Pair]string{}
	for p := range b.histories {
		s, known := b.Summary(p)
		if !known {
			continue
		}
		text := fmt.Appendf(nil, "status %d at %d, %d bytes, %d failures", s.Status, (s.Attempt-night)/second, s.Bytes, s.Failures)
		for _, x := range s.Successes {
			text = fmt.Appendf(text, ", %s %d to %d", x.ScheduleType, (x.Start-night)/second, (x.End-night)/second)
		}
		out[p] = string(text)
	}
	return out
}

// TestRunIsTheSameInEveryOrder tells the jobs of some nights in a hundred orders, with a restart among them.
func TestRunIsTheSameInEveryOrder(t *testing.T) {
	db1 := Pair{"db-1", "gold"}
	tests := map[string]struct {
		jobs []Job
		want map[Pair]string
	}{
		"one job": {[]Job{at(1, 1, 0, 10, 20)}, map[Pair]string{db1: "status 0 at 20, 100 bytes, 0 failures, FULL_BACKUP 10 to 20"}},
		"one stream fails and the other ends after it": {
			[]Job{parentOf(at(1, 0, 42, 0, 100), 2), at(2, 1, 42, 10, 20), at(3, 1, 0, 10, 99)},
			map[Pair]string{db1: "status 42 at 100, 200 bytes, 1 failures"},
		},
		"a parent that tells more": {
			[]Job{parentOf(at(1, 0, 196, 0, 100), 1), at(2, 1, 0, 10, 20)},
			map[Pair]string{db1: "status 196 at 100, 100 bytes, 1 failures"},
		},
		"a partial stream": {
			[]Job{parentOf(at(1, 0, 0, 0, 100), 2), at(2, 1, 1, 10, 20), at(3, 1, 0, 10, 20)},
			map[Pair]string{db1: "status 1 at 100, 200 bytes, 0 failures, FULL_BACKUP 0 to 100"},
		},
		"cancelled beside a failure": {
			[]Job{parentOf(at(1, 0, 150, 0, 100), 2), at(2, 1, 150, 10, 20), at(3, 1, 13, 10, 20)},
			map[Pair]string{db1: "status 13 at 100, 200 bytes, 1 failures"},
		},
		"a status that is not known is no success": {
			[]Job{parentOf(at(1, 0, 0, 0, 100), 1), at(2, 1, -1, 10, 20)},
			map[Pair]string{db1: "status -1 at 100, 100 bytes, 0 failures"},
		},
		"the last try of a job counts": {
			[]Job{at(1, 0, 42, 10, 20), tried(2, at(1, 0, 0, 10, 50))},
			map[Pair]string{db1: "status 0 at 50, 100 bytes, 0 failures, FULL_BACKUP 10 to 50"},
		},
		"a success that ran again and failed": {
			[]Job{at(1, 0, 0, 10, 20), at(5, 0, 0, 30, 40), tried(2, at(5, 0, 42, 30, 50))},
			map[Pair]string{db1: "status 42 at 50, 100 bytes, 1 failures, FULL_BACKUP 10 to 20"},
		},
		"a stream begun again by another job": {
			[]Job{parentOf(at(1, 0, 0, 0, 100), 2), stream(1, at(2, 1, 42, 10, 20)), stream(1, at(3, 1, 0, 30, 90))},
			map[Pair]string{db1: "status 0 at 100, 100 bytes, 0 failures, FULL_BACKUP 0 to 100"},
		},
		"virtual machines below a search for them": {
			[]Job{
				parentOf(of("MEDIA_SERVER", backup, at(1, 0, 42, 0, 200)), 2),
				parentOf(of("vm-1", snapshot, at(2, 1, 0, 10, 60)), 1), of("vm-1", backup, at(3, 2, 0, 20, 50)),
				of("vm-2", snapshot, at(4, 1, 156, 10, 30)),
			},
			map[Pair]string{
				{"vm-1", "gold"}: "status 0 at 60, 100 bytes, 0 failures, FULL_BACKUP 10 to 60",
				{"vm-2", "gold"}: "status 156 at 30, 100 bytes, 1 failures",
			},
		},
		"a search on a backup host": {
			[]Job{
				parentOf(of("host", backup, at(1, 0, 42, 0, 200)), 1), parentOf(of("vm-1", snapshot, at(2, 1, 0, 10, 60)), 1),
				of("vm-1", backup, at(3, 2, 0, 20, 50)),
			},
			map[Pair]string{{"vm-1", "gold"}: "status 0 at 60, 100 bytes, 0 failures, FULL_BACKUP 10 to 60"},
		},
		"a search that failed": {[]Job{of("MEDIA_SERVER", backup, at(1, 0, 200, 0, 200))}, map[Pair]string{}},
		"snapshots alone": {
			[]Job{parentOf(at(1, 0, 0, 0, 100), 1), of("db-1", snapshot, at(2, 1, 0, 10, 60))},
			map[Pair]string{db1: "status 0 at 100, 100 bytes, 0 failures, FULL_BACKUP 0 to 100"},
		},
		"a snapshot without the backup that the policy takes": {
			[]Job{at(1, 0, 0, 0, 5), parentOf(of("MEDIA_SERVER", backup, at(2, 0, 0, 0, 100)), 1), of("vm-1", snapshot, at(3, 2, 0, 10, 60))},
			map[Pair]string{db1: "status 0 at 5, 100 bytes, 0 failures, FULL_BACKUP 0 to 5"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, 2))
			for range 100 {
				random.Shuffle(len(test.jobs), func(i, j int) { test.jobs[i], test.jobs[j] = test.jobs[j], test.jobs[i] })
				b := NewBook(100)
				for _, j := range test.jobs {
					b.Observe(&j)
					switch random.IntN(3) {
					case 0:
						b.Settle(j.End)
					case 1:
						b.Settle(j.End)
						b = again(t, b)
					}
				}
				if got := sayings(b); !reflect.DeepEqual(got, test.want) {
					t.Fatalf("%v\nsays %v\nwant %v", test.jobs, got, test.want)
				}
				b.Settle(night + 60*3600*second)
				if len(b.nodes)+len(b.trees)+len(b.children) > 0 {
					t.Fatalf("%d jobs, %d trees and %d parents are still remembered", len(b.nodes), len(b.trees), len(b.children))
				}
				if got := sayings(again(t, b)); !reflect.DeepEqual(got, test.want) {
					t.Fatalf("closed: %v\nwant %v", got, test.want)
				}
			}
		})
	}
}

// again is a book that was restored from the state of another.
func again(t *testing.T, b *Book) *Book {
	t.Helper()
	back := NewBook(b.mostPairs)
	for p := range b.histories {
		b.changed[p] = true
	}
	for _, c := range b.Changes() {
		if c.Value == nil {
			continue
		}
		if err := back.Restore(c.Key, c.Value); err != nil {
			t.Fatal(err)
		}
		for n := range c.Value {
			_ = NewBook(1).Restore(c.Key, c.Value[:n]) // never panics
		}
	}
	back.Restored(night)
	return back
}

func TestSuccessWaitsForWhatIsMissing(t *testing.T) {
	b := NewBook(10)
	parent, one, two := parentOf(at(1, 0, 0, 0, 100), 2), at(2, 1, 0, 10, 50), at(3, 1, 42, 10, 90)
	b.Observe(&one)
	open := parent
	open.End, open.Status = 0, 0
	b.Open([]Job{open}, night+60*second)
	for range 3 {
		if b.Settle(night + 60*second); len(summaries(b)) != 0 || !b.Waits(Pair{"db-1", "gold"}, night+60*second, isFull) {
			t.Fatal("a run is told of whose parent is open")
		}
	}
	b.Observe(&parent)
	if b.Settle(night + 100*second); len(summaries(b)) != 0 {
		t.Fatal("a run is told of that lacks a stream")
	}
	if b.Settle(night + 100*second + missingWait); summaries(b)[0].Status != 0 || b.Waits(Pair{"db-1", "gold"}, night+100*second+missingWait, isFull) {
		t.Fatal("a run waits for ever for a stream that is not shown")
	}
	if s := summaries(b)[0].Successes; len(s) != 1 || s[0].Start != night {
		t.Errorf("%+v, want a success that began with the night", s)
	}
	b.Observe(&two)
	b.Settle(night + 24*3600*second)
	if s := summaries(b)[0]; s.Status != 42 || s.Failures != 1 || len(s.Successes) != 0 {
		t.Errorf("a stream that is shown a day late does not correct the run: %+v", s)
	}
}

// A backup ends before its snapshot is listed, which is below a search that is not shown: its run is not over while the snapshot is open.
func TestSuccessWaitsBelowAParentThatIsListedLater(t *testing.T) {
	b := NewBook(10)
	b.Open(nil, night)
	done := at(3, 2, 0, 10, 20)
	if !b.Observe(&done) {
		t.Fatal("no room")
	}
	b.Settle(night + 21*second)
	shot := of("db-1", snapshot, at(2, 1, -1, 10, 0))
	shot.End = 0
	for minute := int64(1); minute < 180; minute += 10 {
		b.Open([]Job{shot}, night+minute*60*second)
		b.Settle(night + minute*60*second)
		if s, known := b.Summary(done.pair()); known {
			t.Fatalf("after %d minutes: %+v", minute, s)
		}
	}
}

func isFull(scheduleType string) bool { return scheduleType == "FULL_BACKUP" }

func summaries(b *Book) (out []Summary) {
	for p := range b.histories {
		if s, known := b.Summary(p); known {
			out = append(out, s)
		}
	}
	return out
}

func TestFullFailsBesideLogBackups(t *testing.T) {
	b := NewBook(10)
	for day := range int64(25) {
		full := at(100*day+1, 0, 42, day*86400, day*86400+100)
		b.Observe(&full)
		for hour := range int64(24) {
			j := at(100*day+2+hour, 0, 0, day*86400+hour*3600+200, day*86400+hour*3600+300)
			j.ScheduleType = "TRANSACTION_LOG_BACKUP"
			b.Observe(&j)
		}
		b.Settle(full.End + 86_000*second)
	}
	if s := summaries(b)[0]; s.Failures != 25 || len(s.Successes) != 1 || s.Successes[0].ScheduleType != "TRANSACTION_LOG_BACKUP" {
		t.Errorf("%+v, want 25 failures and a success of log backups alone", s)
	}
	good := at(9999, 0, 0, 26*86400, 26*86400+50)
	b.Observe(&good)
	b.Settle(good.End)
	if s := summaries(b)[0]; s.Failures != 0 || len(s.Successes) != 2 {
		t.Errorf("%+v, want no failure after a full backup", s)
	}
}

func TestBookIsBounded(t *testing.T) {
	b := NewBook(100)
	for i := range int64(3 * mostJobs) {
		j := at(i+1, i%7, 0, i, i+5) // trees that hang together, and parents that come after themselves
		j.Client = fmt.Sprint("client-", i%300)
		b.Observe(&j)
		if i%1000 == 0 {
			b.Settle(j.End)
		}
	}
	b.Settle(night)
	if b.pairs != 100 || len(b.nodes) > mostJobs+1000 || len(b.turnedAway) > mostTurnedAway {
		t.Errorf("%d pairs, %d jobs, %d turned away", b.pairs, len(b.nodes), len(b.turnedAway))
	}
	open := make([]Job, 3*MostOpen)
	for i := range open {
		open[i] = at(int64(i)+1_000_000, int64(i)+1_000_001, 0, 0, 0)
	}
	b.Open(open, night)
	if len(b.openByID) > MostOpen {
		t.Errorf("%d open jobs", len(b.openByID))
	}
	for i := range open { // all of one client, and all of them lack their parent
		open[i].Parent, open[i].End, open[i].Client = int64(i)+2_000_000, night+10*second, "client-0"
		if b.Observe(&open[i]); i%1000 == 0 {
			b.Settle(night + 20*second)
		}
	}
	b.Settle(night + 20*second)
	if got := len(b.histories[Pair{"client-0", "gold"}].runs); got > 256 {
		t.Errorf("%d runs of one client", got)
	}
}

// However many runs of a client are under way at once, each is one: what ended of it is not taken for a run of its own. Nothing is lost
// to those that are over, of which there are too many to keep.
func TestRunsUnderWayAreWhole(t *testing.T) {
	const many, over = 100, 200
	b := NewBook(10)
	var open []Job
	for i := range int64(many) {
		open = append(open, parentOf(at(10*i+1, 0, 0, i, 0), 2), stream(2, at(10*i+3, 10*i+1, 0, i, 0)))
		open[2*i].End, open[2*i+1].End = 0, 0
	}
	b.Open(open, night+1000*second)
	for i := range int64(many) {
		failed := stream(1, at(10*i+2, 10*i+1, 42, i, 1000+i))
		b.Observe(&failed)
	}
	for i := range int64(over) {
		failed := at(100_000+i, 0, 42, 1000, 1200+i)
		b.Observe(&failed)
	}
	b.Settle(night + 1500*second)
	for i := range int64(many) {
		for _, j := range []Job{stream(2, at(10*i+3, 10*i+1, 0, i, 2000+i)), parentOf(at(10*i+1, 0, 42, i, 2000+i), 2)} {
			b.Observe(&j)
		}
	}
	b.Settle(night + 3000*second)
	if s, _ := b.Summary(Pair{"db-1", "gold"}); s.Failures != many+over {
		t.Errorf("%d failures, want %d", s.Failures, many+over)
	}
}

// A pair that was ended is told nothing of. A job of it that is shown late lets it go on with all that was known; a day later nothing
// is left.
func TestEndedPairGoesOnWithAJobThatIsShownLate(t *testing.T) {
	p := Pair{"db-1", "gold"}
	for name, after := range map[string]int64{"shown a day late": 24 * 3600, "later": 26 * 3600} {
		b := NewBook(10)
		good := at(1, 0, 0, 10, 20)
		b.Observe(&good)
		b.Settle(good.End)
		b.End(p, night+100*second)
		if s, known := b.Summary(p); known {
			t.Errorf("%s: ended, and told %+v", name, s)
		}
		for now := int64(600); now <= after; now += 600 {
			if pairs := b.Settle(night + now*second); len(pairs) > 1 {
				t.Errorf("%s: %v have changed", name, pairs)
			}
		}
		failed := at(2, 0, 58, 3000, 3100)
		b.Observe(&failed)
		pairs := b.Settle(night + (after+60)*second)
		s, known := b.Summary(p)
		if want := min(1, 25*3600/after); !known || len(pairs) != 1 || s.Status != 58 || int64(len(s.Successes)) != want {
			t.Errorf("%s: %+v, %d pairs have changed, want %d successes", name, s, len(pairs), want)
		}
	}
}

// The last failed run that nothing has made good is known with its type, its tries and how long it took, beside a good one of another
// type too; once it is closed its type and its end are left, and a success that holds as much makes an end of it.
func TestFailureThatNothingHasMadeGood(t *testing.T) {
	p := Pair{"db-1", "gold"}
	b := NewBook(10)
	settled := func(now int64, jobs ...Job) *Failure {
		t.Helper()
		for i := range jobs {
			b.Observe(&jobs[i])
		}
		b.Settle(now)
		s, _ := b.Summary(p)
		return s.Failure
	}
	log := func(j Job) Job { j.ScheduleType = "TRANSACTION_LOG_BACKUP"; return j }
	if f := settled(night+20*second, at(1, 0, 0, 0, 10)); f != nil {
		t.Errorf("%+v, want none", f)
	}
	streams := []Job{parentOf(at(2, 0, 42, 100, 400), 2), stream(1, tried(3, at(3, 2, 42, 110, 390))), stream(2, at(4, 2, 0, 110, 200))}
	want := Failure{"FULL_BACKUP", 42, night + 100*second, night + 400*second, 3}
	if f := settled(night+500*second, streams...); f == nil || *f != want {
		t.Errorf("%+v, want %+v", f, want)
	}
	if f := settled(night+700*second, log(at(5, 0, 0, 600, 650))); f == nil || *f != want {
		t.Errorf("beside log backups: %+v, want %+v", f, want)
	}
	b = again(t, b)
	if f := settled(night + 800*second); f == nil || *f != want {
		t.Errorf("after a restart: %+v, want %+v", f, want)
	}
	for i := range int64(30) {
		settled(night+(i+1)*3600*second, log(at(10+i, 0, 0, (i+1)*3600, (i+1)*3600+60)))
	}
	if f, left := settled(night+31*3600*second), (Failure{"FULL_BACKUP", -1, 0, night + 400*second, 0}); f == nil || *f != left {
		t.Errorf("closed: %+v, want %+v", f, left)
	}
	if f := settled(night+40*3600*second, at(90, 0, 0, 39*3600, 39*3600+60)); f != nil {
		t.Errorf("made good: %+v", f)
	}
}

func TestWhatAnOlderVersionRememberedGoesOn(t *testing.T) {
	p := Pair{"db-1", "gold"}
	b := NewBook(10)
	b.Adopt(p, Summary{Attempt: night, Status: 42, Bytes: 5, Failures: 2, Successes: []Success{{"", night - 100*second, night - 50*second}}})
	b = again(t, b)
	failed := at(1, 0, 58, 10, 20)
	b.Observe(&failed)
	b.Settle(failed.End)
	if s, _ := b.Summary(p); s.Failures != 3 || !slices.Equal(s.Successes, []Success{{"", night - 100*second, night - 50*second}}) {
		t.Errorf("%+v, want three failures and the success that was remembered", s)
	}
	good := at(2, 0, 0, 30, 40)
	b.Observe(&good)
	b.Settle(good.End)
	if s, _ := b.Summary(p); s.Failures != 0 || len(s.Successes) != 1 || s.Successes[0].ScheduleType != "FULL_BACKUP" {
		t.Errorf("%+v, want the full backup alone", s)
	}
	if gone := b.Forget(night+36*day, night+36*day, nil); len(gone) != 0 {
		t.Errorf("forgets %v, of which a run may still change", gone)
	}
	b.Settle(night + 36*day)
	if gone := b.Forget(night+36*day, night+36*day, nil); len(gone) != 1 || b.pairs != 0 || len(b.histories) != 0 {
		t.Errorf("forgets %v, still knows %d", gone, len(b.histories))
	}
}

// A time that cannot be hides nothing: a job that ended in a year to come tells nothing until its time has come.
func TestTimesThatCannotBeTellNothing(t *testing.T) {
	b := NewBook(10)
	b.Believe(night + 3600*second)
	absurd := at(1, 0, 0, 0, 40_000*86_400)
	b.Observe(&absurd)
	if b.Settle(night + 1800*second); len(summaries(b)) != 0 {
		t.Errorf("%+v of a time that cannot be", summaries(b))
	}
	failed := at(2, 0, 42, 10, 20)
	b.Observe(&failed)
	if b.Settle(night + 1800*second); len(summaries(b)) != 1 || summaries(b)[0].Status != 42 {
		t.Errorf("%+v, want the failure", summaries(b))
	}
}

// A failed job that stands alone and has moved nothing may be the policy's own search for clients: who knows the policy's configuration
// says so. It is no client's, unless a backup of the client has succeeded.
func TestASearchThatFailedMakesNoClient(t *testing.T) {
	for name, test := range map[string]struct {
		searches, known, succeeded bool
		want, later                int // clients, at once and after an hour
	}{
		"it searches":             {true, true, false, 0, 0},
		"it does not":             {false, true, false, 1, 1},
		"nobody knows":            {false, false, false, 0, 1},
		"a client that succeeded": {true, true, true, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			b := NewBook(10)
			b.Searches(func(policy string) (yes, known bool) { return test.searches && policy == "gold", test.known })
			if test.succeeded {
				good := at(1, 0, 0, -50*3600, -49*3600)
				b.Observe(&good)
				b.Settle(night - 20*3600*second)
			}
			failed := at(2, 0, 42, 0, 100)
			failed.Bytes = 0
			b.Observe(&failed)
			if b.Settle(night + 100*second); len(summaries(b)) != test.want {
				t.Errorf("%+v is told at once", summaries(b))
			}
			if b.Settle(night + 5000*second); len(summaries(b)) != test.later {
				t.Errorf("%+v is told after an hour", summaries(b))
			}
		})
	}
}

// A root that has children of which none is known is, where the policy searches for its clients, the search itself, whatever became of it:
// the runs of what it found may be over and forgotten. Elsewhere it is judged by itself once they are an hour late.
func TestASearchWhoseChildrenAreForgottenMakesNoClient(t *testing.T) {
	for _, status := range []int32{0, 42} {
		for _, searches := range []bool{true, false} {
			b := NewBook(10)
			b.Searches(func(string) (yes, known bool) { return searches, true })
			root := parentOf(of("backup-host", backup, at(1, 0, status, 0, 100)), 1)
			b.Observe(&root)
			b.Settle(night + 5000*second)
			want := 1
			if searches {
				want = 0
			}
			if got := summaries(b); len(got) != want {
				t.Errorf("status %d, searches %v: %+v", status, searches, got)
			}
		}
	}
}

// What a run writes is its own, however many other clients there are.
func TestARunWritesItsOwnState(t *testing.T) {
	b := NewBook(2000)
	for i := range int64(1000) {
		j := at(i+1, 0, int32(i%2)*58, i, i+100)
		j.Client = fmt.Sprintf("client-%04d.example.com", i)
		b.Observe(&j)
	}
	b.Settle(night + 3600*second)
	b.Changes()
	for name, test := range map[string]struct {
		status int32
		most   int
	}{"a success": {0, 80}, "a failure": {58, 100}} {
		j := at(5000+int64(test.status), 0, test.status, 7200, 7300)
		j.Client = fmt.Sprintf("client-%04d.example.com", test.status)
		b.Observe(&j)
		b.Settle(night + 7400*second)
		size := 0
		for _, c := range b.Changes() {
			size += len(c.Key) + len(c.Value)
		}
		if size == 0 || size > test.most {
			t.Errorf("%s among a thousand clients writes %d bytes of state, want no more than %d", name, size, test.most)
		}
	}
	b.Settle(night + 7500*second)
	if c := b.Changes(); len(c) != 0 {
		t.Errorf("%d changes, want none where nothing ended", len(c))
	}
}

// A run of which a later success tells more is kept as a few numbers, a tree of jobs once it is whole.
func TestRunsOfThePastAreNumbers(t *testing.T) {
	b := NewBook(10)
	for hour := range int64(20) {
		id, begin := 10*hour+1, hour*3600
		for _, j := range []Job{parentOf(at(id, 0, 0, begin, begin+100), 2), at(id+1, id, 0, begin, begin+50), at(id+2, id, 0, begin, begin+90)} {
			b.Observe(&j)
		}
		b.Settle(night + (begin+3000)*second)
	}
	if len(b.nodes) > 9 {
		t.Errorf("%d jobs are remembered, want those of the last runs", len(b.nodes))
	}
}
