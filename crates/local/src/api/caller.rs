//! Who calls, from the credential scope of the signature. The signature itself is not verified: the host listens on loopback
//! only, and whoever reaches it could read its keys as well.

use hyper::{HeaderMap, Uri};
use tiers_lambda::model::Place;

use super::failure::Failure;
use crate::config::{is_account, is_region};
use crate::http::query_pairs;

/// Begins an access key id that names the account in which its holder acts: this, and the 12 digits.
pub const KEY_PREFIX: &str = "AKIALOCAL";

/// What the scope says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    pub place: Place,
    pub access_key: String,
    /// `lambda` or `sts`.
    pub service: String,
}

impl Caller {
    /// Reads the scope `KEY/DATE/REGION/SERVICE/aws4_request` from the `Authorization` header or a presigned query.
    ///
    /// Errors: 403 without credentials or with a scope that is none.
    pub fn of(headers: &HeaderMap, uri: &Uri, default_account: &str) -> Result<Caller, Failure> {
        let scope = match headers.get("authorization") {
            Some(value) => {
                let text = value.to_str().unwrap_or_default();
                let credential = text.split([' ', ',']).find_map(|part| part.strip_prefix("Credential="));
                credential.ok_or_else(|| incomplete("it has no Credential"))?.to_owned()
            }
            None => {
                let pairs = query_pairs(uri.query().unwrap_or_default());
                let found = pairs.into_iter().find(|(name, _)| name == "X-Amz-Credential");
                found.ok_or_else(Failure::no_credentials)?.1
            }
        };
        let parts: Vec<&str> = scope.split('/').collect();
        let &[access_key, date, region, service, "aws4_request"] = parts.as_slice() else {
            return Err(incomplete("its Credential is not KEY/DATE/REGION/SERVICE/aws4_request"));
        };
        if access_key.is_empty() || date.len() != 8 || !is_region(region) {
            return Err(incomplete("its Credential has no key, date or region"));
        }
        let named = access_key.strip_prefix(KEY_PREFIX).filter(|account| is_account(account));
        Ok(Caller {
            place: Place { account: named.unwrap_or(default_account).to_owned(), region: region.to_owned() },
            access_key: access_key.to_owned(),
            service: service.to_owned(),
        })
    }
}

fn incomplete(why: &str) -> Failure {
    Failure::new(403, "IncompleteSignatureException", format!("The Authorization header is not a signature: {why}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(authorization: Option<&str>, uri: &str) -> Result<(String, String, String), u16> {
        let mut headers = HeaderMap::new();
        if let Some(text) = authorization {
            headers.insert("authorization", text.parse().expect("a header"));
        }
        let caller = Caller::of(&headers, &uri.parse().expect("a URI"), "000000000000");
        caller.map(|c| (c.place.account, c.place.region, c.service)).map_err(|f| f.status)
    }

    #[test]
    fn place_and_service_come_from_the_scope() {
        let sign = |key: &str| {
            format!(
                "AWS4-HMAC-SHA256 Credential={key}/20261123/eu-west-1/lambda/aws4_request, SignedHeaders=host, Signature=00"
            )
        };
        let wanted = |account: &str| Ok((account.to_owned(), "eu-west-1".to_owned(), "lambda".to_owned()));
        assert_eq!(check(Some(&sign("AKIDEXAMPLE")), "/"), wanted("000000000000"));
        assert_eq!(check(Some(&sign("AKIALOCAL755283537543")), "/"), wanted("755283537543"));
        assert_eq!(check(Some(&sign("AKIALOCAL7552")), "/"), wanted("000000000000"));
        assert_eq!(
            check(None, "/?X-Amz-Credential=AK%2F20261123%2Feu-west-1%2Flambda%2Faws4_request"),
            wanted("000000000000")
        );
    }

    #[test]
    fn a_request_without_a_scope_is_refused() {
        for bad in [
            None,
            Some("Bearer x"),
            Some("AWS4-HMAC-SHA256 Credential=AK/x"),
            Some("AWS4-HMAC-SHA256 Credential=AK/20261123/EU!/lambda/aws4_request"),
        ] {
            assert_eq!(check(bad, "/"), Err(403), "{bad:?}");
        }
    }
}
