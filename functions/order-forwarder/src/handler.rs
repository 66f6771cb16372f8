use app::ports::{Circuits, Clock, Orders, Warehouse};
use app::{Breaker, Forwarded, forward_order};
use jiff::SignedDuration;
use lambda_kit::metrics::Unit;
use lambda_kit::sqs::{Consume, Record};
use lambda_kit::{Error, metrics, telemetry};

use crate::pace::Pace;

/// Hands the orders of the queue over.
pub(crate) struct Forwarder<O, W, B, C> {
    pub(crate) orders: O,
    pub(crate) warehouse: W,
    pub(crate) breaker: Breaker<B>,
    pub(crate) pace: Pace,
    /// How long a rejected order waits for a human before it is given up.
    pub(crate) rejection_grace: SignedDuration,
    pub(crate) clock: C,
}

impl<O: Orders, W: Warehouse, B: Circuits, C: Clock> Consume for Forwarder<O, W, B, C> {
    async fn consume(&self, record: &Record) -> Result<&'static str, Error> {
        let id = queue::parse_message(&record.body)?;
        telemetry::note("order.id", id);
        let first_try = record.receives == 1;
        let share = tokio::time::sleep(self.pace.share());
        let (orders, warehouse, breaker) = (&self.orders, &self.warehouse, &self.breaker);
        let (clock, grace) = (&self.clock, self.rejection_grace);
        let forwarded = forward_order(orders, warehouse, breaker, clock, id, first_try, grace).await;
        if !matches!(forwarded, Ok(Forwarded::CircuitOpen | Forwarded::NothingToDo)) {
            share.await;
        }
        Ok(match forwarded? {
            Forwarded::Accepted { after } => {
                let after = i64::try_from(after.as_millis()).unwrap_or(i64::MAX);
                metrics::count("OrdersForwarded", 1);
                metrics::record("ForwardDelay", Unit::Milliseconds, after);
                "accepted"
            }
            Forwarded::Rejected => {
                metrics::count("OrdersRejected", 1);
                "rejected"
            }
            Forwarded::Unconfirmed => {
                metrics::count("OrdersUnconfirmed", 1);
                "unconfirmed"
            }
            Forwarded::Deferred => {
                metrics::count("WarehouseUnavailable", 1);
                "deferred"
            }
            Forwarded::CircuitOpen => {
                metrics::count("WarehouseUnavailable", 1);
                "circuit_open"
            }
            Forwarded::NothingToDo => "nothing_to_do",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use app::BreakerMemory;
    use domain::{JobKind, OrderId, Status};
    use lambda_kit::clock::now;
    use lambda_kit::metrics::collect;
    use lambda_kit::sqs::{Batch, process_batch};
    use serde_json::{Value, json};
    use testkit::{FakeClock, FakeWarehouse, MemoryStore, WarehouseMood, an_order};

    use super::*;

    type Subject = Forwarder<MemoryStore, FakeWarehouse, MemoryStore, FakeClock>;

    fn subject() -> Subject {
        let orders = MemoryStore::default();
        let number = |n| NonZeroU32::new(n).expect("not zero");
        for n in 0..9 {
            orders.put_order(an_order().under(&n.to_string()).paid());
        }
        Forwarder {
            orders,
            warehouse: FakeWarehouse::default(),
            breaker: Breaker::new(MemoryStore::default(), BreakerMemory::default()),
            pace: Pace::new(number(480), number(4)).expect("a pace"),
            rejection_grace: SignedDuration::from_hours(24),
            clock: FakeClock::at_noon(),
        }
    }

    fn message(id: &str, body: &str, receives: u32) -> Value {
        json!({
            "messageId": id, "receiptHandle": "h", "body": body, "eventSource": "aws:sqs",
            "attributes": {"ApproximateReceiveCount": receives.to_string()},
        })
    }

    fn orders(receives: u32) -> Vec<Value> {
        let order = |n: u8| {
            let n = n.to_string();
            let body = json!({"order_id": OrderId::for_key(&n).as_str()}).to_string();
            message(&n, &body, receives)
        };
        (0..9).map(order).collect()
    }

    /// The ids of the messages that are to come again.
    async fn work(subject: &Subject, records: &[Value]) -> Vec<String> {
        let batch: Batch = serde_json::from_value(json!({ "Records": records })).expect("a batch");
        let last_begin = now() + SignedDuration::from_secs(4);
        let mut ids = process_batch(subject, batch, last_begin).await.expect("ids");
        ids.sort();
        ids
    }

    fn all(subject: &Subject, status: Status) -> bool {
        subject
            .orders
            .orders()
            .iter()
            .all(|order| order.status() == status)
    }

    #[tokio::test(start_paused = true)]
    async fn every_order_of_a_batch_is_handed_over_once() {
        let subject = subject();
        for receives in [1, 1, 2] {
            assert!(work(&subject, &orders(receives)).await.is_empty());
        }
        assert!(all(&subject, Status::Forwarded));
        for order in subject.orders.orders() {
            assert_eq!(subject.warehouse.deliveries(order.id()), 1);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn each_hand_over_is_counted_with_its_delay() {
        let subject = subject();
        subject.clock.advance(SignedDuration::from_secs(2));
        let (_, figures) = collect(work(&subject, &orders(1))).await;
        assert_eq!(figures.of("OrdersForwarded"), [9]);
        assert_eq!(figures.of("ForwardDelay"), [2_000; 9]);
        let (_, figures) = collect(work(&subject, &orders(2))).await;
        assert!(figures.is_empty(), "what was known is not counted again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_that_names_no_order_fails_alone() {
        let subject = subject();
        let mut records = orders(1);
        let unknown = json!({"order_id": OrderId::for_key("unknown").as_str()}).to_string();
        records.insert(3, message("poison", "{\"order\": 1}", 1));
        records.push(message("unknown", &unknown, 1));
        assert_eq!(work(&subject, &records).await, ["poison", "unknown"]);
        assert!(all(&subject, Status::Forwarded));
    }

    #[tokio::test(start_paused = true)]
    async fn a_warehouse_that_is_down_wears_no_message_out() {
        for mood in [WarehouseMood::Busy, WarehouseMood::Down] {
            let subject = subject();
            subject.warehouse.set_mood(mood);
            let (again, figures) = collect(work(&subject, &orders(1))).await;
            assert!(again.is_empty());
            assert_eq!(figures.of("WarehouseUnavailable"), [9]);
            assert!(all(&subject, Status::Paid));
            let orders = subject.orders.orders();
            assert!(orders.iter().all(|order| order.due_at().is_some()));
            let tried = orders
                .iter()
                .filter(|order| order.tries(&JobKind::Forward) > 0)
                .count();
            assert_eq!(tried, 3, "then the warehouse is left alone");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_order_takes_its_share_of_the_warehouses_time_and_no_more() {
        let subject = subject();
        let begun = tokio::time::Instant::now();
        work(&subject, &orders(1)).await;
        assert_eq!(begun.elapsed(), subject.pace.share() * 9);
        work(&subject, &orders(1)).await;
        assert_eq!(
            begun.elapsed(),
            subject.pace.share() * 9,
            "nothing was to be done"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_order_taken_unnoticed_is_found_and_not_sent_again() {
        let subject = subject();
        subject.warehouse.set_mood(WarehouseMood::LosingAnswers);
        work(&subject, &orders(1)).await;
        subject.warehouse.set_mood(WarehouseMood::Well);
        subject.clock.advance(SignedDuration::from_secs(10));
        assert!(work(&subject, &orders(2)).await.is_empty());
        assert!(all(&subject, Status::Forwarded));
        for order in subject.orders.orders() {
            assert_eq!(subject.warehouse.deliveries(order.id()), 1);
        }
    }
}
