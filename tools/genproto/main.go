// Command genproto compiles the .proto files of rpcinterface/wire and writes the
// Go code made of them, and the descriptors for sdk/python. It needs no protoc: the files are compiled in process,
// and the code generators are tools of this module, so go.mod pins everything
// that the result depends on.
//
//	cd tools && go run ./genproto
package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/linker"
	"github.com/bufbuild/protocompile/protoutil"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

const (
	sources = "../rpcinterface/wire/proto"
	output  = "../rpcinterface/wire/pb"
)

func main() {
	if err := generate(); err != nil {
		fmt.Fprintln(os.Stderr, "genproto:", err)
		os.Exit(1)
	}
}

func generate() error {
	names, err := protoFiles()
	if err != nil {
		return fmt.Errorf("cannot list %s: %w", sources, err)
	}
	compiler := protocompile.Compiler{
		Resolver:       &protocompile.SourceResolver{ImportPaths: []string{sources}},
		SourceInfoMode: protocompile.SourceInfoStandard,
	}
	files, err := compiler.Compile(context.Background(), names...)
	if err != nil {
		return fmt.Errorf("cannot compile: %w", err)
	}
	request := &pluginpb.CodeGeneratorRequest{
		FileToGenerate: names,
		Parameter:      proto.String("paths=import,module=github.com/plugvisor/plugvisor/rpcinterface/wire/pb"),
		ProtoFile:      inDependencyOrder(files),
	}
	for _, tool := range []string{"protoc-gen-go", "protoc-gen-go-grpc"} {
		if err := run(tool, request); err != nil {
			return fmt.Errorf("cannot run %s: %w", tool, err)
		}
	}
	if err := writeDescriptors(request.ProtoFile); err != nil {
		return fmt.Errorf("cannot write the descriptors: %w", err)
	}
	return nil
}

// protoFiles lists the sources by the paths under which they import each other.
func protoFiles() ([]string, error) {
	var names []string
	err := fs.WalkDir(os.DirFS(sources), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".proto" {
			names = append(names, path)
		}
		return err
	})
	return names, err
}

// inDependencyOrder gives the descriptors with each file after those it imports,
// which is what generators ask for.
func inDependencyOrder(files linker.Files) []*descriptorpb.FileDescriptorProto {
	var out []*descriptorpb.FileDescriptorProto
	var seen []string
	var add func(name string)
	add = func(name string) {
		file := files.FindFileByPath(name)
		if file == nil || slices.Contains(seen, name) {
			return
		}
		seen = append(seen, name)
		for i := range file.Imports().Len() {
			add(file.Imports().Get(i).Path())
		}
		out = append(out, protoutil.ProtoFromFileDescriptor(file))
	}
	for _, f := range files {
		add(f.Path())
	}
	return out
}

func run(tool string, request *pluginpb.CodeGeneratorRequest) error {
	in, err := proto.Marshal(request)
	if err != nil {
		return err
	}
	cmd := exec.Command("go", "tool", tool)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return err
	}
	var response pluginpb.CodeGeneratorResponse
	if err := proto.Unmarshal(out, &response); err != nil {
		return err
	}
	if response.Error != nil {
		return fmt.Errorf("%s", *response.Error)
	}
	for _, f := range response.File {
		if err := os.WriteFile(filepath.Join(output, f.GetName()), []byte(f.GetContent()), 0o644); err != nil {
			return err
		}
	}
	return nil
}
