//! Picks the root certificates of AWS out of Mozilla's list, as one PEM text: five of some 150, so that a function neither
//! carries nor parses the others.

use std::path::PathBuf;
use std::{env, fs};

use data_encoding::BASE64_MIME;
use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

/// The roots that every AWS endpoint's certificate leads to (<https://www.amazontrust.com/repository/>), by the names in
/// their subjects.
const ROOTS: [&str; 5] = [
    "Amazon Root CA 1",
    "Amazon Root CA 2",
    "Amazon Root CA 3",
    "Amazon Root CA 4",
    "Starfield Services Root Certificate Authority - G2",
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let pem: String = ROOTS.iter().map(|name| pem_of(name)).collect();
    fs::write(out.join("aws_roots.pem"), pem).expect("OUT_DIR is writable");
}

fn pem_of(name: &str) -> String {
    let named = |der: &[u8]| der.windows(name.len()).any(|part| part == name.as_bytes());
    let found: Vec<_> = TLS_SERVER_ROOT_CERTS.iter().filter(|der| named(der)).collect();
    let [der] = found[..] else {
        panic!("Mozilla's list has not exactly one root named {name}")
    };
    format!(
        "-----BEGIN CERTIFICATE-----\n{}-----END CERTIFICATE-----\n",
        BASE64_MIME.encode(der)
    )
}
