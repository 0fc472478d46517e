//! The summary that must stand in a record, whichever kind of stream it is of: what `verify` compares.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::event::Event;
use crate::lease::{LeaseEvent, LeaseState};
use crate::record::Record;
use crate::release::{ReleaseEvent, Releases};
use crate::state::{EnvState, Meta};

/// The summary before a record (`null` before the first), with the record's event folded in.
///
/// Errors: why the event does not follow, as text.
pub fn after(before: &Value, record: &Record) -> Result<Value, String> {
    match record.stream.root() {
        "releases" => {
            let before: Releases = read(before)?;
            let event: ReleaseEvent = from(&record.event)?;
            write(&before.apply(&event).map_err(|error| error.to_string())?)
        }
        "terraform" => {
            let before: LeaseState = read(before)?;
            let event: LeaseEvent = from(&record.event)?;
            let meta = Meta { by: &record.actor.who, at: record.at, deployment: None, epoch: record.epoch };
            write(&before.apply(&event, &meta).map_err(|error| error.to_string())?)
        }
        _ => {
            let before: EnvState = read(before)?;
            let event: Event = from(&record.event)?;
            let meta = Meta {
                by: &record.actor.who,
                at: record.at,
                deployment: record.deployment.as_ref(),
                epoch: record.epoch,
            };
            write(&before.apply(&event, &meta).map_err(|error| error.to_string())?)
        }
    }
}

fn read<T: DeserializeOwned + Default>(before: &Value) -> Result<T, String> {
    if before.is_null() { Ok(T::default()) } else { from(before) }
}

fn from<T: DeserializeOwned>(value: &Value) -> Result<T, String> {
    T::deserialize(value).map_err(|error| error.to_string())
}

fn write(state: &impl Serialize) -> Result<Value, String> {
    serde_json::to_value(state).map_err(|error| error.to_string())
}
