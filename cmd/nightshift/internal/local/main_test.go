package local_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"

	"go.uber.org/goleak"

	"nightshift/cmd/nightshift/internal/local"
)

// parentDir names the variable that makes this test program a parent with a
// Redis child in that directory, to be killed by the test that started it.
const parentDir = "LOCAL_TEST_PARENT_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(parentDir); dir != "" {
		beParent(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// beParent starts a Redis server, prints where it is and then only waits.
func beParent(dir string) {
	r, err := local.StartRedis(context.Background(), dir, slog.New(slog.DiscardHandler))
	if err != nil {
		fmt.Println("error:", err)
		return
	}
	fmt.Println(r.Options().Addrs[0])
	select {}
}
