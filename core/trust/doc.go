// Package trust says whether the executable of an extension may be run: whether others
// could exchange it, whether it is the file whose hash was written down, and whether a
// user can reach it. The daemon asks it at each start, and supervisorctl extension check
// beforehand, so that both give the same answer in the same words.
package trust
