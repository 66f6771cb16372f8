//! Who comes to the shop, and what is on its shelves.

use std::collections::{BTreeMap, HashMap};

use app::PlaceOrder;
use domain::{Cart, Money, Product, Sku, price_cart};
use testkit::{MemoryStore, a_country, a_product, a_sku, a_wish, eur};

use crate::shopper::SHIPPING;

/// How far an eager reconciler's clock is ahead, in milliseconds.
const EAGER: i64 = 20 * 60_000;

/// A beginning, from which schedules go on.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// In a schedule's name.
    pub name: &'static str,
    pub(crate) products: HashMap<Sku, Product>,
    pub(crate) stock: BTreeMap<Sku, i64>,
    pub(crate) shoppers: Vec<Plan>,
    /// How long the warehouse answers nothing, in milliseconds from the beginning.
    pub(crate) outage: i64,
    /// Whether the provider tells nothing.
    pub(crate) dark: bool,
    /// How far the reconciler's clock is ahead, in milliseconds: it looks while others still work.
    pub(crate) eager: i64,
}

/// A shopper and what they are up to.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) wish: PlaceOrder,
    /// In milliseconds from the beginning.
    pub(crate) arrives: i64,
    /// How often they click at once.
    pub(crate) clicks: usize,
    pub(crate) pays: Pays,
}

/// When a shopper pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pays {
    AtOnce,
    /// A second before the page ends, or the reservation by the reconciler's clock.
    AtTheLastMoment,
    /// Goes to the page and closes it.
    Never,
    /// Does not even go there.
    NotAtAll,
}

impl Scenario {
    /// The life of one order that is paid at once.
    pub fn one_order() -> Self {
        Self::of("one-order", &[("A", 5), ("B", 5)]).shopper("ada", &[("A", 2), ("B", 1)], Pays::AtOnce, 1)
    }

    /// The life of an order that is paid a second before its page ends.
    pub fn last_moment() -> Self {
        Self::of("last-moment", &[("A", 5)]).shopper("ada", &[("A", 2)], Pays::AtTheLastMoment, 1)
    }

    /// The life of an order that nobody pays.
    pub fn never_paid() -> Self {
        Self::of("never-paid", &[("A", 5)]).shopper("ada", &[("A", 2)], Pays::Never, 1)
    }

    /// One shopper who clicks everything twice: two runs of each request at once.
    pub fn double_click() -> Self {
        Self::of("double-click", &[("A", 5)]).shopper("ada", &[("A", 2)], Pays::AtOnce, 2)
    }

    /// Two shoppers, one piece.
    pub fn last_piece() -> Self {
        Self::of("last-piece", &[("A", 1), ("B", 5)])
            .shopper("ada", &[("B", 1), ("A", 1)], Pays::AtOnce, 1)
            .shopper("bob", &[("A", 1)], Pays::AtOnce, 1)
    }

    /// Two shoppers and enough for both.
    pub fn two_orders() -> Self {
        Self::of("two-orders", &[("A", 3)])
            .shopper("ada", &[("A", 1)], Pays::AtOnce, 1)
            .shopper("bob", &[("A", 2)], Pays::AtOnce, 1)
    }

    /// Two wishes under one key.
    pub fn one_key_two_wishes() -> Self {
        Self::of("one-key", &[("A", 5)])
            .shopper("ada", &[("A", 1)], Pays::AtOnce, 1)
            .shopper("ada", &[("A", 2)], Pays::AtOnce, 1)
    }

    /// No webhook ever comes.
    pub fn dark_provider() -> Self {
        Self {
            name: "dark",
            dark: true,
            ..Self::one_order()
        }
    }

    /// No webhook ever comes, and the reconciler looks at once at whatever is not finished.
    pub fn dark_and_eager() -> Self {
        Self {
            name: "dark-eager",
            dark: true,
            eager: EAGER,
            ..Self::of("", &[("A", 5)]).shopper("ada", &[("A", 2)], Pays::AtOnce, 1)
        }
    }

    /// No webhook ever comes, and the shopper pays just when the reconciler takes the reservation for ended.
    pub fn dark_last_moment() -> Self {
        let ada =
            Self::of("dark-last-moment", &[("A", 5)]).shopper("ada", &[("A", 2)], Pays::AtTheLastMoment, 1);
        Self {
            dark: true,
            eager: EAGER,
            ..ada
        }
    }

    /// An order that is reserved in two steps, clicked twice.
    pub fn in_steps() -> Self {
        Self::large("in-steps", 5, Pays::AtOnce, 2)
    }

    /// An order that is reserved in two steps, and a shopper who wants the last piece of its last line.
    pub fn in_steps_last_piece() -> Self {
        let last = format!("S{:02}", domain::LINES_PER_STEP);
        Self::large("in-steps-last-piece", 1, Pays::AtOnce, 1).shopper(
            "bob",
            &[(last.as_str(), 1)],
            Pays::Never,
            1,
        )
    }

    /// The same two, nobody goes on to pay, and the reconciler withdraws whatever is not finished: all that there is to reserving, expiring and
    /// giving back in steps.
    pub fn in_steps_unpaid() -> Self {
        let mut unpaid = Self::in_steps_last_piece();
        unpaid.name = "in-steps-unpaid";
        unpaid.eager = EAGER;
        for plan in &mut unpaid.shoppers {
            plan.pays = Pays::NotAtAll;
        }
        unpaid
    }

    /// Small scenarios whose schedules of few faults can all be run.
    pub fn small() -> Vec<Self> {
        vec![
            Self::one_order(),
            Self::last_moment(),
            Self::never_paid(),
            Self::double_click(),
            Self::last_piece(),
            Self::two_orders(),
            Self::one_key_two_wishes(),
            Self::dark_provider(),
            Self::dark_and_eager(),
            Self::dark_last_moment(),
        ]
    }

    /// Every scenario.
    pub fn all() -> Vec<Self> {
        let mut all = Self::small();
        all.push(Self::in_steps_unpaid());
        all.push(Self::in_steps());
        all.push(Self::in_steps_last_piece());
        all
    }

    /// The scenario of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().into_iter().find(|scenario| scenario.name == name)
    }

    /// Up to how many faults all of its schedules are run where nobody says otherwise: three in the life of an order and in the race for the last
    /// piece; two where runs are dear, or differ from others by their end only.
    pub fn faults(&self) -> usize {
        match self.name {
            "never-paid" | "two-orders" | "dark-last-moment" | "in-steps" | "in-steps-last-piece" => 2,
            _ => 3,
        }
    }

    /// Whether its runs cost many times those of the small ones, and are many.
    pub(crate) fn is_large(&self) -> bool {
        self.products.len() > domain::LINES_PER_STEP
            && self.shoppers.iter().any(|plan| plan.pays != Pays::NotAtAll)
    }

    pub(crate) fn of(name: &'static str, stock: &[(&str, i64)]) -> Self {
        let product = |(sku, _): &(&str, i64)| (a_sku(sku), a_product(sku, 700));
        Self {
            name,
            products: stock.iter().map(product).collect(),
            stock: stock.iter().map(|(sku, left)| (a_sku(sku), *left)).collect(),
            shoppers: Vec::new(),
            outage: 0,
            dark: false,
            eager: 0,
        }
    }

    /// One more shopper, who arrives a millisecond after the one before.
    pub(crate) fn shopper(mut self, key: &str, items: &[(&str, i64)], pays: Pays, clicks: usize) -> Self {
        let wish = a_wish(key, items, self.total(items));
        let arrives = i64::try_from(self.shoppers.len()).expect("few shoppers");
        self.shoppers.push(Plan {
            wish,
            arrives,
            clicks,
            pays,
        });
        self
    }

    /// The tables as they are at the beginning.
    pub(crate) fn store(&self) -> MemoryStore {
        let stocked = |product: &Product| {
            let left = self.stock.get(&product.sku).copied().unwrap_or(0);
            (
                product.clone(),
                u32::try_from(left).expect("no scenario begins below zero"),
            )
        };
        MemoryStore::with(self.products.values().map(stocked))
    }

    fn total(&self, items: &[(&str, i64)]) -> Money {
        let cart = Cart::parse(items.iter().copied()).expect("a cart");
        let quote = price_cart(&cart, &self.products, &SHIPPING, a_country("DE"));
        quote.map_or(eur(0), |quote| quote.total)
    }

    fn large(name: &'static str, last_left: i64, pays: Pays, clicks: usize) -> Self {
        let skus: Vec<String> = (0..=domain::LINES_PER_STEP).map(|n| format!("S{n:02}")).collect();
        let (last, others) = skus.split_last().expect("many SKUs");
        let mut stock: Vec<(&str, i64)> = others.iter().map(|sku| (sku.as_str(), 2)).collect();
        stock.push((last.as_str(), last_left));
        let items: Vec<(&str, i64)> = skus.iter().map(|sku| (sku.as_str(), 1)).collect();
        Self::of(name, &stock).shopper("ada", &items, pays, clicks)
    }
}
