//! What provider and queue deliver, how often and when.

use app::{Breaker, PaymentNotice};
use domain::Order;
use testkit::{Page, PageState};

use crate::Mutation;
use crate::ports::is_other;
use crate::rejections::GRACE;
use crate::task::{Side, end};
use crate::world::{Happening, World};

const SECOND: i64 = 1_000;
const HOUR: i64 = 3_600 * SECOND;
const DAY: i64 = 24 * HOUR;

/// How long a received message is hidden, as `template.yaml` has it.
const VISIBILITY: i64 = 180 * SECOND;

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
        let webhook = (notice.clone(), before);
        if self.mutation == Some(Mutation::PaymentNamedByEvent)
            && let PaymentNotice::Captured { payment, .. } = &mut notice
        {
            payment.payment_id = format!("evt_{}", payment.payment_id);
        }
        if self.mutation == Some(Mutation::OtherCurrencyIsNotRead)
            && let PaymentNotice::Captured { payment, .. } = &notice
            && is_other(payment)
        {
            // Refused as malformed, however often it comes.
            return;
        }
        match (self.mutation, notice.clone()) {
            (Some(Mutation::DelayedIsPaid), PaymentNotice::Delayed { order, delayed }) => {
                let payment = delayed.payment;
                notice = PaymentNotice::Captured { order, payment };
            }
            (Some(Mutation::FailedPaymentIsIgnored), PaymentNotice::Failed { .. }) => return,
            (Some(Mutation::ArrivalIsNewEachTime), PaymentNotice::Captured { order, mut payment })
                if !self.delayed.is_empty() =>
            {
                let known = |order: &Order| order.capture().map(|capture| capture.payment_id.clone());
                if self.store.peek(order, known).flatten().as_ref() == Some(&payment.payment_id) {
                    payment.payment_id.push_str("_again");
                    notice = PaymentNotice::Captured { order, payment };
                }
            }
            _ => {}
        }
        let (again, before) = webhook.clone();
        let heard = match &notice {
            PaymentNotice::TakenBack { payment, .. } => Some(payment.payment_id.clone()),
            _ => None,
        };
        self.start(Side::PaymentEvents, Some(webhook), |ports| async move {
            let settled = app::settle_payment(&ports, &ports, &ports, notice).await;
            end(move |world, answered| {
                world.note(|| format!("  {settled:?}"));
                if !answered || settled.is_err() {
                    world.repeat_webhook(again, before);
                } else {
                    world.heard_back.extend(heard);
                }
            })
        });
    }

    /// A webhook that was not confirmed comes again, up to three days long; one of money that was taken late, for ever.
    pub(crate) fn repeat_webhook(&mut self, notice: PaymentNotice, before: usize) {
        let late = matches!(&notice, PaymentNotice::Captured { payment, .. }
            if self.provider.state().charges.iter().any(|charge| charge.late && charge.payment_id == payment.payment_id));
        let pause = if late { REPEATS.last() } else { REPEATS.get(before) };
        if let Some(pause) = pause {
            let before = before + 1;
            self.schedule(*pause, Happening::Webhook { notice, before });
        }
    }

    /// A page's end, by the provider's clock.
    pub(crate) fn page_ends(&mut self, number: usize) {
        self.set_clocks();
        let mut state = self.provider.state();
        let Page { order, attempt, .. } = state.pages[number];
        let expired = state.expire(number) == PageState::Expired;
        drop(state);
        if expired {
            self.note(|| "a page ends".to_owned());
            self.tell(PaymentNotice::SessionExpired { order, attempt });
        }
    }

    /// New pages will end.
    pub(crate) fn watch_pages(&mut self) {
        let clock = self.clock(Side::Provider);
        let new: Vec<i64> = self.provider.state().pages[self.watched..]
            .iter()
            .map(|page| page.ends)
            .collect();
        for ends in new {
            self.schedule(ends - clock, Happening::PageEnds(self.watched));
            self.watched += 1;
        }
    }

    /// A page that was closed before its end is told of as one that ended.
    pub(crate) fn tell_of_closed(&mut self, number: usize) {
        if self.cancel(|what| matches!(what, Happening::PageEnds(own) if *own == number)) {
            self.page_ends(number);
        }
    }

    /// A message enters the queue.
    pub(crate) fn deliver(&mut self, body: &str) {
        self.set_clocks();
        for after in self.deliveries() {
            let message = self.queue.state().put(body.to_owned());
            self.schedule(*after, Happening::MessageVisible(message));
        }
    }

    pub(crate) fn deliver_message(&mut self, number: usize) {
        self.set_clocks();
        let received = self.queue.state().receive(number);
        let Some(message) = received else { return };
        self.most_receives = self.most_receives.max(message.receives);
        let Some(id) = message.order() else {
            return;
        };
        self.schedule(VISIBILITY, Happening::MessageVisible(number));
        let (memory, first_try) = (self.breaker.clone(), message.receives == 1);
        self.start(Side::Forwarder, None, move |ports| async move {
            let breaker = Breaker::new(&ports, memory);
            let forwarded = app::forward_order(&ports, &ports, &breaker, &ports, id, first_try, GRACE).await;
            end(move |world, answered| {
                world.note(|| format!("  {forwarded:?}"));
                if answered && forwarded.is_ok() {
                    world.queue.state().acknowledge(number);
                    world.cancel(|what| matches!(what, Happening::MessageVisible(own) if *own == number));
                }
            })
        });
    }
}
