//! The worked example of tiers: a small report service with two functions.
