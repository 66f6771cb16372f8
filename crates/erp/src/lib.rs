//! Adapter: the warehouse's ERP over HTTP and JSON.
