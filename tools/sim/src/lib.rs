//! The shop under every fault: the real use cases of [`app`] on ports whose every call may fail, in a world that is a function of its
//! schedule. See `README.md` for the fault model and how to run a schedule again.

mod calls;
mod choices;
mod deliveries;
mod effects;
mod explore;
mod fault;
mod holds;
mod mutation;
mod oracle;
mod outage;
mod paying;
mod ports;
mod rejections;
mod scenario;
mod seen;
mod shopper;
mod task;
mod world;

pub use choices::Deviation;
pub use explore::{Explorer, Report, Run, Schedule, replay, schedule_of_seed};
pub use mutation::Mutation;
pub use oracle::{Class, Ends, Violation};
pub use outage::{Outage, ride_out};
pub use scenario::Scenario;
