package core

import (
	"testing"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

func TestEventKinds(t *testing.T) {
	for k := range numEventKinds {
		got, ok := ParseEventKind(k.String())
		if !ok || got != k {
			t.Errorf("%v is parsed as %v, %v", k, got, ok)
		}
		if !k.Is(EventAny) || !k.Is(k) {
			t.Errorf("%v is no event, or not itself", k)
		}
	}
	if k, ok := ParseEventKind("tick_5"); !ok || k != EventTick5 {
		t.Errorf("lower case is %v, %v", k, ok)
	}
	if _, ok := ParseEventKind("TICK_7"); ok {
		t.Error("TICK_7 is an event")
	}
	if !EventTick60.Is(EventTick) || EventTick.Is(EventTick60) || EventTick5.Is(EventProcessState) {
		t.Error("inheritance is wrong")
	}
}

// What plugins are told of types of events is what the engine goes by.
func TestEventKindsOfTheContract(t *testing.T) {
	types := rpcinterface.EventTypes()
	if len(types) != NumEventKinds {
		t.Errorf("%d types, %d kinds", len(types), NumEventKinds)
	}
	for _, name := range types {
		kind, ok := ParseEventKind(name)
		if !ok {
			t.Errorf("%s is no kind", name)
		}
		for _, of := range types {
			ancestor, _ := ParseEventKind(of)
			if got := (rpcinterface.Event{Name: name}).Is(of); got != kind.Is(ancestor) {
				t.Errorf("%s is %s: %v", name, of, got)
			}
		}
	}
}
