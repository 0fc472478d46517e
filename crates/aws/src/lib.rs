//! Lambda and STS over the AWS SDK, as the trait [`LambdaApi`](tiers_lambda::api::LambdaApi) asks for them.
//!
//! This crate translates and decides nothing: what a look means and what may be retried is said in `tiers-lambda`. Its own
//! care is that one call of the trait is one request on the wire wherever something is changed, that an answer which got lost
//! is never taken for a refusal, and that the credentials of the local host never leave the machine.

mod answer;
mod calls;
mod client;
mod failure;
mod wire;

pub use client::{AwsLambda, NotLoopback};
