//! The command line.

use anyhow::Context;
use app::Decision;
use clap::{Args, Parser, Subcommand};
use domain::OrderId;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;

use crate::shop::{parse_erp_number, parse_id};
use crate::{Clients, Outcome, Report, Search, Shop, StripeSetup};

/// The stack that `cargo run` pretends to be.
const LOCAL_STACK: &str = "kontor";
/// After the options in --help.
const EXIT_CODES: &str = "\
Exit codes: 0 all is well or done; 1 AWS or the local engines did not answer; 2 wrong command line; 3 something needs attention \
(stuck orders, dead letters, a failed run); 4 refused (no such order, or not to be sent).

Credentials and region are taken from the environment (AWS_ACCESS_KEY_ID, .., AWS_REGION) or the profile AWS_PROFILE. With single \
sign-on: eval \"$(aws configure export-credentials --format env)\".";

/// Shows what waits and why; resends, refunds, redrives.
#[derive(Debug, Parser)]
#[command(name = "ops", after_help = EXIT_CODES)]
pub struct Cli {
    #[command(flatten)]
    place: Place,
    /// Answer in JSON, for scripts.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct Place {
    /// The CloudFormation stack of the shop.
    #[arg(long, env = "KONTOR_STACK", value_name = "NAME")]
    stack: Option<String>,
    /// The shop that `cargo run` opened on this machine, whatever the stack (AWS_ENDPOINT_URL_DYNAMODB, .._SQS and .._LAMBDA where its ports are not the usual).
    #[arg(long)]
    local: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    Shop(ShopCommand),
    /// The payment provider.
    #[command(subcommand)]
    Stripe(StripeCommand),
}

#[derive(Debug, Subcommand)]
enum StripeCommand {
    /// Makes the shop's webhook endpoint, or checks it and mends what differs. The environment's STRIPE_API_KEY is a key that may do that.
    Setup {
        /// Where events go: the stack's output StripeWebhookUrl.
        #[arg(long)]
        url: String,
        /// Only say what would be done.
        #[arg(long)]
        dry_run: bool,
        /// Disable the endpoints of other API versions for this address: once the newer one's secret is in the shop.
        #[arg(long)]
        retire: bool,
        /// The provider's API.
        #[arg(
            long,
            env = "STRIPE_API_BASE",
            value_name = "URL",
            default_value = "https://api.stripe.com"
        )]
        api_base: String,
    },
}

#[derive(Debug, Subcommand)]
enum ShopCommand {
    /// Looks for orders that wait.
    #[command(subcommand)]
    Orders(OrdersCommand),
    /// One order.
    #[command(subcommand)]
    Order(OrderCommand),
    /// Messages that failed for good.
    #[command(subcommand)]
    Dlq(DlqCommand),
    /// The reconciler.
    #[command(subcommand)]
    Reconcile(ReconcileCommand),
}

#[derive(Debug, Subcommand)]
enum OrdersCommand {
    /// Lists orders that wait for longer than they should, and how the shop stands with the warehouse.
    Stuck {
        /// For how many minutes an order may be due, or paid and not with the warehouse.
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(i64).range(0..=525_600))]
        minutes: i64,
        /// Look for parked orders too: reads the whole table, half a read unit each 4 kB.
        #[arg(long)]
        parked: bool,
        /// The most due orders to look at in each index.
        #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u16).range(1..=10_000))]
        limit: u16,
    },
}

#[derive(Debug, Subcommand)]
enum OrderCommand {
    /// Shows an order: amounts, payments, what is due, history.
    Show {
        /// The order's id.
        #[arg(value_parser = parse_id)]
        id: OrderId,
        /// Show who ordered and where it goes, too.
        #[arg(long)]
        personal: bool,
    },
    /// Gives an order up that the warehouse rejected, and pays it back: now, or so much later than now.
    Refund {
        /// The order's id.
        #[arg(value_parser = parse_id)]
        id: OrderId,
        /// In how many hours: to keep it for longer than the stack's RejectionGrace.
        #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..=720))]
        in_hours: i64,
    },
    /// Notes that a human entered a rejected order at the warehouse, or looked up the number of one that it took: nothing is paid back.
    Entered {
        /// The order's id.
        #[arg(value_parser = parse_id)]
        id: OrderId,
        /// The warehouse's number for it.
        #[arg(long, value_name = "NUMBER", value_parser = parse_erp_number)]
        erp_number: String,
    },
    /// Queues a paid order for the warehouse once more, a rejected one too; it is never delivered twice.
    Resend {
        /// The order's id.
        #[arg(value_parser = parse_id)]
        id: OrderId,
        /// Only say what would be done.
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Debug, Subcommand)]
enum DlqCommand {
    /// Lists dead letters and how their orders stand; deletes none.
    List {
        /// The most messages to look at.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1_000))]
        limit: u16,
    },
    /// Moves all dead letters back into the order queue.
    Redrive,
}

#[derive(Debug, Subcommand)]
enum ReconcileCommand {
    /// Runs it now, and waits for its end.
    Now,
}

impl Cli {
    /// Does what the command line says, and prints the answer.
    ///
    /// # Errors
    /// Where AWS does not answer, in a line that says what was asked.
    pub async fn run(self) -> anyhow::Result<Outcome> {
        let json = self.json;
        match self.command {
            Command::Shop(command) => command.run(&self.place.shop().await?, json).await,
            Command::Stripe(StripeCommand::Setup {
                url,
                dry_run,
                retire,
                api_base,
            }) => {
                let key = std::env::var("STRIPE_API_KEY").context("STRIPE_API_KEY")?;
                let setup = StripeSetup {
                    api_base,
                    key: SecretString::from(key),
                    url,
                    description: self.place.stack.unwrap_or_else(|| LOCAL_STACK.to_owned()),
                    dry_run,
                    retire,
                };
                print(&setup.run().await?, json)
            }
        }
    }
}

impl ShopCommand {
    async fn run(self, shop: &Shop, json: bool) -> anyhow::Result<Outcome> {
        match self {
            Self::Orders(OrdersCommand::Stuck {
                minutes,
                parked,
                limit,
            }) => {
                let search = Search {
                    patience: SignedDuration::from_mins(minutes),
                    limit: limit.into(),
                    parked,
                };
                print(&shop.stuck(search, now()).await?, json)
            }
            Self::Order(OrderCommand::Show { id, personal }) => print(&shop.show(id, personal).await?, json),
            Self::Order(OrderCommand::Refund { id, in_hours }) => {
                let decision = Decision::GiveUpAt(now() + SignedDuration::from_hours(in_hours));
                print(&shop.decide(id, &decision, now()).await?, json)
            }
            Self::Order(OrderCommand::Entered { id, erp_number }) => {
                let decision = Decision::Entered(erp_number);
                print(&shop.decide(id, &decision, now()).await?, json)
            }
            Self::Order(OrderCommand::Resend { id, dry_run }) => {
                print(&shop.resend(id, dry_run, now()).await?, json)
            }
            Self::Dlq(DlqCommand::List { limit }) => {
                print(&shop.dead_letters(limit.into(), now()).await?, json)
            }
            Self::Dlq(DlqCommand::Redrive) => print(&shop.redrive().await?, json),
            Self::Reconcile(ReconcileCommand::Now) => print(&shop.reconcile(now).await?, json),
        }
    }
}

impl Place {
    async fn shop(&self) -> anyhow::Result<Shop> {
        match &self.stack {
            Some(stack) if !self.local => Shop::find(Clients::of_account().await, stack).await,
            _ => Shop::find(Clients::of_this_machine().await, LOCAL_STACK).await,
        }
    }
}

/// Now, in whole milliseconds: finer time would not survive being stored.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

fn print(report: &impl Report, json: bool) -> anyhow::Result<Outcome> {
    if json {
        println!(
            "{}",
            serde_json::to_string_pretty(report).context("the answer in JSON")?
        );
    } else {
        print!("{report}");
    }
    Ok(report.outcome())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_of_the_runbook_is_understood() {
        let id = OrderId::for_key("a key").to_string();
        for line in [
            "orders stuck",
            &format!("order show {id}"),
            &format!("order resend {id} --dry-run"),
            &format!("order refund {id}"),
            &format!("order refund {id} --in-hours 72"),
            &format!("order entered {id} --erp-number K-4711"),
            "dlq list",
            "dlq redrive",
            "reconcile now",
            "stripe setup --url https://shop.example/api/webhooks/stripe --dry-run",
            "stripe setup --url https://shop.example/api/webhooks/stripe --retire",
        ] {
            let words = ["ops", "--stack", "kontor-prod"]
                .into_iter()
                .chain(line.split(' '));
            assert!(Cli::try_parse_from(words.chain(["--json"])).is_ok(), "{line}");
        }
    }

    #[test]
    fn what_is_no_order_id_is_refused() {
        let refused = Cli::try_parse_from(["ops", "--local", "order", "show", "12"]);
        assert!(refused.expect_err("no id").to_string().contains("26 digits"));
    }
}
