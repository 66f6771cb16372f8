use api::ToProblem;
use app::ports::Orders;
use app::show_order;
use lambda_kit::http::{Handle, ReadRequest, Request, Response, WithHeader, json};
use lambda_kit::{Problem, telemetry};

/// Shows orders.
pub(crate) struct OrderStatus<O> {
    pub(crate) orders: O,
}

impl<O: Orders> Handle for OrderStatus<O> {
    async fn handle(&self, request: &Request) -> Result<Response, Problem> {
        let token = request.bearer_token().unwrap_or_default();
        let id = request.path_parameter("id");
        let order = show_order(&self.orders, id, token)
            .await
            .map_err(ToProblem::to_problem)?;
        telemetry::note("order.id", order.id());
        Ok(json(200, &api::Order::from(&order)).with_header("cache-control", "no-store"))
    }
}

#[cfg(test)]
mod tests {
    use domain::{AccessToken, OrderId};
    use lambda_kit::http::{BuildRequest, ReadResponse, answer, request};
    use proptest::prelude::*;
    use testkit::{MemoryStore, altered, an_access_token, an_order};

    use super::*;

    fn subject() -> OrderStatus<MemoryStore> {
        let orders = MemoryStore::default();
        orders.put_order(an_order().paid());
        orders.put_order(an_order().under("reserving").draft());
        OrderStatus { orders }
    }

    fn ask(id: &str, authorization: &str) -> Request {
        request("GET /api/orders/{id}")
            .with_path_parameter("id", id)
            .with_header("Authorization", authorization)
    }

    #[tokio::test]
    async fn who_holds_the_token_sees_the_order() {
        let subject = subject();
        let id = an_order().draft().id();
        let token = an_access_token("an order").to_text();
        for scheme in ["Bearer", "bearer", "BEARER"] {
            let response = answer(&subject, &ask(id.as_str(), &format!("{scheme} {token}"))).await;
            assert_eq!(
                (response.code(), response.header_of("cache-control")),
                (200, Some("no-store"))
            );
            let order: api::Order = serde_json::from_value(response.body_json()).expect("an order");
            assert_eq!((order.id.as_str(), order.status.as_str()), (id.as_str(), "paid"));
        }
    }

    #[tokio::test]
    async fn nobody_learns_whether_an_order_exists() {
        let subject = subject();
        let id = an_order().draft().id();
        let unknown = OrderId::for_key("unknown");
        let reserving = OrderId::for_key("reserving");
        let untold = subject
            .orders
            .put_order(altered(an_order().under("untold").paid(), |parts| {
                parts.access_token = None;
            }));
        let [own, of_unknown, of_reserving, of_untold] =
            ["an order", "unknown", "reserving", "untold"].map(|key| an_access_token(key).to_text());
        let derived = AccessToken::from_bytes(&[0; 32]).expect("a token").to_text();
        let expected = answer(&subject, &ask(unknown.as_str(), &format!("Bearer {of_unknown}"))).await;
        assert_eq!(
            (expected.code(), expected.header_of("cache-control")),
            (404, Some("no-store"))
        );
        assert_eq!(expected.body_json()["code"], "order_not_found");
        for request in [
            ask(id.as_str(), "Bearer wrong"),
            ask(id.as_str(), &format!("Bearer {of_unknown}")),
            ask(id.as_str(), &format!("Bearer {}", &own[..21])),
            ask(id.as_str(), &format!("Bearer {own}==")),
            ask(id.as_str(), &format!("Bearer {derived}")),
            ask(untold.id().as_str(), &format!("Bearer {of_untold}")),
            ask(untold.id().as_str(), &format!("Bearer {derived}")),
            ask(id.as_str(), &format!("Basic {own}")),
            ask(id.as_str(), &own),
            ask(id.as_str(), ""),
            ask("no id", &format!("Bearer {own}")),
            ask(reserving.as_str(), &format!("Bearer {of_reserving}")),
            request("GET /api/orders/{id}").with_path_parameter("id", id.as_str()),
        ] {
            assert_eq!(answer(&subject, &request).await.whole(), expected.whole());
        }
    }

    proptest! {
        #[test]
        fn any_token_for_any_id_is_a_404(id in ".*", authorization in ".*", token: Vec<u8>) {
            let subject = subject();
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            let bearer = format!("Bearer {}", String::from_utf8_lossy(&token));
            for request in [ask(&id, &authorization), ask(&id, &bearer), ask(an_order().draft().id().as_str(), &bearer)] {
                prop_assert_eq!(runtime.block_on(answer(&subject, &request)).status(), 404);
            }
        }
    }
}
