// Package docrun runs a document as its reader would: it takes the blocks of a
// Markdown file in order and works through them in an empty directory outside of the
// tree. Tests hand it a document; production code never imports it.
//
// A block is told by what stands behind its fence:
//
//	```python hello.py    any language and a file name: the file is written; one that
//	                      begins with #! is made executable
//	```sh                 the commands are run by one sh -e for each block
//	```text               after a sh block: what that wrote. "..." stands for any
//	                      text, on a line by itself for any lines
//
// All other blocks, and all prose, are for people. A file's block that is written
// again replaces it.
package docrun
