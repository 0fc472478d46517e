//! Running functions: images unpacked, entry points found, processes started, fed with events and stopped.

mod capture;
mod census;
mod elf;
mod environment;
mod images;
mod memory;
mod pool;
mod process;
mod program;
mod root;
mod runner;
mod runtime_api;
mod spawn;
mod version;
mod wording;

pub(crate) use images::Images;
pub(crate) use runner::{Admitted, Invocation, Runner};
pub(crate) use spawn::{Spawner, kill_leftovers};
pub(crate) use wording::Outcome;
