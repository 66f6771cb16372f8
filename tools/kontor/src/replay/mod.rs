//! Replaying real orders through the public interface of a running shop, as their shoppers would place them.

mod past_order;
mod report;
mod shopper;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

pub use past_order::{PastLine, PastOrder, read};
pub use report::{Latencies, Report};
pub use shopper::{Fate, Receipt, Refused, Shopper, Visit};

/// How often a request is sent whose outcome is not known.
const TRIES: u32 = 6;
/// Shoppers at once where no rate is given.
const SHOPPERS: usize = 16;
/// Shoppers at once at the most where a rate is given: beyond, the shop is too slow for the rate, and the replay says so by its
/// latencies instead of running out of sockets.
const CROWD: usize = 512;
/// After so long without a single order arriving, the warehouse is given up: an order whose message was lost is queued again after six
/// minutes at most.
const STANDSTILL: Duration = Duration::from_mins(7);
/// Between two looks at the orders on their way.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// What `kontor replay` takes.
#[derive(Clone, Debug, clap::Args)]
pub struct ReplayArgs {
    /// Orders to place: one JSON object a line, `{"order", "customer", "country", "lines": [{"sku", "quantity"}]}`.
    pub orders: PathBuf,
    /// Orders a second; without it as fast as 16 shoppers are answered.
    #[arg(long, value_parser = a_rate)]
    pub rate: Option<f64>,
    /// The running shop.
    #[arg(long, default_value = "http://localhost:3000")]
    pub shop: String,
}

fn a_rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.001..=10_000.0).contains(&rate) {
        Ok(rate)
    } else {
        Err("a rate is 0.001 to 10,000 a second".to_owned())
    }
}

/// Places, pays and follows every order of the file; draws a progress bar on a terminal.
///
/// # Errors
/// Where the file cannot be read or no shop answers. What happens to a single order is in the [`Report`].
pub async fn replay(args: &ReplayArgs) -> anyhow::Result<Report> {
    let count = past_order::count(&args.orders)?;
    let orders = read(&args.orders)?;
    let shopper = Arc::new(Shopper::at(&args.shop, TRIES).await?);
    let progress = ProgressBar::new(count as u64 * 2);
    progress.set_style(ProgressStyle::with_template(
        "{bar:40} {percent:>3}%  {elapsed}  {msg}",
    )?);
    let started = Instant::now();
    let (paid, arriving) = mpsc::unbounded_channel();
    let following = tokio::spawn(follow(Arc::clone(&shopper), arriving, progress.clone()));
    let visits = visit_all(&shopper, orders, args.rate, &paid, &progress).await;
    drop(paid);
    let followed = following.await.context("following the orders")?;
    progress.finish_and_clear();
    Ok(Report::of(&visits?, &followed, started.elapsed()))
}

/// Sends a shopper for each order, so many a second or so many at once.
async fn visit_all(
    shopper: &Arc<Shopper>,
    orders: impl Iterator<Item = anyhow::Result<PastOrder>>,
    rate: Option<f64>,
    paid: &mpsc::UnboundedSender<Receipt>,
    progress: &ProgressBar,
) -> anyhow::Result<Vec<Visit>> {
    let crowd = Arc::new(Semaphore::new(if rate.is_some() { CROWD } else { SHOPPERS }));
    let mut pace = rate.map(|rate| tokio::time::interval(Duration::from_secs_f64(1.0 / rate)));
    let mut visits = JoinSet::new();
    for order in orders {
        let order = order?;
        if let Some(pace) = &mut pace {
            pace.tick().await;
        }
        let Ok(room) = Arc::clone(&crowd).acquire_owned().await else {
            break;
        };
        let (shopper, paid, progress) = (Arc::clone(shopper), paid.clone(), progress.clone());
        visits.spawn(async move {
            let visit = shopper.visit(&order).await;
            drop(room);
            match &visit.receipt {
                // The receiver lives until all senders are gone.
                Some(receipt) => drop(paid.send(receipt.clone())),
                None => progress.inc(1),
            }
            progress.inc(1);
            visit
        });
    }
    Ok(visits.join_all().await)
}

/// Where the paid orders ended up.
#[derive(Debug, Default)]
struct Followed {
    /// How long each took from its payment to the warehouse.
    arrived: Vec<Duration>,
    /// The states that others ended in, from which no way leads to the warehouse.
    lost: Vec<String>,
}

/// Waits until every paid order is in the warehouse or lost for good; gives up only where nothing moves any more.
async fn follow(
    shopper: Arc<Shopper>,
    mut paid: mpsc::UnboundedReceiver<Receipt>,
    progress: ProgressBar,
) -> Followed {
    let mut waiting = VecDeque::new();
    let mut followed = Followed::default();
    let mut last_move = Instant::now();
    loop {
        while let Ok(receipt) = paid.try_recv() {
            waiting.push_back(receipt);
            last_move = Instant::now();
        }
        progress.set_message(format!("{} on their way to the warehouse", waiting.len()));
        // The warehouse takes them roughly in order: those behind the first few need not be asked about yet.
        for _ in 0..waiting.len().min(64) {
            let Some(receipt) = waiting.pop_front() else { break };
            // Where the shop does not say, it is still on its way.
            let fate = shopper.look_after(&receipt).await;
            match fate.unwrap_or(Fate::Underway) {
                Fate::Underway => {
                    waiting.push_back(receipt);
                    continue;
                }
                Fate::Forwarded => followed.arrived.push(receipt.paid_at.elapsed()),
                Fate::Lost(status) => followed.lost.push(status),
            }
            progress.inc(1);
            last_move = Instant::now();
        }
        let all_sent = paid.is_closed() && paid.is_empty();
        let stands_still = all_sent && last_move.elapsed() > STANDSTILL;
        if all_sent && waiting.is_empty() || stands_still {
            return followed;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

#[cfg(test)]
mod tests;
