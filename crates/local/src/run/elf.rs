//! The little that must be known of an executable before it is started: for which processor it is, and which program loads it.
//!
//! Source: the System V ABI, "Object files"; the numbers are those of `elf.h`.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

/// What a file is, as far as starting it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Executable {
    Elf {
        /// As Lambda names it, or the number for all others.
        architecture: String,
        /// The dynamic loader, an absolute path; `None` for a static program.
        interpreter: Option<String>,
    },
    /// `#!` and the interpreter, an absolute path or what stands there.
    Script { interpreter: String },
    /// Neither.
    Other,
}

const ELF_MAGIC: [u8; 4] = *b"\x7fELF";
const CLASS_64: u8 = 2;
const LITTLE_ENDIAN: u8 = 1;
const MACHINE_X86_64: u16 = 62;
const MACHINE_AARCH64: u16 = 183;
const SEGMENT_INTERPRETER: u32 = 3;
const SEGMENT_HEADER_BYTES: u16 = 56;

/// Looks at the first bytes of a file.
pub(crate) fn inspect(path: &Path) -> io::Result<Executable> {
    let mut file = File::open(path)?;
    let mut head = Vec::new();
    file.by_ref().take(256).read_to_end(&mut head)?;
    if let Some(rest) = head.strip_prefix(b"#!") {
        let line = rest.split(|b| *b == b'\n').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        let interpreter = line.split_whitespace().next().unwrap_or_default().to_owned();
        return Ok(Executable::Script { interpreter });
    }
    if head.len() < 64 || head[..4] != ELF_MAGIC {
        return Ok(Executable::Other);
    }
    if head[4] != CLASS_64 || head[5] != LITTLE_ENDIAN {
        return Ok(Executable::Elf { architecture: "32-bit or big-endian".to_owned(), interpreter: None });
    }
    let architecture = match u16_at(&head, 18) {
        MACHINE_X86_64 => "x86_64".to_owned(),
        MACHINE_AARCH64 => "arm64".to_owned(),
        other => format!("ELF machine {other}"),
    };
    let interpreter = interpreter(&mut file, u64_at(&head, 32), u16_at(&head, 54), u16_at(&head, 56))?;
    Ok(Executable::Elf { architecture, interpreter })
}

/// The text of the `PT_INTERP` segment. Headers that lie are read as "none": the kernel will refuse the file itself.
fn interpreter(file: &mut File, table_at: u64, entry_bytes: u16, entries: u16) -> io::Result<Option<String>> {
    if entry_bytes != SEGMENT_HEADER_BYTES {
        return Ok(None);
    }
    for number in 0..u64::from(entries.min(512)) {
        let Some(at) = table_at.checked_add(number * u64::from(entry_bytes)) else { return Ok(None) };
        let mut entry = [0; SEGMENT_HEADER_BYTES as usize];
        if file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(&mut entry)).is_err() {
            return Ok(None);
        }
        if u32_at(&entry, 0) == SEGMENT_INTERPRETER {
            let (offset, length) = (u64_at(&entry, 8), u64_at(&entry, 32).min(4096));
            let mut text = Vec::new();
            if file.seek(SeekFrom::Start(offset)).is_err() {
                return Ok(None);
            }
            file.take(length).read_to_end(&mut text)?;
            let text = String::from_utf8_lossy(&text).trim_end_matches('\0').to_owned();
            return Ok(Some(text).filter(|text| !text.is_empty()));
        }
    }
    Ok(None)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inspect_bytes(bytes: &[u8]) -> Executable {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), bytes).expect("write");
        inspect(file.path()).expect("readable")
    }

    #[test]
    fn this_very_program_is_known_for_what_it_is() {
        let me = std::env::current_exe().expect("a path");
        let Executable::Elf { architecture, .. } = inspect(&me).expect("readable") else { panic!("no ELF file") };
        assert_eq!(architecture.parse(), Ok(tiers_oci::Architecture::of_this_machine().expect("Lambda offers it")));
    }

    #[test]
    fn scripts_name_their_interpreter() {
        let script = |interpreter: &str| Executable::Script { interpreter: interpreter.to_owned() };
        assert_eq!(inspect_bytes(b"#!/bin/sh\necho"), script("/bin/sh"));
        assert_eq!(inspect_bytes(b"#! /usr/bin/env python3\n"), script("/usr/bin/env"));
        assert_eq!(inspect_bytes(b"#!"), script(""));
    }

    #[test]
    fn cut_and_lying_headers_never_panic() {
        let whole = std::fs::read(std::env::current_exe().expect("a path")).expect("readable");
        for cut in (0..300).chain([1000, 4096]) {
            inspect_bytes(&whole[..cut]);
        }
        let mut lying = whole[..4096].to_vec();
        for at in 16..64 {
            let kept = lying[at];
            lying[at] = 0xff;
            inspect_bytes(&lying);
            lying[at] = kept;
        }
    }
}
