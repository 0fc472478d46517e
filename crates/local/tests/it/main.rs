//! The host from outside: over its sockets, as its callers see it.

mod control;
mod door;
mod harness;
mod properties;
mod protocol;
mod running;
mod survival;
