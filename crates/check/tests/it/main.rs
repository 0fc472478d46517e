//! What the checker says about whole trees of files.

mod accounts;
mod applies;
mod bounds;
mod callers;
mod catalogue;
mod causes;
mod consequences;
mod delivery;
mod doubts;
mod empty;
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
