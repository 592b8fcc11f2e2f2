// Package resident makes the resident set of a process smaller once it has started. It
// owns one thing: which pages of the program's file the process has mapped.
//
// A start touches a little of everything, and at each touch the kernel maps the fifteen
// pages around it too. They stay mapped, and so are counted as the process's, for as
// long as nothing else wants the memory.
//
// What is guaranteed: no byte that the process can read changes, whatever its other
// threads do meanwhile. Only mappings are looked at that are private, cannot be written
// and are of the file that this code is in; and of these, only such in which no page is
// the process's own. (A page becomes that by being written before the mapping was made
// read-only, as the linker's relocations are in position-independent executables, or by
// a debugger's breakpoint. What is written there is in no file.) Pages that are touched
// later are mapped again from the page cache, also where the file has been deleted, or
// never had a name.
//
// What is not: that memory becomes free. The pages stay in the page cache, as those of
// any file that was read; the kernel may take them from there without asking, and then
// the next touch reads the file. What gets smaller is what this process holds on to.
package resident
