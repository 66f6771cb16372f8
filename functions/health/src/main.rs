//! Lambda function: says what is deployed.

mod handler;

use std::process::ExitCode;

use lambda_kit::config::Variables;
use lambda_kit::{Error, http};

use crate::handler::Health;

fn main() -> ExitCode {
    lambda_kit::start("health", &["health"], serve)
}

async fn serve(mut env: Variables) -> Result<(), Error> {
    let (stage, capabilities) = (env.text("STAGE"), env.text("CAPABILITIES"));
    let health = env.finish(|| Some(Health::of(stage?, &capabilities?)))?;
    http::serve(health).await
}
