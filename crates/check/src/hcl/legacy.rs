//! Terraform 0.11 allowed what HCL 2 does not: quoted names of attributes inside blocks (`tags { "Name" = "x" }`).

use std::ops::Range;

/// The same text with the quotes of such names blanked out, byte for byte as long as before, so that spans still fit.
/// `None` where there is nothing to blank out.
pub(crate) fn modernise(text: &str) -> Option<String> {
    let mut bytes = text.as_bytes().to_vec();
    let mut changed = false;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if let Some(name) = quoted_name(line) {
            bytes[start + name.start - 1] = b' ';
            bytes[start + name.end] = b' ';
            for byte in &mut bytes[start + name.start..start + name.end] {
                if !(byte.is_ascii_alphanumeric() || matches!(*byte, b'_' | b'-')) {
                    *byte = b'_';
                }
            }
            changed = true;
        }
        start += line.len();
    }
    if changed { String::from_utf8(bytes).ok() } else { None }
}

/// Where the name stands, without its quotes, in a line such as `  "Name" = …`. A name with a template in it is none.
fn quoted_name(line: &str) -> Option<Range<usize>> {
    let indent = line.len() - line.trim_start().len();
    let rest = line.get(indent..)?.strip_prefix('"')?;
    let length = rest.find('"')?;
    let name = &rest[..length];
    let begins_well = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let plain = begins_well && name.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'$' | b'%' | b'\\'));
    let after = rest[length + 1..].trim_start();
    (plain && after.starts_with('=') && !after.starts_with("==")).then(|| indent + 1..indent + 1 + length)
}
