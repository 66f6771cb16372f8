//! What provider and queue deliver, how often and when.

use app::PaymentNotice;
use domain::OrderId;

use crate::Mutation;
use crate::ports::Op;
use crate::queue::{VISIBILITY, named_order};
use crate::task::{Job, Side, Task};
use crate::world::{Happening, World};

const SECOND: i64 = 1_000;
const HOUR: i64 = 3_600 * SECOND;
const DAY: i64 = 24 * HOUR;

/// The provider's pauses between deliveries that were not confirmed.
const REPEATS: [i64; 5] = [60 * SECOND, 600 * SECOND, HOUR, 12 * HOUR, 2 * DAY];
/// Ten deliveries of one thing, over more than a week.
const TEN_TIMES: [i64; 10] = [
    SECOND,
    SECOND,
    8 * SECOND,
    35 * SECOND,
    140 * SECOND,
    600 * SECOND,
    46 * 60 * SECOND,
    3 * HOUR,
    DAY,
    8 * DAY,
];

impl World<'_> {
    /// When one thing is delivered: once, as a rule.
    fn deliveries(&mut self) -> &'static [i64] {
        match self.choose(6) {
            1 => &[SECOND, SECOND],
            2 => &[],
            3 => &[HOUR],
            4 => &[4 * DAY],
            5 => &TEN_TIMES,
            _ => &[SECOND],
        }
    }

    /// The provider tells something.
    pub(crate) fn tell(&mut self, notice: PaymentNotice) {
        if self.scenario.dark {
            return;
        }
        for after in self.deliveries() {
            let notice = notice.clone();
            self.schedule(*after, Happening::Webhook { notice, before: 0 });
        }
        self.notices.push(notice);
    }

    pub(crate) fn deliver_webhook(&mut self, mut notice: PaymentNotice, before: usize) {
        let job = Job::Webhook {
            notice: notice.clone(),
            before,
        };
        if self.mutation == Some(Mutation::PaymentNamedByEvent)
            && let PaymentNotice::Captured { payment, .. } = &mut notice
        {
            payment.payment_id = format!("evt_{}", payment.payment_id);
        }
        self.start(Side::PaymentEvents, |start| Task::settle(job, start, notice));
    }

    /// A webhook that was not confirmed comes again, up to three days long; one of money that was taken late, for ever.
    pub(crate) fn repeat_webhook(&mut self, notice: PaymentNotice, before: usize) {
        let late = matches!(&notice, PaymentNotice::Captured { payment, .. }
            if self.provider.charges.iter().any(|charge| charge.late && charge.payment_id == payment.payment_id));
        let pause = if late { REPEATS.last() } else { REPEATS.get(before) };
        if let Some(pause) = pause {
            let before = before + 1;
            self.schedule(*pause, Happening::Webhook { notice, before });
        }
    }

    /// A page's end, by the provider's clock.
    pub(crate) fn page_ends(&mut self, page: usize) {
        let clock = self.clock(Side::Provider);
        if let Some(page) = self.provider.page_ends(page, clock) {
            let notice = PaymentNotice::SessionExpired {
                order: page.order,
                attempt: page.attempt,
            };
            self.note(|| "a page ends".to_owned());
            self.tell(notice);
        }
    }

    /// New pages will end.
    pub(crate) fn watch_pages(&mut self) {
        while let Some(page) = self.provider.unwatched() {
            let after = self.provider.pages()[page].ends - self.clock(Side::Provider);
            self.schedule(after, Happening::PageEnds(page));
        }
    }

    /// A page that was closed before its end is told of as one that ended.
    pub(crate) fn tell_of_closed(&mut self, session: &str) {
        let Some(page) = self.provider.by_session(session) else {
            return;
        };
        let awaited = self.cancel(|what| matches!(what, Happening::PageEnds(own) if *own == page));
        if awaited && self.provider.is_expired(page) {
            let ended = &self.provider.pages()[page];
            let (order, attempt) = (ended.order, ended.attempt);
            self.tell(PaymentNotice::SessionExpired { order, attempt });
        }
    }

    /// A message enters the queue.
    pub(crate) fn send(&mut self, id: OrderId) {
        let mut body = id.to_string();
        if self.mutation == Some(Mutation::MessageNamesShopper)
            && let Some(order) = self.store.get(id)
        {
            body = format!("{body} {}", order.customer.email);
        }
        for after in self.deliveries() {
            let message = self.queue.send(body.clone(), self.now);
            self.schedule(*after, Happening::MessageVisible(message));
        }
    }

    pub(crate) fn deliver_message(&mut self, message: usize) {
        let Some(received) = self.queue.receive(message, self.now) else {
            return;
        };
        let first_try = received.receives == 1;
        let Some(id) = named_order(&received.body) else {
            return;
        };
        self.schedule(VISIBILITY, Happening::MessageVisible(message));
        let memory = self.breaker.clone();
        self.start(Side::Forwarder, |start| {
            Task::forward(Job::Forward { message }, start, memory, id, first_try)
        });
    }
}

impl Op {
    /// The call in a few words, for a run's account.
    pub(crate) fn brief(&self) -> String {
        match self {
            Self::Products(skus) => format!("products of {} SKUs", skus.len()),
            Self::AllProducts => "all products".to_owned(),
            Self::Levels(skus) => format!("levels of {} SKUs", skus.len()),
            Self::Get(id) => format!("get {}", short(*id)),
            Self::Commit(order, stock) => format!(
                "commit {} v{} {} held {} due {:?} tries {} with {} stock changes",
                short(order.id),
                order.version,
                order.status.name(),
                order.held,
                order.due_at(),
                order.jobs.iter().map(|job| job.tries).sum::<u32>(),
                stock.len()
            ),
            Self::Remove(order) => format!("remove {} v{}", short(order.id), order.version),
            Self::Due(lane, now, _) => format!("due for {lane:?} at {now}"),
            Self::Open(order, attempt) => format!("open page {} of {}", attempt.number, short(order.id)),
            Self::LookUpPayment(id, attempt) => format!("look up page {attempt} of {}", short(*id)),
            Self::Close(session) => format!("close page {session}"),
            Self::Refund(refund) => format!("refund {}", refund.payment_id),
            Self::Send(id) => format!("send {}", short(*id)),
            Self::Waiting => "messages waiting".to_owned(),
            Self::ReadCircuit => "the warehouse's circuit".to_owned(),
            Self::StoreCircuit(circuit) => format!("store the circuit, open {:?}", circuit.open),
            Self::Submit(order) => format!("submit {}", short(order.id)),
            Self::LookUpOrder(id) => format!("look up {} in the warehouse", short(*id)),
        }
    }
}

fn short(id: OrderId) -> String {
    id.as_str().chars().take(4).collect()
}
