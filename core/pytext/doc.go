// Package pytext holds Python's textual conventions, for the places where they
// show in what Supervisor answers or accepts: repr() and str() in fault texts,
// int() in options, and the % operator in expansions.
//
// The functions are pure and safe for concurrent use. Results and error texts are
// those of Python 3.11; tests compare them with a real one. Text is UTF-8. A byte
// that is not counts as one character, and repr shows it as Python shows the
// surrogate that stands for it (`\udcff`).
package pytext
