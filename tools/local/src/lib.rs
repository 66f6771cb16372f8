//! The whole shop on one machine.
//!
//! `kontor` reads `template.yaml` as AWS SAM would, builds the function binaries it names and runs them, unchanged,
//! behind a gateway, against embedded engines and sandboxes of the outside world.

pub mod binaries;
pub mod catalogue;
pub mod cli;
pub mod engines;
pub mod gateway;
pub mod logs;
pub mod replay;
pub mod rights;
pub mod runtime;
pub mod sandbox;
pub mod sources;
pub mod stocking;
pub mod template;
pub mod world;
