// Package python is where the Python package for extensions lies. There is no Go
// in it but the test that runs the Python ones.
package python
