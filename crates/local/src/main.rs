//! `cargo run`: the whole shop on one machine.
fn main() {}
