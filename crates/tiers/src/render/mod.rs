//! What people see: tables, plans, times and colour. Colour only helps; nothing is said by colour alone.

pub mod at_hand;
pub mod plan;
pub mod style;
pub mod table;
pub mod tame;
pub mod time;
pub mod wrap;
