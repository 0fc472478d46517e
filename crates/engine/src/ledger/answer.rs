//! What an error of the `object_store` crate says about the object: written or not, absent or not to be seen.
//!
//! The crate keeps the status of a listing only in the text of its error, so that text is read; where it does not have the
//! expected form the answer is "unknown" or "unavailable", which are safe.

use std::error::Error as StdError;

use object_store::Error;

use crate::port::log::{Create, LogError, Refusal};

/// What a failed create means, for a service behind a network.
pub(super) fn of_create(error: &Error) -> Create {
    let why = text(error);
    match (error, status(&why)) {
        // Status 412, and 409 as well, which S3 answers while another create of the key is under way. Either may be our own
        // earlier send; the caller reads the key, and sends again where it is absent.
        (Error::AlreadyExists { .. }, _) => Create::Exists,
        (Error::PermissionDenied { .. } | Error::Unauthenticated { .. }, _) => Create::Refused(Refusal::Denied(why)),
        (Error::NotFound { .. }, _) => Create::Refused(Refusal::Other(format!("the bucket does not exist: {why}"))),
        (Error::NotImplemented { .. } | Error::NotSupported { .. }, _) => Create::Refused(Refusal::Other(why)),
        // 408 and 429 ask for another try; 400 is how S3 says that a token expired or a request is malformed.
        (_, Some(400)) => Create::Refused(Refusal::Other(why)),
        _ => Create::Unknown(why),
    }
}

/// What a failed read or listing means, where it is not plainly absent.
pub(super) fn of_read(key: &str, error: &Error) -> LogError {
    let (key, why) = (key.to_owned(), text(error));
    match (error, status(&why)) {
        (Error::PermissionDenied { .. } | Error::Unauthenticated { .. }, _) | (_, Some(400 | 401 | 403)) => {
            LogError::Denied { key, why }
        }
        (Error::NotFound { .. }, _) | (_, Some(404)) => LogError::NoPlace { key, why },
        (Error::Generic { source, .. }, _) if is_denied(&**source) => LogError::Denied { key, why },
        _ => LogError::Unavailable { key, why },
    }
}

/// An error where "not found" means the bucket and not the object.
pub(super) fn check_absent(key: &str, source: &(dyn StdError + 'static)) -> Result<(), LogError> {
    let why = chain(source);
    if why.contains("NoSuchBucket") { Err(LogError::NoPlace { key: key.to_owned(), why }) } else { Ok(()) }
}

/// The error and its causes on one line, without repetitions.
pub(super) fn text(error: &Error) -> String {
    chain(error)
}

/// The input or output error at the bottom of an error, where there is one.
pub(super) fn io_error<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a std::io::Error> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return Some(io);
        }
        cause = error.source();
    }
    None
}

fn is_denied(error: &(dyn StdError + 'static)) -> bool {
    io_error(error).is_some_and(|io| io.kind() == std::io::ErrorKind::PermissionDenied)
}

fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The HTTP status in the text of an error, in the words of `object_store`'s `RequestError::Status`.
fn status(text: &str) -> Option<u16> {
    let (_, after) = text.split_once("non-2xx status code: ")?;
    after.get(..3)?.parse().ok()
}
