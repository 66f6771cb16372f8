//! The rooms of the local world from outside, with a small function of their own in place of the shop's.

mod gateway;
mod probe;
mod runtime;
mod sources;
mod world;
