//! Whatever stands in the file, reading it ends with a project or with problems that can be shown.

use proptest::prelude::*;
use tiers_core::properties::tiers_toml as check;

use super::GOOD;

/// Pieces from which texts are made that get past the parser and into every corner of the checks.
const PIECES: &[&str] = &[
    "project = \"shop\"\n",
    "name = \"{component}{environment}\"\n",
    "name = \"{\"\n",
    "[environments.dev]\n",
    "[environments.prod]\n",
    "after = [\"dev\"]\n",
    "after = [\"prod\", 1, []]\n",
    "on = { branch = \"a/**\" }\n",
    "on = {}\n",
    "on = { tag = \"[\" , verified = \"dev\" }\n",
    "shift = { canary = \"10%\", entry = [\"api\"] }\n",
    "shift = \"all-at-once\"\n",
    "memory_mb = { tfvar = \"m\" }\n",
    "memory_mb = 99999999999999999999\n",
    "variables = { A = \"1\", \"\" = \"\" }\n",
    "freezes = [{ from = \"2026-01-01\", until = \"x\", zone = \"UTC\", why = \"\" }]\n",
    "[apps.api]\n",
    "paths = [\"**\", \"!\"]\n",
    "image = { files = [{ from = \"a\", to = \"/b\" }] }\n",
    "components = [\"api\", \"api\"]\n",
    "components.api.in.dev.timeout_s = -1\n",
    "[[apps.api.gates]]\n",
    "name = \"g\"\n",
    "at = \"live\"\n",
    "command = \"a 'b\"\n",
    "http = { url = \"/x\", payload = nan }\n",
    "invoke = { component = \"api\", payload = 2026-01-01, expect = { json = { x = 1 } } }\n",
    "timeout = \"1h30m\"\n",
    "keys.a = \"ed25519:00\"\n",
    "[terraform]\n",
    "root = \"t\"\n",
    "\u{feff}",
    "\r\n",
    "\0",
    "\u{1b}[31m",
    "ä = \"\u{202e}\"\n",
    "= = =\n",
    "[[",
    "'''",
    "\"\"\"",
    "#",
    "\t",
];

proptest! {
    #[test]
    fn arbitrary_text_is_no_panic(text in "\\PC{0,200}") {
        check(&text);
    }

    #[test]
    fn arbitrary_bytes_that_are_text_are_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        check(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn pieces_of_a_file_in_any_order_are_no_panic(picks in proptest::collection::vec(0..PIECES.len(), 0..40)) {
        let text: String = picks.into_iter().map(|pick| PIECES[pick]).collect();
        check(&text);
    }

    #[test]
    fn a_good_file_with_a_hole_or_a_splinter_is_no_panic(at in 0..GOOD.len(), len in 0..20usize, splinter in "\\PC{0,5}") {
        let end = (at + len).min(GOOD.len());
        check(&format!("{}{splinter}{}", &GOOD[..at], &GOOD[end..]));
    }
}

#[test]
fn deep_nesting_and_long_lines_end() {
    check(&format!("project = {}", "[".repeat(5_000)));
    check(&format!("project = {}", "{a=".repeat(5_000)));
    check(&"a.".repeat(5_000));
    check(&format!("project = \"{}\"", "x".repeat(100_000)));
    check(&"[environments.a]\n".repeat(200));
}
