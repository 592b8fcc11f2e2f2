// Package browsertest drives the web interface of the built daemon with a real
// browser, Chromium, and asserts each action both in the page and in the daemon. It
// holds tests alone; production code never imports it.
//
// The screenshots that the tests take are in bin/screenshots, to be looked at. Without
// Chromium the tests are skipped, unless PLUGVISOR_REQUIRE=all.
package browsertest
