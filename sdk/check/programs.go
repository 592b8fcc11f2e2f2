package check

import (
	"context"

	"github.com/plugvisor/plugvisor/rpcinterface"
	"github.com/plugvisor/plugvisor/sdk"
)

// The verbs that change what is supervised: the stand-in has nothing to change.

func (h *host) AddPersistedGroup(context.Context, sdk.GroupInfo) error {
	h.need(sdk.GrantProgramsWrite)
	return standIn()
}

func (h *host) AddPrograms(context.Context, []rpcinterface.NewProgram) error {
	h.need(sdk.GrantProgramsWrite)
	return standIn()
}

func (h *host) RemoveProgram(context.Context, string, string) error {
	h.need(sdk.GrantProgramsWrite)
	return standIn()
}

func (h *host) Program(context.Context, string, string) (rpcinterface.ProgramInfo, error) {
	return rpcinterface.ProgramInfo{}, standIn()
}

func (h *host) UpdateProgram(context.Context, string, string, sdk.Struct, rpcinterface.UpdateStrategy, bool) ([]rpcinterface.ProcessUpdate, error) {
	h.need(sdk.GrantProgramsWrite)
	return nil, standIn()
}

func (h *host) SetNumProcs(context.Context, string, string, int) (added, removed []string, err error) {
	h.need(sdk.GrantProgramsWrite)
	return nil, nil, standIn()
}

func (h *host) RestorePrograms(context.Context, string, string) error {
	h.need(sdk.GrantProgramsWrite)
	return standIn()
}

func (h *host) PersistedPrograms(context.Context) (string, error) { return "", nil }
