package sdk

import (
	"context"
	"os"

	"github.com/plugvisor/plugvisor/internal/resident"
	"github.com/plugvisor/plugvisor/rpcinterface"
	"github.com/plugvisor/plugvisor/rpcinterface/wire"
)

// started is a plugin that a supervisor started.
type started struct{ rpcinterface.Plugin }

// Configure first takes out of the environment what the supervisor put there for this
// process: programs that the author's code starts must not take themselves for it. All
// of that has been read when there is a connection.
func (s started) Configure(ctx context.Context, cfg rpcinterface.Config, host rpcinterface.Host) error {
	for _, name := range []string{
		wire.CookieKey, lifeline, "PLUGIN_PROTOCOL_VERSIONS", "PLUGIN_CLIENT_CERT", "PLUGIN_UNIX_SOCKET_DIR",
		"PLUGIN_UNIX_SOCKET_GROUP", "PLUGIN_MIN_PORT", "PLUGIN_MAX_PORT", "PLUGIN_MULTIPLEX_GRPC",
	} {
		os.Unsetenv(name)
	}
	if err := s.Plugin.Configure(ctx, cfg, host); err != nil {
		return err
	}
	resident.Keep()
	return nil
}
