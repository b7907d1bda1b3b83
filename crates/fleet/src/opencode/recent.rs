//! The last few of many ids.

use std::collections::{HashSet, VecDeque};

/// Remembers the newest `limit` values.
#[derive(Debug)]
pub struct Recent {
    limit: usize,
    order: VecDeque<String>,
    members: HashSet<String>,
}

impl Recent {
    pub fn new(limit: usize) -> Self {
        Self { limit, order: VecDeque::new(), members: HashSet::new() }
    }

    /// Whether it is new. Forgets the oldest beyond the limit.
    pub fn insert(&mut self, id: &str) -> bool {
        if !self.members.insert(id.to_owned()) {
            return false;
        }
        self.order.push_back(id.to_owned());
        if self.order.len() > self.limit
            && let Some(oldest) = self.order.pop_front()
        {
            self.members.remove(&oldest);
        }
        true
    }

    pub fn contains(&self, id: &str) -> bool {
        self.members.contains(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten() {
        let mut recent = Recent::new(2);
        assert!(recent.insert("a") && recent.insert("b") && !recent.insert("a") && recent.insert("c"));
        assert!(!recent.contains("a") && recent.contains("b") && recent.contains("c"));
    }
}
