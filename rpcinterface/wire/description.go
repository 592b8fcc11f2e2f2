package wire

import (
	"github.com/plugvisor/plugvisor/rpcinterface"
	"github.com/plugvisor/plugvisor/rpcinterface/wire/pb"
)

func encodeDescription(d rpcinterface.Description) *pb.Description {
	out := &pb.Description{
		Version:        text(d.Version),
		ResultHandlers: texts(d.ResultHandlers),
		Exclusive:      d.Exclusive,
		ExclusiveKeys:  texts(d.ExclusiveKeys),
		CallStream:     true,
	}
	for _, c := range d.Commands {
		command := &pb.Command{Name: text(c.Name), Help: text(c.Help), Method: text(c.Method), Template: text(c.Template)}
		for _, a := range c.Arguments {
			command.Arguments = append(command.Arguments, &pb.Argument{Name: text(a.Name), Type: text(a.Type), Optional: a.Optional})
		}
		out.Commands = append(out.Commands, command)
	}
	for _, g := range d.Grants {
		out.Grants = append(out.Grants, text(string(g)))
	}
	for _, m := range d.Methods {
		out.Methods = append(out.Methods, &pb.Method{
			Name:      text(m.Name),
			Help:      text(m.Help),
			Signature: texts(m.Signature),
		})
	}
	return out
}

func decodeDescription(d *pb.Description) rpcinterface.Description {
	out := rpcinterface.Description{
		Version:        d.GetVersion(),
		ResultHandlers: d.GetResultHandlers(),
		Exclusive:      d.GetExclusive(),
		ExclusiveKeys:  d.GetExclusiveKeys(),
	}
	for _, c := range d.GetCommands() {
		command := rpcinterface.Command{Name: c.GetName(), Help: c.GetHelp(), Method: c.GetMethod(), Template: c.GetTemplate()}
		for _, a := range c.GetArguments() {
			command.Arguments = append(command.Arguments,
				rpcinterface.Argument{Name: a.GetName(), Type: a.GetType(), Optional: a.GetOptional()})
		}
		out.Commands = append(out.Commands, command)
	}
	for _, g := range d.GetGrants() {
		out.Grants = append(out.Grants, rpcinterface.Grant(g))
	}
	for _, m := range d.GetMethods() {
		out.Methods = append(out.Methods, rpcinterface.Method{
			Name:      m.GetName(),
			Help:      m.GetHelp(),
			Signature: m.GetSignature(),
		})
	}
	return out
}
