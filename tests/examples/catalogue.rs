//! Prints what the shop of the tests sells, for stocking a deployed one: `cargo run --package kontor-tests --example catalogue`.

fn main() {
    print!("{}", kontor_tests::catalogue());
}
