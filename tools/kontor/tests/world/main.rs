//! The whole world from a small template: everything is wired, everything ends.

#[path = "../../../sam-runner/tests/running/probe.rs"]
mod probe;

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::AttributeValue;
use kontor::world::{Options, World};
use probe::{client, executable};
use sam_runner::binaries::Binaries;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The options for the small shop, and the directory that holds what it sells.
fn options() -> (Options, tempfile::TempDir) {
    let directory = tempfile::tempdir().expect("a directory");
    let catalogue = directory.path().join("catalogue.csv");
    std::fs::write(
        &catalogue,
        "sku,name,unit_price,stock\nA,Thing,199,5\nB,Other,250,0\n",
    )
    .expect("written");
    let options = Options {
        template: template(),
        catalogue,
        binaries: Binaries::Prebuilt(binaries()),
        ..Options::default()
    };
    (options, directory)
}

fn template() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/world/template.yaml")
}

fn binaries() -> PathBuf {
    executable().parent().expect("a directory").to_path_buf()
}

async fn ask(world: &World, what: &str) -> Value {
    let url = format!("{}/api/probe?do={what}", world.shop_url());
    let answer = client().get(url).send().await.expect("an answer");
    answer.json().await.expect("JSON")
}

async fn pieces_of(world: &World, sku: &str) -> Option<u32> {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .endpoint_url(world.dynamodb_endpoint())
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    let mut tables = world.stack().tables.iter();
    let table = tables.find(|table| table.id == "StockTable").expect("a table");
    let get = aws_sdk_dynamodb::Client::from_conf(config.build()).get_item();
    let get = get.table_name(&table.name);
    let got = get.key("sku", AttributeValue::S(sku.to_owned())).send().await;
    got.expect("an answer")
        .item?
        .get("available")?
        .as_n()
        .ok()?
        .parse()
        .ok()
}

fn is_alive(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !status.is_empty() && !status.contains(") Z")
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "{what} never came about"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_know_where_everything_is() {
    let (options, _directory) = options();
    let world = World::start(options).await.expect("a world");
    let environment = ask(&world, "environment").await;
    let endpoints = world.endpoints();
    for (variable, value) in [
        ("SITE_URL", world.shop_url()),
        ("STRIPE_API_BASE", &world.payments_url()),
        ("ERP_BASE_URL", &world.warehouse_url()),
        ("AWS_ENDPOINT_URL_DYNAMODB", &world.dynamodb_endpoint()),
        ("AWS_ENDPOINT_URL_SQS", &world.sqs_endpoint()),
        ("AWS_ENDPOINT_URL_SSM", &endpoints["AWS_ENDPOINT_URL_SSM"]),
        ("SECRETS_PATH", "/shop"),
        ("PRODUCTS_TABLE", "kontor-ProductsTable"),
        (
            "WORK_QUEUE_URL",
            &format!("{}/000000000000/kontor-Work", world.sqs_endpoint()),
        ),
    ] {
        assert_eq!(environment[variable], value, "{variable}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shelves_are_filled_and_queues_and_schedules_run() {
    let (options, _directory) = options();
    let world = World::start(options).await.expect("a world");
    assert_eq!(pieces_of(&world, "A").await, Some(5));
    assert_eq!(pieces_of(&world, "B").await, Some(0));
    let request = client()
        .post(world.sqs_endpoint())
        .header("x-amz-target", "AmazonSQS.SendMessage")
        .header("content-type", "application/x-amz-json-1.0")
        .body(json!({"QueueUrl": "kontor-Work", "MessageBody": "hello"}).to_string());
    assert_eq!(request.send().await.expect("an answer").status(), 200);
    let seen = world
        .logs()
        .wait_for(Duration::from_secs(10), |line| line.text == "got hello")
        .await;
    assert!(seen.is_some());
    world.run_schedule_now("probe").await.expect("an answer");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_data_directory_the_stock_outlives_the_process() {
    let (mut options, directory) = options();
    options.data = Some(directory.path().join("data"));
    let world = World::start(options.clone()).await.expect("a world");
    assert_eq!(pieces_of(&world, "A").await, Some(5));
    world.stop().await;
    std::fs::write(
        &options.catalogue,
        "sku,name,unit_price,stock\nA,Thing,199,9\nC,New,1,7\n",
    )
    .expect("written");
    let world = World::start(options).await.expect("a world");
    assert_eq!(
        pieces_of(&world, "A").await,
        Some(5),
        "stock that is there stays as it is"
    );
    assert_eq!(pieces_of(&world, "C").await, Some(7));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_and_a_drop_leave_no_process() {
    for in_order in [true, false] {
        let (options, _directory) = options();
        let world = World::start(options).await.expect("a world");
        ask(&world, "say").await;
        let processes = world.processes("probe");
        let is_left = || processes.iter().any(|process| is_alive(process.pid));
        assert!(is_left());
        if in_order {
            world.stop().await;
            assert!(!is_left());
        } else {
            drop(world);
            let started = Instant::now();
            while is_left() {
                assert!(started.elapsed() < Duration::from_secs(5), "processes are left");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_before_anything_is_built() {
    let (right, directory) = options();
    let world = World::start(right.clone()).await.expect("a world");
    let taken = world.shop_url().rsplit(':').next().expect("a port");
    let taken = taken.parse().expect("a port");
    let mut wrong = [(); 5].map(|()| right.clone());
    wrong[0].template = "/nowhere.yaml".into();
    wrong[1].catalogue = "/nowhere.csv".into();
    wrong[2].binaries = Binaries::Prebuilt("/nowhere".into());
    wrong[3].data = Some(directory.path().join("catalogue.csv"));
    wrong[4].ports.shop = taken;
    let told = [
        "--template FILE",
        "--catalog FILE",
        "there is no binary `probe` in /nowhere",
        "catalogue.csv",
        "choose another port with --port ",
    ];
    for (wrong, says) in wrong.into_iter().zip(told) {
        let error = World::start(wrong).await.err().expect("refused");
        assert!(format!("{error:#}").contains(says), "{error:#}");
    }
    world.stop().await;
}

/// `kontor` itself, with the small shop.
fn kontor(more: &[&str]) -> (Child, tempfile::TempDir) {
    let (options, directory) = options();
    let output = std::fs::File::create(directory.path().join("output")).expect("a file");
    let mut command = Command::new(env!("CARGO_BIN_EXE_kontor"));
    let ports = [
        "port",
        "payments-port",
        "warehouse-port",
        "dynamodb-port",
        "sqs-port",
        "lambda-port",
    ];
    command
        .args(ports.map(|port| format!("--{port}=0")))
        .arg("--template")
        .arg(&options.template)
        .arg("--catalog")
        .arg(&options.catalogue)
        .arg("--binaries")
        .arg(binaries())
        .args(more)
        .stdin(Stdio::null())
        .stderr(output.try_clone().expect("a file"))
        .stdout(output);
    (command.spawn().expect("kontor"), directory)
}

fn output(directory: &tempfile::TempDir) -> String {
    std::fs::read_to_string(directory.path().join("output")).unwrap_or_default()
}

fn until_open(directory: &tempfile::TempDir) {
    until("an open shop", || {
        output(directory).contains("Ctrl-C closes the shop.")
    });
}

/// The URL that is printed after `label`.
fn url_after(label: &str, directory: &tempfile::TempDir) -> String {
    let output = output(directory);
    let rest = output.split(label).nth(1).expect("the label");
    rest.split_whitespace().next().expect("a URL").to_owned()
}

/// Waits until the shop is open, asks its function something, and gives the function's process id.
fn pid_of_a_function(directory: &tempfile::TempDir) -> u32 {
    until_open(directory);
    let url = url_after("The shop is open: ", directory);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let answer: Value = runtime.block_on(async {
        let asked = client().get(format!("{url}/api/probe?do=say")).send().await;
        asked.expect("an answer").json().await.expect("JSON")
    });
    u32::try_from(answer["pid"].as_u64().expect("a pid")).expect("a pid")
}

#[test]
fn sigterm_ends_kontor_in_order() {
    let (mut kontor, directory) = kontor(&[]);
    let function = pid_of_a_function(&directory);
    let told = Command::new("kill").arg(kontor.id().to_string()).status();
    assert!(told.expect("kill").success());
    assert_eq!(kontor.wait().expect("an end").code(), Some(0));
    assert!(!is_alive(function));
    let output = output(&directory);
    assert!(output.ends_with("Closing the shop ...\n"), "{output}");
}

#[test]
fn functions_end_when_kontor_is_killed() {
    let (mut kontor, directory) = kontor(&[]);
    let function = pid_of_a_function(&directory);
    kontor.kill().expect("killed");
    kontor.wait().expect("an end");
    until("the function's end", || !is_alive(function));
}

#[test]
fn an_accepted_order_outlives_a_killed_kontor() {
    let data = tempfile::tempdir().expect("a directory");
    for accepted in [201, 200] {
        let (mut kontor, directory) = kontor(&["--data", data.path().to_str().expect("a path")]);
        until_open(&directory);
        assert_eq!(put_order(&url_after("warehouse  ", &directory)), accepted);
        kontor.kill().expect("killed");
        kontor.wait().expect("an end");
    }
}

/// As the warehouse's contract has it.
fn order_x() -> Value {
    let free = json!({"amount": 0, "currency": "EUR"});
    json!({
        "order_id": "X", "placed_at": "2026-11-21T12:00:00Z", "customer": {"name": "A", "email": "a@example.org"},
        "shipping_address": {"name": "A", "street": "A 1", "postal_code": "1", "city": "A", "country": "DE"},
        "lines": [{"sku": "A", "name": "A", "quantity": 1, "unit_price": free, "line_total": free}],
        "shipping": free, "taxes": [], "total": free,
    })
}

fn put_order(warehouse: &str) -> u16 {
    let secrets: Value = serde_json::from_str(include_str!("../../../../events/secrets.json")).expect("JSON");
    let request = client()
        .put(format!("{warehouse}/orders/X"))
        .bearer_auth(secrets["erp_credentials"]["token"].as_str().expect("a token"))
        .json(&order_x());
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let answer = runtime.block_on(request.send()).expect("an answer");
    answer.status().as_u16()
}

#[test]
fn what_ops_needs_is_printed_and_no_build_announced() {
    let (mut kontor, directory) = kontor(&[]);
    pid_of_a_function(&directory);
    let output = output(&directory);
    for service in ["DYNAMODB", "LAMBDA", "SQS", "SSM"] {
        let line = format!("  export AWS_ENDPOINT_URL_{service}=http://");
        assert!(output.contains(&line), "{output}");
    }
    assert!(!output.contains("cargo build"), "{output}");
    kontor.kill().expect("killed");
    kontor.wait().expect("an end");
}

#[test]
fn kontor_says_in_one_line_what_is_wrong() {
    for (wrong, says) in [
        ("--template=/nowhere.yaml", "error: /nowhere.yaml: cannot be read"),
        (
            "--catalog=/nowhere.csv",
            "error: the catalogue /nowhere.csv cannot be read",
        ),
        (
            "--binaries=/nowhere",
            "error: there is no binary `probe` in /nowhere",
        ),
    ] {
        let command = Command::new(env!("CARGO_BIN_EXE_kontor"))
            .args(["--port=0", "--payments-port=0", "--warehouse-port=0", wrong])
            .args((!wrong.starts_with("--template")).then(|| format!("--template={}", template().display())))
            .output();
        let output = command.expect("kontor");
        assert_eq!(output.status.code(), Some(1), "{wrong}");
        let stderr = String::from_utf8_lossy(&output.stderr);
        let told: Vec<&str> = stderr.lines().filter(|line| line.starts_with("error")).collect();
        assert_eq!(told.len(), 1, "{stderr}");
        assert!(told[0].starts_with(says), "{stderr}");
        assert!(!stderr.contains("panicked"), "{stderr}");
    }
}
