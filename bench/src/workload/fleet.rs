//! Scrapes of a fleet in order of time, in shards that are sent side by side.

use std::ops::Range;
use std::sync::Arc;

use super::catalogue::{SERIES_PER_AGENT, SeriesKind, catalogue};
use super::chance::Chance;
use super::scraper::Scraper;

pub const SCRAPE_INTERVAL_MS: i64 = 30_000;

/// How many agents are scraped how often; the last scrape is less than an interval before
/// the end.
#[derive(Clone, Copy, Debug)]
pub struct Fleet {
    pub agents: usize,
    pub scrapes: usize,
    pub end_ms: i64,
}

impl Fleet {
    /// Of the last `hours` before `now_ms`.
    pub fn ending_at(now_ms: i64, agents: usize, scrapes: usize) -> Self {
        Self { agents, scrapes, end_ms: now_ms / SCRAPE_INTERVAL_MS * SCRAPE_INTERVAL_MS }
    }

    pub fn start_ms(&self) -> i64 {
        self.end_ms - self.scrapes as i64 * SCRAPE_INTERVAL_MS
    }

    pub fn series_count(&self) -> usize {
        self.agents * SERIES_PER_AGENT
    }

    pub fn sample_count(&self) -> usize {
        self.series_count() * self.scrapes
    }

    /// Neighbouring agents share a shard; all shards together are the fleet.
    pub fn shards(&self, count: usize) -> Vec<Shard> {
        let catalogue: Arc<[SeriesKind]> = catalogue().into();
        (0..count)
            .map(|shard| {
                let agents = shard * self.agents / count..(shard + 1) * self.agents / count;
                Shard::new(self, agents, catalogue.clone())
            })
            .collect()
    }
}

#[derive(Clone, Debug)]
pub struct Shard {
    pub catalogue: Arc<[SeriesKind]>,
    /// Their numbers in the fleet.
    pub agents: Range<usize>,
    scrapers: Vec<Scraper>,
    /// When in the interval each of them is scraped.
    offsets_ms: Vec<i64>,
    start_ms: i64,
    scrapes: usize,
    scrape: usize,
    next: usize,
}

/// All series of one agent at one instant, in the catalogue's order.
#[derive(Clone, Copy, Debug)]
pub struct Scrape<'a> {
    /// How many intervals since the start.
    pub number: usize,
    /// Counted from the first of the shard.
    pub agent: usize,
    pub at_ms: i64,
    pub values: &'a [f64],
}

impl Shard {
    fn new(fleet: &Fleet, agents: Range<usize>, catalogue: Arc<[SeriesKind]>) -> Self {
        let scrapers = agents.clone().map(|agent| Scraper::new(agent, &catalogue)).collect();
        // Late scrapes still belong to their interval.
        let offset =
            |agent| 5 + Chance::of("offset", agent as u64).below(SCRAPE_INTERVAL_MS as u64 - 20) as i64;
        let offsets_ms = agents.clone().map(offset).collect();
        let (start_ms, scrapes) = (fleet.start_ms(), fleet.scrapes);
        Self { catalogue, agents, scrapers, offsets_ms, start_ms, scrapes, scrape: 0, next: 0 }
    }

    /// The next one in order of intervals, or nothing after the last.
    pub fn next_scrape(&mut self) -> Option<Scrape<'_>> {
        if self.next == self.scrapers.len() {
            self.next = 0;
            self.scrape += 1;
        }
        if self.scrape >= self.scrapes || self.scrapers.is_empty() {
            return None;
        }
        let agent = self.next;
        self.next += 1;
        let due_ms = self.start_ms + self.scrape as i64 * SCRAPE_INTERVAL_MS + self.offsets_ms[agent];
        let scraper = &mut self.scrapers[agent];
        scraper.scrape(&self.catalogue, due_ms / 1_000);
        let at_ms = due_ms + scraper.delay_ms();
        Some(Scrape { number: self.scrape, agent, at_ms, values: &scraper.values })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_together_are_the_fleet() {
        let fleet = Fleet::ending_at(1_795_000_000_000, 7, 3);
        let all = |count: usize| {
            let mut rows = vec![];
            for mut shard in fleet.shards(count) {
                let first = shard.agents.start;
                while let Some(scrape) = shard.next_scrape() {
                    rows.push((first + scrape.agent, scrape.at_ms, format!("{:?}", scrape.values)));
                }
            }
            rows.sort();
            rows
        };
        assert_eq!(all(1).len(), 21);
        assert_eq!(all(1), all(3));
    }

    #[test]
    fn counters_never_fall() {
        let fleet = Fleet::ending_at(1_795_000_000_000, 1, 200);
        let mut shards = fleet.shards(1);
        let mut last = vec![0.0; SERIES_PER_AGENT];
        let catalogue = shards[0].catalogue.clone();
        while let Some(scrape) = shards[0].next_scrape() {
            assert!(fleet.start_ms() < scrape.at_ms && scrape.at_ms < fleet.end_ms);
            for (index, series) in catalogue.iter().enumerate() {
                let is_counter =
                    ["_total", "_bucket", "_sum", "_count"].iter().any(|end| series.name.ends_with(end));
                assert!(!is_counter || last[index] <= scrape.values[index], "{}", series.name);
            }
            last.copy_from_slice(scrape.values);
        }
    }
}
