// Package doctest keeps documentation true. It is all tests: the table of
// docs/compatibility-table.md has a row for each method, option, command and flag
// that the source has, and the tests that it names exist.
package doctest
