//! The bytes that identities are hashes of: every field carries its length, so that no two values run into each other.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

/// SHA-256 over fields. A field is its length as 8 bytes, the most significant first, and its bytes; a list is its count in the
/// same 8 bytes and its fields; a map is a list of its pairs, sorted by key. The first field says what is being encoded, in
/// which version.
pub(super) struct Encoder(Sha256);

impl Encoder {
    pub fn new(subject: &str) -> Encoder {
        let mut encoder = Encoder(Sha256::new());
        encoder.bytes(subject.as_bytes());
        encoder
    }

    pub fn count(&mut self, count: usize) {
        self.0.update((count as u64).to_be_bytes());
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.update(bytes);
    }

    pub fn map(&mut self, map: &BTreeMap<String, String>) {
        self.count(map.len());
        for (key, value) in map {
            self.bytes(key.as_bytes());
            self.bytes(value.as_bytes());
        }
    }

    /// 64 lower-case hexadecimal digits.
    pub fn finish(self) -> String {
        self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
