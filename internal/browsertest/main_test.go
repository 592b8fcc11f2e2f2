package browsertest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	// What the executable is made of: when that changes, go test must not answer
	// from its cache.
	_ "github.com/plugvisor/plugvisor/core/daemon"
	_ "github.com/plugvisor/plugvisor/internal/ctl"
	_ "github.com/plugvisor/plugvisor/plugins/twiddler"
)

// screenshots is where pictures of pages are put.
const screenshots = "../../bin/screenshots"

// elsewhere is a host that is the daemon's own address under a name. To Chromium a
// page there is one of plain HTTP, as on a network: it sends Origin, and no
// Sec-Fetch-Site.
const elsewhere = "daemon.test"

func TestMain(m *testing.M) { os.Exit(runTests(m)) }

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "plugvisor-web")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	executable = sync.OnceValues(func() (string, error) { return build(dir) })
	stop := func() {}
	browser = sync.OnceValues(func() (context.Context, error) {
		var ctx context.Context
		var err error
		ctx, stop, err = startBrowser(filepath.Join(dir, "profile"))
		return ctx, err
	})
	defer func() { stop() }()
	return m.Run()
}

var (
	// executable gives the path of supervisord, which is built when the first test asks.
	executable func() (string, error)
	// browser gives the one browser of all tests.
	browser func() (context.Context, error)
)

func build(dir string) (string, error) {
	if given := os.Getenv("PLUGVISOR_BIN"); given != "" {
		return filepath.Abs(filepath.Join(given, "supervisord"))
	}
	path := filepath.Join(dir, "supervisord")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "./cmd/supervisord")
	cmd.Dir = filepath.Join("..", "..")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot build supervisord: %w\n%s", err, out)
	}
	return path, nil
}

var errNoBrowser = errors.New("chromium is not installed")

func startBrowser(profile string) (ctx context.Context, stop func(), err error) {
	path, err := exec.LookPath("chromium")
	if err != nil {
		return nil, func() {}, errNoBrowser
	}
	if err := os.MkdirAll(screenshots, 0o755); err != nil {
		return nil, func() {}, err
	}
	ctx, stopAllocator := chromedp.NewExecAllocator(context.Background(),
		chromedp.ExecPath(path), chromedp.UserDataDir(profile), chromedp.Headless, chromedp.NoSandbox, chromedp.NoFirstRun,
		chromedp.DisableGPU, chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("force-color-profile", "srgb"),
		chromedp.Flag("host-resolver-rules", "MAP "+elsewhere+" "+elsewhereAddress))
	ctx, closeBrowser := chromedp.NewContext(ctx)
	stop = func() {
		closeBrowser()
		stopAllocator()
	}
	if err := chromedp.Do(ctx); err != nil {
		stop()
		return nil, func() {}, fmt.Errorf("cannot start %s: %w", path, err)
	}
	return ctx, stop, nil
}
