//! A second thread for queries that decode many pages.
//!
//! A query runs on a blocking thread and may have one helper at a time for as long as it
//! decodes; all queries together have no more helpers than the machine has other cores, so
//! that many queries at once do not make more threads than they are themselves.

use std::num::NonZeroUsize;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use parking_lot::Mutex;

/// Starting a thread costs as much as decoding about one page of samples.
const ITEMS_MIN: usize = 4;

/// Cores beside the one that a query runs on already.
static HELPERS_MAX: LazyLock<usize> =
    LazyLock::new(|| thread::available_parallelism().map_or(1, NonZeroUsize::get) - 1);

/// How many helpers work now. Counted up before one starts, down when it has ended.
static HELPERS: AtomicUsize = AtomicUsize::new(0);

/// What `work` makes of each item, in their order; with a helper if there are enough of them
/// and one is free.
pub fn each<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let helper = if items.len() < ITEMS_MIN { None } else { Helper::take() };
    if helper.is_none() {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let done: Vec<Mutex<Option<R>>> = items.iter().map(|_| Mutex::new(None)).collect();
    let run = || {
        while let Some((item, place)) = {
            let number = next.fetch_add(1, Ordering::Relaxed);
            items.get(number).zip(done.get(number))
        } {
            *place.lock() = Some(work(item));
        }
    };
    thread::scope(|threads| {
        // Without a second thread this one does all of it.
        if let Err(error) = thread::Builder::new().name("decode".to_owned()).spawn_scoped(threads, run) {
            tracing::debug!(%error, "no thread to help a query");
        }
        run();
    });
    done.into_iter().filter_map(Mutex::into_inner).collect()
}

/// The right to start a helper, given back when it is dropped.
struct Helper;

impl Helper {
    fn take() -> Option<Self> {
        let free = |helpers: usize| (helpers < *HELPERS_MAX).then_some(helpers + 1);
        HELPERS.fetch_update(Ordering::AcqRel, Ordering::Acquire, free).ok().map(|_| Self)
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        HELPERS.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_their_items() {
        for count in [0, 1, 3, 4, 1_000] {
            let items: Vec<u64> = (0..count).collect();
            let expected: Vec<u64> = items.iter().map(|item| item * item).collect();
            assert_eq!(each(&items, |item| item * item), expected);
        }
    }
}
