//! Who a stream comes from, and who passes limits most.

use std::collections::HashMap;

use model::LabelSet;
use storage::Offender;

/// The labels that name a source, the first that a stream has: Prometheus' and
/// OpenTelemetry's name of a service, and our own of an agent.
const SOURCE_LABELS: [&str; 5] = ["job", "service.name", "service_name", "service", "agent"];

/// Empty for a stream that names none.
pub fn source_of(labels: &LabelSet) -> &str {
    SOURCE_LABELS.iter().find_map(|name| labels.get(name)).unwrap_or("")
}

/// Names of sources are kept up to this length.
const SOURCE_CHARS_MAX: usize = 100;
const KNOWN_MAX: usize = 256;

/// The sources that pass limits, in bounded memory: when there are too many, the least of
/// them makes room and leaves its count to the newcomer, so that no count is too small
/// (the "space-saving" algorithm of Metwally, Agrawal and El Abbadi, 2005).
#[derive(Debug, Default)]
pub struct Offenders {
    refused: HashMap<(String, &'static str), u64>,
}

impl Offenders {
    pub fn add(&mut self, source: &str, limit: &'static str, rows: u64) {
        let source: String = source.chars().take(SOURCE_CHARS_MAX).collect();
        let key = (source, limit);
        if let Some(refused) = self.refused.get_mut(&key) {
            *refused += rows;
            return;
        }
        let mut inherited = 0;
        if self.refused.len() >= KNOWN_MAX
            && let Some((least, _)) = self.refused.iter().min_by_key(|(_, refused)| **refused)
        {
            let least = least.clone();
            inherited = self.refused.remove(&least).unwrap_or(0);
        }
        self.refused.insert(key, inherited + rows);
    }

    pub fn worst(&self, most: usize) -> Vec<Offender> {
        let offender = |((source, limit), refused): (&(String, &'static str), &u64)| Offender {
            source: source.clone(),
            limit,
            refused: *refused,
        };
        let mut all: Vec<Offender> = self.refused.iter().map(offender).collect();
        all.sort_by(|a, b| {
            b.refused.cmp(&a.refused).then_with(|| (&a.source, a.limit).cmp(&(&b.source, b.limit)))
        });
        all.truncate(most);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_named_by_the_first_label_that_says_it() {
        for (labels, source) in [
            (vec![("service.name", "a"), ("agent", "b")], "a"),
            (vec![("job", "c"), ("service.name", "a")], "c"),
            (vec![("agent", "b")], "b"),
            (vec![("host", "h")], ""),
        ] {
            assert_eq!(source_of(&LabelSet::new(labels)), source);
        }
    }

    #[test]
    fn the_worst_stays_known_however_many_there_are() {
        let mut offenders = Offenders::default();
        for number in 0..10_000 {
            offenders.add("loud", "streams_max", 3);
            offenders.add(&number.to_string(), "labels_max", 1);
        }
        let worst = offenders.worst(2);
        assert_eq!(worst[0], Offender { source: "loud".to_owned(), limit: "streams_max", refused: 30_000 });
        assert!(worst[1].refused >= 1 && offenders.refused.len() <= KNOWN_MAX);
    }
}
