//! The one operation of STS that a deployer needs, in STS's own Query protocol: form in, XML out.
//!
//! Source: the STS API reference, version 2011-06-15, `GetCallerIdentity`.

use super::caller::Caller;
use super::failure::Failure;
use crate::http::{self, Answer};

/// Answers a form.
pub(crate) fn answer(caller: &Caller, form: &str, request_id: &str) -> Answer {
    let pairs = http::query_pairs(form);
    let action = pairs.iter().find(|(name, _)| name == "Action").map(|(_, value)| value.as_str());
    match action {
        Some("GetCallerIdentity") => {
            let account = &caller.place.account;
            let xml = format!(
                "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
                 <GetCallerIdentityResult><Arn>arn:aws:iam::{account}:user/local</Arn><UserId>{}</UserId>\
                 <Account>{account}</Account></GetCallerIdentityResult>\
                 <ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></GetCallerIdentityResponse>",
                escape(&caller.access_key)
            );
            http::answer(200, "text/xml", xml)
        }
        _ => {
            let text = format!("The action {} is not valid for this endpoint.", action.unwrap_or("that was not given"));
            failure(&Failure::new(400, "InvalidAction", text), request_id)
        }
    }
}

/// A refusal in STS's form.
pub(crate) fn failure(failure: &Failure, request_id: &str) -> Answer {
    // The Query protocol's codes have no suffix.
    let code = failure.code.strip_suffix("Exception").unwrap_or(&failure.code);
    let xml = format!(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type><Code>{}</Code>\
         <Message>{}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>",
        escape(code),
        escape(&failure.message)
    );
    http::answer(failure.status, "text/xml", xml)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
