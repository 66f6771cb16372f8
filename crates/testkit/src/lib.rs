//! Builders, fakes and port contracts for tests.
