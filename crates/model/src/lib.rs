//! A model check of the release machine, for development only: every schedule of a small world, up to a stated bound.
//!
//! **What is real.** The fold (`EnvState::apply` with the transition table), `next`, and the driver's judgement of its looks
//! (`driver::settle`): the search calls them. What is told again here is the order of the driver's reads, appends and sends, one
//! step each, and the place that functions run in ([`Deployers`], `place`).
//!
//! **What holes hide in.** Calls are values on their way: they land in any order, at any time, after their sender gave up, was
//! replaced or died, or never. Death needs no action: in every state each process may simply do nothing more. An append is
//! create-if-absent: it succeeds only where the process knows the newest record. Tokens count up and never come back.
//!
//! **What was abstracted.** Times and texts are constants; nothing in the fold decides by them, and that weights are overdue is a
//! choice of whoever takes over. Large values are kept once and named by numbers ([`World`] holds those), so two states are one
//! exactly when all that is recorded, known, on its way and in place is the same. Updates take no time, looks never fail, and the
//! looks of one step happen at once. An ambiguous append is left out: a put that lands after its process is gone is the same as a
//! slow process that dies right after it. docs/proof.md says what that leaves open.

mod bounds;
pub mod cases;
mod fold;
mod model;
pub mod place;
pub mod promises;
mod stage;
mod story;
mod tables;
mod work;
mod world;

pub use bounds::{Bounds, Broken, Job};
pub use cases::Case;
pub use model::Deployers;
pub use story::tell;
pub use world::{Action, World};
