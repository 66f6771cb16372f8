//! A SAM template, read as the runner needs it.
//!
//! [`Document`] reads the YAML and keeps every `CloudFormation` tag, [`Resolver`] answers the intrinsic functions, and [`Stack`]
//! is what comes out: functions with their roles, routes, tables and queues as typed values. Resources that only AWS needs (alarms, log
//! groups, the CDN) are never looked at, so whatever they contain cannot break the local world.

mod document;
mod error;
mod events;
mod functions;
mod intrinsics;
mod names;
mod properties;
mod roles;
mod stack;

pub use document::Document;
pub use error::TemplateError;
pub use events::{QueueSource, Route, RouteMethod, ScheduleSource};
pub use functions::{Binary, Function};
pub use intrinsics::{Resolver, Surroundings};
pub use roles::{Role, Statement};
pub use stack::{Queue, QueueAttributes, Redrive, Stack, Table};

use error::Result;
use properties::Properties;
