//! What sources say of their metrics: type, help and unit, by name of family.
//!
//! Every way in notes it in one [`MetadataRegistry`], under the name of its source; the HTTP
//! API reads it. It is no telemetry: it lives in memory and comes again with the next page.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::exposition::{Fact, FamilyKind};

/// What is known of one family of metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Metadata {
    pub kind: FamilyKind,
    pub help: String,
    pub unit: String,
}

#[derive(Clone, Copy, Debug)]
pub struct MetadataLimits {
    /// Families of all sources together, counted for each source.
    pub entries_max: usize,
    /// Of a help text; longer ones are cut.
    pub help_bytes_max: usize,
}

impl Default for MetadataLimits {
    fn default() -> Self {
        Self { entries_max: 500_000, help_bytes_max: 1024 }
    }
}

/// Bounded: what does not fit is counted and left out. Sources that say the same share it.
#[derive(Debug, Default)]
pub struct MetadataRegistry {
    limits: MetadataLimits,
    /// Held for one change or one look, never across an await.
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    sources: HashMap<Arc<str>, BTreeMap<Arc<str>, Arc<Metadata>>>,
    entries: usize,
    families: HashSet<Arc<str>>,
    texts: HashSet<Arc<Metadata>>,
}

impl MetadataRegistry {
    pub fn new(limits: MetadataLimits) -> Self {
        Self { limits, known: Mutex::default() }
    }

    /// The last word of a source counts.
    pub fn note(&self, source: &str, family: &str, fact: &Fact<'_>) {
        let mut known = self.known.lock();
        let before = known.sources.get(source).and_then(|families| families.get(family));
        if before.is_none() && known.entries >= self.limits.entries_max {
            metrics::counter!("watchkeeper_ingest_metadata_dropped_total").increment(1);
            return;
        }
        let is_new = before.is_none();
        let mut metadata = before.map_or_else(Metadata::default, |before| before.as_ref().clone());
        match fact {
            Fact::Kind(kind) => metadata.kind = *kind,
            Fact::Help(help) => cut(help, self.limits.help_bytes_max).clone_into(&mut metadata.help),
            Fact::Unit(unit) => cut(unit, self.limits.help_bytes_max).clone_into(&mut metadata.unit),
        }
        let metadata = shared(&mut known.texts, &metadata, || Arc::new(metadata.clone()));
        let family = shared(&mut known.families, family, || Arc::from(family));
        known.entries += usize::from(is_new);
        if let Some(families) = known.sources.get_mut(source) {
            families.insert(family, metadata);
        } else {
            known.sources.insert(Arc::from(source), BTreeMap::from([(family, metadata)]));
        }
    }

    /// The source is gone, and what it said with it.
    pub fn forget(&self, source: &str) {
        let mut known = self.known.lock();
        let Some(families) = known.sources.remove(source) else { return };
        known.entries -= families.len();
        drop(families);
        known.families.retain(|family| Arc::strong_count(family) > 1);
        known.texts.retain(|metadata| Arc::strong_count(metadata) > 1);
    }

    /// What one source says, in order of families.
    pub fn of_source(&self, source: &str) -> Vec<(Arc<str>, Arc<Metadata>)> {
        let known = self.known.lock();
        let families = known.sources.get(source).into_iter().flatten();
        families.map(|(family, metadata)| (family.clone(), metadata.clone())).collect()
    }

    /// What all sources say, each once, of every family that `is_wanted`.
    pub fn all(&self, is_wanted: impl Fn(&str) -> bool) -> BTreeMap<Arc<str>, Vec<Arc<Metadata>>> {
        let known = self.known.lock();
        let mut all: BTreeMap<Arc<str>, Vec<Arc<Metadata>>> = BTreeMap::new();
        for (family, metadata) in known.sources.values().flatten().filter(|(family, _)| is_wanted(family)) {
            let said = all.entry(family.clone()).or_default();
            if !said.contains(metadata) {
                said.push(metadata.clone());
            }
        }
        all
    }
}

/// The one in the set that is equal, or a new one.
fn shared<Q, T>(set: &mut HashSet<Arc<T>>, wanted: &Q, make: impl FnOnce() -> Arc<T>) -> Arc<T>
where
    Q: Hash + Eq + ?Sized,
    T: Hash + Eq + ?Sized,
    Arc<T>: std::borrow::Borrow<Q>,
{
    if let Some(there) = set.get(wanted) {
        return there.clone();
    }
    let made = make();
    set.insert(made.clone());
    made
}

fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry() -> MetadataRegistry {
        let registry = MetadataRegistry::new(MetadataLimits { entries_max: 3, help_bytes_max: 5 });
        registry.note("a", "up", &Fact::Kind(FamilyKind::Counter));
        registry.note("a", "up", &Fact::Kind(FamilyKind::Gauge));
        registry.note("a", "up", &Fact::Help("Wörter".into()));
        registry.note("b", "up", &Fact::Kind(FamilyKind::Gauge));
        registry.note("b", "up", &Fact::Help("Wört".into()));
        registry
    }

    #[test]
    fn the_last_word_of_a_source_counts_and_equal_ones_are_said_once() {
        let said = registry().all(|_| true);
        let expected = Metadata { kind: FamilyKind::Gauge, help: "Wört".into(), unit: String::new() };
        assert_eq!(said.len(), 1);
        assert_eq!(said["up"].iter().map(AsRef::as_ref).collect::<Vec<_>>(), [&expected]);
    }

    #[test]
    fn it_is_bounded_and_a_source_that_goes_makes_room() {
        let registry = registry();
        let names = |source| {
            registry.of_source(source).iter().map(|(family, _)| family.to_string()).collect::<Vec<_>>()
        };
        registry.note("b", "x", &Fact::Unit("seconds".into()));
        registry.note("b", "y", &Fact::Unit("seconds".into()));
        assert_eq!((names("a"), names("b")), (vec!["up".to_owned()], vec!["up".to_owned(), "x".to_owned()]));
        registry.forget("a");
        registry.note("b", "y", &Fact::Unit("seconds".into()));
        assert_eq!((names("a").len(), names("b").len()), (0, 3));
        registry.forget("b");
        assert!(registry.known.lock().texts.is_empty() && registry.known.lock().families.is_empty());
    }
}
