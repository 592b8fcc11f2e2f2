package main

import (
	"fmt"
	"os"

	_ "github.com/hashicorp/go-plugin" // registers its descriptors
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// descriptors is where the Python package reads its messages from, which it makes
// at run time: so nobody needs protoc.
const descriptors = "../sdk/python/plugvisor/protocol.binpb"

// goPlugins are the files of go-plugin's protocol that a plugin has to speak.
var goPlugins = []string{"internal/plugin/grpc_broker.proto", "internal/plugin/grpc_controller.proto"}

// writeDescriptors writes a FileDescriptorSet of our files, which stand in
// dependency order, and of what else a plugin serves.
func writeDescriptors(ours []*descriptorpb.FileDescriptorProto) error {
	set := new(descriptorpb.FileDescriptorSet)
	for _, file := range ours {
		file = proto.CloneOf(file)
		file.SourceCodeInfo = nil
		set.File = append(set.File, file)
	}
	for _, path := range goPlugins {
		file, err := protoregistry.GlobalFiles.FindFileByPath(path)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		set.File = append(set.File, protodesc.ToFileDescriptorProto(file))
	}
	set.File = append(set.File, protodesc.ToFileDescriptorProto(grpc_health_v1.File_grpc_health_v1_health_proto))
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(set)
	if err != nil {
		return err
	}
	return os.WriteFile(descriptors, data, 0o644)
}
