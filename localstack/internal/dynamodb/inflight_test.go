package dynamodb

import (
	"errors"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
	"github.com/errandhq/errand/localstack/internal/engine"
	"github.com/errandhq/errand/localstack/internal/kv"
)

// TestFailedSyncIsNotAcknowledged: a write whose sync has failed is visible in
// the store, and may never reach the disk: no response may depend on it.
func TestFailedSyncIsNotAcknowledged(t *testing.T) {
	var fails atomic.Bool
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if strings.HasSuffix(op.Path, ".log") && (op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData) && fails.CompareAndSwap(true, false) {
			return syscall.EIO // once: the next would succeed
		}
		return nil
	}))
	store, err := kv.Open("db", kv.Options{FS: fs, Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }() // says that it couldn't sync
	e, err := Open(Config{Config: engine.Config{Store: store, Clock: newClock()}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	makeTable(t, e, "tab")
	key := Item{"pk": value.S("p"), "sk": value.N("1")}
	one := PutItemInput{TableName: ptr("tab"), Item: key, ConditionExpression: ptr("attribute_not_exists(pk)")}
	fails.Store(true)
	if _, err := e.PutItem(t.Context(), &one); !errors.Is(err, syscall.EIO) {
		t.Fatalf("a write whose sync fails: %v", err)
	}
	for name, ask := range map[string]func() error{
		"GetItem": func() error {
			_, err := e.GetItem(t.Context(), &GetItemInput{TableName: ptr("tab"), Key: key, ConsistentRead: true})
			return err
		},
		"Scan": func() error {
			_, err := e.Scan(t.Context(), &ScanInput{TableName: ptr("tab")})
			return err
		},
		"TransactGetItems": func() error {
			_, err := e.TransactGetItems(t.Context(), &TransactGetItemsInput{TransactItems: []TransactGetItem{{Get: &TransactGet{TableName: ptr("tab"), Key: key}}}})
			return err
		},
		"a condition": func() error { _, err := e.PutItem(t.Context(), &one); return err },
	} {
		if err := ask(); !errors.Is(err, syscall.EIO) {
			t.Errorf("%s after it: %v, want the disk's failure", name, err)
		}
	}
}
