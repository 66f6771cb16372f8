//! Placing an order: one conditional write decides, and a retry meets it.

use std::collections::HashMap;

use domain::{
    AccessToken, Address, Cart, Customer, Fingerprint, Money, Order, OrderId, PricingError, Product, Quote,
    ShippingTable, Sku, Status, Unavailability, UnavailableItem, price_cart,
};

use crate::jobs::give_stock_back;
use crate::ports::{Catalogue, Clock, Committed, MAX_CONFLICT_RETRIES, Orders, Shortage, Stock, StoreError};
use crate::release_holds::make_room;

/// The most writes of one request, conflicts included: 1,200 lines take 13.
const MAX_RESERVE_STEPS: usize = 64;
/// How often a request makes room for what it finds sold out: others may be quicker.
const MAX_ROOM_MADE: usize = 2;

/// What a shopper sent.
#[derive(Clone, Debug)]
pub struct PlaceOrder {
    /// Names this wish: the same key never makes two orders.
    pub idempotency_key: String,
    /// What.
    pub cart: Cart,
    /// Who.
    pub customer: Customer,
    /// Where to.
    pub shipping_address: Address,
    /// The total that the shopper saw and agreed to.
    pub expected_total: Money,
    /// Drawn for this request: who has it may see and pay the order that this request places.
    pub access_token: AccessToken,
}

/// A placed order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The order as it stands.
    pub order: Order,
    /// The token that the order keeps, the same for each request that placed or found it.
    pub access_token: AccessToken,
    /// Whether an earlier request had placed it.
    pub replayed: bool,
}

/// Why there is no order. But for [`PlaceOrderError::KeyReused`], [`PlaceOrderError::InProgress`] and
/// [`PlaceOrderError::Store`] it leaves nothing behind, and the key free.
#[derive(Debug, thiserror::Error)]
pub enum PlaceOrderError {
    /// Items that the catalogue does not have, or of which an order takes less.
    #[error("some items are not in the catalogue, or are more than an order takes")]
    Unavailable(Vec<UnavailableItem>),
    /// The cart has no price.
    #[error(transparent)]
    Pricing(PricingError),
    /// The total is not what the shopper agreed to.
    #[error("the total is not the expected one")]
    PriceChanged(Box<Quote>),
    /// Too little is left of some items.
    #[error("some items are sold out")]
    SoldOut {
        /// All of them.
        items: Vec<UnavailableItem>,
        /// The price of what can still be had; `None` where that is nothing.
        quote: Option<Box<Quote>>,
    },
    /// Another wish was made under this key.
    #[error("the idempotency key names another order")]
    KeyReused,
    /// Another run of the same wish is not finished.
    #[error("another request is placing this order")]
    InProgress,
    /// The order may have been placed or not: the same request again will tell.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Places an order, or finds it placed.
///
/// The order's id follows from the key. Up to [`domain::LINES_PER_STEP`] lines, order and stock are one transaction; beyond,
/// the stock is taken in steps, each a transaction conditional on the one before. Concurrent runs of one wish help each other on:
/// whoever loses a step goes on from what is stored.
///
/// # Errors
/// [`PlaceOrderError`].
pub async fn place_order(
    catalogue: &impl Catalogue,
    stock: &impl Stock,
    orders: &impl Orders,
    shipping: &ShippingTable,
    clock: &impl Clock,
    wish: PlaceOrder,
) -> Result<Placed, PlaceOrderError> {
    let id = OrderId::for_key(&wish.idempotency_key);
    let PlaceOrder {
        cart,
        customer,
        shipping_address,
        expected_total,
        access_token,
        ..
    } = wish;
    let fingerprint = Fingerprint::of(&cart, &customer, &shipping_address, expected_total);

    let skus: Vec<Sku> = cart.lines().iter().map(|line| line.sku.clone()).collect();
    let products = catalogue.products(&skus).await?;
    let shop = Shop {
        products,
        shipping,
        cart: &cart,
        address: &shipping_address,
    };
    let quote = match shop.price_agreed(expected_total) {
        Ok(quote) => quote,
        Err(refusal) => {
            let order = replay_or(orders, id, fingerprint, refusal).await?;
            return admitting(orders, order, true, access_token).await;
        }
    };
    let draft = Order::draft(
        id,
        fingerprint,
        access_token.clone(),
        customer,
        shipping_address.clone(),
        quote,
        clock.now(),
    );
    match reserve(orders, clock, draft).await? {
        Reserved::Placed { order, replayed } => admitting(orders, order, replayed, access_token).await,
        Reserved::OutOfStock(short) => Err(shop.sold_out(stock, &short).await?),
    }
}

/// How reserving ended.
enum Reserved {
    Placed { order: Order, replayed: bool },
    OutOfStock(Vec<Shortage>),
}

/// Takes the stock step by step, from nothing or from where another run left off.
async fn reserve(
    orders: &impl Orders,
    clock: &impl Clock,
    draft: Order,
) -> Result<Reserved, PlaceOrderError> {
    let fingerprint = draft.fingerprint();
    // What is removed may be placed again, but as another life of its id: a late write or removal of the first one must miss it.
    let live_again = |ended: &Order| draft.clone().drafted_anew(ended.placed_at(), clock.now());
    let mut order = draft.clone();
    let mut replayed = false;
    let mut room_made = 0;
    for _ in 0..MAX_RESERVE_STEPS {
        let Ok((next, stock)) = order.clone().reserve_step(clock.now()) else {
            return Err(PlaceOrderError::InProgress);
        };
        order = match orders.commit(next, stock).await? {
            Committed::Done(stored) if stored.status() == Status::Placed => {
                return Ok(Reserved::Placed {
                    order: stored,
                    replayed,
                });
            }
            Committed::Done(stored) => stored,
            Committed::Conflict(None) => live_again(&order),
            Committed::Conflict(Some(current)) if current.fingerprint() != fingerprint => {
                return Err(PlaceOrderError::KeyReused);
            }
            Committed::Conflict(Some(current)) => match current.status() {
                Status::Reserving => {
                    replayed = true;
                    *current
                }
                Status::Withdrawn => {
                    let next = live_again(&current);
                    give_stock_back(orders, clock, *current).await?;
                    next
                }
                _ => {
                    return Ok(Reserved::Placed {
                        order: *current,
                        replayed: true,
                    });
                }
            },
            Committed::OutOfStock(short)
                if room_made < MAX_ROOM_MADE && has_room(orders, clock, &order, &short).await =>
            {
                room_made += 1;
                order
            }
            Committed::OutOfStock(short) => {
                withdraw(orders, clock, order).await?;
                return Ok(Reserved::OutOfStock(short));
            }
        };
        replayed = replayed && order.version() > 0;
    }
    Err(PlaceOrderError::InProgress)
}

/// Whether there is room for what was sold out. A store that does not tell leaves it sold out.
async fn has_room(orders: &impl Orders, clock: &impl Clock, order: &Order, short: &[Shortage]) -> bool {
    let lines = order.quote().lines.iter();
    let wanted = lines.map(|line| (&line.sku, line.quantity.get())).collect();
    // On the heap: this is rare, and large.
    Box::pin(make_room(orders, clock, short, &wanted))
        .await
        .unwrap_or_else(|error| {
            tracing::warn!(error = %error, "no room could be made for what is sold out");
            false
        })
}

/// Undoes what was reserved so far, if anything was.
async fn withdraw(orders: &impl Orders, clock: &impl Clock, order: Order) -> Result<(), StoreError> {
    if order.version() == 0 {
        return Ok(());
    }
    let Ok(withdrawn) = order.withdraw(clock.now()) else {
        return Ok(());
    };
    let (withdrawn, stock) = withdrawn.give_back_step(clock.now());
    match orders.commit(withdrawn, stock).await? {
        Committed::Done(stored) => give_stock_back(orders, clock, stored).await,
        Committed::Conflict(_) | Committed::OutOfStock(_) => Ok(()),
    }
}

/// A refusal stands only where the key has not placed its order before.
async fn replay_or(
    orders: &impl Orders,
    id: OrderId,
    fingerprint: Fingerprint,
    refusal: PlaceOrderError,
) -> Result<Order, PlaceOrderError> {
    match orders.get(id).await? {
        None => Err(refusal),
        Some(order) if order.fingerprint() != fingerprint => Err(PlaceOrderError::KeyReused),
        Some(order) if order.status().is_public() => Ok(order),
        Some(_) => Err(PlaceOrderError::InProgress),
    }
}

/// The order with the token that it keeps. One of the release before may keep none yet: it gets `drawn`, once for all requests.
async fn admitting(
    orders: &impl Orders,
    mut order: Order,
    replayed: bool,
    drawn: AccessToken,
) -> Result<Placed, PlaceOrderError> {
    for _ in 0..MAX_CONFLICT_RETRIES {
        if let Some(access_token) = order.access_token().cloned() {
            return Ok(Placed {
                order,
                access_token,
                replayed,
            });
        }
        let admitting = order.with_access_token(drawn.clone());
        order = match orders.commit(admitting, Vec::new()).await? {
            Committed::Done(stored) => stored,
            Committed::Conflict(Some(current)) => *current,
            Committed::Conflict(None) | Committed::OutOfStock(_) => return Err(PlaceOrderError::InProgress),
        };
    }
    Err(StoreError::Busy.into())
}

/// What a wish is priced by.
struct Shop<'a> {
    products: HashMap<Sku, Product>,
    shipping: &'a ShippingTable,
    cart: &'a Cart,
    address: &'a Address,
}

impl Shop<'_> {
    fn price(&self, cart: &Cart) -> Result<Quote, PlaceOrderError> {
        price_cart(cart, &self.products, self.shipping, self.address.country).map_err(|error| match error {
            PricingError::Unavailable(items) => PlaceOrderError::Unavailable(items),
            other => PlaceOrderError::Pricing(other),
        })
    }

    /// The price of the whole cart, which must be the one that the shopper agreed to.
    fn price_agreed(&self, total: Money) -> Result<Quote, PlaceOrderError> {
        let quote = self.price(self.cart)?;
        if quote.total == total {
            Ok(quote)
        } else {
            Err(PlaceOrderError::PriceChanged(Box::new(quote)))
        }
    }

    /// Names every item of the cart that is short, by what the write said and by what is left now.
    async fn sold_out(&self, stock: &impl Stock, short: &[Shortage]) -> Result<PlaceOrderError, StoreError> {
        let skus: Vec<Sku> = self.cart.lines().iter().map(|line| line.sku.clone()).collect();
        let mut levels = stock.levels(&skus).await?;
        levels.extend(
            short
                .iter()
                .map(|shortage| (shortage.sku.clone(), shortage.available)),
        );
        let left = |sku: &Sku| levels.get(sku).copied().unwrap_or(0);
        let items = self
            .cart
            .lines()
            .iter()
            .filter(|line| left(&line.sku) < line.quantity.get())
            .map(|line| UnavailableItem {
                position: line.position,
                sku: line.sku.clone(),
                why: Unavailability::SoldOut {
                    available: left(&line.sku),
                },
            })
            .collect();
        let quote = self
            .cart
            .limited_to(left)
            .and_then(|cart| self.price(&cart).ok())
            .map(Box::new);
        Ok(PlaceOrderError::SoldOut { items, quote })
    }
}
