//! The made-up credentials of the local host stay on this machine, and so does what is sent with them.

use tiers_aws::AwsLambda;

fn check(endpoint: &str, expected: Result<(), &str>) {
    let made = AwsLambda::for_endpoint(endpoint, "eu-west-1", "123456789012").map(drop).map_err(|error| error.reason);
    assert_eq!(made, expected, "{endpoint}");
}

#[test]
fn only_plain_http_on_the_loopback_interface_is_taken_for_the_local_host() {
    for endpoint in ["http://127.0.0.1:4566", "http://127.9.9.9", "http://[::1]:4566/", "http://localhost:4566"] {
        check(endpoint, Ok(()));
    }
    check("https://127.0.0.1:4566", Err("the scheme is not http"));
    check("http://lambda.eu-west-1.amazonaws.com", Err("the host is a name other than localhost"));
    check("http://localhost.example.com", Err("the host is a name other than localhost"));
    check("http://10.0.0.1:4566", Err("the address is not a loopback address"));
    check("http://0.0.0.0:4566", Err("the address is not a loopback address"));
    check("http://[::ffff:10.0.0.1]", Err("the address is not a loopback address"));
    check("http://127.0.0.1@10.0.0.1", Err("it carries a user name"));
    check("127.0.0.1:4566", Err("the scheme is not http"));
    check("", Err("it is no address"));
}
