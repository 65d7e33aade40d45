// Package install tests what a platform engineer types first: install.sh, its
// demo, the complete set-ups in examples, and that the documents agree with
// the code. It holds tests only.
package install
