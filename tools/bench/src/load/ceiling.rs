//! The highest rate that is answered in time: by a function that calls nothing, and by the shop.

use std::sync::Arc;
use std::time::Duration;

use super::Generator;
use super::generator::{HEALTH, Load};
use super::record::Record;
use crate::report::table;

/// What 99 of 100 requests must be answered within, in milliseconds.
const IN_TIME_MS: f64 = 25.0;
/// From one rate to the next.
const STEP: f64 = 1.15;
const STEP_LASTS: Duration = Duration::from_secs(4);
/// A rate that fails is tried once more: the machine may have been busy with something else.
const TRIES: usize = 2;
/// About what such a function reaches on two processors.
const USUAL_RATE: f64 = 8_000.0;

/// The most requests a second that were answered in time, by both.
pub(super) async fn measure(generator: &Generator, load: Load) -> anyhow::Result<(f64, f64)> {
    let health = Load {
        per_second: USUAL_RATE,
        orders_per_minute: 0.0,
        others: HEALTH,
        ..load
    };
    Ok((highest(generator, health).await?, highest(generator, load).await?))
}

/// Finds the highest rate that is answered in time, in steps of 15% from a quarter of the rate of `load`; 0 where there is none. The share of
/// orders stays the same.
async fn highest(generator: &Generator, load: Load) -> anyhow::Result<f64> {
    climb(load.per_second / 4.0, async |rate| {
        for _ in 0..TRIES {
            if is_in_time(generator, load, rate).await? {
                return Ok(true);
            }
        }
        Ok(false)
    })
    .await
}

async fn climb(mut rate: f64, in_time: impl AsyncFn(f64) -> anyhow::Result<bool>) -> anyhow::Result<f64> {
    let mut highest = 0.0;
    while in_time(rate).await? {
        highest = rate;
        rate *= STEP;
    }
    Ok(highest)
}

async fn is_in_time(generator: &Generator, load: Load, rate: f64) -> anyhow::Result<bool> {
    let record = Arc::<Record>::default();
    let step = Load {
        per_second: rate,
        orders_per_minute: load.orders_per_minute * rate / load.per_second,
        lasts: STEP_LASTS,
        ..load
    };
    generator.send(step, &record).await?;
    let p99_ms = record.latencies()[0].p99_ms;
    eprintln!("{rate:>8.0} requests/s: p99 {p99_ms:.1} ms");
    Ok(record.failures().is_empty() && p99_ms <= IN_TIME_MS)
}

/// Both rates.
pub(super) fn table_of((health, shop): (f64, f64)) -> String {
    let rates = [
        ("a function that calls nothing", health),
        ("the shop, in the mix above", shop),
    ];
    let row = |(function, rate): (&str, f64)| {
        format!("{function} | {rate:.0} | {:.0}%", 100.0 * rate / health.max(1.0))
    };
    table(
        format!("The most requests a second with a p99 within {IN_TIME_MS:.0} ms, in steps of 15%"),
        "function | requests/s | of the ceiling",
        rates.map(row),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_highest_rate_in_time_is_found() {
        let found = climb(250.0, async |rate| Ok(rate <= 1_000.0))
            .await
            .expect("a rate");
        assert!((1_000.0 / STEP..=1_000.0).contains(&found), "{found}");
        let none = climb(250.0, async |_| Ok(false)).await.expect("a rate");
        assert!(none.abs() < 1.0);
    }
}
