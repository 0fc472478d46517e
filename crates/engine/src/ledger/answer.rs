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
    match (error, status(&chain(error))) {
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
    match (error, status(&chain(error))) {
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
    let why = readable(&chain(source));
    if why.contains("NoSuchBucket") { Err(LogError::NoPlace { key: key.to_owned(), why }) } else { Ok(()) }
}

/// The error and its causes on one line, without repetitions and without the form of the answer.
pub(super) fn text(error: &Error) -> String {
    readable(&chain(error))
}

/// `Error performing GET URL in 10ms - Server returned non-2xx status code: 404 Not Found: <?xml…` becomes `GET URL: 404 Not Found:
/// NoSuchBucket: The specified bucket does not exist`. What has another form stays as it is.
fn readable(text: &str) -> String {
    let text = match text.split_once(" - Server returned non-2xx status code: ") {
        Some((request, answer)) => {
            let request = request.rsplit_once(" in ").map_or(request, |(request, _)| request);
            format!("{}: {answer}", request.replacen("Error performing ", "", 1))
        }
        None => text.to_owned(),
    };
    let Some(at) = text.find("<?xml").or_else(|| text.find("<Error>")) else { return text };
    let (before, xml) = text.split_at(at);
    let tag = |name: &str| {
        let (_, rest) = xml.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>")).map(|(value, _)| value)
    };
    match (tag("Code"), tag("Message")) {
        (Some(code), Some(message)) => format!("{before}{code}: {message}"),
        (Some(code), None) => format!("{before}{code}"),
        (None, _) => text,
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_in_xml_is_told_by_its_code_and_message() {
        let raw = "Error performing GET http://127.0.0.1:5977/shop-nope/x/genesis.json in 10.832977ms - Server returned non-2xx status \
                   code: 404 Not Found: <?xml version=\"1.0\"?> <Error><Code>NoSuchBucket</Code><Message>The specified bucket does not \
                   exist</Message><RequestId>1</RequestId></Error>";
        let told = "GET http://127.0.0.1:5977/shop-nope/x/genesis.json: 404 Not Found: NoSuchBucket: The specified bucket does not exist";
        assert_eq!(readable(raw), told);
        assert_eq!(status(raw), Some(404));
        assert_eq!(readable("Generic S3 error: <html>"), "Generic S3 error: <html>");
        assert_eq!(readable("x: <Error><Code>SlowDown</Code></Error>"), "x: SlowDown");
    }
}
