//! How many queries run at the same time, and how many wait for their turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::EvalError;
use crate::eval::Watch;

/// Shared by all engines that were cloned from the one it was made for.
#[derive(Debug)]
pub struct Gate {
    places: Arc<Semaphore>,
    concurrency_max: usize,
    waiting: AtomicUsize,
    waiting_max: usize,
}

impl Gate {
    pub fn new(concurrency_max: usize, waiting_max: usize) -> Self {
        let places = Arc::new(Semaphore::new(concurrency_max.min(Semaphore::MAX_PERMITS)));
        Self { places, concurrency_max, waiting: AtomicUsize::new(0), waiting_max }
    }

    /// A place, held as long as the permit lives. Waiting takes from the query's own time.
    pub async fn enter(&self, watch: &Watch) -> Result<OwnedSemaphorePermit, EvalError> {
        if let Ok(permit) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(permit);
        }
        let _waiting = self.queue()?;
        tokio::select! {
            permit = Arc::clone(&self.places).acquire_owned() => {
                permit.map_err(|_| EvalError::execution("the engine takes no queries any more"))
            }
            () = watch.clock.sleep(watch.left()) => Err(EvalError::Timeout(watch.timeout)),
        }
    }

    fn queue(&self) -> Result<Waiting<'_>, EvalError> {
        // Counted before it is judged, so that of two at once both see each other.
        let waiting = Waiting(&self.waiting);
        if self.waiting.fetch_add(1, Ordering::AcqRel) >= self.waiting_max {
            return Err(EvalError::Busy { running: self.concurrency_max, waiting: self.waiting_max });
        }
        Ok(waiting)
    }
}

struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
