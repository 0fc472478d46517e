//! Writes the JSON Schema of tiers.toml to standard output, for `cargo xtask generated`.
//!
//! An example rather than a part of xtask, so that xtask itself is built without any other crate.

fn main() {
    print!("{}", tiers_core::config::generated_schema());
}
