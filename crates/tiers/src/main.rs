//! The edge: arguments, adapters and rendering.
fn main() {}
