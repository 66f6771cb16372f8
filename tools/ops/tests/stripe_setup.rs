//! The webhook endpoint, set up against the payment provider's sandbox.

use ops::{EndpointReport, Outcome, Report, StripeSetup};
use reqwest::Client;
use sandboxes::payments::{Payments, PaymentsConfig};
use secrecy::SecretString;
use serde_json::Value;
use stripe::Stripe;
use stripe::webhook::EVENTS;

const URL: &str = "https://shop.example/api/webhooks/stripe";
const KEY: &str = "sk_test_setup";

struct Account {
    sandbox: Payments,
    http: Client,
}

impl Account {
    async fn new() -> Self {
        let config = PaymentsConfig {
            port: 0,
            webhook_url: "http://127.0.0.1:9/".into(),
            webhook_secret: "whsec_test".into(),
            api_key: KEY.into(),
        };
        Self {
            sandbox: Payments::start(config).await.expect("a sandbox"),
            http: sam_runner::engines::http_client().expect("a client"),
        }
    }

    fn setup(&self) -> StripeSetup {
        StripeSetup {
            api_base: self.sandbox.url(),
            key: SecretString::from(KEY),
            url: URL.into(),
            description: "kontor-test".into(),
            dry_run: false,
            retire: false,
        }
    }

    /// A person makes or changes an endpoint in the dashboard.
    async fn by_hand(&self, path: &str, form: &[(&str, &str)]) -> Value {
        let url = format!("{}/v1/webhook_endpoints{path}", self.sandbox.url());
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let answer = self.http.post(url).bearer_auth(KEY).body(body).send().await;
        let answer = answer.expect("an answer").error_for_status().expect("success");
        answer.json().await.expect("JSON")
    }

    async fn endpoints(&self) -> Vec<Value> {
        let url = format!("{}/v1/webhook_endpoints", self.sandbox.url());
        let answer = self
            .http
            .get(url)
            .bearer_auth(KEY)
            .send()
            .await
            .expect("an answer");
        let listed: Value = answer.json().await.expect("JSON");
        listed["data"].as_array().expect("a list").clone()
    }
}

async fn run(setup: StripeSetup) -> (EndpointReport, String) {
    let report = setup.run().await.expect("a report");
    let text = report.to_string();
    (report, text)
}

fn dry(setup: StripeSetup) -> StripeSetup {
    StripeSetup {
        dry_run: true,
        ..setup
    }
}

#[tokio::test]
async fn an_endpoint_is_made_once_with_what_the_shop_reads() {
    let account = Account::new().await;
    let (report, text) = run(dry(account.setup())).await;
    assert_eq!(report.outcome(), Outcome::Attention);
    assert!(
        text.contains("there is none") && account.endpoints().await.is_empty(),
        "{text}"
    );

    let (report, text) = run(account.setup()).await;
    assert_eq!(report.outcome(), Outcome::Well);
    assert!(
        text.contains("whsec_") && text.contains("stripe_webhook_secrets"),
        "{text}"
    );
    let made = account.endpoints().await;
    assert_eq!((made.len(), made[0]["url"].as_str()), (1, Some(URL)));
    assert_eq!(made[0]["api_version"], Stripe::API_VERSION);
    assert_eq!(made[0]["description"], "kontor-test");
    let events: Vec<&str> = made[0]["enabled_events"]
        .as_array()
        .expect("events")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert_eq!(events, EVENTS);

    for setup in [account.setup(), dry(account.setup())] {
        let (report, text) = run(setup).await;
        assert_eq!(report.outcome(), Outcome::Well);
        assert!(
            text.contains("Nothing differs") && !text.contains("whsec_"),
            "{text}"
        );
    }
    assert_eq!(account.endpoints().await, made);
}

#[tokio::test]
async fn what_differs_is_told_and_mended() {
    let account = Account::new().await;
    run(account.setup()).await;
    let made = account.endpoints().await;
    let path = format!("/{}", made[0]["id"].as_str().expect("an id"));
    let changed = [
        ("enabled_events[0]", "checkout.session.completed"),
        ("enabled_events[1]", "refund.updated"),
        ("disabled", "true"),
    ];
    account.by_hand(&path, &changed).await;
    let (report, text) = run(dry(account.setup())).await;
    assert_eq!(report.outcome(), Outcome::Attention);
    for named in ["checkout.session.expired", "refund.updated", "is disabled"] {
        assert!(text.contains(named), "{named}: {text}");
    }
    assert_ne!(account.endpoints().await, made);
    assert_eq!(run(account.setup()).await.0.outcome(), Outcome::Well);
    assert_eq!(account.endpoints().await, made);
}

#[tokio::test]
async fn an_older_endpoint_is_disabled_only_when_it_is_told_to_be() {
    let account = Account::new().await;
    let form = [("url", URL), ("enabled_events[0]", "*")];
    account.by_hand("", &form).await;
    account
        .by_hand("", &[("url", "https://other.example/"), form[1]])
        .await;
    let retire = || StripeSetup {
        retire: true,
        ..account.setup()
    };
    let statuses = async || {
        let all = account.endpoints().await;
        all.iter()
            .map(|one| one["status"] == "enabled")
            .collect::<Vec<_>>()
    };
    // Newest first: no run makes the new one and disables the old one, or no event would be believed.
    let (report, _) = run(retire()).await;
    assert_eq!(
        (report.outcome(), statuses().await),
        (Outcome::Attention, vec![true; 3])
    );
    let (report, _) = run(account.setup()).await;
    assert_eq!(
        (report.outcome(), statuses().await),
        (Outcome::Attention, vec![true; 3])
    );
    let (report, _) = run(retire()).await;
    assert_eq!(
        (report.outcome(), statuses().await),
        (Outcome::Well, vec![true, true, false])
    );
    assert_eq!(run(account.setup()).await.0.outcome(), Outcome::Well);
}

#[tokio::test]
async fn a_wrong_key_is_told_and_not_repeated() {
    let account = Account::new().await;
    let key = SecretString::from("sk_live_wrong");
    let error = StripeSetup {
        key,
        ..account.setup()
    }
    .run()
    .await
    .expect_err("refused");
    assert!(
        format!("{error:#}").contains("401") && !format!("{error:?}").contains("sk_live"),
        "{error:?}"
    );
}
