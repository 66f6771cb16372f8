use api::ToProblem;
use app::ports::{Clock, Orders, PaymentProvider};
use app::start_payment;
use domain::OrderId;
use lambda_kit::http::{Handle, ReadRequest, Request, Response, WithHeader, json};
use lambda_kit::{Problem, telemetry};

/// Opens payment pages.
pub(crate) struct Payment<O, P, C> {
    pub(crate) orders: O,
    pub(crate) provider: P,
    pub(crate) clock: C,
}

impl<O: Orders, P: PaymentProvider, C: Clock> Handle for Payment<O, P, C> {
    async fn handle(&self, request: &Request) -> Result<Response, Problem> {
        let id = request.path_parameter("id");
        if let Ok(id) = OrderId::parse(id) {
            telemetry::note("order.id", id);
        }
        let token = request.bearer_token().unwrap_or_default();
        let page = start_payment(&self.orders, &self.provider, &self.clock, id, token)
            .await
            .map_err(ToProblem::to_problem)?;
        let page = api::PaymentPage {
            redirect_url: page.redirect_url,
            expires_at: page.expires_at.to_string(),
        };
        Ok(json(200, &page).with_header("cache-control", "no-store"))
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use lambda_kit::http::{BuildRequest, ReadResponse, answer, request};
    use proptest::prelude::*;
    use testkit::{FakeClock, FakeProvider, MemoryStore, ProviderFault, an_access_token, an_order};

    use super::*;

    type Subject = Payment<MemoryStore, FakeProvider, FakeClock>;

    fn subject() -> Subject {
        let orders = MemoryStore::default();
        orders.put_order(an_order().placed());
        orders.put_order(an_order().under("paid").paid());
        Payment {
            orders,
            provider: FakeProvider::default(),
            clock: FakeClock::at_noon(),
        }
    }

    fn ask(id: &str, authorization: &str) -> Request {
        request("POST /api/orders/{id}/payment")
            .with_path_parameter("id", id)
            .with_header("authorization", authorization)
    }

    /// Asks, as who holds the token, for the order that was placed under `key`.
    async fn pay(subject: &Subject, key: &str) -> Response {
        let id = OrderId::for_key(key);
        let token = an_access_token(key).to_text();
        answer(subject, &ask(id.as_str(), &format!("bearer {token}"))).await
    }

    fn code(response: &Response) -> (u16, String) {
        let code = response.body_json()["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        (response.code(), code)
    }

    #[tokio::test]
    async fn a_placed_order_gets_one_page_however_often_it_is_asked_for() {
        let subject = subject();
        let first = pay(&subject, "an order").await;
        assert_eq!(
            (first.code(), first.header_of("cache-control")),
            (200, Some("no-store"))
        );
        let page: api::PaymentPage = serde_json::from_value(first.body_json()).expect("a page");
        assert!(
            page.redirect_url.starts_with("https://pay.example/cs_"),
            "{}",
            page.redirect_url
        );
        assert_eq!(page.expires_at, "2026-11-21T12:31:00Z");
        assert_eq!(pay(&subject, "an order").await.text(), first.text());
        assert_eq!(subject.provider.pages(), 1);
    }

    #[tokio::test]
    async fn a_paid_or_overdue_order_cannot_be_paid() {
        let subject = subject();
        let response = pay(&subject, "paid").await;
        assert_eq!(code(&response), (409, "order_not_payable".to_owned()));
        assert_eq!(response.body_json()["order_status"], "paid");
        subject.clock.advance(SignedDuration::from_hours(7));
        assert_eq!(
            code(&pay(&subject, "an order").await),
            (409, "payment_window_closed".to_owned())
        );
        assert_eq!(subject.provider.pages(), 0);
    }

    #[tokio::test]
    async fn of_a_page_that_has_ended_nothing_is_promised() {
        let subject = subject();
        assert_eq!(pay(&subject, "an order").await.status(), 200);
        subject.clock.advance(SignedDuration::from_mins(31));
        let response = pay(&subject, "an order").await;
        assert_eq!(code(&response), (409, "order_not_payable".to_owned()));
        assert_eq!(response.body_json()["order_status"], "placed");
    }

    #[tokio::test]
    async fn a_provider_that_does_not_answer_is_asked_again_later() {
        let subject = subject();
        for fault in [ProviderFault::LostRequest, ProviderFault::LostAnswer] {
            subject.provider.fail_next(fault);
            let response = pay(&subject, "an order").await;
            assert_eq!(
                code(&response),
                (503, "payment_provider_unavailable".to_owned()),
                "{fault:?}"
            );
            assert_eq!(response.header_of("retry-after"), Some("5"));
        }
        assert_eq!(pay(&subject, "an order").await.status(), 200);
    }

    #[tokio::test]
    async fn what_the_provider_refuses_for_good_is_told_as_that() {
        let subject = subject();
        subject.provider.fail_next(ProviderFault::Refused);
        let response = pay(&subject, "an order").await;
        assert_eq!(code(&response), (422, "payment_refused".to_owned()));
        assert_eq!(response.header_of("retry-after"), None);
    }

    #[tokio::test]
    async fn a_failure_that_the_provider_keeps_costs_no_try() {
        for fault in [ProviderFault::Broken, ProviderFault::BrokenAfterEffect] {
            let subject = subject();
            subject.provider.fail_next(fault);
            assert_eq!(pay(&subject, "an order").await.code(), 200, "{fault:?}");
        }
    }

    #[tokio::test]
    async fn nobody_without_the_token_learns_of_an_order() {
        let subject = subject();
        let id = an_order().draft().id();
        let bearer = |key: &str| format!("Bearer {}", an_access_token(key).to_text());
        let expected = pay(&subject, "unknown").await;
        assert_eq!(code(&expected), (404, "order_not_found".to_owned()));
        for request in [
            ask(id.as_str(), ""),
            ask(id.as_str(), "Bearer x"),
            ask(id.as_str(), &bearer("unknown")),
            ask("x", &bearer("an order")),
        ] {
            assert_eq!(answer(&subject, &request).await.whole(), expected.whole());
        }
        assert_eq!(subject.provider.pages(), 0);
    }

    proptest! {
        #[test]
        fn any_authorization_is_a_404(id in ".*", authorization in ".*") {
            let subject = subject();
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            prop_assert_eq!(runtime.block_on(answer(&subject, &ask(&id, &authorization))).code(), 404);
        }
    }
}
