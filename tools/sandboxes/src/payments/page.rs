//! The hosted page: where a shopper pays, is declined, or leaves. No script; German or English, as the browser prefers.

mod texts;

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, State as Shared};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use tokio::sync::oneshot;

use self::texts::Texts;
use super::State;
use super::courier::WEBHOOK_TIMEOUT;
use super::error::StripeError;
use super::ledger::{Act, Ledger};
use super::session::{self, Session};

const STYLE: &str = include_str!("page/style.css");
/// Lines shown one by one; more are summed up.
const MOST_LINES: usize = 20;
/// How long a direct debit is on its way: Stripe's six business days, pressed into seconds.
const DEBIT_TAKES_S: u64 = 6;

pub(super) fn router() -> Router<Arc<State>> {
    Router::new()
        .route("/pay/{id}", get(show))
        .route("/pay/{id}/pay", post(pay))
        .route("/pay/{id}/debit/{end}", post(debit))
        .route("/pay/{id}/decline", post(decline))
}

#[derive(Debug, Deserialize)]
struct Shown {
    /// Set after a decline, so that reloading the page does not decline again.
    declined: Option<String>,
}

async fn show(
    Shared(state): Shared<Arc<State>>,
    Path(id): Path<String>,
    Query(shown): Query<Shown>,
    headers: HeaderMap,
) -> Response {
    let texts = Texts::preferred(&headers);
    let session = state.with_ledger(|ledger, _| ledger.session(&id).cloned());
    match session {
        Ok(session) => page(
            StatusCode::OK,
            texts,
            &body(&session, texts, shown.declined.is_some()),
        ),
        Err(_) => page(
            StatusCode::NOT_FOUND,
            texts,
            &format!("<h1>{}</h1>", texts.unknown),
        ),
    }
}

/// The shopper is redirected once the webhook was answered, as Stripe does if that takes at most ten seconds:
/// <https://docs.stripe.com/checkout/fulfillment>.
async fn pay(Shared(state): Shared<Arc<State>>, Path(id): Path<String>) -> Response {
    let pay = |ledger: &mut Ledger, now| ledger.act(&id, Act::Pay, now).map(Session::success_url);
    let (paid, deliveries) = state.with_ledger_and_deliveries(pay);
    come_back(&id, paid, deliveries).await
}

/// What becomes of a direct debit.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum DebitEnd {
    Arrives,
    Fails,
    Never,
}

async fn debit(Shared(state): Shared<Arc<State>>, Path((id, end)): Path<(String, DebitEnd)>) -> Response {
    let debit = |ledger: &mut Ledger, now| {
        let ends_at = now + DEBIT_TAKES_S;
        let end = match end {
            DebitEnd::Arrives => Some((ends_at, true)),
            DebitEnd::Fails => Some((ends_at, false)),
            DebitEnd::Never => None,
        };
        ledger.debit(&id, end, now).map(Session::success_url)
    };
    let (paid, deliveries) = state.with_ledger_and_deliveries(debit);
    come_back(&id, paid, deliveries).await
}

async fn come_back(
    id: &str,
    paid: Result<String, StripeError>,
    deliveries: Vec<oneshot::Receiver<()>>,
) -> Response {
    let _ = tokio::time::timeout(WEBHOOK_TIMEOUT, async {
        for delivery in deliveries {
            let _ = delivery.await;
        }
    })
    .await;
    redirect(&paid.unwrap_or_else(|_| format!("/pay/{id}")))
}

async fn decline(Shared(state): Shared<Arc<State>>, Path(id): Path<String>) -> Response {
    let declined = state.with_ledger(|ledger, now| ledger.act(&id, Act::Decline, now).is_ok());
    redirect(&format!("/pay/{id}{}", if declined { "?declined=1" } else { "" }))
}

/// 303: the browser goes on with a GET.
fn redirect(to: &str) -> Response {
    match HeaderValue::from_str(to) {
        Ok(location) => (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response(),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

fn page(status: StatusCode, texts: &Texts, body: &str) -> Response {
    let Texts {
        language,
        title,
        test_mode,
        footer,
        ..
    } = texts;
    let html = format!(
        "<!doctype html>\n<html lang=\"{language}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"robots\" content=\"noindex\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n\
         <body>\n<header class=\"test-mode\">{test_mode}</header>\n<main>\n{body}\n</main>\n<footer>{footer}</footer>\n\
         </body>\n</html>\n"
    );
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
        ),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (status, headers, Html(html)).into_response()
}

fn body(session: &Session, texts: &Texts, is_declined: bool) -> String {
    let amount = texts.money(session.amount_total, &session.currency);
    let reference = session
        .client_reference_id
        .as_deref()
        .map_or_else(String::new, |reference| {
            format!(
                "<p class=\"reference\">{}: <code>{}</code></p>\n",
                texts.order,
                escape(reference)
            )
        });
    let rest = match session.state {
        session::State::Open => format!(
            "{}{}{}",
            lines(session, texts),
            alert(is_declined, texts),
            choices(session, texts)
        ),
        session::State::Complete => ended(texts.paid, &session.success_url(), texts),
        session::State::Processing => ended(texts.on_its_way, &session.success_url(), texts),
        session::State::Failed => ended(texts.failed, &session.success_url(), texts),
        session::State::Expired => ended(texts.expired, session.cancel_url().unwrap_or_default(), texts),
    };
    format!(
        "<h1>{} <strong>{amount}</strong></h1>\n{reference}{rest}",
        texts.amount_due
    )
}

fn lines(session: &Session, texts: &Texts) -> String {
    let mut rows = String::new();
    for item in session.line_items.iter().take(MOST_LINES) {
        let amount = texts.money(item.unit_amount * item.quantity, &session.currency);
        let (name, quantity) = (escape(&item.name), item.quantity);
        writeln!(
            rows,
            "<tr><td>{name}</td><td>{quantity}</td><td>{amount}</td></tr>"
        )
        .ok();
    }
    let more = session.line_items.len().saturating_sub(MOST_LINES);
    if more > 0 {
        writeln!(
            rows,
            "<tr><td colspan=\"3\">{}</td></tr>",
            texts.more_lines.replace("{n}", &more.to_string())
        )
        .ok();
    }
    format!(
        "<table>\n<thead><tr><th scope=\"col\">{}</th><th scope=\"col\">{}</th><th scope=\"col\">{}</th></tr></thead>\n\
         <tbody>\n{rows}</tbody>\n</table>\n",
        texts.article, texts.quantity, texts.amount
    )
}

fn alert(is_declined: bool, texts: &Texts) -> String {
    if is_declined {
        format!("<p class=\"alert\" role=\"alert\">{}</p>\n", texts.declined)
    } else {
        String::new()
    }
}

fn choices(session: &Session, texts: &Texts) -> String {
    let id = &session.id;
    let leave = session.cancel_url().map_or_else(String::new, |url| {
        format!(
            "<p><a class=\"leave\" href=\"{}\">{}</a></p>\n",
            escape(url),
            texts.leave
        )
    });
    let debit = if session.offers_debit() {
        debits(id, texts)
    } else {
        String::new()
    };
    format!(
        "<div class=\"choices\">\n\
         <form method=\"post\" action=\"/pay/{id}/pay\"><button class=\"pay\">{}</button></form>\n\
         <form method=\"post\" action=\"/pay/{id}/decline\"><button>{}</button></form>\n\
         </div>\n{debit}{leave}",
        texts.pay, texts.decline
    )
}

fn debits(id: &str, texts: &Texts) -> String {
    let ends = [
        ("arrives", texts.debit_arrives),
        ("fails", texts.debit_fails),
        ("never", texts.debit_never),
    ];
    let form = |(end, text)| {
        format!(
            "<form method=\"post\" action=\"/pay/{id}/debit/{end}\"><button class=\"debit-{end}\">{text}</button></form>\n"
        )
    };
    let forms: String = ends.map(form).concat();
    format!("<div class=\"choices\">\n{forms}</div>\n")
}

fn ended(message: &str, back: &str, texts: &Texts) -> String {
    let back = if back.is_empty() {
        String::new()
    } else {
        format!(
            "<p><a class=\"leave\" href=\"{}\">{}</a></p>\n",
            escape(back),
            texts.back
        )
    };
    format!("<p class=\"note\" role=\"status\">{message}</p>\n{back}")
}

/// Text as HTML shows it, in an attribute, too.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
