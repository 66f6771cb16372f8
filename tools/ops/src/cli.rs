//! The command line.

use anyhow::Context;
use app::Decision;
use clap::{Args, Parser, Subcommand};
use domain::{AccessToken, OrderId};
use dynamodb::Tables;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;

use crate::shop::{parse_erp_number, parse_id};
use crate::{
    AccessTokenKey, Clients, HoldSearch, Outcome, Outside, Report, Restore, Search, Shop, StripeSetup,
};

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
    /// What admits shoppers to their orders.
    #[command(subcommand)]
    AccessTokens(AccessTokensCommand),
    /// Stock that is held for orders which nobody goes to pay.
    #[command(subcommand)]
    Holds(HoldsCommand),
    /// Messages that failed for good.
    #[command(subcommand)]
    Dlq(DlqCommand),
    /// The reconciler.
    #[command(subcommand)]
    Reconcile(ReconcileCommand),
    /// Goes back to one second, from copies of the tables, and on by what the payment provider and the warehouse know. For infra/restore.sh, which
    /// stops the functions and makes the copies. Takes STRIPE_SECRET_KEY and ERP_TOKEN from the environment.
    Restore(RestoreArguments),
}

#[derive(Debug, Args)]
struct RestoreArguments {
    /// The second that the copies are of, such as 2026-11-29T12:00:00Z.
    #[arg(long, value_name = "TIME")]
    at: Timestamp,
    /// The copy of the table of orders.
    #[arg(long, value_name = "TABLE")]
    orders: String,
    /// The copy of the table of stock.
    #[arg(long, value_name = "TABLE")]
    stock: String,
    /// The copy of the table of products.
    #[arg(long, value_name = "TABLE")]
    products: String,
    /// What stands and can be read goes back, too, except what the warehouse has: where it reads well and is wrong.
    #[arg(long)]
    rewind: bool,
    /// Only say what would be done.
    #[arg(long)]
    dry_run: bool,
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
    /// Shuts out who has the order's access token, the shopper as well: for a token that has leaked.
    RevokeAccess {
        /// The order's id.
        #[arg(value_parser = parse_id)]
        id: OrderId,
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
enum AccessTokensCommand {
    /// Stores with each order of the release before the token that its shopper has. The shop's secret of then comes from standard input.
    Store {
        /// Only count the orders without a token.
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Debug, Subcommand)]
enum HoldsCommand {
    /// Lists unpaid orders without a payment page, and the products that they hold.
    List {
        /// For how many minutes they have held stock at least.
        #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(i64).range(0..=60))]
        older_than: i64,
        /// The most unpaid orders to look at.
        #[arg(long, default_value_t = 4_000, value_parser = clap::value_parser!(u16).range(1..=10_000))]
        limit: u16,
    },
    /// Expires them, and gives their stock back. An order that is at a payment page is never touched.
    Release {
        /// For how many minutes they have held stock at least.
        #[arg(long, value_parser = clap::value_parser!(i64).range(1..=60))]
        older_than: i64,
        /// The most unpaid orders to look at.
        #[arg(long, default_value_t = 4_000, value_parser = clap::value_parser!(u16).range(1..=10_000))]
        limit: u16,
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
            Self::Order(OrderCommand::RevokeAccess { id }) => {
                let decision = Decision::RevokeAccess(draw_token()?);
                print(&shop.decide(id, &decision, now()).await?, json)
            }
            Self::Order(OrderCommand::Resend { id, dry_run }) => {
                print(&shop.resend(id, dry_run, now()).await?, json)
            }
            Self::AccessTokens(AccessTokensCommand::Store { dry_run }) => {
                let secret = std::io::read_to_string(std::io::stdin()).context("standard input")?;
                let key = AccessTokenKey::of_secret(&secret)?;
                print(&shop.store_access_tokens(&key, dry_run).await?, json)
            }
            Self::Holds(HoldsCommand::List { older_than, limit }) => {
                print(&shop.holds(HoldSearch::of(older_than, limit), now()).await?, json)
            }
            Self::Holds(HoldsCommand::Release {
                older_than,
                limit,
                dry_run,
            }) => {
                let search = HoldSearch::of(older_than, limit);
                print(&shop.release_holds(search, dry_run, now()).await?, json)
            }
            Self::Dlq(DlqCommand::List { limit }) => {
                print(&shop.dead_letters(limit.into(), now()).await?, json)
            }
            Self::Dlq(DlqCommand::Redrive) => print(&shop.redrive().await?, json),
            Self::Reconcile(ReconcileCommand::Now) => print(&shop.reconcile(now).await?, json),
            Self::Restore(arguments) => {
                let keys = (key("STRIPE_SECRET_KEY")?, key("ERP_TOKEN")?);
                let certificate = key("ERP_CLIENT_CERTIFICATE").ok();
                let outside = Outside::of(shop, keys.0, keys.1, certificate).await?;
                let restore = arguments.into_restore()?;
                print(&shop.restore(&restore, &outside, now).await?, json)
            }
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

impl RestoreArguments {
    fn into_restore(self) -> anyhow::Result<Restore> {
        Ok(Restore {
            at: self.at,
            copies: Tables {
                products: self.products,
                stock: self.stock,
                orders: self.orders,
            },
            rewind: self.rewind,
            dry_run: self.dry_run,
            token_of_lost: draw_token()?,
        })
    }
}

/// A key from the environment: on the command line, others would see it.
fn key(variable: &str) -> anyhow::Result<SecretString> {
    let key = std::env::var(variable).ok().filter(|key| !key.is_empty());
    key.map(SecretString::from)
        .with_context(|| format!("{variable} is not in the environment"))
}

/// Now, in whole milliseconds: finer time would not survive being stored.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

/// A token that nobody knows.
fn draw_token() -> anyhow::Result<AccessToken> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).context("the system's randomness")?;
    Ok(AccessToken::of_random(bytes))
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
        let runbook = include_str!("../../../docs/runbook.md");
        let written = runbook.split('`').skip(1).step_by(2);
        let written = written.filter(|span| span.starts_with("ops ") && *span != "ops --help");
        let restore =
            "ops restore --at 2026-11-29T12:00:00Z --orders O --stock S --products P --rewind --dry-run";
        let mut lines: Vec<_> = written.collect();
        assert!(lines.len() > 10, "{lines:?}");
        // As infra/restore.sh calls it.
        lines.push(restore);
        for line in lines {
            let words = line.split_whitespace().skip(1);
            let words = words.map(|word| if word == "ID" { id.as_str() } else { word });
            let words = ["ops", "--stack", "kontor-prod"].into_iter().chain(words);
            assert!(Cli::try_parse_from(words.chain(["--json"])).is_ok(), "{line}");
        }
    }

    #[test]
    fn what_is_no_order_id_is_refused() {
        let refused = Cli::try_parse_from(["ops", "--local", "order", "show", "12"]);
        assert!(refused.expect_err("no id").to_string().contains("26 digits"));
    }
}
