// Package web is the web interface: pages of status and logs, the actions behind
// their buttons, and a stream of updates that keeps an open page current.
//
// Pages, actions and messages are where and what Supervisor 4.4 has them
// (supervisor.web): /, /index.html, /tail.html, /ok.html, static files, and
// ?action= with a redirect that carries the outcome as ?message=. Everything is
// embedded; pages ask no other host for anything and run no inline script, which
// their Content-Security-Policy holds them to. Without scripts they work as the
// reference's do; with them they follow the supervisor's events and never poll.
//
// Whatever changes state is refused to pages of other origins. Names, messages and
// log bytes may hold anything: html/template escapes them.
package web
