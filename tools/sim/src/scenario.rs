//! Who comes to the shop, and what is on its shelves.

use std::collections::{BTreeMap, HashMap};

use app::PlaceOrder;
use domain::{Cart, JobKind, Money, Product, Quantity, Sku, price_cart};
use testkit::{MemoryStore, a_country, a_product, a_sku, a_wish, eur};

use crate::shopper::SHIPPING;

/// How far an eager reconciler's clock is ahead, in milliseconds: past the first look, and not past the end of a hold without a payment page.
const EAGER: i64 = 8 * 60_000;

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
    /// Whether the reconciler releases what holds scarce products without a payment page.
    pub(crate) releases: bool,
    /// The kind of due work that fails for the first hours, whatever is tried.
    pub(crate) broken: Option<JobKind>,
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
    /// Pays at once, and the provider takes the money twice.
    Twice,
    /// Pays at once, and the payment goes back without the shop: given back in the provider's dashboard, or disputed.
    AndTakesBack {
        disputed: bool,
    },
    /// Pays at once by a method that confirms in days; whether the page offered such a one.
    Later {
        offered: bool,
    },
    /// A second before the page ends, or the reservation by the reconciler's clock.
    AtTheLastMoment,
    /// Goes to the page and closes it.
    Never,
    /// Does not even go there.
    NotAtAll,
}

impl Scenario {
    /// Small scenarios whose schedules of few faults can all be run.
    pub fn small() -> Vec<Self> {
        use Pays::{AndTakesBack, AtOnce, AtTheLastMoment, Later, Never, NotAtAll, Twice};
        let one = |name, pays| Self::of(name, &[("A", 5)]).shopper("ada", &[("A", 2)], pays, 1);
        let two_lines = |name| {
            let stocked = Self::of(name, &[("A", 5), ("B", 5)]);
            stocked.shopper("ada", &[("A", 2), ("B", 1)], AtOnce, 1)
        };
        vec![
            // The life of one order: paid at once, a second before its page ends, or not at all.
            two_lines("one-order"),
            one("last-moment", AtTheLastMoment),
            one("never-paid", Never),
            // One shopper who clicks everything twice: two runs of each request at once.
            Self::of("double-click", &[("A", 5)]).shopper("ada", &[("A", 2)], AtOnce, 2),
            // Two shoppers, one piece.
            Self::of("last-piece", &[("A", 1), ("B", 5)])
                .shopper("ada", &[("B", 1), ("A", 1)], AtOnce, 1)
                .shopper("bob", &[("A", 1)], AtOnce, 1),
            // Two shoppers and enough for both.
            Self::of("two-orders", &[("A", 3)])
                .shopper("ada", &[("A", 1)], AtOnce, 1)
                .shopper("bob", &[("A", 2)], AtOnce, 1),
            // One order that is to be forwarded and has a payment to be given back.
            one("paid-twice", Twice),
            // One payment that goes back without the shop.
            one("given-back", AndTakesBack { disputed: false }),
            one("disputed", AndTakesBack { disputed: true }),
            // One payment that is on its way for days, and arrives, fails or does neither.
            one("pays-later", Later { offered: true }),
            one("pays-later-unasked", Later { offered: false }),
            // Two wishes under one key.
            Self::of("one-key", &[("A", 5)])
                .shopper("ada", &[("A", 1)], AtOnce, 1)
                .shopper("ada", &[("A", 2)], AtOnce, 1),
            // Most of a product is held unpaid, at a payment page and without one.
            Self::of("scarce", &[("A", 9)])
                .shopper("ada", &[("A", 4)], Never, 1)
                .shopper("bob", &[("A", 2)], NotAtAll, 1)
                .releasing(),
            // A product is sold out to an order that nobody goes to pay, when somebody wants a little of it.
            Self::of("sold-out", &[("A", 5)])
                .shopper("ada", &[("A", 4)], NotAtAll, 1)
                .shopper("bob", &[("A", 2)], AtOnce, 1)
                .later(40_000),
            // More than an order takes, and just as much.
            Self::of("over-limit", &[("A", 5)])
                .shopper("ada", &[("A", 3)], AtOnce, 1)
                .shopper("bob", &[("A", 2)], AtOnce, 1)
                .limited("A", 2),
            // No webhook ever comes: with the reconciler on time, looking at once at whatever is not finished, and doing so while the
            // shopper pays.
            two_lines("dark").dark(0),
            one("dark-eager", AtOnce).dark(EAGER),
            one("dark-pays-later", Later { offered: true }).dark(EAGER),
            one("dark-last-moment", AtTheLastMoment).dark(EAGER),
        ]
    }

    /// Orders that are reserved in two steps: nobody pays and the reconciler withdraws whatever is not finished, which is all that there is
    /// to reserving, expiring and giving back in steps; clicked twice; and with a shopper who wants the last piece of the last line.
    pub fn in_steps() -> Vec<Self> {
        let last = format!("S{:02}", domain::LINES_PER_STEP);
        let bob = [(last.as_str(), 1)];
        let mut unpaid =
            Self::large("in-steps-unpaid", 1, Pays::NotAtAll, 1).shopper("bob", &bob, Pays::NotAtAll, 1);
        unpaid.eager = EAGER;
        vec![
            unpaid,
            Self::large("in-steps", 5, Pays::AtOnce, 2),
            Self::large("in-steps-last-piece", 1, Pays::AtOnce, 1).shopper("bob", &bob, Pays::Never, 1),
        ]
    }

    /// Every scenario.
    pub fn all() -> Vec<Self> {
        [Self::small(), Self::in_steps()].concat()
    }

    /// Orders with work of every kind, while one kind fails for hours: no other waits for it.
    pub fn broken() -> Vec<Self> {
        let broken = [
            ("broken-withdraw", JobKind::Withdraw),
            ("broken-close-window", JobKind::CloseWindow),
            ("broken-ask-provider", JobKind::AskProvider),
            ("broken-forward", JobKind::Forward),
            ("broken-give-stock-back", JobKind::GiveStockBack),
            ("broken-refund", JobKind::Refund),
            ("broken-remove", JobKind::Remove),
        ];
        let scenario = |(name, kind)| {
            let mut scenario = Self::large(name, 5, Pays::NotAtAll, 1)
                .shopper("bob", &[("S01", 1)], Pays::Twice, 1)
                .shopper("eve", &[("S02", 1)], Pays::Never, 1);
            scenario.broken = Some(kind);
            scenario
        };
        broken.map(scenario).into()
    }

    /// The scenario of that name.
    pub fn named(name: &str) -> Option<Self> {
        let all = Self::all().into_iter().chain(Self::broken());
        all.into_iter().find(|scenario| scenario.name == name)
    }

    /// Up to how many faults all of its schedules are run where nobody says otherwise: three in the life of an order and in the race for the last
    /// piece; two where runs are dear, or differ from others by their end only.
    pub fn faults(&self) -> usize {
        match self.name {
            "never-paid"
            | "given-back"
            | "disputed"
            | "pays-later-unasked"
            | "dark-pays-later"
            | "two-orders"
            | "scarce"
            | "sold-out"
            | "over-limit"
            | "dark-last-moment"
            | "in-steps"
            | "in-steps-last-piece" => 2,
            _ if self.broken.is_some() => 1,
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
            releases: false,
            broken: None,
        }
    }

    /// The provider tells nothing, and the reconciler's clock is so far ahead.
    fn dark(mut self, eager: i64) -> Self {
        (self.dark, self.eager) = (true, eager);
        self
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

    /// The reconciler releases what holds scarce products without a payment page.
    fn releasing(mut self) -> Self {
        self.releases = true;
        self
    }

    /// The last shopper arrives so many milliseconds later.
    fn later(mut self, after: i64) -> Self {
        if let Some(last) = self.shoppers.last_mut() {
            last.arrives += after;
        }
        self
    }

    /// An order takes so many pieces of a product at most.
    fn limited(mut self, sku: &str, pieces: i64) -> Self {
        let limit = Quantity::new(pieces).expect("a quantity");
        if let Some(product) = self.products.get_mut(&a_sku(sku)) {
            product.max_per_order = limit;
        }
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
