//! One agent as a scraper sees it: what it does between scrapes, and the values that show it.

use super::catalogue::{SERIES_PER_AGENT, SeriesKind, Shape};
use super::chance::Chance;
use super::histogram::{Histogram, HistogramKind};

/// A page of memory.
const PAGE: f64 = 4_096.0;
const CONTEXT_TOKENS: f64 = 200_000.0;

#[derive(Clone, Debug)]
pub struct Scraper {
    chance: Chance,
    is_busy: bool,
    /// Which of the four states of [`Shape::State`].
    state: usize,
    context_tokens: f64,
    model_seconds: Histogram,
    tool_seconds: Histogram,
    /// What this agent's own level of each gauge lies around.
    levels: Vec<f64>,
    pub values: Vec<f64>,
}

impl Scraper {
    pub fn new(agent: usize, catalogue: &[SeriesKind]) -> Self {
        debug_assert_eq!(catalogue.len(), SERIES_PER_AGENT);
        let mut chance = Chance::of("scraper", agent as u64);
        let levels = catalogue.iter().map(|series| level(series.shape, &mut chance)).collect();
        let values = catalogue.iter().map(|series| start(series.shape, &mut chance)).collect();
        Self {
            is_busy: chance.happens(0.4),
            state: 0,
            context_tokens: 0.0,
            model_seconds: Histogram::new(HistogramKind::Model),
            tool_seconds: Histogram::new(HistogramKind::Tool),
            levels,
            values,
            chance,
        }
    }

    /// Lets one interval pass and brings the values up to date.
    pub fn scrape(&mut self, catalogue: &[SeriesKind], now_secs: i64) {
        self.work();
        for (index, series) in catalogue.iter().enumerate() {
            self.values[index] =
                self.next_value(series.shape, self.values[index], self.levels[index], now_secs);
        }
    }

    /// A scrape in fifty is a few milliseconds late.
    pub fn delay_ms(&mut self) -> i64 {
        if self.chance.happens(0.02) { 1 + self.chance.below(5) as i64 } else { 0 }
    }

    fn work(&mut self) {
        // Busy for 25 scrapes and idle for 33, on average.
        self.is_busy = self.chance.happens(if self.is_busy { 0.96 } else { 0.03 });
        if self.chance.happens(0.08) {
            self.state = self.chance.below(4) as usize;
        }
        if !self.is_busy {
            return;
        }
        let questions = self.chance.exponential(2.6) as usize;
        let calls = self.chance.exponential(6.0) as usize;
        self.context_tokens += questions as f64 * (200.0 + self.chance.exponential(3_000.0).floor());
        if self.context_tokens > 0.95 * CONTEXT_TOKENS {
            // Compacted.
            self.context_tokens = 8_000.0;
        }
        for _ in 0..questions {
            let slow = if self.chance.happens(0.05) { 6.0 } else { 1.0 };
            self.model_seconds.observe((self.chance.exponential(1.0) + 0.2) * 4.0 * slow);
        }
        for _ in 0..calls {
            let slow = if self.chance.happens(0.1) { 8.0 } else { 0.5 };
            self.tool_seconds.observe(self.chance.exponential(0.4) * slow);
        }
    }

    fn next_value(&mut self, shape: Shape, last: f64, level: f64, now_secs: i64) -> f64 {
        match shape {
            Shape::Counter { mean } if self.is_busy => last + self.events(mean),
            Shape::Traffic { mean } => {
                last + self.chance.exponential(if self.is_busy { mean } else { mean * 0.05 }).floor()
            }
            Shape::Cost { mean } if self.is_busy => places(last + self.chance.exponential(mean), 4),
            Shape::Seconds { mean } if self.is_busy => places(last + self.chance.exponential(mean), 2),
            Shape::Seconds { .. } => places(last + 0.01 * self.chance.below(30) as f64, 2),
            Shape::Bucket(kind, index) => self.histogram(kind).bucket(index) as f64,
            Shape::HistogramCount(kind) => self.histogram(kind).count() as f64,
            Shape::HistogramSum(kind) => self.histogram(kind).sum,
            Shape::Decimal { .. } => self.decimal(last, level),
            Shape::Bytes { .. } => self.bytes(last, level),
            Shape::Whole { .. } => self.whole(last, level),
            Shape::Heartbeat => (now_secs - self.chance.below(3) as i64) as f64,
            Shape::Context => self.context_tokens / CONTEXT_TOKENS,
            Shape::Score if self.chance.happens(0.02) => places(self.chance.unit(), 2),
            Shape::Noise { .. } if self.is_busy => level * (0.5 + self.chance.unit()),
            Shape::Noise { .. } => 0.0,
            Shape::State(state) => f64::from(u8::from(state == self.state)),
            Shape::Counter { .. }
            | Shape::Cost { .. }
            | Shape::Score
            | Shape::Constant(_)
            | Shape::StartTime => last,
        }
    }

    fn histogram(&self, kind: HistogramKind) -> &Histogram {
        match kind {
            HistogramKind::Model => &self.model_seconds,
            HistogramKind::Tool => &self.tool_seconds,
        }
    }

    /// Seldom ones come one at a time, frequent ones in any number.
    fn events(&mut self, mean: f64) -> f64 {
        if mean >= 2.0 {
            return self.chance.exponential(mean).floor();
        }
        if self.chance.happens(mean) { self.chance.exponential(mean).ceil() } else { 0.0 }
    }

    /// Goes to twice its level while busy and to a fifth while idle, and trembles.
    fn decimal(&mut self, last: f64, level: f64) -> f64 {
        let goal = if self.is_busy { level * 2.0 } else { level * 0.2 };
        let tremble = (self.chance.unit() - 0.5) * level * 0.3;
        places((last + (goal - last) * 0.3 + tremble).max(0.0), 2)
    }

    fn bytes(&mut self, last: f64, level: f64) -> f64 {
        if last == 0.0 {
            return (level / PAGE).floor() * PAGE;
        }
        if !self.chance.happens(if self.is_busy { 0.7 } else { 0.15 }) {
            return last;
        }
        // Grows a little more often than it shrinks.
        let pages = ((self.chance.unit() - 0.48) * level * 0.01 / PAGE).floor();
        (last + pages * PAGE).max(PAGE)
    }

    fn whole(&mut self, last: f64, level: f64) -> f64 {
        let may_change = self.is_busy || self.chance.happens(0.1);
        if !may_change || !self.chance.happens(0.5) {
            return last;
        }
        let goal = if self.is_busy { level } else { level * 0.2 };
        (last * 0.6 + self.chance.exponential(goal) * 0.4).floor()
    }
}

fn level(shape: Shape, chance: &mut Chance) -> f64 {
    match shape {
        Shape::Decimal { typical }
        | Shape::Bytes { typical }
        | Shape::Whole { typical }
        | Shape::Noise { typical } => typical * (0.5 + chance.unit()),
        _ => 0.0,
    }
}

/// Agents have worked before the first scrape.
fn start(shape: Shape, chance: &mut Chance) -> f64 {
    match shape {
        Shape::Counter { mean } | Shape::Traffic { mean } => (mean * 1_000.0 * chance.unit()).floor(),
        Shape::Cost { mean } | Shape::Seconds { mean } => places(mean * 1_000.0 * chance.unit(), 2),
        Shape::Constant(value) => value,
        Shape::StartTime => 1.79e9 + (chance.unit() * 1e8).floor() / 100.0,
        _ => 0.0,
    }
}

fn places(value: f64, count: i32) -> f64 {
    let scale = 10f64.powi(count);
    (value * scale).round() / scale
}
