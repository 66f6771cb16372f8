//! The AWS SDK as it comes, in the place of [`aws`](crate::aws): what the benchmarks measure against.

use aws_config::{BehaviorVersion, SdkConfig};

use crate::Error;

/// What every client of this process is built from.
///
/// # Errors
/// Never.
pub async fn config() -> Result<SdkConfig, Error> {
    Ok(aws_config::load_defaults(BehaviorVersion::v2026_01_12()).await)
}
