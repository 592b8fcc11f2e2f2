package rpcinterface_test

import (
	"slices"
	"testing"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

func TestSignatureFromHelp(t *testing.T) {
	for _, tt := range []struct {
		name, help string
		want       []string
	}{
		{"nothing", "", nil},
		{"no result", "Does it.\n\n@param string name  The name.", nil},
		{"result only", " Text.\n\n        @return array result  An array\n        ", []string{"array"}},
		{"parameters keep their order, wherever the result stands", "@param string a\n@return boolean x\n@param int b text\n", []string{"boolean", "string", "int"}},
		{"the last result counts", "@return int a\n@return string b", []string{"string"}},
		{"tags without a type", "@return\n@param", []string{"", ""}},
		{"other tags and inner ones", "@raise X\nsee @return int\n@return\tint", []string{"int"}},
		{"a tag is a whole word", "@returns int", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := rpcinterface.SignatureFromHelp(tt.help); !slices.Equal(got, tt.want) {
				t.Errorf("SignatureFromHelp(%q) = %q, want %q", tt.help, got, tt.want)
			}
		})
	}
}
