//! The whole shop from outside: the real binaries in the local world, on free ports.

mod buying;
mod capabilities;
mod racing;
mod refusing;
mod replaying;
mod webhooks;
