// Package event is what the supervisor tells event listeners: the events with their
// payloads, byte for byte those of Supervisor 4.4 (supervisor.events), their serial
// numbers, the buffer of a listener pool, and the envelope in which an event is
// sent. Subscriptions by kind and its ancestors are in Subscriptions.
//
// Everything here is plain data without locks, owned by core/supervisor's loop. An
// event gets its serial when the first pool takes it, so events that nobody listens
// to take none; it keeps that serial, and the one of each pool, when it is sent
// again.
package event
