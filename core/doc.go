// Package core is the shared vocabulary of the engine: what a program, a group,
// a server and an extension are once the configuration is read, and the two
// interfaces that every part of the engine takes from outside, Logger and Clock.
//
// It holds data and no behaviour beyond comparing it, imports only rpcinterface,
// and starts nothing. Specs are written by core/config and read by everyone;
// core/supervisor alone changes those of groups that are live.
package core
