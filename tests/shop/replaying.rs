//! Orders of a real shop.

use std::io::Write as _;

use kontor::replay::{ReplayArgs, replay};
use kontor_tests::{Shopper, running};

/// Replays the first orders of a file of the past shop.
async fn replay_first(file: &str, count: usize) -> kontor::replay::Report {
    let mut orders = tempfile::NamedTempFile::new().expect("a file");
    let path = format!(
        "{}/../tools/kontor/data/online-retail/{file}",
        env!("CARGO_MANIFEST_DIR")
    );
    for line in std::fs::read_to_string(path).expect("orders").lines().take(count) {
        writeln!(orders, "{line}").expect("written");
    }
    let shop = running().shop_url.clone();
    replay(&ReplayArgs {
        orders: orders.path().to_owned(),
        rate: None,
        shop,
    })
    .await
    .expect("a report")
}

#[tokio::test(flavor = "multi_thread")]
async fn real_orders_are_all_placed_paid_and_forwarded() {
    // Of an ordinary week, and the largest that there were.
    for (file, count) in [("orders-2010-12-01-week.jsonl", 40), ("orders-largest.jsonl", 3)] {
        let report = replay_first(file, count).await;
        let each = (report.placed, report.paid, report.forwarded);
        assert_eq!(each, (count, count, count), "{file}: {report}");
    }
}

#[tokio::test]
async fn nothing_is_sent_to_the_warehouse_that_was_never_paid() {
    let shopper = Shopper::default();
    let placed = shopper.place("replaying-unpaid", "22423", 1).await;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(shopper.deliveries(&placed.id).await, 0);
}
