//! The project model: tiers.toml as typed and as resolved.
