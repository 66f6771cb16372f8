//! What every function shares: configuration, telemetry, problem+json, SQS batches.
