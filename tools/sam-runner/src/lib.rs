//! Runs a SAM template on one machine.
//!
//! Reads `template.yaml` as AWS SAM would, builds the function binaries it names and runs them, unchanged, behind a gateway, against
//! embedded engines. It knows AWS and no shop.

pub mod binaries;
pub mod engines;
pub mod gateway;
pub mod logs;
pub mod rights;
pub mod runtime;
pub mod sources;
pub mod template;
