//! The JSON shapes of the shop's public interface.
