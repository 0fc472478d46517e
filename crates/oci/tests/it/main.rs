//! Image layouts, the writer and the unpacker, from outside.

mod craft;
mod escape;
mod layout;
mod unpack;
mod write;
