//! What an operator asks of the running shop, and the few things to do about it: what waits, why, and a push; going
//! back to one second after a loss.
//!
//! Nothing here decides about an order; that is left to the rules that the functions follow. Every command answers with a [`Report`]: tables for
//! people, JSON for scripts, an exit code for both.

mod access_tokens;
mod aws;
pub mod cli;
mod dead_letters;
mod decide;
mod holds;
mod reconcile;
mod report;
mod resend;
mod restore;
mod shop;
mod show;
mod stripe_setup;
mod stuck;

pub use access_tokens::{AccessTokenKey, StoredTokens};
pub use aws::Clients;
pub use dead_letters::{DeadLetter, DeadLetters, Redriven};
pub use decide::Decided;
pub use holds::{Action, HeldProduct, Hold, HoldSearch, Holds};
pub use reconcile::ReconciledNow;
pub use report::{Outcome, Report};
pub use resend::{Refused, Resend};
pub use restore::{Lost, Outside, Place, Restore, Restored};
pub use shop::Shop;
pub use show::Shown;
pub use stripe_setup::{EndpointReport, StripeSetup};
pub use stuck::{Search, Stuck, StuckOrder};
