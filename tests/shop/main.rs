//! The whole shop from outside: the real binaries in the local world, on free ports, or the shop at the address `SHOP`.
//! Nothing here looks inside.

mod buying;
mod capabilities;
mod racing;
mod refusing;
mod replaying;
mod webhooks;
