//! Picks the root certificates of AWS out of Mozilla's list, as one PEM text: five of some 150, so that a function neither
//! carries nor parses the others.

use std::path::PathBuf;
use std::{env, fs};

use data_encoding::Specification;

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
    let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
    let mut found = roots.filter(|der| der.windows(name.len()).any(|part| part == name.as_bytes()));
    let (Some(der), None) = (found.next(), found.next()) else {
        panic!("Mozilla's list has not exactly one root named {name}");
    };
    let mut lines = Specification::new();
    lines
        .symbols
        .push_str("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
    (lines.padding, lines.wrap.width) = (Some('='), 64);
    lines.wrap.separator.push('\n');
    let text = lines.encoding().expect("base64 in lines").encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{text}-----END CERTIFICATE-----\n")
}
