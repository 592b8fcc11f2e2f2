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
