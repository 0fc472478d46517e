//! A place for commands that only read and write the ledger: whoever asks it something is told that nothing is reached from here.

use async_trait::async_trait;
use tiers_core::event::{Answer, GateResult, Outcome};
use tiers_core::gate::Gate;
use tiers_core::id::{Digest, Fingerprint, Token, Version};
use tiers_engine::gates::{GatePlace, Gates};
use tiers_engine::port::target::{
    AliasLook, Form, Invoked, LatestLook, Look, Pointing, Sent, Target, TargetError, VersionLook, Whereabouts,
};

/// No place.
pub struct Nowhere;

fn error<T>(what: &str) -> Result<T, TargetError> {
    Err(TargetError::Unfit { what: what.to_owned(), why: "this command does not reach the environment".to_owned() })
}

fn refused() -> Sent {
    Sent { answer: Answer::Refused { why: "this command does not reach the environment".to_owned() }, version: None }
}

#[async_trait(?Send)]
impl Target for Nowhere {
    async fn whereabouts(&self) -> Result<Whereabouts, TargetError> {
        error("the account")
    }
    async fn look(&self, function: &str, _: &str) -> Result<Look, TargetError> {
        error(function)
    }
    async fn look_latest(&self, function: &str) -> Result<LatestLook, TargetError> {
        error(function)
    }
    async fn look_alias(&self, function: &str, _: &str) -> Result<AliasLook, TargetError> {
        error(function)
    }
    async fn look_version(&self, function: &str, _: &Version) -> Result<VersionLook, TargetError> {
        error(function)
    }
    async fn find_version(
        &self,
        function: &str,
        _: &Version,
        _: &Digest,
        _: &Fingerprint,
    ) -> Result<Option<Version>, TargetError> {
        error(function)
    }
    async fn stage(&self, _: &str, _: &str, _: &Token) -> Sent {
        refused()
    }
    async fn seal(&self, _: &str, _: &Digest, _: &str, _: &Token) -> Sent {
        refused()
    }
    async fn point(&self, _: &str, _: &str, _: &Pointing, _: &Token) -> Sent {
        refused()
    }
    async fn invoke(&self, function: &str, _: &Form, _: &[u8]) -> Result<Invoked, TargetError> {
        error(function)
    }
}

#[async_trait(?Send)]
impl Gates for Nowhere {
    async fn run(&self, gate: &Gate, _: &GatePlace<'_>) -> GateResult {
        GateResult {
            gate: gate.name.clone(),
            at: gate.at,
            effect: gate.effect,
            outcome: Outcome::Errored,
            detail: "this command does not reach the environment".to_owned(),
            output: String::new(),
            duration_ms: 0,
        }
    }
}
