//! The shop with every capability left out. A world of its own: the others have all of them.

use kontor_tests::{Shopper, items, running_with};

#[tokio::test(flavor = "multi_thread")]
async fn the_shop_sells_without_any_capability() {
    let world = running_with(&[("Capabilities", "none")]).world();
    assert!(
        world.stack().function("health").is_none(),
        "a capability's function is there"
    );
    let shopper = Shopper::default();
    assert_eq!(shopper.get("/api/health").await.status, 404);
    let (id, token) = shopper.buy("without-capabilities", &items(&[("22423", 1)])).await;
    shopper.wait_for("forwarded", &id, &token).await;
}
