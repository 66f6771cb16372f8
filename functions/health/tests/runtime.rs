//! A function as Lambda runs it: a process of its own that asks a Runtime API for one invocation after the other.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

/// What the function said of an invocation.
struct Said {
    path: String,
    invocation: Option<String>,
    body: Value,
}

/// A Lambda with one process.
struct Lambda {
    process: Child,
    events: Sender<Events>,
    said: Receiver<Said>,
}

/// One event, several times over, and the status with which what is said of it is taken.
#[derive(Default)]
struct Events {
    event: String,
    times: u32,
    status: u16,
}

/// What the connections of a process share.
struct Api {
    events: Mutex<Receiver<Events>>,
    /// The number of the invocation, and what is left of its events.
    current: Mutex<(u64, Events)>,
    say: Sender<Said>,
}

impl Lambda {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let ((events, asked), (say, said)) = (channel(), channel());
        let api = Arc::new(Api {
            events: Mutex::new(asked),
            current: Mutex::default(),
            say,
        });
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let api = Arc::clone(&api);
                thread::spawn(move || api.serve(connection));
            }
        });
        let process = Command::new(env!("CARGO_BIN_EXE_health"))
            .env_clear()
            .envs([
                ("AWS_LAMBDA_RUNTIME_API", address.as_str()),
                ("AWS_LAMBDA_FUNCTION_NAME", "health"),
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
                ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
                ("STAGE", "dev"),
                ("CAPABILITIES", "health"),
                ("METRICS_NAMESPACE", "shop/test"),
            ])
            .stdout(Stdio::null())
            .spawn()
            .expect("the function starts");
        Self {
            process,
            events,
            said,
        }
    }

    /// Hands an event over, and takes what is said of it with `status`.
    fn invoke(&self, event: &str, status: u16) -> Said {
        self.repeat(event, status, 1)
    }

    /// Hands an event over so many times; what is said of the last.
    fn repeat(&self, event: &str, status: u16, times: u32) -> Said {
        let event = event.to_owned();
        self.events.send(Events { event, times, status }).expect("served");
        self.said.recv().expect("an answer")
    }

    /// The kilobytes of memory that the process has.
    fn resident_kb(&self) -> u64 {
        let status = format!("/proc/{}/status", self.process.id());
        let status = std::fs::read_to_string(status).expect("a process");
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = resident.and_then(|line| line.trim().strip_suffix(" kB"));
        number.expect("a size").parse().expect("a number")
    }
}

impl Drop for Lambda {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Api {
    /// Serves a connection until one of the two ends it.
    fn serve(&self, connection: TcpStream) -> Option<()> {
        connection.set_nodelay(true).ok()?;
        let mut connection = BufReader::new(connection);
        loop {
            let (path, headers, body) = request(&mut connection)?;
            let answer = if path.ends_with("/next") {
                let mut current = self.current.lock().ok()?;
                if current.1.times == 0 {
                    current.1 = self.events.lock().ok()?.recv().ok()?;
                }
                (current.0, current.1.times) = (current.0 + 1, current.1.times - 1);
                let (n, event) = (current.0, &current.1.event);
                let length = event.len();
                format!(
                    "HTTP/1.1 200 OK\r\nlambda-runtime-aws-request-id: r{n}\r\nlambda-runtime-deadline-ms: 60000\r\n\
                     lambda-runtime-invocation-id: i{n}\r\nlambda-runtime-trace-id: Root=1-{n:08x}-{n:024x};Sampled=0\r\n\
                     content-length: {length}\r\n\r\n{event}"
                )
            } else {
                let current = self.current.lock().ok()?;
                if current.1.times == 0 {
                    let invocation = headers.get("lambda-runtime-invocation-id").cloned();
                    let body = serde_json::from_slice(&body).ok()?;
                    let said = Said {
                        path,
                        invocation,
                        body,
                    };
                    self.say.send(said).ok()?;
                }
                let status = current.1.status;
                format!("HTTP/1.1 {status} Taken\r\ncontent-length: 0\r\n\r\n")
            };
            connection.get_mut().write_all(answer.as_bytes()).ok()?;
        }
    }
}

/// A request's path, headers and body.
fn request(from: &mut BufReader<TcpStream>) -> Option<(String, HashMap<String, String>, Vec<u8>)> {
    let mut line = String::new();
    from.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = HashMap::new();
    loop {
        line.clear();
        from.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = headers
        .get("content-length")
        .and_then(|length| length.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    from.read_exact(&mut body).ok()?;
    Some((path, headers, body))
}

fn health() -> String {
    let context = json!({"requestId": "g1", "http": {"method": "GET", "path": "/api/health"}});
    json!({"version": "2.0", "routeKey": "GET /api/health", "rawPath": "/api/health", "requestContext": context})
        .to_string()
}

#[test]
fn an_answer_goes_back_under_the_ids_of_its_invocation() {
    let lambda = Lambda::start();
    for n in 1..=2 {
        let said = lambda.invoke(&health(), 202);
        assert_eq!(said.path, format!("/2018-06-01/runtime/invocation/r{n}/response"));
        assert_eq!(said.invocation, Some(format!("i{n}")));
        assert_eq!(said.body["statusCode"], 200);
    }
}

#[test]
fn an_event_that_is_no_json_fails_and_is_not_repeated() {
    let said = Lambda::start().invoke("{\"name\": s3cret}", 202);
    assert!(said.path.ends_with("/r1/error"), "{}", said.path);
    assert!(!said.body.to_string().contains("s3cret"), "{}", said.body);
}

#[test]
fn an_answer_that_is_not_taken_does_not_end_the_process() {
    let lambda = Lambda::start();
    for status in [413, 400, 500, 202] {
        assert!(lambda.invoke(&health(), status).path.ends_with("/response"));
    }
}

#[test]
fn memory_stays_flat_over_200_000_invocations() {
    let (lambda, event) = (Lambda::start(), health());
    lambda.repeat(&event, 202, 20_000);
    let before = lambda.resident_kb();
    lambda.repeat(&event, 202, 200_000);
    let after = lambda.resident_kb();
    // A trace id that stays costs 144 bytes: 28 MB.
    assert!(after < before + 2_048, "{before} kB before, {after} kB after");
}
