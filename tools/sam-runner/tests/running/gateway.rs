//! What a browser sees: the API by the template's routes, the website otherwise.

use crate::probe::client;
use crate::{a_function, a_runtime};
use reqwest::Method;
use sam_runner::gateway::{Gateway, GatewayPort};
use sam_runner::runtime::Runtime;
use sam_runner::template::{Function, Route, RouteMethod};
use serde_json::{Value, json};
use std::time::Duration;

struct Shop {
    gateway: Gateway,
    _runtime: Runtime,
    _website: tempfile::TempDir,
}

impl Shop {
    /// A shop whose function answers with the event it got, unless `do` in the query says otherwise.
    async fn open() -> Self {
        let route = |method: &str, path: &str| Route {
            method: RouteMethod::Only(method.into()),
            path: path.into(),
        };
        let function = Function {
            routes: vec![route("POST", "/api/do"), route("GET", "/api/products/{sku}")],
            timeout: Duration::from_secs(1),
            ..a_function("probe")
        };
        let website = tempfile::tempdir().expect("a directory");
        let page = format!("<h1>Shop</h1>{}", " ".repeat(2000));
        for (name, content) in [("index.html", &*page), ("small.js", "export {}")] {
            std::fs::write(website.path().join(name), content).expect("a file");
        }
        let (runtime, _) = a_runtime(vec![function.clone()]).await;
        let port = GatewayPort::bind(0).await.expect("a port");
        let gateway = port.serve(&[function], website.path(), runtime.clone());
        Self {
            gateway,
            _runtime: runtime,
            _website: website,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.gateway.url())
    }

    async fn get(&self, path: &str) -> reqwest::Response {
        self.ask(Method::GET, path, &[]).await
    }

    async fn ask(&self, method: Method, path: &str, headers: &[(&'static str, &str)]) -> reqwest::Response {
        let mut request = client().request(method, self.url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.expect("an answer")
    }
}

#[tokio::test]
async fn routes_of_the_template_reach_their_function() {
    let shop = Shop::open().await;
    let answer = shop.get("/api/products/85123A?q=x").await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert!(answer.headers().contains_key("apigw-requestid"));
    let event: Value = answer.json().await.expect("JSON");
    assert_eq!(event["pathParameters"], json!({"sku": "85123A"}));
    assert_eq!(event["requestContext"]["http"]["sourceIp"], "127.0.0.1");
    assert_eq!(event["routeKey"], "GET /api/products/{sku}");
}

#[tokio::test]
async fn unknown_routes_are_not_found_as_at_api_gateway() {
    let shop = Shop::open().await;
    for path in ["/api/nothing", "/api/products", "/api/"] {
        let answer = shop.get(path).await;
        assert_eq!(answer.status(), 404, "{path}");
        assert_eq!(answer.text().await.expect("a body"), r#"{"message":"Not Found"}"#);
    }
}

#[tokio::test]
async fn two_hosts_are_one_too_many() {
    let shop = Shop::open().await;
    for path in ["/", "/api/products/1"] {
        let request = client()
            .get(shop.url(path))
            .header("host", "a")
            .header("host", "b");
        assert_eq!(request.send().await.expect("an answer").status(), 400, "{path}");
    }
}

#[tokio::test]
async fn failing_functions_say_nothing_of_their_inside() {
    let shop = Shop::open().await;
    let nothing_said = (500, json!({"message": "Internal Server Error"}));
    for cause in ["fail", "panic", "exit", "sleep"] {
        let path = format!("/api/do?do={cause}");
        let answer = shop.ask(Method::POST, &path, &[]).await;
        let status = answer.status().as_u16();
        let body: Value = answer.json().await.expect("JSON");
        assert_eq!((status, body), nothing_said, "{cause}");
    }
}

#[tokio::test]
async fn bodies_beyond_the_gateways_limit_are_refused() {
    let shop = Shop::open().await;
    let body = vec![b'x'; 10 * 1024 * 1024 + 1];
    let answer = client().post(shop.url("/api/do")).body(body).send().await;
    // The connection may also be closed while the body is still on its way.
    if let Ok(answer) = answer {
        assert_eq!(answer.status(), 413);
    }
    assert_eq!(shop.get("/api/products/1").await.status(), 200);
}

#[tokio::test]
async fn large_answers_are_compressed_for_who_takes_it() {
    let shop = Shop::open().await;
    let long = format!("/api/products/{}", "1".repeat(1500));
    for (path, is_large) in [("/", true), ("/small.js", false), (&long, true)] {
        for offered in ["identity", "gzip", "br"] {
            let answer = shop.ask(Method::GET, path, &[("accept-encoding", offered)]).await;
            let encoding = answer.headers().get("content-encoding").cloned();
            let expected = (is_large && offered != "identity").then_some(offered);
            let encoding = encoding.as_ref().map(|encoding| encoding.to_str().expect("text"));
            assert_eq!(encoding, expected, "{path} {offered}");
        }
    }
}

#[tokio::test]
async fn the_website_comes_with_its_protection() {
    let shop = Shop::open().await;
    let page = shop.get("/").await;
    assert_eq!(page.status(), 200);
    let headers = page.headers();
    let policy = headers["content-security-policy"].to_str().expect("text");
    assert!(policy.starts_with("default-src 'self'"), "{policy}");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(headers["x-frame-options"], "DENY");
    assert_eq!(headers["cache-control"], "no-cache");
    let script = shop.get("/small.js").await;
    assert_eq!(script.headers()["content-type"], "text/javascript; charset=utf-8");
    let cached = "public, max-age=0, must-revalidate";
    assert_eq!(script.headers()["cache-control"], cached);
    let missing = shop.get("/missing.js").await;
    assert_eq!(missing.status(), 404);
    assert!(missing.headers().contains_key("content-security-policy"));
    let posted = shop.ask(Method::POST, "/", &[]).await;
    assert_eq!(posted.status(), 405);
    assert_eq!(posted.headers()["allow"], "GET,HEAD");
}

#[tokio::test]
async fn a_known_page_is_not_sent_again() {
    let shop = Shop::open().await;
    let page = shop.get("/").await;
    let known = page.headers()["etag"].to_str().expect("text");
    let again = shop.ask(Method::GET, "/", &[("if-none-match", known)]).await;
    assert_eq!(again.status(), 304);
    assert_eq!(again.bytes().await.expect("a body").len(), 0);
    let head = shop.ask(Method::HEAD, "/", &[]).await;
    assert_eq!(head.headers()["content-length"], "2013");
}

#[tokio::test]
async fn a_busy_port_is_named() {
    let shop = Shop::open().await;
    let url = shop.url("");
    let port = url.rsplit(':').next().expect("a port");
    let taken = GatewayPort::bind(port.parse().expect("a port")).await;
    let error = taken.expect_err("taken").to_string();
    assert_eq!(error, format!("the gateway cannot listen on port {port}"));
}
