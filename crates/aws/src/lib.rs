//! Translates between the LambdaApi trait and the AWS SDK, nothing else.
