// Command testrun runs "go test" and says at the end what it did: each test that
// was skipped by name, and on the last line how many passed, failed and were
// skipped. Output of tests is shown only for those that fail.
//
//	testrun [-race PATTERNS] [PACKAGES]
//
// Packages that match one of the comma-separated race patterns run under the race
// detector where cgo is there. With PLUGVISOR_REQUIRE=all a skipped test is a
// failure, and so is a race detector that cannot be used.
package main
