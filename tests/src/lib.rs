//! The shop from outside: one running local world for all tests of a binary, and shoppers who talk to it over HTTP.

mod shopper;
mod world;

pub use shopper::{Answer, Shopper, a_checkout, items};
pub use world::{FLASH, PAIR, RACE, Running, running, running_with};
