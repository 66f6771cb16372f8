//! The whole shop from outside: the real binaries in the local world, on free ports, or the shop at the address `SHOP`.
//! What looks inside the local world is left out there by its name, in `.ci/rehearse-deploy`.

mod buying;
mod capabilities;
mod racing;
mod refusing;
mod replaying;
mod webhooks;
