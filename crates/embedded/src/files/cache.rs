//! What was decoded from files, the last used of it, within a bound.

use std::sync::Arc;

use parking_lot::Mutex;

/// Keeps decoded directories or labels by the number of their file.
#[derive(Debug)]
pub struct Cache<T> {
    bytes_max: usize,
    bytes_of: fn(&T) -> usize,
    /// The last used at the end. Held only to look up or to change; decoding happens
    /// outside.
    kept: Mutex<Vec<(u64, Arc<T>)>>,
}

impl<T> Cache<T> {
    pub fn new(bytes_max: usize, bytes_of: fn(&T) -> usize) -> Self {
        Self { bytes_max, bytes_of, kept: Mutex::default() }
    }

    pub fn get_or<E>(&self, number: u64, read: impl FnOnce() -> Result<T, E>) -> Result<Arc<T>, E> {
        if let Some(known) = self.get(number) {
            return Ok(known);
        }
        let fresh = Arc::new(read()?);
        self.put(number, fresh.clone());
        Ok(fresh)
    }

    fn get(&self, number: u64) -> Option<Arc<T>> {
        let mut kept = self.kept.lock();
        let position = kept.iter().rposition(|(other, _)| *other == number)?;
        let entry = kept.remove(position);
        let known = entry.1.clone();
        kept.push(entry);
        Some(known)
    }

    fn put(&self, number: u64, fresh: Arc<T>) {
        let mut kept = self.kept.lock();
        kept.retain(|(other, _)| *other != number);
        kept.push((number, fresh));
        // What is kept may have grown since it was put: it decodes more as it is asked.
        let mut bytes: usize = kept.iter().map(|(_, known)| (self.bytes_of)(known)).sum();
        while bytes > self.bytes_max && kept.len() > 1 {
            let (_, oldest) = kept.remove(0);
            bytes -= (self.bytes_of)(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_last_stays() {
        let cache: Cache<Vec<u8>> = Cache::new(25, Vec::len);
        let get = |number: u64| {
            let mut was_read = false;
            let read = || {
                was_read = true;
                Ok::<_, ()>(vec![number as u8; 10])
            };
            assert_eq!(cache.get_or(number, read).map(|found| found[0]), Ok(number as u8));
            was_read
        };
        assert!(get(1) && get(2) && !get(1) && get(3));
        assert!(!get(1), "it was used after 2");
        assert!(get(2));
    }
}
