"""A real Keystone and a real Cinder in user space, for the quickstart, the tests and benchmarks."""
