//! What many accounts take from one: images from a registry, layers from whoever publishes them.

/// Whether a text names an image in a registry of AWS, or that registry.
pub(super) fn is_registry(text: &str) -> bool {
    text.contains(".dkr.ecr.") || (text.starts_with("arn:aws") && text.split(':').nth(2) == Some("ecr"))
}

/// Whether it is the ARN of a layer for functions.
pub(super) fn is_layer(text: &str) -> bool {
    layer(text).is_some()
}

fn layer(text: &str) -> Option<&str> {
    let mut parts = text.split(':');
    let head = [parts.next()?, parts.next()?, parts.next()?];
    (head[0] == "arn" && head[1].starts_with("aws") && head[2] == "lambda").then_some(())?;
    parts.nth(2).filter(|kind| *kind == "layer").and_then(|_| parts.next())
}

/// How the names of layers begin that vendors publish, each in accounts of its own by region.
const VENDORS_LAYERS: &[&str] = &[
    "AWS-AppConfig-Extension",
    "AWS-Parameters-and-Secrets-Lambda-Extension",
    "AWSDataWrangler",
    "AWSLambdaPowertools",
    "AWSOpenTelemetryDistro",
    "AWSSDKPandas",
    "Datadog-",
    "Dynatrace_",
    "Klayers-",
    "LambdaAdapterLayer",
    "LambdaInsightsExtension",
    "NewRelic",
    "Sentry",
    "aws-otel-",
    "opentelemetry-",
    "vault-lambda-extension",
];

/// Whether it is a layer that a vendor publishes for everybody.
pub(super) fn is_vendors_layer(text: &str) -> bool {
    layer(text).is_some_and(|name| VENDORS_LAYERS.iter().any(|vendor| name.starts_with(vendor)))
}

#[cfg(test)]
mod tests {
    use super::{is_layer, is_registry, is_vendors_layer};

    #[test]
    fn layers_are_told_by_their_names_and_registries_by_their_hosts() {
        let layer = |name: &str| format!("arn:aws:lambda:eu-west-1:400000000009:layer:{name}:3");
        assert!(
            is_vendors_layer(&layer("Datadog-Extension")) && is_vendors_layer(&layer("LambdaInsightsExtension-Arm64"))
        );
        assert!(!is_vendors_layer(&layer("common")) && is_layer(&layer("common")));
        assert!(!is_layer("arn:aws:lambda:eu-west-1:400000000009:function:layer"));
        assert!(is_registry("400000000001.dkr.ecr.eu-west-1.amazonaws.com/app:1"));
        assert!(is_registry("arn:aws:ecr:eu-west-1:400000000001:repository/app"));
        assert!(!is_registry("arn:aws:iam::400000000001:role/ecr"));
    }
}
