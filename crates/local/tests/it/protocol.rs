//! AWS's protocols, byte for byte where clients depend on it. That real clients accept them is shown elsewhere, with the clients.

use serde_json::{Value, json};

use tiers_local::HostConfig;

use crate::harness::{Aws, REGION, config, images, send, signature, start, start_with};

#[tokio::test(flavor = "multi_thread")]
async fn a_function_goes_through_its_whole_life() {
    let host = start().await;
    let aws = host.aws;
    let uri = &images().good;
    let digest = uri.rsplit(':').next().expect("a digest");
    aws.create("f", uri, json!({"Tags": {"Project": "p"}, "Environment": {"Variables": {"RELEASE": "one"}}})).await;
    let got = aws.call("GET", "/2015-03-31/functions/f", Value::Null).await.ok();
    assert_eq!(got["Configuration"]["FunctionArn"], format!("arn:aws:lambda:{REGION}:000000000000:function:f"));
    assert_eq!(got["Configuration"]["CodeSha256"], digest);
    assert_eq!(got["Code"]["ResolvedImageUri"], *uri);
    assert_eq!(got["Tags"]["Project"], "p");
    let revision = got["Configuration"]["RevisionId"].clone();

    let code = "/2015-03-31/functions/f/code";
    let updated = aws.call("PUT", code, json!({"ImageUri": uri, "RevisionId": revision})).await.ok();
    assert_eq!(updated["LastUpdateStatus"], "InProgress");
    let stale = aws.call("PUT", code, json!({"ImageUri": uri, "RevisionId": revision})).await;
    assert_eq!((stale.status, stale.header("x-amzn-errortype")), (412, Some("PreconditionFailedException")));
    aws.settled("f").await;

    let version = aws.publish("f").await;
    assert_eq!((version.as_str(), aws.publish("f").await.as_str()), ("1", "1"), "nothing changed: the same version");
    aws.alias("POST", "f", "1").await;
    let settings = json!({"Environment": {"Variables": {"RELEASE": "two"}}});
    aws.call("PUT", "/2015-03-31/functions/f/configuration", settings).await.ok();
    aws.settled("f").await;
    assert_eq!(aws.publish("f").await, "2");
    let weighted = json!({"FunctionVersion": "1", "RoutingConfig": {"AdditionalVersionWeights": {"2": 0.25}}});
    let alias = aws.call("PUT", "/2015-03-31/functions/f/aliases/live", weighted).await.ok();
    assert_eq!(alias["RoutingConfig"]["AdditionalVersionWeights"]["2"], 0.25);
    let cleared = json!({"FunctionVersion": "2", "RoutingConfig": {"AdditionalVersionWeights": {}}});
    let alias = aws.call("PUT", "/2015-03-31/functions/f/aliases/live", cleared).await.ok();
    assert!(alias.get("RoutingConfig").is_none());

    let versions = aws.call("GET", "/2015-03-31/functions/f/versions", Value::Null).await.ok();
    let numbers: Vec<&str> =
        versions["Versions"].as_array().expect("a list").iter().filter_map(|v| v["Version"].as_str()).collect();
    assert_eq!(numbers, ["$LATEST", "1", "2"]);
    let aliases = aws.call("GET", "/2015-03-31/functions/f/aliases?MaxItems=1", Value::Null).await.ok();
    assert_eq!(aliases["Aliases"][0]["Name"], "live");
    assert_eq!(aws.call("DELETE", "/2015-03-31/functions/f?Qualifier=2", Value::Null).await.status, 409);
    assert_eq!(aws.call("DELETE", "/2015-03-31/functions/f?Qualifier=1", Value::Null).await.status, 204);
    assert_eq!(aws.call("DELETE", "/2015-03-31/functions/f/aliases/live", Value::Null).await.status, 204);
    assert_eq!(aws.call("DELETE", "/2015-03-31/functions/f", Value::Null).await.status, 204);
    let functions = aws.call("GET", "/2015-03-31/functions/", Value::Null).await.ok();
    assert_eq!(functions["Functions"], json!([]));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_and_concurrency_have_paths_of_their_own() {
    let host = start().await;
    let aws = host.aws;
    aws.create("f", &images().good, json!({})).await;
    let tags = format!("/2017-03-31/tags/arn%3Aaws%3Alambda%3A{REGION}%3A000000000000%3Afunction%3Af");
    assert_eq!(aws.call("POST", &tags, json!({"Tags": {"a": "1", "b": "2"}})).await.status, 204);
    assert_eq!(aws.call("DELETE", &format!("{tags}?tagKeys=a&tagKeys=c"), Value::Null).await.status, 204);
    assert_eq!(aws.call("GET", &tags, Value::Null).await.ok(), json!({"Tags": {"b": "2"}}));
    let reserved = json!({"ReservedConcurrentExecutions": 7});
    let put = aws.call("PUT", "/2017-10-31/functions/f/concurrency", reserved.clone()).await.ok();
    assert_eq!(put, reserved);
    assert_eq!(aws.call("GET", "/2019-09-30/functions/f/concurrency", Value::Null).await.ok(), reserved);
    assert_eq!(aws.call("DELETE", "/2017-10-31/functions/f/concurrency", Value::Null).await.status, 204);
    assert_eq!(aws.call("GET", "/2019-09-30/functions/f/concurrency", Value::Null).await.ok(), json!({}));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_have_the_services_own_form() {
    let host = start().await;
    let aws = host.aws;
    let images = images();
    aws.create("f", &images.good, json!({})).await;
    let new = |name: &str, uri: &str| json!({"FunctionName": name, "Role": "arn:aws:iam::000000000000:role/r", "Code": {"ImageUri": uri}});
    let missing_image = format!("local/app@sha256:{}", "0".repeat(64));
    let check = async |method: &str, path: &str, body: Value, status: u16, code: &str| {
        let reply = aws.call(method, path, body).await;
        assert_eq!((reply.status, reply.header("x-amzn-errortype")), (status, Some(code)), "{method} {path}");
        assert!(reply.header("x-amzn-requestid").is_some());
        let body = reply.json();
        assert_eq!(body["Type"], if status < 500 { "User" } else { "Service" });
        body
    };
    let functions = "/2015-03-31/functions";
    let not_found = check("GET", "/2015-03-31/functions/none", Value::Null, 404, "ResourceNotFoundException").await;
    assert_eq!(not_found["Message"], format!("Function not found: arn:aws:lambda:{REGION}:000000000000:function:none"));
    check("POST", functions, new("f", &images.good), 409, "ResourceConflictException").await;
    check("POST", functions, new("g", &missing_image), 400, "InvalidParameterValueException").await;
    check("POST", functions, new("g", "local/app:no-such-tag"), 400, "InvalidParameterValueException").await;
    check("POST", functions, json!("no object"), 400, "InvalidRequestContentException").await;
    check("GET", "/2015-03-31/functions/f/policy", Value::Null, 404, "ResourceNotFoundException").await;
    check("GET", "/2015-03-31/functions/f/aliases/none", Value::Null, 404, "ResourceNotFoundException").await;
    check("POST", "/2015-03-31/functions/f/invocations?Qualifier=none", json!({}), 404, "ResourceNotFoundException")
        .await;
    check("GET", "/2015-03-31/event-source-mappings", Value::Null, 404, "UnknownOperationException").await;
    check("GET", "/2015-03-31/functions?MaxItems=x", Value::Null, 400, "InvalidParameterValueException").await;
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_is_resolved_once_and_an_index_is_refused() {
    let host = start().await;
    host.aws.create("f", "local/app:good", json!({})).await;
    let got = host.aws.call("GET", "/2015-03-31/functions/f", Value::Null).await.ok();
    assert_eq!(
        (&got["Code"]["ImageUri"], &got["Code"]["ResolvedImageUri"]),
        (&json!("local/app:good"), &json!(images().good))
    );
    let layout = tiers_oci::Layout::open(&images().layout).expect("the layout");
    let index = br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;
    let digest = layout.put(index).expect("written");
    let code = json!({"ImageUri": format!("local/app@{digest}")});
    let reply = host.aws.call("PUT", "/2015-03-31/functions/f/code", code).await;
    assert_eq!(reply.status, 400);
    assert!(reply.json()["message"].as_str().expect("a text").contains("media type"), "{:?}", reply.json());
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_are_named_in_every_form_and_accounts_are_apart() {
    let host = start().await;
    let Aws(port) = host.aws;
    host.aws.create("f", &images().good, json!({})).await;
    let arn = format!("arn:aws:lambda:{REGION}:000000000000:function:f");
    for name in ["f", "000000000000:function:f", &arn, &format!("{arn}:$LATEST"), &arn.replace(':', "%3A")] {
        let got = host.aws.call("GET", &format!("/2015-03-31/functions/{name}"), Value::Null).await.ok();
        assert_eq!(got["Configuration"]["FunctionName"], "f", "{name}");
    }
    let other = signature("AKIALOCAL755283537543", "lambda");
    let reply = send(port, "GET", "/2015-03-31/functions/f", &[("authorization", &other)], b"").await;
    assert_eq!(reply.status, 404);
    assert!(reply.json()["Message"].as_str().expect("a text").contains("755283537543"));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_without_credentials_are_refused_and_sts_tells_who_calls() {
    let host = start().await;
    let Aws(port) = host.aws;
    let reply = send(port, "GET", "/2015-03-31/functions", &[], b"").await;
    assert_eq!((reply.status, reply.header("x-amzn-errortype")), (403, Some("MissingAuthenticationTokenException")));
    let form = b"Action=GetCallerIdentity&Version=2011-06-15";
    let reply = send(port, "POST", "/", &[], form).await;
    assert_eq!(reply.status, 403);
    assert!(String::from_utf8_lossy(&reply.body).contains("<Code>MissingAuthenticationToken</Code>"));
    let signed = signature("AKIALOCAL755283537543", "sts");
    let reply = send(port, "POST", "/", &[("authorization", &signed)], form).await;
    let xml = String::from_utf8_lossy(&reply.body).into_owned();
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("text/xml")));
    assert!(xml.contains("<Account>755283537543</Account>"), "{xml}");
    assert!(xml.contains("<Arn>arn:aws:iam::755283537543:user/local</Arn>"), "{xml}");
    let reply = send(port, "POST", "/", &[("authorization", &signed)], b"Action=AssumeRole").await;
    assert_eq!(reply.status, 400);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_control_planes_quota_is_refused_when_asked_for() {
    let host = start_with(HostConfig { control_plane_quotas: true, ..config() }).await;
    let mut refused = 0;
    for _ in 0..40 {
        let reply = host.aws.call("GET", "/2015-03-31/functions", Value::Null).await;
        if reply.status == 429 {
            assert_eq!(
                (reply.header("x-amzn-errortype"), &reply.json()["Reason"]),
                (Some("TooManyRequestsException"), &json!("CallerRateLimitExceeded"))
            );
            refused += 1;
        }
    }
    // 15 at once, and 15 more for every second that the 40 calls took.
    assert!(refused > 0);
    host.client.status().await.expect("looking at the host costs no quota");
    host.stop().await;
}
