//! What an operator asks of the running shop, and the few things to do about it: what waits, why, and a push.
//!
//! Nothing here decides about an order; that is left to the rules that the functions follow. Every command answers with a [`Report`]: tables for
//! people, JSON for scripts, an exit code for both.

mod aws;
pub mod cli;
mod dead_letters;
mod decide;
mod reconcile;
mod report;
mod resend;
mod shop;
mod show;
mod stripe_setup;
mod stuck;

pub use aws::Clients;
pub use dead_letters::{DeadLetter, DeadLetters, Redriven};
pub use decide::Decided;
pub use reconcile::ReconciledNow;
pub use report::{Outcome, Report};
pub use resend::{Refused, Resend};
pub use shop::Shop;
pub use show::Shown;
pub use stripe_setup::{EndpointReport, StripeSetup};
pub use stuck::{Search, Stuck, StuckOrder};
