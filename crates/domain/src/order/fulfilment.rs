//! Handing a paid order to the warehouse.

use jiff::Timestamp;

use crate::{Event, JobKind, Order, RefundReason, Status, Unmoved};

/// The most characters of a warehouse's number.
const LONGEST_ERP_NUMBER: usize = 64;

/// Whether `number` can be the warehouse's number for an order: 1 to 64 visible ASCII characters.
pub fn is_erp_number(number: &str) -> bool {
    (1..=LONGEST_ERP_NUMBER).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_graphic())
}

/// What keeps a paid order from the warehouse and asks for a human.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WarehouseIssue {
    /// What.
    pub kind: IssueKind,
    /// Since when.
    pub since: Timestamp,
}

/// A kind of [`WarehouseIssue`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IssueKind {
    /// It refused the order for good. The order is given up when its job [`JobKind::SettleRejection`] is due.
    Rejected,
    /// It took the order, and its number for it cannot be read.
    Unconfirmed,
    /// A kind of a newer release, by its name.
    Unknown(String),
}

impl IssueKind {
    /// The kind's stable name, as stored and shown.
    pub fn name(&self) -> &str {
        match self {
            Self::Rejected => "rejected",
            Self::Unconfirmed => "unconfirmed",
            Self::Unknown(name) => name,
        }
    }

    /// The kind of that name.
    pub fn of_name(name: &str) -> Self {
        let known = [Self::Rejected, Self::Unconfirmed];
        let known = known.into_iter().find(|kind| kind.name() == name);
        known.unwrap_or_else(|| Self::Unknown(name.to_owned()))
    }
}

impl Order {
    /// The warehouse acknowledged the order under its own number.
    ///
    /// # Errors
    /// [`Unmoved`] where the order is not paid, or already forwarded.
    pub fn accepted_by_warehouse(self, erp_number: String, now: Timestamp) -> Result<Self, Unmoved> {
        let mut order = self.on(Event::AcceptedByWarehouse, now)?;
        order.0.erp_number = Some(erp_number);
        order.0.warehouse_issue = None;
        Ok(order)
    }

    /// The warehouse took the order, and its number cannot be read: a human may enter it. Asking again is idempotent, so the order stays due.
    /// A rejection that came before was of a repetition.
    #[must_use]
    pub fn unconfirmed_by_warehouse(mut self, now: Timestamp) -> Self {
        if self.0.status == Status::Paid && (self.0.warehouse_issue.is_none() || self.is_rejected()) {
            self.raise(IssueKind::Unconfirmed, now);
        }
        self.retry_later(&JobKind::Forward, now)
    }

    /// The warehouse refused the order for good. It stays paid and holds its stock until `settled_at`, so that a human may decide otherwise.
    ///
    /// # Errors
    /// [`Unmoved`] where the order is not paid.
    pub fn hold_rejection(mut self, settled_at: Timestamp, now: Timestamp) -> Result<Self, Unmoved> {
        if self.0.status != Status::Paid {
            return Err(self.unmoved(Event::RejectedByWarehouse));
        }
        if !self.is_rejected() {
            self.raise(IssueKind::Rejected, now);
            self.renew(JobKind::SettleRejection, settled_at);
        }
        Ok(self)
    }

    /// Whether the warehouse refused the paid order and nothing has come of it yet.
    pub fn is_rejected(&self) -> bool {
        let issue = self.0.warehouse_issue.as_ref();
        self.0.status == Status::Paid && issue.is_some_and(|issue| issue.kind == IssueKind::Rejected)
    }

    /// The rejected order is given up at another time. So is one that is kept from the warehouse since its payment went back: its stock does,
    /// too, and nothing is owed.
    ///
    /// # Errors
    /// [`Unmoved`] where no human is asked.
    pub fn settle_rejection_at(mut self, at: Timestamp, now: Timestamp) -> Result<Self, Unmoved> {
        if self.0.status == Status::Paid && self.is_taken_back() && self.0.warehouse_issue.is_none() {
            self.raise(IssueKind::Rejected, now);
        }
        if !self.is_rejected() {
            return Err(self.unmoved(Event::RejectedByWarehouse));
        }
        self.renew(JobKind::SettleRejection, at);
        Ok(self)
    }

    /// A human entered the rejected or unconfirmed order, or found it, at the warehouse under this number.
    ///
    /// # Errors
    /// [`Unmoved`] where no human is asked: then the order may be on its way, and would be at the warehouse twice.
    pub fn entered_by_hand(self, erp_number: String, now: Timestamp) -> Result<Self, Unmoved> {
        if self.0.warehouse_issue.is_none() {
            return Err(self.unmoved(Event::AcceptedByWarehouse));
        }
        self.accepted_by_warehouse(erp_number, now)
    }

    /// What the warehouse rejected the order for is mended: it is forwarded once more.
    ///
    /// # Errors
    /// [`Unmoved`] where no rejection waits, or the payment went back meanwhile.
    pub fn retry_rejected(mut self, now: Timestamp) -> Result<Self, Unmoved> {
        if !self.is_rejected() || self.is_taken_back() {
            return Err(self.unmoved(Event::RejectedByWarehouse));
        }
        self.0.warehouse_issue = None;
        self.reschedule(now);
        Ok(self)
    }

    /// The grace after a rejection is over: the payment is to be given back, and the stock. Where the order went on otherwise, only the job
    /// ends.
    #[must_use]
    pub fn settle_rejection(mut self, now: Timestamp) -> Self {
        if self.is_rejected()
            && let Ok(rejected) = self.clone().rejected_by_warehouse(now)
        {
            return rejected;
        }
        self.finish_job(&JobKind::SettleRejection);
        self.reschedule(now);
        self
    }

    /// The order is given up, since the warehouse refused it for good: the payment is to be given back, and the stock.
    ///
    /// # Errors
    /// [`Unmoved`] where the order is not paid.
    pub fn rejected_by_warehouse(self, now: Timestamp) -> Result<Self, Unmoved> {
        let mut order = self.on(Event::RejectedByWarehouse, now)?;
        order.0.warehouse_issue = None;
        Ok(match order.capture().cloned() {
            Some(capture) => order.owe_refund(capture, RefundReason::RejectedByWarehouse, now),
            None => order,
        })
    }

    fn raise(&mut self, kind: IssueKind, now: Timestamp) {
        self.0.warehouse_issue = Some(WarehouseIssue { kind, since: now });
        self.reschedule(now);
    }

    fn unmoved(&self, event: Event) -> Unmoved {
        let status = self.0.status;
        Unmoved { status, event }
    }
}
