use app::ports::{Clock, Orders, Warehouse};
use app::{Forwarded, forward_order};
use lambda_kit::sqs::{Consume, Record};
use lambda_kit::{Error, telemetry};

/// Hands orders over, one a message.
pub(crate) struct OrderForwarder<O, W, C> {
    pub(crate) orders: O,
    pub(crate) warehouse: W,
    pub(crate) clock: C,
}

impl<O: Orders, W: Warehouse, C: Clock> Consume for OrderForwarder<O, W, C> {
    async fn consume(&self, record: &Record) -> Result<&'static str, Error> {
        let id = queue::parse_message(&record.body)?;
        telemetry::note("order.id", id);
        let first_try = record.receives == 1;
        Ok(
            match forward_order(&self.orders, &self.warehouse, &self.clock, id, first_try).await? {
                Forwarded::Accepted => "accepted",
                Forwarded::Rejected => "rejected",
                Forwarded::Deferred => "deferred",
                Forwarded::NothingToDo => "nothing to do",
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use domain::Order;
    use testkit::{FakeClock, FakeWarehouse, MemoryStore, WarehouseMood, an_order};

    use super::*;

    fn subject() -> (OrderForwarder<MemoryStore, FakeWarehouse, FakeClock>, Order) {
        let orders = MemoryStore::default();
        let order = orders.put_order(an_order().paid());
        (
            OrderForwarder {
                orders,
                warehouse: FakeWarehouse::default(),
                clock: FakeClock::at_noon(),
            },
            order,
        )
    }

    fn message(order: &Order, receives: u32) -> Record {
        Record {
            body: format!("{{\"order_id\":\"{}\"}}", order.id),
            receives,
        }
    }

    #[tokio::test]
    async fn a_paid_order_is_handed_over_once() {
        let (subject, order) = subject();
        assert_eq!(
            subject.consume(&message(&order, 1)).await.expect("an outcome"),
            "accepted"
        );
        assert_eq!(
            subject.consume(&message(&order, 2)).await.expect("an outcome"),
            "nothing to do"
        );
        assert_eq!(subject.warehouse.deliveries(order.id), 1);
    }

    #[tokio::test]
    async fn a_message_that_comes_again_is_looked_up_first() {
        let (subject, order) = subject();
        // The first run handed it over and died before it could say so.
        app::ports::Warehouse::submit(&subject.warehouse, &order).await;
        assert_eq!(
            subject.consume(&message(&order, 2)).await.expect("an outcome"),
            "accepted"
        );
        assert_eq!(subject.warehouse.deliveries(order.id), 1);
    }

    #[tokio::test]
    async fn an_outage_acknowledges_the_message() {
        let (subject, order) = subject();
        subject.warehouse.set_mood(WarehouseMood::Down);
        assert_eq!(
            subject.consume(&message(&order, 1)).await.expect("an outcome"),
            "deferred"
        );
    }

    #[tokio::test]
    async fn what_names_no_order_fails() {
        let (subject, _) = subject();
        for body in [
            "",
            "nonsense",
            "{\"order_id\":\"x\"}",
            "{\"order_id\":\"00000000000000000000000000\"}",
        ] {
            assert!(
                subject
                    .consume(&Record {
                        body: body.to_owned(),
                        receives: 1
                    })
                    .await
                    .is_err(),
                "{body}"
            );
        }
    }
}
