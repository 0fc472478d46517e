//! Writes docs/rules.md to standard output; `cargo xtask generated` puts it where it belongs.

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(tiers_check::render::catalogue().as_bytes())
}
