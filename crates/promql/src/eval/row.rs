//! One series of an intermediate result.

use std::sync::Arc;

use model::{Histogram, LabelSet};

/// A sample without its time.
#[derive(Clone, Debug, PartialEq)]
pub enum Element {
    Float(f64),
    Histogram(Arc<Histogram>),
}

/// A value or nothing for every step of the grid: a float in `points`, or a histogram.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub labels: LabelSet,
    /// The metric's name no longer describes the values. It is removed when the answer is
    /// made, not before, so that `label_replace` can still read it.
    pub drop_name: bool,
    pub points: Vec<Option<f64>>,
    /// As `points`; empty in the many rows that have none. At no step are there both.
    pub histograms: Vec<Option<Arc<Histogram>>>,
}

impl Row {
    pub fn new(labels: LabelSet, drop_name: bool, points: Vec<Option<f64>>) -> Self {
        Self { labels, drop_name, points, histograms: Vec::new() }
    }

    pub fn is_empty(&self) -> bool {
        self.points.iter().all(Option::is_none) && self.histograms.iter().all(Option::is_none)
    }

    pub fn has(&self, step: usize) -> bool {
        self.points[step].is_some() || self.histogram(step).is_some()
    }

    pub fn histogram(&self, step: usize) -> Option<&Arc<Histogram>> {
        self.histograms.get(step)?.as_ref()
    }

    pub fn element(&self, step: usize) -> Option<Element> {
        let histogram = self.histogram(step).map(|histogram| Element::Histogram(Arc::clone(histogram)));
        histogram.or(self.points[step].map(Element::Float))
    }

    pub fn set(&mut self, step: usize, element: Option<Element>) {
        self.points[step] = None;
        if let Some(histogram) = self.histograms.get_mut(step) {
            *histogram = None;
        }
        match element {
            None => {}
            Some(Element::Float(value)) => self.points[step] = Some(value),
            Some(Element::Histogram(histogram)) => {
                if self.histograms.is_empty() {
                    self.histograms = vec![None; self.points.len()];
                }
                self.histograms[step] = Some(histogram);
            }
        }
    }
}
