// Package extension owns the life of every plugin: it resolves the factory of each
// [rpcinterface:x] section, launches the process, has it describe and configure
// itself, restarts it when it ends, stops it, and serves the calls that it makes to
// the supervisor.
//
// What it guarantees:
//
//   - Factories are resolved, all of them, before anything is started.
//   - A call is sent to a plugin once or not at all. It ends at its deadline, or as
//     soon as the plugin's process has ended, whichever comes first; a fault says
//     which, and whether the outcome is unknown.
//   - Every message to a plugin has a deadline and a size limit. Nothing is polled:
//     that a plugin has ended is known from the reaper.
//   - A plugin, and what it left in its process group, does not outlive its stop nor
//     the daemon; sockets that a killed daemon left behind are removed at the next
//     start.
//   - A verb of the Host service is carried out only when the section holds its
//     grant.
//   - A listener's result that nobody can judge is rejected, never accepted; it waits
//     for a plugin that is down first, so that the event does not go round and round.
//   - A plugin that does not read its events holds nobody up and costs bounded memory.
//
// The registry holds one namespace for each section, whatever state its plugin is
// in, so that methods stay listed while it is down.
package extension
