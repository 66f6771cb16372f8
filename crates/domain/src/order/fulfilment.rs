//! Handing a paid order to the warehouse.

use jiff::Timestamp;

use crate::{Event, Order, RefundReason, Unmoved};

/// The most characters of a warehouse's number.
const LONGEST_ERP_NUMBER: usize = 64;

/// Whether `number` can be the warehouse's number for an order: 1 to 64 visible ASCII characters.
pub fn is_erp_number(number: &str) -> bool {
    (1..=LONGEST_ERP_NUMBER).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_graphic())
}

impl Order {
    /// The warehouse acknowledged the order under its own number.
    ///
    /// # Errors
    /// [`Unmoved`] where the order is not paid, or already forwarded.
    pub fn accepted_by_warehouse(self, erp_number: String, now: Timestamp) -> Result<Self, Unmoved> {
        let mut order = self.on(Event::AcceptedByWarehouse, now)?;
        order.0.erp_number = Some(erp_number);
        Ok(order)
    }

    /// The warehouse refused the order for good: the payment is to be given back, and the stock.
    ///
    /// # Errors
    /// [`Unmoved`] where the order is not paid.
    pub fn rejected_by_warehouse(self, now: Timestamp) -> Result<Self, Unmoved> {
        let order = self.on(Event::RejectedByWarehouse, now)?;
        Ok(match order.capture().cloned() {
            Some(capture) => order.owe_refund(capture, RefundReason::RejectedByWarehouse, now),
            None => order,
        })
    }
}
