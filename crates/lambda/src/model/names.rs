//! Names and times as the service writes them: ARNs, the forms in which a function may be named, `LastModified`.

use super::error::ModelError;
use super::state::Place;

/// `arn:aws:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER]`.
pub(super) fn function_arn(place: &Place, name: &str, qualifier: Option<&str>) -> String {
    let Place { account, region } = place;
    match qualifier {
        Some(qualifier) => format!("arn:aws:lambda:{region}:{account}:function:{name}:{qualifier}"),
        None => format!("arn:aws:lambda:{region}:{account}:function:{name}"),
    }
}

/// A function as a request names it: by name, `NAME:QUALIFIER`, `ACCOUNT:function:NAME` or ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionRef<'a> {
    pub name: &'a str,
    pub qualifier: Option<&'a str>,
}

impl<'a> FunctionRef<'a> {
    /// # Errors
    /// `ValidationException` when it is none of the forms or the name is longer than 64, `ResourceNotFoundException` when it
    /// is in another account or region.
    pub fn parse(text: &'a str, place: &Place) -> Result<FunctionRef<'a>, ModelError> {
        let wrong =
            || ModelError::constraint("functionName", text, "satisfy regular expression pattern of a function name");
        let (owner, rest) = match text.split_once("function:") {
            Some((owner, rest)) => (owner.trim_end_matches(':'), rest),
            None => ("", text),
        };
        let mut parts = rest.split(':');
        let name = parts.next().unwrap_or_default();
        let qualifier = parts.next();
        let is_word = |word: &str| !word.is_empty() && word.bytes().all(is_name_byte);
        let good_qualifier = qualifier.is_none_or(|text| text == "$LATEST" || is_word(text));
        if parts.next().is_some() || !is_word(name) || !good_qualifier {
            return Err(wrong());
        }
        if name.len() > 64 {
            return Err(ModelError::constraint("functionName", name, "have length less than or equal to 64"));
        }
        let Place { account, region } = place;
        let owners = [String::new(), account.clone(), format!("arn:aws:lambda:{region}:{account}")];
        if owners.iter().any(|good| good == owner) {
            Ok(FunctionRef { name, qualifier })
        } else if owner.starts_with("arn:aws:lambda:") || owner.bytes().all(|byte| byte.is_ascii_digit()) {
            Err(ModelError::function_not_found(text))
        } else {
            Err(wrong())
        }
    }
}

/// Letters, digits, hyphen and underscore: function and alias names.
pub(super) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// A version's number as the service writes it, without leading zeros; `None` for `$LATEST` and anything else.
pub(super) fn version_number(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text && number > 0).then_some(number)
}

/// `2026-01-31T23:59:59.123+0000`; a moment beyond the year 9999 is written as the last one that can be.
pub(super) fn last_modified(at_ms: u64) -> String {
    let at = i64::try_from(at_ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    at.unwrap_or(jiff::Timestamp::MAX).strftime("%Y-%m-%dT%H:%M:%S.%3f+0000").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_may_be_named_in_every_form_the_service_takes() {
        let place = Place { account: "123456789012".into(), region: "eu-west-1".into() };
        let check = |text, name, qualifier| {
            assert_eq!(FunctionRef::parse(text, &place), Ok(FunctionRef { name, qualifier }), "{text}");
        };
        check("f", "f", None);
        check("f:live", "f", Some("live"));
        check("f:$LATEST", "f", Some("$LATEST"));
        check("function:f", "f", None);
        check("123456789012:function:f", "f", None);
        check("arn:aws:lambda:eu-west-1:123456789012:function:f:7", "f", Some("7"));
        for bad in ["", "a b", "f:", "f:1:2", "f:a.b", "s3:function:f", &"f".repeat(65)] {
            assert_eq!(FunctionRef::parse(bad, &place).map_err(|error| error.status()), Err(400), "{bad}");
        }
        for elsewhere in ["arn:aws:lambda:eu-west-2:123456789012:function:f", "999999999999:function:f"] {
            assert_eq!(FunctionRef::parse(elsewhere, &place).map_err(|error| error.status()), Err(404), "{elsewhere}");
        }
    }

    #[test]
    fn last_modified_has_milliseconds_and_an_offset_without_a_colon() {
        assert_eq!(last_modified(1_769_903_999_123), "2026-01-31T23:59:59.123+0000");
        assert_eq!(last_modified(0), "1970-01-01T00:00:00.000+0000");
        assert_eq!(&last_modified(u64::MAX)[..4], "9999");
    }
}
