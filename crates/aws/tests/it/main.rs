//! What leaves this machine and what is made of the answers, seen from the wire.

mod changes;
mod credentials;
mod environment;
mod failures;
mod host;
mod moto;
mod reads;
mod scripted;
mod socket;
