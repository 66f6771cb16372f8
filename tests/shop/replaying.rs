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
    let report = replay_first("orders-2010-12-01-week.jsonl", 40).await;
    assert_eq!(
        (report.placed, report.paid, report.forwarded),
        (40, 40, 40),
        "{report}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_real_orders_are_placed_paid_and_forwarded() {
    let report = replay_first("orders-largest.jsonl", 3).await;
    assert_eq!(
        (report.placed, report.paid, report.forwarded),
        (3, 3, 3),
        "{report}"
    );
}

#[tokio::test]
async fn nothing_is_sent_to_the_warehouse_that_was_never_paid() {
    let shopper = Shopper::default();
    let placed = shopper
        .order("replaying-unpaid", &kontor_tests::items(&[("22423", 1)]))
        .await
        .body;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(
        shopper
            .deliveries(placed["order"]["id"].as_str().expect("an id"))
            .await,
        0
    );
}
