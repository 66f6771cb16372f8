//! Giving money back.

use super::*;

#[tokio::test]
async fn a_refund_that_was_tried_is_looked_for_first() {
    let (order, _) = started();
    let part = json!({"id": "re_0", "status": "succeeded", "amount": 500});
    let failed = json!({"id": "re_0", "status": "failed", "amount": 1_490});
    let done = json!({"id": "re_1", "status": "succeeded", "amount": 1_490});
    let (provider, seen) = stripe(vec![(
        200,
        json!({"data": [&part, &failed, done], "has_more": false}),
    )])
    .await;
    let outcome = provider.refund(order.id(), &a_refund(), true).await;
    assert!(matches!(outcome, RefundOutcome::Done { refund_id } if refund_id == "re_1"));
    assert_eq!(
        seen.lock().expect("no panic")[0].path,
        "/v1/refunds?limit=100&payment_intent=pi_1"
    );

    // Nothing has been given back yet: now it is.
    let (provider, _) = stripe(vec![
        (200, json!({"data": [part, failed], "has_more": false})),
        (200, json!({"id": "re_2", "status": "pending", "amount": 1_490})),
    ])
    .await;
    let outcome = provider.refund(order.id(), &a_refund(), true).await;
    assert!(matches!(outcome, RefundOutcome::Done { refund_id } if refund_id == "re_2"));

    let (provider, _) = stripe(vec![(500, json!({}))]).await;
    assert!(matches!(
        provider.refund(order.id(), &a_refund(), true).await,
        RefundOutcome::Unknown(_)
    ));
}

#[tokio::test]
async fn a_refund_has_a_key_of_its_own_and_a_refusal_is_checked() {
    let (order, _) = started();
    let (provider, seen) = stripe(vec![(
        200,
        json!({"id": "re_1", "status": "pending", "amount": 1_490}),
    )])
    .await;
    assert!(matches!(
        provider.refund(order.id(), &a_refund(), false).await,
        RefundOutcome::Done { .. }
    ));
    {
        let seen = seen.lock().expect("no panic");
        assert_eq!(seen[0].header("idempotency-key"), "refund-pi_1");
        assert_eq!(
            (seen[0].field("payment_intent"), seen[0].field("amount")),
            (Some("pi_1"), Some("1490"))
        );
    }

    let none = json!({"data": [{"id": "re_0", "status": "failed", "amount": 1_490}], "has_more": false});
    let (provider, _) = stripe(vec![(400, error("charge_already_refunded")), (200, none)]).await;
    assert!(matches!(
        provider.refund(order.id(), &a_refund(), false).await,
        RefundOutcome::RefusedForGood(_)
    ));
    for (status, body) in [
        (400, error("balance_insufficient")),
        (407, json!("a proxy's page")),
    ] {
        let none = json!({"data": [], "has_more": false});
        let (provider, _) = stripe(vec![(status, body), (200, none)]).await;
        assert!(matches!(
            provider.refund(order.id(), &a_refund(), false).await,
            RefundOutcome::Refused(_)
        ));
    }
    let done = json!({"data": [{"id": "re_1", "status": "succeeded", "amount": 1_490}], "has_more": false});
    let (provider, _) = stripe(vec![(400, error("charge_already_refunded")), (200, done)]).await;
    assert!(matches!(
        provider.refund(order.id(), &a_refund(), false).await,
        RefundOutcome::Done { refund_id } if refund_id == "re_1"
    ));
    let (provider, _) = stripe(vec![(
        200,
        json!({"id": "re_1", "status": "failed", "amount": 1_490}),
    )])
    .await;
    assert!(matches!(
        provider.refund(order.id(), &a_refund(), false).await,
        RefundOutcome::Refused(_)
    ));
    let (provider, _) = stripe(vec![(500, json!({}))]).await;
    assert!(matches!(
        provider.refund(order.id(), &a_refund(), false).await,
        RefundOutcome::Unknown(_)
    ));
}

#[tokio::test]
async fn a_refund_under_a_used_up_key_gets_another() {
    let (order, _) = started();
    let nothing = (200, json!({"data": [], "has_more": false}));
    let kept = (500, json!({"replayed": true}));
    let done = (200, json!({"id": "re_1", "status": "succeeded", "amount": 1_490}));
    let (provider, seen) = stripe(vec![nothing.clone(), kept.clone(), kept.clone(), done]).await;
    let outcome = provider.refund(order.id(), &a_refund(), true).await;
    assert!(matches!(outcome, RefundOutcome::Done { refund_id } if refund_id == "re_1"));
    let keys: Vec<_> = seen.lock().expect("no panic")[1..]
        .iter()
        .map(|call| call.header("idempotency-key").to_owned())
        .collect();
    assert_eq!(keys, ["refund-pi_1", "refund-pi_1-1", "refund-pi_1-2"]);

    // Not before it was looked for, and not while the failed call may still be at work.
    for (tried_before, answers) in [
        (false, vec![kept.clone()]),
        (true, vec![nothing.clone(), (500, json!({}))]),
        (
            true,
            vec![nothing.clone(), (409, error("idempotency_key_in_use"))],
        ),
        (true, vec![nothing, kept.clone(), (500, json!({}))]),
    ] {
        let calls = answers.len();
        let (provider, seen) = stripe(answers).await;
        let outcome = provider.refund(order.id(), &a_refund(), tried_before).await;
        assert!(matches!(outcome, RefundOutcome::Unknown(_)), "{outcome:?}");
        assert_eq!(seen.lock().expect("no panic").len(), calls);
    }
}

#[tokio::test]
async fn a_refund_that_no_list_shows_yet_is_not_refused_for_good() {
    let (order, _) = started();
    let nothing = (200, json!({"data": [], "has_more": false}));
    let refused = (400, error("charge_already_refunded"));
    let (provider, _) = stripe(vec![refused, nothing]).await;
    let outcome = provider.refund(order.id(), &a_refund(), false).await;
    assert!(matches!(outcome, RefundOutcome::Refused(_)), "{outcome:?}");
}

#[tokio::test]
async fn a_payment_that_was_given_back_in_parts_is_given_back() {
    let (order, _) = started();
    let part = |id: &str, amount: i64| json!({"id": id, "status": "succeeded", "amount": amount});
    let parts = json!({"data": [part("re_2", 490), part("re_1", 1_000)], "has_more": false});
    let (provider, _) = stripe(vec![(200, parts)]).await;
    let outcome = provider.refund(order.id(), &a_refund(), true).await;
    assert!(matches!(outcome, RefundOutcome::Done { refund_id } if refund_id == "re_2"));
}

#[tokio::test]
async fn what_is_left_of_a_part_by_hand_is_given_back() {
    let (order, _) = started();
    let part = json!({"data": [{"id": "re_1", "status": "succeeded", "amount": 500}], "has_more": false});
    let rest = json!({"id": "re_2", "status": "succeeded", "amount": 990});
    let (provider, seen) = stripe(vec![(200, part), (200, rest)]).await;
    let outcome = provider.refund(order.id(), &a_refund(), true).await;
    assert!(matches!(outcome, RefundOutcome::Done { refund_id } if refund_id == "re_2"));
    let call = &seen.lock().expect("no panic")[1];
    assert_eq!(
        (call.field("amount"), call.header("idempotency-key")),
        (Some("990"), "refund-pi_1-rest-990")
    );
}
