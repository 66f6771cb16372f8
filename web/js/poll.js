// Polls with growing pauses, and not at all while the page is hidden.

const QUICK = 1_500;
/** A paid order, or a payment on its way, takes hours: poll every five minutes, and at once when the page is shown again. */
const PAID_POLL_MS = 300_000;

/** The pause before asking again, by what is awaited and how often it was asked; `null`: nothing more will come. */
export function pauseAfter(status, count, awaited) {
  if (["delivered", "expired", "cancelled", "rejected"].includes(status)) return null;
  if (["payment_pending", "paid", "forwarded", "shipped"].includes(status)) return PAID_POLL_MS;
  if (awaited) return count < 20 ? QUICK : Math.min(30_000, QUICK * 1.4 ** (count - 19));
  return Math.min(60_000, 10_000 * 1.3 ** count);
}

/** Waits; hidden pages wait until they are looked at again. Rejects when the signal ends it. */
export function restWhileSeen(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    let due = false;
    let wasHidden = document.hidden;
    const look = () => {
      if (signal.aborted || (!document.hidden && (due || wasHidden))) done();
      else wasHidden = document.hidden;
    };
    const done = () => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", look);
      signal.removeEventListener("abort", look);
      if (signal.aborted) reject(signal.reason);
      else resolve();
    };
    const timer = setTimeout(() => {
      due = true;
      look();
    }, milliseconds);
    document.addEventListener("visibilitychange", look);
    signal.addEventListener("abort", look);
  });
}
