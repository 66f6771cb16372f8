//! The use cases of the shop and the ports they need.
