//! The environment variables that Lambda gives a process.

use crate::template::Function;
use std::collections::BTreeMap;
use std::path::Path;

/// The region that everything local claims to be in.
pub const REGION: &str = "eu-central-1";
/// The account that everything local claims to belong to.
pub const ACCOUNT: &str = "000000000000";

/// Variables of the developer's own that reach the functions: none changes what a function does, they only show more of it.
const PASSED_ON: [&str; 2] = ["RUST_BACKTRACE", "LLVM_PROFILE_FILE"];

/// The whole environment of a function's processes. `shared` is what the local world adds for all functions, such as the
/// addresses of its engines; a function's own variables win over everything else.
pub fn environment(
    function: &Function,
    executable: &Path,
    shared: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let task_root = executable
        .parent()
        .unwrap_or_else(|| Path::new("/"))
        .display()
        .to_string();
    let log_group = format!("/aws/lambda/{}", function.name);
    let memory = function.memory_mb.to_string();
    let lambda = [
        // By which the engines know whose rights a call has.
        ("AWS_ACCESS_KEY_ID", function.id.as_str()),
        ("AWS_DEFAULT_REGION", REGION),
        ("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &memory),
        ("AWS_LAMBDA_FUNCTION_NAME", &function.name),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", &log_group),
        ("AWS_LAMBDA_LOG_LEVEL", "INFO"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "local"),
        ("AWS_REGION", REGION),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
        ("LAMBDA_TASK_ROOT", &task_root),
        ("LANG", "en_US.UTF-8"),
        ("PATH", "/usr/local/bin:/usr/bin:/bin"),
        ("TZ", ":UTC"),
        ("_HANDLER", "bootstrap"),
    ];
    let mut all: BTreeMap<String, String> = lambda
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    all.extend(
        PASSED_ON
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?))),
    );
    all.extend(shared.clone());
    all.extend(function.environment.clone());
    all
}
