// Package child starts every child of the daemon, programs and plugins alike, and
// reaps them all.
//
// What it guarantees:
//
//   - Each pid that Start gives out is reported to its owner exactly once, also
//     when it ended before Start returned.
//   - A signal never reaches a stranger: a pid is forgotten in the same moment,
//     under the same lock, in which the kernel may use it again.
//   - One thread waits in waitid; it is never held up by an owner, and nothing
//     polls. Without children it sleeps.
//   - A child has the descriptors it was given and no others, no blocked signal,
//     and ignores only what IgnoreInherited names.
//   - What a start of a program costs does not grow with the descriptors that the
//     process has open, from Linux 5.9 on.
//   - A step that fails in the child (setuid, chdir, exec) is seen as the
//     reference shows it: a real pid, a line on the child's standard error, exit
//     code 127.
//
// Users and groups are looked up here too, because the sources that a static
// binary cannot read are asked through a child.
//
// A process has one Children at most, because it reaps whatever ends: os/exec and
// os.StartProcess must not be used beside it. The working directory must not be
// changed after the first Start with a Umask, nor the standard descriptors after the
// first without DieWithParent. The main function calls ShimMain
// before anything else, and so does the TestMain of every package whose tests
// call Start.
package child
