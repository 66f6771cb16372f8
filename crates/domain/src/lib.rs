//! The rules of the shop, and nothing else: pure.
