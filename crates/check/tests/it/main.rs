//! What the checker says about whole trees of files.

mod catalogue;
mod consequences;
mod delivery;
mod doubts;
mod example;
mod functions;
mod keys;
mod layouts;
mod linked;
mod lost;
mod matrix;
mod output;
mod pipelines;
mod properties;
mod provider_schema;
mod quick;
mod scripts;
mod states;
mod trees;
mod unread;
