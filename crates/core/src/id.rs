//! Identities that travel between the crates, each a type of its own so that one can't be taken for another.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// `sha256:` and 64 lower-case hexadecimal digits: the content address of an image manifest or of a record.
///
/// Source: the OCI image specification, "Digests"; only the algorithm that registries and Lambda use is accepted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(String);

/// A text that was meant to be a digest and is not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a digest: expected `sha256:` and 64 lower-case hexadecimal digits")]
pub struct NotADigest(pub String);

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Digest {
        let mut text = String::with_capacity(71);
        text.push_str("sha256:");
        for byte in Sha256::digest(bytes) {
            fmt::Write::write_fmt(&mut text, format_args!("{byte:02x}")).expect("writing to a String");
        }
        Digest(text)
    }

    /// The whole text, `sha256:…`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The 64 hexadecimal digits alone: what Lambda calls `CodeSha256` of an image function.
    pub fn hex(&self) -> &str {
        &self.0["sha256:".len()..]
    }

    /// The first 12 hexadecimal digits, for people.
    pub fn short(&self) -> &str {
        &self.hex()[..12]
    }
}

impl FromStr for Digest {
    type Err = NotADigest;
    fn from_str(text: &str) -> Result<Digest, NotADigest> {
        let good = text
            .strip_prefix("sha256:")
            .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')));
        if good { Ok(Digest(text.to_owned())) } else { Err(NotADigest(text.to_owned())) }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

macro_rules! text_id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> $name {
                $name(text.to_owned())
            }
        }
    )+};
}

text_id! {
    /// An environment's name: `dev`, `staging`, `prod` or any other.
    Env,
    /// An app's name: what is released as a unit.
    App,
    /// A component's name: a function of an app, in every environment.
    Component,
    /// `d-` and a sortable identity: one attempt to bring a release into an environment.
    DeploymentId,
    /// `r-` and the first 10 hexadecimal digits of its inputs, with `-2`, `-3`… for a `--rebuild`.
    ReleaseId,
    /// The hash over (path, mode, blob) of an app's `paths` at a commit, as 64 hexadecimal digits.
    SourceId,
    /// The hash over source, base digest, arguments, platform, builder and build settings, as 64 hexadecimal digits.
    InputsId,
    /// A full git commit id.
    Commit,
    /// What a service offers as a precondition: a function's or an alias's revision id, an ETag.
    Token,
    /// The hash of what a function runs with apart from its code: settings, command and environment variables.
    Fingerprint,
    /// A published, numbered version of a function, never `$LATEST`.
    Version,
}

impl Commit {
    /// The first 12 characters, for people.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

impl Env {
    /// True for a name that may stand in keys, function names and file names: lower case, digits and hyphens.
    pub fn is_well_formed(&self) -> bool {
        is_well_formed(&self.0)
    }
}

/// Lower-case letters, digits and single hyphens, beginning with a letter; 1 to 40 characters. Ledger keys must read the
/// same on file systems that fold case, so upper case is never a part of a name.
pub fn is_well_formed(name: &str) -> bool {
    let bytes = name.as_bytes();
    (1..=40).contains(&bytes.len())
        && bytes[0].is_ascii_lowercase()
        && bytes[bytes.len() - 1] != b'-'
        && !name.contains("--")
        && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_the_algorithm_and_64_lower_case_digits() {
        let digest = Digest::of(b"");
        assert_eq!(digest.as_str(), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(digest.as_str().parse::<Digest>().as_ref(), Ok(&digest));
        for bad in ["", "sha256:", "e3b0c442", "sha512:00", &digest.as_str().to_uppercase()] {
            assert!(bad.parse::<Digest>().is_err(), "{bad}");
        }
    }

    #[test]
    fn names_are_lower_case_words_with_single_hyphens() {
        for good in ["dev", "prod-eu", "a1"] {
            assert!(is_well_formed(good), "{good}");
        }
        for bad in ["", "Dev", "1a", "a_b", "a--b", "a-", "-a", "a/b", "..", &"a".repeat(41)] {
            assert!(!is_well_formed(bad), "{bad}");
        }
    }
}
