//! Which images exist. A registry holds them; the control plane only asks, once per update and whenever it needs the bits again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::error::ModelError;
use super::state::{Model, Place};

/// The media types of one image; an index or a list of manifests is refused.
const IMAGE_MEDIA_TYPES: [&str; 2] =
    ["application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json"];

/// Repositories by URI, without digest or tag.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Images {
    pub(super) repositories: BTreeMap<String, Repository>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Repository {
    /// Media type by digest.
    manifests: BTreeMap<String, String>,
    /// Digest by tag.
    tags: BTreeMap<String, String>,
}

/// An image URI taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageUri<'a> {
    pub repository: &'a str,
    pub tag: Option<&'a str>,
    /// `sha256:…`.
    pub digest: Option<&'a str>,
}

impl<'a> ImageUri<'a> {
    /// `repository[:tag][@digest]`; a colon before the last slash belongs to a port.
    pub fn parse(text: &'a str) -> ImageUri<'a> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        let name_at = rest.rfind('/').map_or(0, |slash| slash + 1);
        match rest[name_at..].find(':') {
            Some(colon) => {
                ImageUri { repository: &rest[..name_at + colon], tag: Some(&rest[name_at + colon + 1..]), digest }
            }
            None => ImageUri { repository: rest, tag: None, digest },
        }
    }
}

impl Images {
    pub fn exists(&self, repository: &str, digest: &str) -> bool {
        self.repositories.get(repository).is_some_and(|found| found.manifests.contains_key(digest))
    }

    /// The repository and digest behind a URI, as of now: a tag is resolved here, once.
    pub fn resolve(&self, image_uri: &str, place: &Place) -> Result<(String, String), ModelError> {
        let uri = ImageUri::parse(image_uri);
        if image_uri.is_empty() || image_uri.contains(char::is_whitespace) {
            return Err(ModelError::invalid(format!(
                "Source image {image_uri} is not valid. Provide a valid source image."
            )));
        }
        if let Some(region) = ecr_region(uri.repository)
            && region != place.region
        {
            return Err(ModelError::invalid(format!(
                "Source image {image_uri} is not in region {}. The source image must be in the region of the function.",
                place.region
            )));
        }
        let found = self.repositories.get(uri.repository).and_then(|repository| {
            let digest = uri.digest.or_else(|| repository.tags.get(uri.tag.unwrap_or("latest")).map(String::as_str))?;
            repository.manifests.get_key_value(digest)
        });
        match found {
            None => Err(ModelError::invalid(format!(
                "Source image {image_uri} does not exist. Provide a valid source image."
            ))),
            Some((_, media_type)) if !IMAGE_MEDIA_TYPES.contains(&media_type.as_str()) => {
                Err(ModelError::invalid(format!(
                    "The image manifest, config or layer media type for the source image {image_uri} is not supported."
                )))
            }
            Some((digest, _)) => Ok((uri.repository.to_owned(), digest.clone())),
        }
    }
}

/// The region of an ECR repository's host, `ACCOUNT.dkr.ecr.REGION.amazonaws.com`; `None` for any other host.
fn ecr_region(repository: &str) -> Option<&str> {
    let host = repository.split('/').next()?;
    let (_, rest) = host.split_once(".dkr.ecr.")?;
    rest.split_once(".amazonaws.com").map(|(region, _)| region)
}

impl Model {
    /// An image was pushed by digest (`sha256:…`).
    pub fn put_image(&mut self, now_ms: u64, repository: &str, digest: &str) {
        self.put_manifest(now_ms, repository, digest, IMAGE_MEDIA_TYPES[0]);
    }

    /// A manifest of any media type was pushed; functions accept single images only.
    pub fn put_manifest(&mut self, now_ms: u64, repository: &str, digest: &str, media_type: &str) {
        self.settle_all(now_ms);
        let repository = self.images.repositories.entry(repository.to_owned()).or_default();
        repository.manifests.insert(digest.to_owned(), media_type.to_owned());
    }

    /// A tag was moved to a digest of the same repository. Functions that were made from the tag do not notice.
    pub fn tag_image(&mut self, repository: &str, tag: &str, digest: &str) {
        let repository = self.images.repositories.entry(repository.to_owned()).or_default();
        repository.tags.insert(tag.to_owned(), digest.to_owned());
    }

    /// An image was deleted, by a person or a lifecycle rule. Returns whether it was there.
    pub fn delete_image(&mut self, now_ms: u64, repository: &str, digest: &str) -> bool {
        self.settle_all(now_ms);
        let Some(repository) = self.images.repositories.get_mut(repository) else { return false };
        repository.tags.retain(|_, tagged| tagged != digest);
        repository.manifests.remove(digest).is_some()
    }

    /// Whether the image exists.
    pub fn has_image(&self, repository: &str, digest: &str) -> bool {
        self.images.exists(repository, digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_uri_is_taken_apart_at_the_digest_and_at_the_tag_but_not_at_a_port() {
        let check = |text, repository, tag, digest| {
            assert_eq!(ImageUri::parse(text), ImageUri { repository, tag, digest }, "{text}");
        };
        check("repo", "repo", None, None);
        check("host:5000/team/repo", "host:5000/team/repo", None, None);
        check("host:5000/repo:v1", "host:5000/repo", Some("v1"), None);
        check("host:5000/repo@sha256:aa", "host:5000/repo", None, Some("sha256:aa"));
        check("repo:v1@sha256:aa", "repo", Some("v1"), Some("sha256:aa"));
    }
}
