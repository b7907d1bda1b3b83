//! Cumulative histograms, as an agent keeps them.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistogramKind {
    /// How long the model took to answer.
    Model,
    /// How long a tool ran.
    Tool,
}

/// The label `le` and the bound that it writes.
type Bounds = &'static [(&'static str, f64)];

const MODEL: Bounds = &[
    ("0.1", 0.1),
    ("0.25", 0.25),
    ("0.5", 0.5),
    ("1", 1.0),
    ("2", 2.0),
    ("3", 3.0),
    ("5", 5.0),
    ("8", 8.0),
    ("13", 13.0),
    ("20", 20.0),
    ("30", 30.0),
    ("60", 60.0),
    ("120", 120.0),
    ("+Inf", f64::INFINITY),
];

const TOOL: Bounds = &[
    ("0.005", 0.005),
    ("0.01", 0.01),
    ("0.025", 0.025),
    ("0.05", 0.05),
    ("0.1", 0.1),
    ("0.25", 0.25),
    ("0.5", 0.5),
    ("1", 1.0),
    ("2.5", 2.5),
    ("5", 5.0),
    ("10", 10.0),
    ("+Inf", f64::INFINITY),
];

impl HistogramKind {
    pub fn bounds(self) -> Bounds {
        match self {
            HistogramKind::Model => MODEL,
            HistogramKind::Tool => TOOL,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Histogram {
    bounds: Bounds,
    /// Observations at or below each bound.
    cumulative: Vec<u64>,
    pub sum: f64,
}

impl Histogram {
    pub fn new(kind: HistogramKind) -> Self {
        let bounds = kind.bounds();
        Self { bounds, cumulative: vec![0; bounds.len()], sum: 0.0 }
    }

    pub fn observe(&mut self, seconds: f64) {
        let first = self.bounds.partition_point(|(_, bound)| *bound < seconds);
        self.cumulative[first..].iter_mut().for_each(|count| *count += 1);
        self.sum += seconds;
    }

    pub fn bucket(&self, index: usize) -> u64 {
        self.cumulative[index]
    }

    pub fn count(&self) -> u64 {
        self.cumulative[self.cumulative.len() - 1]
    }
}
