use domain::RefundState;
use testkit::{a_payment, altered, an_order, noon};

use super::*;

/// The item of `order`, as a release wrote it that knows a field `zz` in each of these parts, and an attribute.
fn by_a_newer_release(order: &Order, parts: &[&[&str]]) -> Item {
    let field = |part: &&[&str]| {
        let path = part.iter().chain(&["zz"]).map(|&name| name.to_owned()).collect();
        (path, vec![7])
    };
    let fields: Fields = parts.iter().map(field).collect();
    let mut item = to_item(order).expect("an item");
    let document = pack(&Document::of(order), &fields).expect("packed");
    item.insert(DOCUMENT.to_owned(), AttributeValue::B(Blob::new(document)));
    item.insert("gift_note".to_owned(), AttributeValue::S("Alles Gute".to_owned()));
    item
}

fn written_back(order: &Order) -> Order {
    from_item(&to_item(order).expect("an item")).expect("an order")
}

#[test]
fn what_a_newer_release_stored_is_carried_to_the_end() {
    let paid = an_order().paid();
    let order = paid.rejected_by_warehouse(noon()).expect("paid");
    let parts: [&[&str]; 5] = [&[], &["c"], &["s"], &["m"], &["b", "0"]];
    let read = from_item(&by_a_newer_release(&order, &parts)).expect("an order");
    assert_eq!(read.carried().names().len(), 6);
    let (emptied, _) = read.clone().give_back_step(noon());
    let done = emptied.refunded("pi_1", "re_1".to_owned(), noon());
    let again = written_back(&done);
    assert_eq!(again, done);
    assert_eq!(again.carried(), read.carried());
    assert_eq!(
        to_item(&done).expect("an item")["gift_note"],
        AttributeValue::S("Alles Gute".to_owned())
    );
}

#[test]
fn a_field_of_an_attempt_to_pay_ends_with_that_attempt() {
    let order = an_order().placed().start_attempt(noon());
    let read = from_item(&by_a_newer_release(&order, &[&["p"]])).expect("an order");
    let opened = written_back(&read.attempt_opened("cs_1".to_owned()));
    assert_eq!(opened.carried().fields.len(), 1);
    let next = written_back(&opened.start_attempt(noon()));
    assert_eq!(next.carried().fields.len(), 0);
    assert_eq!(next.carried().attributes.len(), 1);
}

/// The release before reads a refund that has a name as done, and drops the reason.
#[test]
fn a_refused_refund_is_never_due_again_in_any_release() {
    let rejected = an_order().paid().rejected_by_warehouse(noon()).expect("paid");
    let refused = rejected.refund_refused("pi_1", "charge_disputed".to_owned(), noon());
    assert_eq!(written_back(&refused), refused);
    let mut document = Document::of(&refused);
    assert!(document.refunds[0].refund_id.is_some());
    document.refunds[0].refused = None;
    let back = document.refunds.remove(0).into_refund().expect("a refund");
    assert!(matches!(back.state, RefundState::Refused { .. }), "{back:?}");
}

/// What the release before reads of a payment's currency.
#[derive(serde::Serialize, serde::Deserialize)]
struct Before {
    k: BeforeSetAside,
    b: Vec<BeforeBack>,
}

#[derive(serde::Serialize, serde::Deserialize)]
struct BeforeSetAside {
    amount_differs: BeforeDiffers,
}

#[derive(serde::Serialize, serde::Deserialize)]
struct BeforeDiffers {
    currency: String,
}

#[derive(serde::Serialize, serde::Deserialize)]
struct BeforeBack {
    u: String,
}

/// The release before knows four currencies; it must read the order, and carry what it does not know.
#[test]
fn a_payment_in_yen_is_readable_in_the_release_before() {
    let yen = domain::Money::new(1, domain::Currency::of_payment("JPY"));
    let report = |payment_id: &str| domain::ReportedPayment {
        payment_id: payment_id.to_owned(),
        amount: yen,
    };
    let (parked, domain::Settlement::Parked) = an_order().placed().settle(report("pi_1"), noon()) else {
        panic!("not parked")
    };
    let (owing, domain::Settlement::RefundDue) = parked.settle(report("pi_2"), noon()) else {
        panic!("not owed")
    };
    assert_eq!(written_back(&owing), owing);
    let document = pack(&Document::of(&owing), &Fields::new()).expect("packed");
    let (before, _) = unpack::<Before>(&document).expect("a document of the release before");
    assert_eq!(before.k.amount_differs.currency, "EUR");
    assert_eq!(before.b[0].u, "EUR");
}

#[test]
fn an_order_that_breaks_an_invariant_is_corrupt() {
    let order = an_order().placed();
    let mut document = Document::of(&order);
    document.held = 2;
    let mut item = to_item(&order).expect("an item");
    let packed = pack(&document, &Fields::new()).expect("packed");
    item.insert(DOCUMENT.to_owned(), AttributeValue::B(Blob::new(packed)));
    assert!(matches!(from_item(&item), Err(StoreError::Corrupt(_))));
}

#[test]
fn an_unreadable_document_is_told_without_what_is_in_it() {
    let mut item = to_item(&an_order().placed()).expect("an item");
    let packed = pack(&"Ada Lovelace", &Fields::new()).expect("packed");
    item.insert(DOCUMENT.to_owned(), AttributeValue::B(Blob::new(packed)));
    let error = from_item(&item).expect_err("no order");
    assert!(!format!("{error:?}").contains("Ada"), "{error:?}");
}

/// Thirteen lines, the real shop's median, with names as long as there.
fn a_usual_order() -> Order {
    let names = [
        "WHITE HANGING HEART T-LIGHT HOLDER",
        "REGENCY CAKESTAND 3 TIER",
        "JUMBO BAG RED RETROSPOT",
        "PARTY BUNTING",
        "LUNCH BAG RED RETROSPOT",
        "ASSORTED COLOUR BIRD ORNAMENT",
        "SET OF 3 CAKE TINS PANTRY DESIGN",
        "PACK OF 72 RETROSPOT CAKE CASES",
        "LUNCH BAG BLACK SKULL.",
        "NATURAL SLATE HEART CHALKBOARD",
        "HEART OF WICKER SMALL",
        "JAM MAKING SET WITH JARS",
        "PAPER CHAIN KIT 50'S CHRISTMAS",
    ];
    altered(an_order().lines(names.len()).draft(), |parts| {
        for (line, name) in parts.quote.lines.iter_mut().zip(names) {
            name.clone_into(&mut line.name);
        }
    })
}

fn bytes_of(item: &Item) -> usize {
    let value = |value: &AttributeValue| match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(number) => number.len() / 2 + 2,
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        other => unreachable!("{other:?}"),
    };
    item.iter().map(|(name, own)| name.len() + value(own)).sum()
}

/// What `DynamoDB` bills for `after` in the place of `before`: units of a kilobyte, and one for each entry of an index that goes or comes.
fn units(before: &Item, after: &Item) -> usize {
    let kilobytes = bytes_of(before).max(bytes_of(after)).div_ceil(1024);
    let entry = |item: &Item, keys: &IndexKeys| item.get(keys.sort).cloned();
    let moved = |index| {
        let keys = IndexKeys::of(index);
        let (was, is) = (entry(before, &keys), entry(after, &keys));
        let entries = usize::from(was.is_some()) + usize::from(is.is_some());
        if was == is { 0 } else { entries }
    };
    kilobytes + moved(DueIndex::Reconciler) + moved(DueIndex::Forwarder)
}

#[test]
fn an_order_takes_36_write_units_from_cart_to_warehouse() {
    let at = |seconds| noon() + jiff::SignedDuration::from_secs(seconds);
    let (placed, stock) = a_usual_order().reserve_step(noon()).expect("a draft");
    let opening = placed.clone().attempt_for(at(60)).expect("payable");
    let session = format!("cs_live_{}", "a1B2c3".repeat(10));
    let open = opening.clone().attempt_opened(session);
    let payment = a_payment("pi_3MtwBwLkdIwHu7ix28a3tqPa", &open);
    let (paid, _) = open.clone().settle(payment, at(120));
    let forwarded = paid
        .clone()
        .accepted_by_warehouse("K-0001234".to_owned(), at(122))
        .expect("paid");
    let steps = [placed, opening, open, paid, forwarded];
    let items: Vec<_> = steps
        .iter()
        .map(|order| to_item(order).expect("an item"))
        .collect();
    assert!(items.iter().all(|item| bytes_of(item) <= 1024));
    // In a transaction an item counts twice; an entry of an index does not.
    let placing = 2 * (stock.len() + 1) + 1;
    let later: usize = items.windows(2).map(|pair| units(&pair[0], &pair[1])).sum();
    assert_eq!((placing, later), (29, 7));
}

/// Each release carries attributes that it does not know: so the one before carries a token.
#[test]
fn a_token_is_an_attribute_of_its_own_and_may_be_missing() {
    let order = an_order().paid();
    let mut item = to_item(&order).expect("an item");
    let stored = item.remove(ACCESS_TOKEN).expect("a token");
    let token = order.access_token().expect("a token");
    assert_eq!(stored.as_b().expect("bytes").as_ref(), token.as_bytes());
    let of_the_release_before = from_item(&item).expect("an order");
    assert_eq!(of_the_release_before.access_token(), None);
    assert_eq!(to_item(&of_the_release_before).expect("an item"), item);
    assert_eq!(of_the_release_before.with_access_token(token.clone()), order);
    item.insert(ACCESS_TOKEN.to_owned(), AttributeValue::B(Blob::new([7; 17])));
    assert!(matches!(from_item(&item), Err(StoreError::Corrupt(_))));
}

#[test]
fn an_order_without_anything_unknown_carries_nothing() {
    assert_eq!(*written_back(&an_order().paid()).carried(), Carried::default());
}

/// The release before reads an order whose payment is on its way as one that waits for a payment, and keeps what it does not know with the attempt.
#[test]
fn a_payment_on_its_way_is_readable_in_the_release_before() {
    #[derive(serde::Deserialize, serde::Serialize)]
    struct OfBefore {
        p: AttemptOfBefore,
    }
    #[derive(serde::Deserialize, serde::Serialize)]
    struct AttemptOfBefore {
        n: u32,
        i: String,
    }

    let pending = an_order().pending();
    assert_eq!(written_back(&pending), pending);
    let mut item = to_item(&pending).expect("an item");
    assert_eq!(item[STATUS], AttributeValue::S("placed".to_owned()));
    let document = item[DOCUMENT].as_b().expect("a document").as_ref();
    let (before, kept) = unpack::<OfBefore>(document).expect("a document of the release before");
    assert_eq!((before.p.n, before.p.i.as_str()), (1, "cs_1"));
    assert!(kept.keys().any(|path| path == &["p".to_owned(), "w".to_owned()]));
    // Where that release heard that it arrived, it is paid.
    item.insert(STATUS.to_owned(), AttributeValue::S("expired".to_owned()));
    assert_eq!(from_item(&item).expect("an order").status(), Status::Expired);
}
