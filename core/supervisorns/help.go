package supervisorns

// Clients read the @param and @return lines: types and names are the reference's.
const (
	helpGetAPIVersion = ` The version of this RPC API, which changes when its methods do.

@return string version id
`
	helpGetSupervisorVersion = ` The version of Supervisor that this daemon is a replacement for.

@return string version id
`
	helpGetIdentification = ` The daemon's identifier (identifier= in [supervisord], or -i).

@return string identifier identifying string
`
	helpGetState = ` The state of the daemon itself.

@return struct A struct with the int statecode and the string statename
`
	helpGetPID = ` The process id of the daemon.

@return int PID
`
	helpReadLog = ` Read from the daemon's own log. With a negative offset and length 0, the
last bytes.

@param int offset         where to begin, in bytes
@param int length         how many bytes to read, 0 for all
@return string result     what the log says there
`
	helpClearLog = ` Remove the daemon's own log and begin it anew.

@return boolean result always true unless there is a fault
`
	helpShutdown = ` Stop all processes and end the daemon.

@return boolean result always true unless there is a fault
`
	helpRestart = ` Stop all processes, read the configuration anew and start again.

@return boolean result  always true unless there is a fault
`
	helpReloadConfig = ` Read the configuration file, and compare its process groups with those that
are active. Nothing is added, changed or removed yet.

@return array result  [[added, changed, removed]], three arrays of group names
`
	helpAddProcessGroup = ` Make a process group of the configuration file active.

@param string name         name of the process group
@return boolean result     true if it was added
`
	helpRemoveProcessGroup = ` Remove a process group whose processes are all stopped.

@param string name         name of the process group
@return boolean result     true if it was removed
`
	helpStartProcess = ` Start one process, or all of a group.

@param string name process name, or group:name, or group:*
@param boolean wait wait until the process is RUNNING
@return boolean result     always true unless there is a fault
`
	helpStartProcessGroup = ` Start all processes of a group that are not running.

@param string name     name of the group
@param boolean wait    wait until each is RUNNING
@return array result   a status struct for each process that was to be started
`
	helpStartAllProcesses = ` Start all processes that are not running.

@param boolean wait    wait until each is RUNNING
@return array result   a status struct for each process that was to be started
`
	helpStopProcess = ` Stop one process, or all of a group.

@param string name  process name, or group:name, or group:*
@param boolean wait        wait until the process has ended
@return boolean result     always true unless there is a fault
`
	helpStopProcessGroup = ` Stop all running processes of a group.

@param string name     name of the group
@param boolean wait    wait until each has ended
@return array result   a status struct for each process that was to be stopped
`
	helpStopAllProcesses = ` Stop all running processes.

@param boolean wait   wait until each has ended
@return array result   a status struct for each process that was to be stopped
`
	helpSignalProcess = ` Send a signal to one process, or to all of a group.

@param string name    process name, or group:name, or group:*
@param string signal  the signal, by name ("HUP") or number ("1")
@return boolean
`
	helpSignalProcessGroup = ` Send a signal to all processes of a group.

@param string name    name of the group
@param string signal  the signal, by name ("HUP") or number ("1")
@return array
`
	helpSignalAllProcesses = ` Send a signal to all processes.

@param string signal  the signal, by name ("HUP") or number ("1")
@return array         a status struct for each process
`
	helpGetAllConfigInfo = ` The configuration that was last read, a struct for each process.

@return array result  the structs, sorted by process name
`
	helpGetProcessInfo = ` What is known of one process.

@param string name The name of the process, or group:name
@return struct result     the process's state, times, pid, log files
`
	helpGetAllProcessInfo = ` What is known of every process, sorted by group and name.

@return array result  a struct for each process
`
	helpReadStdout = ` Read from a process's stdout log. With a negative offset and length 0, the
last bytes.

@param string name        the process name, or group:name
@param int offset         where to begin, in bytes
@param int length         how many bytes to read, 0 for all
@return string result     what the log says there
`
	helpReadStderr = ` Read from a process's stderr log. With a negative offset and length 0, the
last bytes.

@param string name        the process name, or group:name
@param int offset         where to begin, in bytes
@param int length         how many bytes to read, 0 for all
@return string result     what the log says there
`
	helpTailStdout = ` Follow a process's stdout log: give back the offset of the last answer. When
the log has grown beyond offset + length the answer is its end, and overflow
is set.

@param string name         the process name, or group:name
@param int offset          where to begin, in bytes
@param int length          how many bytes to read at most
@return array result       [string bytes, int offset, bool overflow]
`
	helpTailStderr = ` Follow a process's stderr log: give back the offset of the last answer. When
the log has grown beyond offset + length the answer is its end, and overflow
is set.

@param string name         the process name, or group:name
@param int offset          where to begin, in bytes
@param int length          how many bytes to read at most
@return array result       [string bytes, int offset, bool overflow]
`
	helpClearProcessLogs = ` Empty the log files of one process.

@param string name   the process name, or group:name
@return boolean result      always true unless there is a fault
`
	helpClearAllProcessLogs = ` Empty the log files of all processes.

@return array result   a status struct for each process
`
	helpSendProcessStdin = ` Write to the standard input of a process. Text is sent as UTF-8.

@param string name        the process name, or group:name
@param string chars       what to write
@return boolean result    always true unless there is a fault
`
	helpSendRemoteCommEvent = ` Send a REMOTE_COMMUNICATION event to the event listeners that want it.

@param  string  type  the type that the event's header names
@param  string  data  the event's body
@return boolean       always true unless there is a fault
`
)
