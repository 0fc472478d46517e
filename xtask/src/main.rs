//! Set-up, tests, fixtures, benchmarks and generated files.
fn main() {}
