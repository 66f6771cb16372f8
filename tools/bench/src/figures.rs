//! The figures that one part keeps and another reads.

use serde::{Deserialize, Serialize};

/// What `warm` measures.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Warm {
    pub(crate) requests: Vec<WarmRequest>,
}

/// A kind of request to a process that has answered some already.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WarmRequest {
    /// What is asked, such as `checkout, 13 lines`.
    pub(crate) request: String,
    pub(crate) function: String,
    pub(crate) samples: usize,
    /// The function's own processor time (median), in microseconds.
    pub(crate) cpu_us: f64,
    /// What it stays below in a tenth of all requests, in microseconds.
    pub(crate) cpu_best_us: f64,
    /// From the event to the answer (median), in microseconds.
    pub(crate) wall_us: f64,
    /// Instructions (callgrind), where valgrind is there.
    pub(crate) instructions: Option<u64>,
    /// What it writes to its log for one request, in bytes.
    pub(crate) log_bytes: f64,
    pub(crate) answer_bytes: f64,
    /// Its calls to the engines, by operation.
    pub(crate) calls: Vec<Call>,
}

/// Calls of one operation, for one request on average.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Call {
    /// Such as `DynamoDB.TransactWriteItems`.
    pub(crate) operation: String,
    pub(crate) count: f64,
    /// The bodies that are sent, in bytes, all together.
    pub(crate) sent_bytes: f64,
    /// The bodies that come back, in bytes, all together.
    pub(crate) received_bytes: f64,
    /// DynamoDB's request units, as the engine counts them.
    pub(crate) read_units: f64,
    pub(crate) write_units: f64,
}

/// What `cold` measures.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Cold {
    /// The no-op function.
    pub(crate) floor: ColdStart,
    pub(crate) functions: Vec<ColdFunction>,
}

/// A function's cold start, as deployed and with the AWS SDK's defaults.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ColdFunction {
    pub(crate) function: String,
    pub(crate) own: ColdStart,
    /// With the SDK's own HTTP client, crypto provider and certificates.
    pub(crate) sdk_defaults: ColdStart,
}

/// Medians over all runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ColdStart {
    /// From the start of the process to its first poll for work, in microseconds.
    pub(crate) init_us: f64,
    /// From the first event to its answer, in microseconds; 0 for the floor.
    pub(crate) first_us: f64,
    /// Processor time of both, in microseconds.
    pub(crate) cpu_us: f64,
    /// Both together under the share of a processor that 128 MB get, in microseconds; where control groups are there.
    pub(crate) throttled_us: Option<f64>,
    /// Instructions of both (callgrind), where valgrind is there.
    pub(crate) instructions: Option<u64>,
    /// The most memory that it had, in bytes.
    pub(crate) memory_bytes: u64,
    pub(crate) binary_bytes: u64,
    /// The binary in a zip, in bytes.
    pub(crate) zip_bytes: u64,
}
