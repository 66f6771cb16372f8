//! Seeded bugs: small, believable faults, planted where the use cases meet their ports, so that the use cases stay as they are.
//!
//! A bug inside a use case or a rule shows in what it writes: [`Mutation::spoil`] changes the write to what the faulty code
//! would have written.

use clap::ValueEnum;
use domain::{
    AttemptState, Capture, Job, JobKind, Order, OrderParts, PaymentAttempt, PricedLine, Refund, RefundReason,
    RefundState, Settlement, Status, StockChange,
};
use jiff::SignedDuration;
use testkit::{a_payment, altered};

/// For how long stock is held, counted from placing, where the longest hold is not heeded.
const HELD_TOO_LONG: SignedDuration = SignedDuration::from_mins(75);

/// One seeded bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "verbatim")]
pub enum Mutation {
    // The table of orders and stock.
    /// A write has no condition on the version that was read.
    WriteWithoutVersion,
    /// Neither a write nor a removal tells two lives of one id apart.
    WriteWithoutLife,
    /// A new order is written without asking whether one is there.
    CreateOverwrites,
    /// A write leaves the version as it was.
    VersionStaysTheSame,
    /// Stock is taken without a condition.
    ShortageIgnored,
    /// The condition on the stock of the last line is missing.
    LastLineNotChecked,
    /// Order and stock are two writes.
    StockOutsideTransaction,
    /// The stock is written before the order's condition is known.
    StockWrittenDespiteConflict,
    /// A write that was done before changes the stock again.
    RetryChangesStockAgain,
    /// Stock is given back by writing a figure that was read at the start.
    GiveBackOverwrites,
    /// A failed condition is swallowed.
    ConflictIsDone,
    /// A write that was not answered is taken as done.
    UnknownWriteIsDone,
    /// A transaction in conflict is told as sold out.
    BusyIsSoldOut,
    /// An order that cannot be read is told as missing.
    UnreadableIsMissing,
    /// An order is removed without a condition.
    RemoveWithoutCondition,
    /// The index of due orders loses paid ones.
    DueEntryLost,
    /// The stored fingerprint is not compared.
    FingerprintIgnored,

    // The rules.
    /// A paid order is stored without a due time: only its message knows of it.
    PaidWithoutDueTime,
    /// Queueing a paid order again clears its due time.
    QueuedWithoutDueTime,
    /// An expired order keeps its stock, and forgets it.
    ExpiredKeepsStock,
    /// Giving back forgets the last line.
    LineForgottenOnGiveBack,
    /// Giving back does not note that nothing is held any more.
    HeldNotNoted,
    /// The second step of a reservation does not take its first line.
    StepSkipsLine,
    /// A rejected order's payment is not given back.
    RejectedWithoutRefund,
    /// Money for an ended order is noted nowhere.
    LateMoneyDropped,
    /// Money for an ended order brings it to life, without stock.
    EndedOrderRevived,
    /// Any amount pays the order.
    AnyAmountPays,
    /// Money of a wrong amount is noted nowhere.
    MismatchDropped,
    /// An order whose page was asked for expires by the clock alone.
    ExpiresWithoutAsking,
    /// The first retry of an order finds it forwarded: its failed try is noted as a success.
    DeferredIsForwarded,

    /// A payment page that is opened holds stock for over 45 minutes.
    HeldBeyondLongest,
    /// A hold at a payment page is released as one without.
    LivePageIsReleased,
    /// Holds without a payment page stay, however scarce the product is.
    ShortHoldIgnored,
    /// An order takes as much of a product as it wants.
    LimitIgnored,

    // The payment provider.
    /// The page's idempotency key comes from the clock.
    PageKeyFromClock,
    /// The refund has no idempotency key.
    RefundWithoutKey,
    /// The refund is a cent short.
    RefundInPart,
    /// A refund that was not answered is taken as done.
    UnknownRefundIsDone,
    /// A page whose closing was not answered is taken as closed.
    CloseUnknownIsExpired,
    /// A page that was paid before it could be closed is taken as closed.
    ClosePaidIsExpired,
    /// A page that cannot be looked up is taken as expired.
    LookUpUnknownIsExpired,
    /// A page that cannot be looked up is taken as never opened.
    LookUpUnknownIsAbsent,
    /// A page that still is open at its end is left open.
    OpenPageIsLeft,
    /// A paid page looks like one that was not.
    PaidIsExpired,
    /// A paid page looks like one that waits.
    PaidIsOpen,
    /// A payment goes by the name of the event that told of it.
    PaymentNamedByEvent,
    /// The captured amount is taken from the order.
    AmountFromOrder,
    /// The captured currency is not read.
    CurrencyIgnored,
    /// A payment in a currency that the shop does not know is refused as malformed.
    OtherCurrencyIsNotRead,
    /// A failure that the provider keeps for an attempt is asked for again and again.
    KeptFailureIsAskedAgain,
    /// A refund keeps the key under which the provider keeps a failure.
    SpentRefundKeyIsKept,
    /// A refund that is made, and that no list shows yet, is taken as refused for good.
    UnlistedRefundIsRefusedForGood,
    /// The provider's word of the shop's own refund goes by the charge, and looks like another one.
    RefundNamedByCharge,
    /// That a payment went back without the shop is noted nowhere.
    TakenBackIsDropped,
    /// An order whose payment went back without the shop is sent all the same.
    TakenBackIsForwarded,
    /// What went back without the shop is owed once more when the warehouse rejects the order.
    TakenBackIsOwedAgain,

    /// A payment that is on its way is taken as paid.
    DelayedIsPaid,
    /// That a payment failed on its way is not heard, and not read.
    FailedPaymentIsIgnored,
    /// A payment that arrives is another one each time that it is told.
    ArrivalIsNewEachTime,
    /// A payment that is on its way is taken as an answer that cannot be read.
    DelayIsUnknown,
    /// A payment that is on its way is taken as a page that ended.
    DelayIsExpired,
    /// An order whose payment is on its way keeps its stock until its page would have ended.
    DelayKeepsTheWindow,
    /// An order whose payment is on its way has no job to ask for it.
    DelayJobLost,

    // The warehouse.
    /// A hand-over that was not answered is taken as accepted.
    UnknownSubmitIsAccepted,
    /// A hand-over that was not answered is taken as rejected.
    UnknownSubmitIsRejected,
    /// A busy warehouse is taken as one that rejects.
    BusySubmitIsRejected,
    /// A proxy's refusal is taken for a rejection.
    ProxyIsRejection,
    /// A number that cannot be read is taken as it is.
    IllegibleIsAccepted,
    /// An answer that cannot be read is taken as a rejection, and the look that follows finds nothing.
    IllegibleIsRejected,
    /// An order whose number cannot be read is not asked for any more.
    UnconfirmedIsLeft,
    /// A rejected order is given up at once.
    GraceIgnored,
    /// A rejected order's grace is over as it begins.
    GraceEndsAtOnce,
    /// A rejected order has no job to give it up.
    SettleRejectionJobLost,
    /// A rejected order gives its stock back at once, and may be entered by hand all the same.
    RejectedHoldsNothing,
    /// A human's word to give a rejected order up is not stored.
    HastenIsForgotten,
    /// An order that a human entered by hand is paid back all the same.
    EnteredIsRefunded,
    /// A rejection is taken for a busy warehouse.
    RejectedIsBusy,
    /// The warehouse's word for an order that it has is taken as a rejection, and the look that follows finds nothing.
    DuplicateIsRejected,
    /// Each hand-over has a name of its own.
    SubmitKeyFromClock,
    /// The hand-over leaves out the last line.
    SubmitLosesLine,
    /// Looking an order up finds any order.
    LookUpFindsAny,
    /// An order that cannot be looked up is taken as found.
    UnknownOrderIsFound,

    // Due work.
    /// A refund is owed and no job of it is written.
    RefundJobLost,
    /// A placed order has no job to expire it.
    CloseWindowJobLost,
    /// A payment is begun without the job to ask for it.
    AskProviderJobLost,
    /// An ended order holds stock and has no job to give it back.
    GiveStockBackJobLost,
    /// A reservation begins without the job to withdraw it.
    WithdrawJobLost,
    /// A withdrawn order has no job to remove it.
    RemoveJobLost,
    /// A try that fails moves the time since when the job is due: no alarm ever rings.
    FirstDueTimeMoves,
    /// While a refund is due, the order is not listed for the warehouse.
    RefundHoldsBackForwarding,
    /// The driver has no handler for refunds: their jobs are not seen.
    RefundJobNotRead,
    /// The job to forward stays when it is done.
    JobOutlivesItsWork,
    /// A page that opens after its attempt was taken for failed is never asked for.
    OpenedPageIsNotAsked,
    /// A refund that is refused for good is taken as done.
    RefusedForGoodIsDone,
    /// A refund that is refused for good is noted nowhere.
    RefusedForGoodIsForgotten,
    /// A refund that is refused for good is tried for ever.
    RefusedForGoodIsTriedForEver,
    /// A refund that is refused for now is never tried again.
    RefusedNowIsForGood,

    // The functions and the queue.
    /// The order's name comes from the clock.
    OrderNamedByClock,
    /// A repeated request is answered the access token that it drew.
    AccessTokenDrawnAgain,
    /// A process draws one access token for all its orders.
    AccessTokenDrawnOnce,
    /// The access token follows from the order's id, which is no secret.
    AccessTokenFromId,
    /// Paying the order forgets its access token.
    AccessTokenForgotten,
    /// The queue's failure is swallowed, and all messages with it.
    SendIsForgotten,
    /// The queue's message carries the shopper's mail address.
    MessageNamesShopper,
}

impl Mutation {
    /// Where it shows with fewest faults, if not nearly everywhere.
    pub(crate) fn shows_in(self) -> Option<&'static str> {
        match self {
            Self::WriteWithoutLife | Self::RemoveWithoutCondition => Some("in-steps-unpaid"),
            Self::CloseUnknownIsExpired | Self::ClosePaidIsExpired => Some("dark-last-moment"),
            Self::TakenBackIsDropped | Self::TakenBackIsForwarded | Self::TakenBackIsOwedAgain => {
                Some("given-back")
            }
            Self::DelayedIsPaid
            | Self::FailedPaymentIsIgnored
            | Self::ArrivalIsNewEachTime
            | Self::DelayKeepsTheWindow
            | Self::DelayJobLost => Some("pays-later"),
            Self::DelayIsUnknown | Self::DelayIsExpired => Some("dark-pays-later"),
            Self::UnlistedRefundIsRefusedForGood | Self::SpentRefundKeyIsKept | Self::RefundNamedByCharge => {
                Some("paid-twice")
            }
            Self::AccessTokenDrawnOnce => Some("two-orders"),
            Self::LivePageIsReleased | Self::ShortHoldIgnored => Some("scarce"),
            Self::LimitIgnored => Some("over-limit"),
            Self::FirstDueTimeMoves | Self::RefundHoldsBackForwarding => Some("broken-refund"),
            _ => None,
        }
    }

    /// Whether the faulty code leaves out this write and goes on as if it were done.
    pub(crate) fn skips(self, stored: Option<&Order>, next: &Order) -> bool {
        match self {
            Self::TakenBackIsDropped => next.is_taken_back() && !stored.is_some_and(Order::is_taken_back),
            Self::MismatchDropped => next.parked().is_some(),
            Self::LateMoneyDropped => {
                next.refunds()
                    .iter()
                    .any(|refund| refund.reason == RefundReason::OrderEnded)
                    && stored.is_some_and(|stored| stored.refunds().is_empty())
            }
            _ => false,
        }
    }

    /// The kind of work whose jobs are never written.
    fn loses(self) -> Option<JobKind> {
        match self {
            Self::RefundJobLost => Some(JobKind::Refund),
            Self::CloseWindowJobLost => Some(JobKind::CloseWindow),
            Self::AskProviderJobLost => Some(JobKind::AskProvider),
            Self::GiveStockBackJobLost => Some(JobKind::GiveStockBack),
            Self::WithdrawJobLost => Some(JobKind::Withdraw),
            Self::SettleRejectionJobLost => Some(JobKind::SettleRejection),
            Self::RemoveJobLost => Some(JobKind::Remove),
            _ => None,
        }
    }

    /// Changes a write to what the faulty code would have written.
    pub(crate) fn spoil(self, stored: Option<&Order>, next: &mut Order, stock: &mut Vec<StockChange>) {
        let status = next.status();
        let became = |then| status == then && stored.is_some_and(|stored| stored.status() != then);
        if let Some(lost) = self.loses() {
            alter(next, |next| next.jobs.retain(|job| job.kind != lost));
        }
        match self {
            Self::FirstDueTimeMoves => {
                let tries = |job: &Job| stored.map_or(0, |stored| stored.tries(&job.kind));
                alter(next, |next| {
                    for job in next.jobs.iter_mut().filter(|job| job.tries > tries(job)) {
                        job.first_due_at = job.due_at;
                    }
                });
            }
            Self::JobOutlivesItsWork if became(Status::Forwarded) => {
                let done = stored.and_then(|stored| stored.job(&JobKind::Forward));
                alter(next, |next| next.jobs.extend(done.cloned()));
            }
            Self::OpenedPageIsNotAsked if next.status() == Status::Placed => {
                let failed = |attempt: &PaymentAttempt| attempt.state == AttemptState::Failed;
                let attempt = |order: &Order| order.payment().cloned();
                let before = stored.and_then(attempt).filter(failed);
                if let (Some(before), Some(now)) = (before, attempt(next))
                    && before.number == now.number
                {
                    alter(next, |next| {
                        next.jobs = vec![Job::new(JobKind::CloseWindow, now.expires_at)];
                    });
                }
            }
            Self::RefusedForGoodIsForgotten => {
                let refused = |refund: &Refund| matches!(refund.state, RefundState::Refused { .. });
                alter(next, |next| next.refunds.retain(|refund| !refused(refund)));
            }
            Self::AccessTokenForgotten if became(Status::Paid) => {
                alter(next, |next| next.access_token = None);
            }
            Self::HeldBeyondLongest | Self::DelayKeepsTheWindow | Self::DelayJobLost => {
                self.spoil_hold(next, became(Status::PaymentPending));
            }
            Self::PaidWithoutDueTime if became(Status::Paid) => alter(next, |next| next.jobs.clear()),
            Self::QueuedWithoutDueTime
                if next.status() == Status::Paid
                    && stored.is_some_and(|stored| {
                        stored.status() == Status::Paid
                            && stored.tries(&JobKind::Forward) == next.tries(&JobKind::Forward)
                    }) =>
            {
                alter(next, |next| next.jobs.clear());
            }
            Self::ExpiredKeepsStock if became(Status::Expired) => stock.clear(),
            Self::LineForgottenOnGiveBack if gives_back(stock) => drop(stock.pop()),
            Self::HeldNotNoted if gives_back(stock) => {
                if let Some(stored) = stored.filter(|stored| !stored.status().gives_stock_back()) {
                    alter(next, |next| {
                        next.held = stored.held();
                        next.jobs = vec![Job::new(JobKind::GiveStockBack, next.placed_at)];
                    });
                }
            }
            Self::StepSkipsLine if stored.is_some() && !stock.is_empty() && !gives_back(stock) => {
                stock.remove(0);
            }
            Self::RejectedWithoutRefund if became(Status::Rejected) => alter(next, |next| {
                next.refunds.clear();
                next.jobs.clear();
            }),
            Self::TakenBackIsOwedAgain if became(Status::Rejected) && next.is_taken_back() => {
                owe_again(next);
            }
            Self::UnconfirmedIsLeft
            | Self::GraceIgnored
            | Self::GraceEndsAtOnce
            | Self::RejectedHoldsNothing
            | Self::HastenIsForgotten
            | Self::EnteredIsRefunded => self.spoil_rejection(stored, next, stock),
            Self::EndedOrderRevived => revive(next),
            Self::AnyAmountPays => accept_any(stored, next),
            Self::DeferredIsForwarded
                if next.status() == Status::Paid
                    && next.tries(&JobKind::Forward) > 0
                    && next.due_refund().is_none() =>
            {
                if let Ok(forwarded) = next
                    .clone()
                    .accepted_by_warehouse("assumed".to_owned(), next.placed_at())
                {
                    *next = forwarded;
                }
            }
            _ => {}
        }
    }

    /// The same for how long stock is held for what is not paid.
    fn spoil_hold(self, next: &mut Order, became_pending: bool) {
        match self {
            Self::HeldBeyondLongest if next.status() == Status::Placed => alter(next, |next| {
                let until = next.placed_at + HELD_TOO_LONG;
                if let Some(attempt) = &mut next.payment {
                    attempt.expires_at = until;
                    next.reserved_until = until;
                }
            }),
            Self::DelayKeepsTheWindow if became_pending => alter(next, |next| {
                next.reserved_until = next
                    .payment
                    .as_ref()
                    .map_or(next.placed_at, |last| last.expires_at);
            }),
            Self::DelayJobLost if became_pending => alter(next, |next| next.jobs.clear()),
            _ => {}
        }
    }

    /// The same for what the warehouse rejected, or acknowledged illegibly.
    fn spoil_rejection(self, stored: Option<&Order>, next: &mut Order, stock: &mut Vec<StockChange>) {
        let Some(issue) = next.warehouse_issue().cloned() else {
            if self == Self::EnteredIsRefunded && stored.is_some_and(Order::is_rejected) {
                refund_forwarded(next);
            }
            return;
        };
        let stored = stored.filter(|stored| stored.is_rejected());
        let is_new = next.is_rejected() && stored.is_none();
        match self {
            Self::UnconfirmedIsLeft if !next.is_rejected() => alter(next, |next| next.jobs.clear()),
            Self::GraceIgnored if is_new => *next = next.clone().settle_rejection(issue.since),
            Self::GraceEndsAtOnce if is_new => {
                *next = next
                    .clone()
                    .settle_rejection_at(issue.since, issue.since)
                    .expect("a rejected order");
            }
            Self::RejectedHoldsNothing if is_new => {
                let give_back = |line: &PricedLine| StockChange::GiveBack {
                    sku: line.sku.clone(),
                    pieces: line.quantity.get(),
                };
                stock.extend(next.quote().lines.iter().map(give_back));
                alter(next, |next| next.held = 0);
            }
            Self::HastenIsForgotten if next.is_rejected() => {
                if let Some(stored) = stored {
                    alter(next, |next| next.jobs = stored.jobs().to_vec());
                }
            }
            _ => {}
        }
    }
}

/// A forwarded order's payment is to be given back.
fn refund_forwarded(next: &mut Order) {
    let Some(capture) = next
        .capture()
        .cloned()
        .filter(|_| next.status() == Status::Forwarded)
    else {
        return;
    };
    alter(next, |next| {
        next.refunds.push(Refund {
            payment_id: capture.payment_id,
            amount: capture.amount,
            reason: RefundReason::RejectedByWarehouse,
            state: RefundState::Due,
        });
        next.jobs.push(Job::new(JobKind::Refund, capture.at));
    });
}

fn gives_back(stock: &[StockChange]) -> bool {
    stock
        .iter()
        .any(|change| matches!(change, StockChange::GiveBack { .. }))
}

fn alter(order: &mut Order, alter: impl FnOnce(&mut OrderParts)) {
    *order = altered(order.clone(), alter);
}

/// What paid the order is to be given back, although it went back already.
fn owe_again(next: &mut Order) {
    let Some(Capture {
        payment_id, amount, ..
    }) = next.capture().cloned()
    else {
        return;
    };
    let due = Job::new(JobKind::Refund, next.placed_at());
    alter(next, |next| {
        next.refunds.push(Refund {
            payment_id,
            amount,
            reason: RefundReason::RejectedByWarehouse,
            state: RefundState::Due,
        });
        next.jobs.push(due);
    });
}

/// A payment that was to be given back because the order had ended pays it.
fn revive(next: &mut Order) {
    let late = |refund: &Refund| refund.reason == RefundReason::OrderEnded;
    if next.capture().is_none() && next.refunds().iter().any(late) {
        alter(next, |next| {
            let refund = next.refunds.remove(0);
            next.capture = Some(Capture {
                payment_id: refund.payment_id,
                amount: refund.amount,
                at: next.placed_at,
            });
            next.status = Status::Paid;
        });
    }
}

/// A payment that was to be parked pays the order.
fn accept_any(stored: Option<&Order>, next: &mut Order) {
    let (Some(stored), Some(parked)) = (stored, next.parked().cloned()) else {
        return;
    };
    alter(next, |next| next.parked = None);
    let report = a_payment(parked.reason.payment_id(), next);
    if let (paid, Settlement::Paid) = stored.clone().settle(report, parked.at) {
        *next = paid;
    }
}
