//! What can happen to a call on a port.

use crate::ports::Op;

/// How a call ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// As it should.
    None,
    /// Without an effect, and without saying so.
    Fail,
    /// Throttled: without an effect, and saying so. Transactions that stay in conflict end like this too.
    Busy,
    /// With its effect, and the answer is lost.
    LoseAnswer,
    /// With its effect and a lost answer, and the client library sends it again and answers for the second.
    Twice,
    /// The function dies before it is sent; or after the effect of the call before it.
    Crash,
    /// The function hears nothing and goes on; the effect comes later.
    Slow,
    /// The function hears nothing until it is killed; the effect comes still later.
    Hang,
    /// The warehouse refuses the order for good.
    Reject,
    /// A proxy before the warehouse refuses the call.
    Proxy,
    /// The warehouse's number for the order cannot be read.
    Illegible,
    /// The provider refuses: a page for good, a refund for now.
    Refuse,
    /// The provider refuses a refund for good.
    RefuseForGood,
    /// The provider fails, and keeps this answer for the same call.
    Broken,
    /// With its effect, the provider fails and keeps this answer for the same call.
    BrokenAfterEffect,
    /// The product has become dearer.
    PriceUp,
    /// The index is behind the table by a write.
    Stale,
    /// The index leaves out the order that is due first.
    JobLost,
    /// The index names each order twice.
    JobDoubled,
    /// The index names orders that are due in an hour.
    JobEarly,
}

/// How long after the call the effect of [`Fault::Slow`] comes, in milliseconds.
pub(crate) const SLOW: i64 = 5_000;
/// How long after the call the effect of [`Fault::Hang`] comes: past the client's retry and the reconciler's first look.
pub(crate) const HANG: i64 = 190_000;

impl Fault {
    /// What can happen to `op`, the good end first.
    pub(crate) fn of(op: &Op) -> &'static [Self] {
        use Fault::{
            Broken, BrokenAfterEffect, Busy, Crash, Fail, Hang, Illegible, JobDoubled, JobEarly, JobLost,
            LoseAnswer, None, PriceUp, Proxy, Refuse, RefuseForGood, Reject, Slow, Stale, Twice,
        };
        match op {
            Op::Products => &[None, Fail, Crash, PriceUp],
            Op::Due(..) => &[None, Fail, Crash, Stale, JobLost, JobDoubled, JobEarly],
            Op::Levels | Op::Get(_) | Op::LookUpPage(..) | Op::OrderOf(_) | Op::Waiting | Op::ReadCircuit => {
                &[None, Fail, Crash]
            }
            Op::Commit { .. } => &[None, Fail, Busy, LoseAnswer, Twice, Crash, Slow, Hang],
            Op::StoreCircuit(_) => &[None, Fail, LoseAnswer, Twice, Crash, Slow, Hang],
            Op::Remove(_) => &[None, Fail, LoseAnswer, Crash, Slow, Hang],
            Op::OpenPage(..) => &[
                None,
                Fail,
                LoseAnswer,
                Twice,
                Crash,
                Slow,
                Hang,
                Refuse,
                Broken,
                BrokenAfterEffect,
            ],
            Op::ClosePage(_) => &[None, Fail, LoseAnswer, Crash, Hang],
            Op::Refund(_) => &[
                None,
                Fail,
                LoseAnswer,
                Twice,
                Crash,
                Hang,
                Refuse,
                RefuseForGood,
                Broken,
                BrokenAfterEffect,
            ],
            Op::Send(_) => &[None, Fail, LoseAnswer, Crash, Hang],
            Op::LookUpOrder(_) => &[None, Fail, Crash, Illegible],
            Op::Submit(_) => &[
                None, Fail, Busy, LoseAnswer, Twice, Crash, Slow, Hang, Reject, Proxy, Illegible,
            ],
        }
    }
}
