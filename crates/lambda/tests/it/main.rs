//! The model and the trait over it, from outside: the rules of the service one by one, the conformance suite, and random
//! sequences of calls against invariants.

mod classify;
mod conformance;
mod properties;
mod rules_of_aliases;
mod rules_of_functions;
mod rules_of_invocations;
mod rules_of_versions;
mod world;
