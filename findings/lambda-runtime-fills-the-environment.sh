#!/usr/bin/env bash
# Package:  lambda_runtime 1.5.0 (crates.io), on Linux with glibc.
# Expected: what the runtime does for an invocation is gone when the invocation ends; a process that handles small events keeps its size.
# Seen:     it writes each invocation's trace id into the environment (_X_AMZN_TRACE_ID). glibc never frees a value that was set, so each new id costs
#           some 150 bytes for good. With one id for all invocations nothing grows.
# Why here: behind API Gateway every request has a trace id of its own, whether it is traced or not. A busy process of 128 MB would be full after some
#           700,000 requests. So the functions poll without writing to the environment, and hand the id to the AWS clients themselves.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/src"
cat >"$scratch/Cargo.toml" <<'TOML'
[package]
name = "probe"
version = "0.0.0"
edition = "2024"

[dependencies]
lambda_runtime = { version = "=1.5.0", default-features = false }
serde_json = "1"
tokio = { version = "1", features = ["macros", "rt"] }

[workspace]
TOML
cat >"$scratch/src/main.rs" <<'RUST'
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::{Value, json};

/// Answers with the size of this process in kB, and the trace id in its environment.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(async |_: LambdaEvent<Value>| {
        let status = std::fs::read_to_string("/proc/self/status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let size: u64 = line.unwrap_or_default().trim().trim_end_matches(" kB").parse()?;
        Ok::<_, Error>(json!({"size": size, "trace": std::env::var("_X_AMZN_TRACE_ID").ok()}))
    }))
    .await
}
RUST
CARGO_TARGET_DIR=$scratch/target cargo build --quiet --manifest-path "$scratch/Cargo.toml"
grep -A1 '^name = "lambda_runtime"$' "$scratch/Cargo.lock"
python3 - "$scratch/target/debug/probe" <<'PYTHON'
import http.server
import json
import os
import subprocess
import sys
import threading

WARM, MEASURED = 2_000, 30_000


class RuntimeApi(http.server.BaseHTTPRequestHandler):
    """The Lambda Runtime API on the loopback interface, for one function."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        state = self.server.state
        if state["count"] == WARM + MEASURED:
            state["done"].set()
            self.close_connection = True
            return
        state["count"] += 1
        number = state["count"] if state["new ids"] else 0
        self.server.trace = f"Root=1-67891233-{number:024x};Parent=463ac35c9f6413ad;Sampled=0"
        self.answer(200, b"{}", [
            ("lambda-runtime-aws-request-id", f"{state['count']:032x}"),
            ("lambda-runtime-trace-id", self.server.trace),
            ("lambda-runtime-deadline-ms", "99999999999999"),
            ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-central-1:000000000000:function:probe"),
        ])

    def do_POST(self):
        answer = json.loads(self.rfile.read(int(self.headers["content-length"])))
        state = self.server.state
        state["in environment"] = answer["trace"] == self.server.trace
        if state["count"] in (WARM, WARM + MEASURED):
            state["sizes"].append(answer["size"])
        self.answer(202, b"", [])

    def answer(self, status, body, headers):
        self.send_response(status)
        for name, value in [*headers, ("content-length", str(len(body)))]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

    def setup(self):
        super().setup()
        # The head and the body of an answer in one packet.
        self.wfile = os.fdopen(os.dup(self.connection.fileno()), "wb", 65536)

    def handle_one_request(self):
        super().handle_one_request()
        if not self.wfile.closed:
            self.wfile.flush()


def growth(new_ids):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), RuntimeApi)
    server.state = {"count": 0, "new ids": new_ids, "sizes": [], "done": threading.Event()}
    threading.Thread(target=server.serve_forever, daemon=True).start()
    environment = os.environ | {
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_port}",
        "AWS_LAMBDA_FUNCTION_NAME": "probe", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128", "AWS_LAMBDA_FUNCTION_VERSION": "1",
        "AWS_LAMBDA_LOG_GROUP_NAME": "-", "AWS_LAMBDA_LOG_STREAM_NAME": "-",
    }
    process = subprocess.Popen([sys.argv[1]], env=environment, stderr=subprocess.DEVNULL)
    finished = server.state["done"].wait(300)
    process.kill()
    process.wait()
    server.shutdown()
    assert finished and server.state["in environment"], server.state
    before, after = server.state["sizes"]
    grown = (after - before) * 1024 / MEASURED
    print(f"{'a new trace id each time' if new_ids else 'one trace id for all'}: {before} kB, then {after} kB: {grown:.0f} bytes an invocation")
    return grown


seen = growth(new_ids=True), growth(new_ids=False)
sys.exit(0 if seen[0] > 100 and seen[1] < 10 else "the behaviour has changed")
PYTHON
