//! The quick way to a file's tree, held against hcl-edit: on what people write, on oddities of the grammar, and on wounds.

use std::path::Path;

use proptest::prelude::*;
use tiers_check::properties::check_quick;
use tiers_check::{FileTree, corpus};

/// Every text is read the quick way, or every one is left to hcl-edit.
fn check(quick: bool, texts: &[&str]) {
    for text in texts {
        assert_eq!(check_quick(text.as_bytes()), quick, "{text}");
    }
}

#[test]
fn what_everybody_writes_is_read_the_quick_way() {
    check(
        true,
        &[
            "",
            "# nothing\n",
            "a = 1",
            "a = 1 // one\n/* two */ b = 2.50 # two and a half\n",
            "a {\n}\n\nb \"c\" d {\n  e = 1\n}\n",
            "a {}\nb { c = [\n1,\n] }\n",
            "a { # why\n}\n",
            "a = \"\"\nb = \"x${y}z\"\nc = \"${y}${z}\"\nd = \"$ % $x %y\\n\\\"\"\n",
            "a = { b = 1, c : 2\n  \"d\" = 3 # three\n  (e) = 4 }\n",
            "a = [for x in y : x if x != null]\nb = { for k, v in m : k => v... }\n",
            "a = f()\nb = f(x, y...)\nc = f(x,\n  y,\n)\n",
            "a = b.c[0][\"d\"].*.e[*].f\ng = (h).i\nj = k(l).m\n",
            "a = b ? c : d ? e : f\n",
            "a = !b && c || d == e + f * g - 1 >= -2\n",
            "a = format\nb = { format = 1 }\nc = [forest]\n",
            "a = \"é\" # ü\n",
        ],
    );
}

#[test]
fn a_large_object_is_read_the_quick_way_unless_a_name_comes_twice() {
    let object = |more: &str| {
        let entries: Vec<String> = (0..600).map(|number| format!("  k{number} = {number}\n")).collect();
        format!("a = {{\n{}{more}}}\n", entries.concat())
    };
    check(true, &[&object(""), &object("  \"b c\" = 1\n  (d) = 2\n")]);
    check(false, &[&object("  k7 = 1\n"), &object("  \"k599\" = 1\n")]);
}

#[test]
fn what_is_not_plain_is_left_to_hcl_edit() {
    check(
        false,
        &[
            "a = <<EOT\nb\nEOT\n",
            "a = \"%{ if b }c%{ endif }\"\n",
            "a = \"$${b}\"\nc = \"%%{d}\"\n",
            "a = \"\\u00e9\"\n",
            "a = 1\r\n",
            "é = 1\n",
            "a = aé\n",
            "a = 1e3\n",
            "a = -b\n",
            "a = -0\n",
            "a = provider::x::y(z)\n",
            "a = 1\na = 2\n",
            "a = { b = 1, b = 2 }\n",
            "a = { (b) = 1, (c) = 2 }\n",
            "a = \"${~ b ~}\"\n",
            "a = 12345678901234567890\n",
            "a = b.0\n",
            // What is wrong is hcl-edit's to say.
            "a = \n",
            "a {\n  b = 1 }\n",
            "a = [1\n",
            "a = \"b\n",
            "a = b c\n",
            "a = b &| c\n",
            "a = /* b\n",
        ],
    );
    let nested = |depth: usize| format!("a = {}1{}\n", "[".repeat(depth), "]".repeat(depth));
    check(true, &[&nested(40)]);
    check(false, &[&nested(50), &nested(70), &format!("a = 1{}\n", " + 1".repeat(65))]);
}

/// After lists, calls and `for`, hcl-edit lets an expression go on in the next line.
#[test]
fn oddities_of_the_grammar_are_followed() {
    check(
        true,
        &[
            "a = [1]\n  + 2\n",
            "a = f(b)\n.c\n",
            "a = { b = f(c)\n ? d : e\n }\n",
            "a = { for x in y : x => x }\n .z\n",
            "a = [b\n[c]]\n",
            "a = (b\n+ c)\n",
            "a = b. c\n",
            "a = b [ c ]\n",
            "a = true(b)\n",
            "a = [1 # one\n, 2]\n",
        ],
    );
    check(false, &["a = b\n  + 2\n", "a = (b)\n.c\n"]);
}

#[test]
fn nearly_every_file_is_read_the_quick_way() {
    let corpus = FileTree::new(corpus::generate(7, 9));
    for file in corpus.files() {
        assert!(check_quick(file.text().expect("text").as_bytes()), "{}", file.path());
    }
    let files = files();
    let quick = files.iter().filter(|text| check_quick(text.as_bytes())).count();
    assert!(quick * 10 >= files.len() * 8, "{quick} of {}", files.len());
}

#[test]
fn every_seed_keeps_the_promise() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/check_quick");
    let quick = |name: &str| check_quick(&std::fs::read(folder.join(name)).expect("readable"));
    for seed in std::fs::read_dir(&folder).expect("seeds") {
        quick(seed.expect("listed").file_name().to_str().expect("UTF-8"));
    }
    assert!(quick("everything") && !quick("left"));
}

/// The configuration of the test trees.
fn files() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/trees");
    let mut files = Vec::new();
    let mut paths: Vec<_> = std::fs::read_dir(folder).expect("trees").map(|it| it.expect("listed").path()).collect();
    paths.sort();
    for path in paths {
        let tree = FileTree::from_listing(&std::fs::read_to_string(path).expect("readable"));
        let hcl = |name: &str| [".tf", ".tfvars", ".hcl"].iter().any(|end| name.ends_with(end));
        files.extend(
            tree.files().iter().filter(|file| hcl(file.name())).filter_map(|file| file.text()).map(str::to_owned),
        );
    }
    files.retain(|text: &String| !text.is_empty());
    assert!(files.len() > 100, "{}", files.len());
    files
}

const SPLINTERS: &[&str] = &[
    "\n",
    " ",
    "\"",
    "${",
    "}",
    "{",
    "[",
    "]",
    "(",
    ")",
    ".",
    "..",
    "...",
    ",",
    "=",
    "==",
    "=>",
    "!",
    "<",
    "-",
    "/",
    "//",
    "/*",
    "*/",
    "#",
    "?",
    ":",
    "::",
    "&&",
    "|",
    "%",
    "%{",
    "$$",
    "for x in y : x",
    "for ",
    "if ",
    "in",
    "1",
    "1.5",
    "-1",
    "- 1",
    "\\",
    "\\n",
    "é",
    "\r",
    "[*]",
    ".*",
    ".0",
    "null",
    "f(",
    "(a)",
    "<<EOT\n",
    "~",
    "a ? b : c",
    "!a",
    "f(a)\n",
    "[1]\n",
    "\n+ 1",
    "{ a = 1 }",
    "x = 1\n",
    "b \"c\" {\n",
    "}\n",
    "\"a\"",
    "",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_file_with_splinters_in_it_comes_out_as_hcl_edit_has_it(
        file in prop::sample::select(files()),
        from in any::<prop::sample::Index>(),
        wounds in prop::collection::vec(
            (any::<prop::sample::Index>(), 0..4usize, prop::sample::select(SPLINTERS)), 1..4,
        ),
    ) {
        let lines: Vec<&str> = file.split_inclusive('\n').collect();
        let from = from.index(lines.len());
        let mut text: Vec<char> = lines[from..(from + 25).min(lines.len())].concat().chars().collect();
        for (at, len, splinter) in wounds {
            let at = at.index(text.len() + 1);
            let end = (at + len).min(text.len());
            text.splice(at..end, splinter.chars());
        }
        check_quick(text.into_iter().collect::<String>().as_bytes());
    }
}
