//! The shop from outside.
