package core

import "testing"

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
