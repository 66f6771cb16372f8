//! The shop from outside: one running shop for all tests of a binary, and shoppers who talk to it over HTTP.

mod shopper;
pub mod tables;
pub mod webhooks;
mod world;

pub use shopper::{Answer, Placed, Shopper, a_checkout, items};
pub use world::{FLASH, LATER, PAIR, RACE, Running, catalogue, running, running_with};
