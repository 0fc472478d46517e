//! The host from outside.
