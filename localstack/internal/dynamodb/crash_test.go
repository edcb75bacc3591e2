package dynamodb

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
	"github.com/errandhq/errand/localstack/internal/engine"
	"github.com/errandhq/errand/localstack/internal/kv"
)

// Crash tests. Workers write in rounds, each its own items: round n of worker w is a
// transaction, a batch, a put and an update that all write n. A ledger has the last
// round that each worker began, and the last that was acknowledged. After a crash
// all items of a transaction, or of a batch, must have the same n. Each n must be
// that of an acknowledged round or of one begun since. The indexes must match the
// table.

const (
	crashTable   = "tab"
	crashWorkers = 4
	crashItems   = 3 // of a transaction, and of a batch
)

// A ledger is what was acknowledged to the workers of a load. seen is what a reader
// has seen of each worker's counter.
type ledger struct {
	mu                 sync.Mutex
	begun, acked, seen [crashWorkers]int
}

type ledgerState struct{ begun, acked, seen [crashWorkers]int }

func (l *ledger) state() ledgerState {
	l.mu.Lock()
	defer l.mu.Unlock()
	return ledgerState{l.begun, l.acked, l.seen}
}

func (l *ledger) begin(w, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.begun[w] = n
}

func (l *ledger) ack(w, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acked[w] = n
}

func (l *ledger) saw(w, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen[w] = max(l.seen[w], n)
}

func crashItem(kind string, w, i, n int) Item {
	it := Item{"pk": value.S(fmt.Sprintf("%s-%d", kind, w)), "sk": value.N(strconv.Itoa(i)), "n": value.N(strconv.Itoa(n))}
	if n%3 != 0 { // the entry moves, and at times it is gone
		it["g"] = value.S(fmt.Sprint("g", n%3))
	}
	return it
}

// round is round n of worker w.
func round(ctx context.Context, e *Engine, w, n int) error {
	var actions []TransactWriteItem
	var puts []WriteRequest
	for i := range crashItems {
		actions = append(actions, TransactWriteItem{Put: &TransactAction{TableName: ptr(crashTable), Item: crashItem("tx", w, i, n)}})
		puts = append(puts, WriteRequest{PutRequest: &PutRequest{crashItem("batch", w, i, n)}})
	}
	_, err := e.TransactWriteItems(ctx, &TransactWriteItemsInput{TransactItems: actions, ClientRequestToken: ptr(fmt.Sprint(w, "-", n))})
	if err != nil {
		return err
	}
	if _, err := e.BatchWriteItem(ctx, &BatchWriteItemInput{RequestItems: map[string][]WriteRequest{crashTable: puts}}); err != nil {
		return err
	}
	if _, err := e.PutItem(ctx, &PutItemInput{TableName: ptr(crashTable), Item: crashItem("put", w, 0, n)}); err != nil {
		return err
	}
	_, err = e.UpdateItem(ctx, &UpdateItemInput{TableName: ptr(crashTable), Key: counterKey(w), UpdateExpression: ptr("ADD n :one"),
		ConditionExpression: ptr("attribute_not_exists(n) OR n = :was"), ExpressionAttributeValues: Item{":one": value.N("1"), ":was": value.N(strconv.Itoa(n - 1))}})
	return err
}

func counterKey(w int) Item {
	return Item{"pk": value.S(fmt.Sprint("counter-", w)), "sk": value.N("0")}
}

// look reads a worker's counter with an eventually consistent read.
func look(ctx context.Context, e *Engine, w int) (int, error) {
	out, err := e.GetItem(ctx, &GetItemInput{TableName: ptr(crashTable), Key: counterKey(w)})
	if err != nil || out.Item == nil {
		return 0, err
	}
	return strconv.Atoi(out.Item["n"].Str)
}

// crashLoad makes each worker do further rounds, while readers read.
func crashLoad(t *testing.T, e *Engine, l *ledger, rounds int) {
	t.Helper()
	var wg sync.WaitGroup
	for w, from := range l.state().begun {
		wg.Go(func() {
			for n := from + 1; n <= from+rounds; n++ {
				l.begin(w, n)
				if err := round(t.Context(), e, w, n); err != nil {
					t.Error(err)
					return
				}
				l.ack(w, n)
			}
		})
		wg.Go(func() {
			for range rounds {
				n, err := look(t.Context(), e, w)
				if err != nil {
					t.Error(err)
					return
				}
				l.saw(w, n)
			}
		})
	}
	wg.Wait()
}

// verify returns what is wrong with e after a crash. before is the ledger from
// before the crash, after the one from after it.
func verify(e *Engine, before, after ledgerState) (faults []string) {
	ctx := context.Background()
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	stamps := map[string][]int{}
	items, err := allOf(ctx, e, nil)
	if err != nil {
		return []string{err.Error()}
	}
	for _, it := range items {
		n, _ := strconv.Atoi(it["n"].Str)
		stamps[it["pk"].Str] = append(stamps[it["pk"].Str], n)
	}
	for w := range crashWorkers {
		for kind, want := range map[string]int{"tx": crashItems, "batch": crashItems, "put": 1, "counter": 1} {
			got := stamps[fmt.Sprint(kind, "-", w)]
			if len(got) == 0 && before.acked[w] == 0 && before.seen[w] == 0 {
				continue
			}
			if len(got) != want {
				fault("%s of worker %d has %d items of %d (answered: round %d)", kind, w, len(got), want, before.acked[w])
				continue
			}
			for _, n := range got {
				if n != got[0] {
					fault("%s of worker %d is half of one round and half of another: %v", kind, w, got)
				}
				if n < before.acked[w] || n > after.begun[w] {
					fault("%s of worker %d has round %d; answered was %d, begun %d", kind, w, n, before.acked[w], after.begun[w])
				}
			}
			if kind == "counter" && got[0] < before.seen[w] {
				fault("the counter of worker %d is %d, and a reader has seen %d", w, got[0], before.seen[w])
			}
		}
	}
	return append(faults, indexFaults(ctx, e, items)...)
}

// indexFaults returns the differences between the entries of the index gsi and those
// that the items require.
func indexFaults(ctx context.Context, e *Engine, items []Item) (faults []string) {
	want := map[string]bool{}
	for _, it := range items {
		if g, ok := it["g"]; ok {
			want[fmt.Sprint(g.Str, " ", it["pk"].Str, " ", it["sk"].Str)] = true
		}
	}
	entries, err := allOf(ctx, e, ptr("gsi"))
	if err != nil {
		return []string{err.Error()}
	}
	for _, it := range entries {
		entry := fmt.Sprint(it["g"].Str, " ", it["pk"].Str, " ", it["sk"].Str)
		if !want[entry] {
			faults = append(faults, "the index has "+entry+", the table hasn't")
		}
		delete(want, entry)
	}
	for entry := range want {
		faults = append(faults, "the table has "+entry+", the index hasn't")
	}
	return faults
}

// allOf reads the whole table, or its index.
func allOf(ctx context.Context, e *Engine, index *string) (items []Item, err error) {
	in := &ScanInput{TableName: ptr(crashTable), IndexName: index}
	for {
		out, err := e.Scan(ctx, in)
		if err != nil {
			return nil, err
		}
		items = append(items, out.Items...)
		if in.ExclusiveStartKey = out.LastEvaluatedKey; out.LastEvaluatedKey == nil {
			return items, nil
		}
	}
}

// A syncFS calls hook before and after each sync of a file.
type syncFS struct {
	vfs.FS
	hook func()
}

func (f *syncFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := f.FS.Create(name, c)
	return &syncFile{file, f.hook}, err
}

func (f *syncFS) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := f.FS.ReuseForWrite(from, to, c)
	return &syncFile{file, f.hook}, err
}

type syncFile struct {
	vfs.File
	hook func()
}

func (f *syncFile) Sync() error {
	f.hook()
	defer f.hook()
	return f.File.Sync()
}

func (f *syncFile) SyncData() error {
	f.hook()
	defer f.hook()
	return f.File.SyncData()
}

// A snapshot is the file system at a moment of a load, with the ledger before and
// after it.
type snapshot struct {
	fs            *vfs.MemFS
	before, after ledgerState
}

// snapshots runs a load and clones the file system before and after each of its
// syncs, without the data that isn't synced or with a random part of it.
func snapshots(t *testing.T, noSync bool, rounds int) (taken []snapshot) {
	t.Helper()
	var mu sync.Mutex
	var l ledger
	rng := rand.New(rand.NewPCG(1, 2))
	mem := vfs.NewCrashableMem()
	on := false
	take := func() {
		mu.Lock()
		defer mu.Unlock()
		if !on {
			return
		}
		s := snapshot{before: l.state()}
		cfg := vfs.CrashCloneCfg{}
		if len(taken)%2 == 1 && !noSync {
			cfg = vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: rng}
		}
		s.fs = mem.CrashClone(cfg)
		s.after = l.state()
		taken = append(taken, s)
	}
	store, err := kv.Open("db", kv.Options{FS: &syncFS{mem, take}, NoSync: noSync, Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	e, err := Open(Config{Config: engine.Config{Store: store, Clock: newClock()}})
	if err != nil {
		t.Fatal(err)
	}
	makeTable(t, e, crashTable)
	set := func(v bool) { mu.Lock(); on = v; mu.Unlock() }
	set(true)
	crashLoad(t, e, &l, rounds)
	take() // the end of it, where no sync comes
	set(false)
	e.Close()
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	return taken
}

// faultsOf opens the data directory after a crash, and checks it.
func faultsOf(t *testing.T, s snapshot) []string {
	t.Helper()
	store, err := kv.Open("db", kv.Options{FS: s.fs, Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	e, err := Open(Config{Config: engine.Config{Store: store, Clock: newClock()}})
	if err != nil {
		t.Fatal(err)
	}
	faults := verify(e, s.before, s.after)
	e.Close()
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	return faults
}

// crashRounds is the number of rounds. ERRAND_CRASH_ROUNDS sets it, for long runs.
func crashRounds(t *testing.T, byDefault int) int {
	s := os.Getenv("ERRAND_CRASH_ROUNDS")
	if s == "" {
		return byDefault
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal("ERRAND_CRASH_ROUNDS:", err)
	}
	return n
}

// TestCrashAtEverySync cuts the power before and after each sync of a load.
func TestCrashAtEverySync(t *testing.T) {
	taken := snapshots(t, false, crashRounds(t, 6))
	if len(taken) < 10 {
		t.Fatalf("only %d syncs", len(taken))
	}
	for i, s := range taken {
		for _, f := range faultsOf(t, s) {
			t.Errorf("crash %d of %d: %s", i, len(taken), f)
		}
	}
}

// TestCheckerSeesNoSync: without syncs, acknowledged writes are lost, and the
// checker of these tests reports it.
func TestCheckerSeesNoSync(t *testing.T) {
	for _, s := range snapshots(t, true, 6) {
		if len(faultsOf(t, s)) > 0 {
			return
		}
	}
	t.Error("a store that doesn't sync has passed")
}

// crashChild makes the test binary the process that is killed: it works in the
// directory in the variable, and prints what it does.
const crashChild = "ERRAND_DYNAMODB_CRASH_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashChild); dir != "" {
		if err := workUntilKilled(dir, os.Getenv(crashChild+"_FROM"), os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// workUntilKilled does rounds from the given ones on, and prints "begin w n" and
// "ack w n".
func workUntilKilled(dir, from string, to io.Writer) error {
	store, err := kv.Open(dir, kv.Options{})
	if err != nil {
		return err
	}
	e, err := Open(Config{Config: engine.Config{Store: store, Clock: clock.Real()}})
	if err != nil {
		return err
	}
	var mu sync.Mutex // one line at a time, whole
	say := func(what string, w, n int) {
		mu.Lock()
		defer mu.Unlock()
		_, _ = fmt.Fprintln(to, what, w, n)
	}
	errs := make(chan error)
	for w, first := range strings.Fields(from) {
		start, err := strconv.Atoi(first)
		if err != nil {
			return err
		}
		go func() {
			for n := start; ; n++ {
				say("begin", w, n)
				if err := round(context.Background(), e, w, n); err != nil {
					errs <- err
					return
				}
				say("ack", w, n)
			}
		}()
	}
	return <-errs
}

// TestKill kills a process under load several times, on the same directory, and
// checks the directory each time.
func TestKill(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "db")
	var l ledger
	for i := range crashRounds(t, 4) {
		e, done := openDir(t, dir)
		if i == 0 {
			makeTable(t, e, crashTable)
		}
		state := l.state()
		for _, f := range verify(e, state, state) {
			t.Errorf("after kill %d: %s", i, f)
		}
		for w := range crashWorkers { // the next round follows what is there
			n, err := look(t.Context(), e, w)
			if err != nil {
				t.Fatal(err)
			}
			l.begin(w, n)
		}
		done()
		killAfter(t, dir, &l, 40+10*i)
	}
}

func openDir(t *testing.T, dir string) (*Engine, func()) {
	t.Helper()
	store, err := kv.Open(dir, kv.Options{Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	e, err := Open(Config{Config: engine.Config{Store: store, Clock: newClock()}})
	if err != nil {
		t.Fatal(err)
	}
	return e, func() {
		e.Close()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}
}

// killAfter runs a child on dir, and kills it after a number of acknowledgements.
func killAfter(t *testing.T, dir string, l *ledger, answers int) {
	t.Helper()
	var from []string
	for _, n := range l.state().begun {
		from = append(from, strconv.Itoa(n+1))
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashChild+"="+dir, crashChild+"_FROM="+strings.Join(from, " "))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	killed := false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var what string
		var w, n int
		if _, err := fmt.Sscan(lines.Text(), &what, &w, &n); err != nil {
			continue // cut short
		}
		if what == "begin" {
			l.begin(w, n)
			continue
		}
		l.ack(w, n)
		if answers--; answers == 0 {
			killed = true
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // it was killed
	if !killed {
		t.Fatal("the child ended by itself")
	}
}
