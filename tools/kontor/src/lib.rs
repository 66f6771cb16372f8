//! The whole shop on one machine.
//!
//! `kontor` has `template.yaml` run by [`sam_runner`], with the shop's catalogue in its tables and sandboxes of the outside world
//! beside it.

pub mod catalogue;
pub mod cli;
pub mod replay;
mod rows;
pub mod stocking;
pub mod world;
