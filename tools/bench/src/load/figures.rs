//! What `load` measures.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The load that was asked for, what came of it, and how it compares with what the machine can do at all.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Load {
    /// Requests to the API a second that were asked for, those of orders included.
    pub(crate) rate: f64,
    /// Orders a minute that were asked for.
    pub(crate) orders_per_minute: f64,
    /// For how long, in seconds.
    pub(crate) seconds: f64,
    /// Requests to the API that were answered, a second.
    pub(crate) reached: f64,
    /// All kinds of requests together first, then each. From the instant at which a request was due.
    pub(crate) latencies: Vec<Latencies>,
    /// What was not answered as it should be.
    pub(crate) failures: Vec<Failure>,
    /// How it went, minute by minute; the first one is the start.
    pub(crate) minutes: Vec<Minute>,
    /// Processor time by whom it was spent, in microseconds for each request to the API.
    pub(crate) processor_us: BTreeMap<String, f64>,
    /// Whether everything that was ordered is in the warehouse once.
    pub(crate) proof: Proof,
    /// What the machine can do at all.
    pub(crate) ceiling: Option<Ceiling>,
}

/// How fast a kind of request was answered, in milliseconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Latencies {
    /// The kind.
    pub(crate) request: String,
    /// How many were answered.
    pub(crate) count: u64,
    /// Half of them were answered within this.
    pub(crate) p50_ms: f64,
    /// 99 of 100.
    pub(crate) p99_ms: f64,
    /// 999 of 1,000.
    pub(crate) p999_ms: f64,
    /// All of them.
    pub(crate) max_ms: f64,
}

/// Requests that failed alike.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// The kind of request.
    pub(crate) request: String,
    /// The status and the problem's code, or what the connection said.
    pub(crate) why: String,
    /// How many.
    pub(crate) count: u64,
}

/// A minute of the load.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Minute {
    /// At its end, from the start, in seconds.
    pub(crate) at_seconds: f64,
    /// Requests answered in it.
    pub(crate) answered: u64,
    /// 99 of 100 were answered within this, in milliseconds.
    pub(crate) p99_ms: f64,
    /// Resident memory of the local world with the generator, in bytes.
    pub(crate) world_bytes: u64,
    /// Resident memory of all processes of functions, in bytes.
    pub(crate) functions_bytes: u64,
    /// How many processes of functions there were.
    pub(crate) processes: usize,
}

/// What became of the orders.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Proof {
    /// Orders that the shop accepted.
    pub(crate) accepted: usize,
    /// Those that were paid.
    pub(crate) paid: usize,
    /// Those that the warehouse has.
    pub(crate) in_warehouse: usize,
    /// Paid, and not in the warehouse.
    pub(crate) missing: usize,
    /// In the warehouse, and never paid for.
    pub(crate) unknown: usize,
    /// More than once in the warehouse, or with two contents.
    pub(crate) doubled: usize,
    /// Products of which the shelves have not what they should.
    pub(crate) stock_differs: usize,
    /// From the last order's payment until the warehouse had all, in seconds.
    pub(crate) drained_seconds: f64,
}

impl Proof {
    /// Whether nothing is missing, unknown, doubled or miscounted.
    pub(crate) fn holds(&self) -> bool {
        self.accepted == self.paid
            && self.paid == self.in_warehouse
            && [self.missing, self.unknown, self.doubled, self.stock_differs] == [0; 4]
    }
}

/// The most that was answered in time: `BEHIND` says what was in time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Ceiling {
    /// Requests a second to a function that does nothing, through the same gateway.
    pub(crate) no_op: f64,
    /// Requests a second to the shop, in the same mix as above.
    pub(crate) shop: f64,
}
