//! From a page to a batch: the series of one target, and what became of those that went.
//!
//! A series that was there before is known by its bytes: neither its labels are read nor the
//! rules applied again. Of those that are gone a stale marker is left, so that queries do not
//! take silence for the last value.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use model::{
    Batch, Exemplar, ExemplarSeries, Histogram, HistogramSample, HistogramSeries, LabelSet, METRIC_NAME,
    STALE_NAN, Timestamp,
};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::config::Job;
use super::relabel::relabel;
use crate::exposition::{
    Entry, ExemplarText, Fact, FamilyKind, Format, PageError, PageFault, PageLimits, read, series,
};

/// What was read from one target at one time.
#[derive(Debug)]
pub struct Page<'a> {
    pub format: Format,
    pub body: &'a [u8],
    /// Of every sample that names no time of its own.
    pub at: Timestamp,
}

/// What the samples of one target are measured by.
#[derive(Clone, Copy, Debug)]
pub struct Measure<'a> {
    pub job: &'a Job,
    /// The target's own labels.
    pub labels: &'a LabelSet,
    pub limits: &'a PageLimits,
}

#[derive(Debug, Default)]
pub struct Scraped {
    pub batch: Batch,
    /// On the page.
    pub samples: usize,
    /// After the rules.
    pub kept: usize,
    /// Of series that were not on the page before.
    pub added: usize,
}

#[derive(Debug, thiserror::Error)]
pub enum PageRefused {
    #[error("the page cannot be read")]
    Unreadable(#[from] PageError),
    #[error("{} samples are more than `sample_limit` ({limit})", scraped.kept)]
    TooManySamples { scraped: Box<Scraped>, limit: usize },
    #[error("{series} passes `{limit}` ({most}) with {found}")]
    Label { series: String, limit: &'static str, most: usize, found: usize },
    #[error("the rules leave a series without a name: {0}")]
    Nameless(String),
}

/// The series of one target, by what its pages say.
#[derive(Debug, Default)]
pub struct SeriesCache {
    round: u64,
    known: HashMap<u128, Known>,
    facts: HashSet<u64>,
}

#[derive(Debug)]
struct Known {
    /// None for those that the rules drop.
    labels: Option<LabelSet>,
    seen_in: u64,
    /// Its end will have to be marked, if this page counts.
    is_marked_at_end: bool,
    /// It was on the page that counted last, and its end has to be marked.
    is_live: bool,
    is_histogram: bool,
    /// The exemplar that came with it last: it is shown until there is another one.
    exemplar: u64,
}

/// Facts that are remembered for one target; beyond, they are noted again with each page.
const FACTS_MAX: usize = 20_000;

impl SeriesCache {
    /// Reads a page. A new fact about a family goes to `note`. When the page is refused,
    /// nothing of it counts, and the caller should say [`lost`](SeriesCache::lost).
    pub fn take(
        &mut self,
        page: &Page<'_>,
        measure: Measure<'_>,
        note: impl FnMut(&str, &Fact<'_>),
    ) -> Result<Scraped, PageRefused> {
        self.round += 1;
        let mut taking = Taking { cache: self, page, measure, note, scraped: Scraped::default() };
        let flow = read(page.format, page.body, measure.limits, |entry| taking.entry(entry));
        let scraped = taking.scraped;
        let limit = measure.job.limits.samples;
        let refused = match flow {
            Err(error) => error.into(),
            Ok(ControlFlow::Break(refused)) => refused,
            Ok(ControlFlow::Continue(())) if limit > 0 && scraped.kept > limit => {
                PageRefused::TooManySamples { scraped: Box::new(scraped), limit }
            }
            Ok(ControlFlow::Continue(())) => return Ok(self.finished(scraped, page.at)),
        };
        // A page that is refused must not make the cache grow.
        self.known.retain(|_, known| known.is_live);
        Err(refused)
    }

    fn finished(&mut self, mut scraped: Scraped, at: Timestamp) -> Scraped {
        let round = self.round;
        let mut gone = Vec::new();
        self.known.retain(|_, known| {
            let is_here = known.seen_in == round;
            if !is_here && known.is_live {
                gone.extend(known.labels.take().map(|labels| (labels, known.is_histogram)));
            }
            known.is_live = known.is_marked_at_end;
            is_here
        });
        if !gone.is_empty() {
            // Under other words it may still be here.
            let here: HashSet<&LabelSet> =
                self.known.values().filter_map(|known| known.labels.as_ref()).collect();
            for (labels, is_histogram) in gone.into_iter().filter(|(labels, _)| !here.contains(labels)) {
                push_stale(&mut scraped.batch, labels, is_histogram, at);
            }
        }
        scraped
    }

    /// Nothing came, or the target goes: a marker for everything that was there.
    pub fn lost(&mut self, at: Timestamp) -> Batch {
        let mut batch = Batch::default();
        for known in self.known.values_mut() {
            if std::mem::take(&mut known.is_live)
                && let Some(labels) = &known.labels
            {
                push_stale(&mut batch, labels.clone(), known.is_histogram, at);
            }
        }
        batch
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }
}

fn push_stale(batch: &mut Batch, labels: LabelSet, is_histogram: bool, at: Timestamp) {
    if is_histogram {
        let histogram = Arc::new(Histogram { sum: STALE_NAN, ..Histogram::default() });
        batch.histograms.push(HistogramSeries { labels, samples: vec![HistogramSample { at, histogram }] });
    } else {
        batch.push_sample(labels, at, STALE_NAN);
    }
}

/// One page on its way through the cache.
struct Taking<'a, N> {
    cache: &'a mut SeriesCache,
    page: &'a Page<'a>,
    measure: Measure<'a>,
    note: N,
    scraped: Scraped,
}

type Flow = Result<ControlFlow<PageRefused>, PageFault>;

impl<N: FnMut(&str, &Fact<'_>)> Taking<'_, N> {
    fn entry(&mut self, entry: Entry<'_>) -> Flow {
        match entry {
            Entry::Fact { family, fact } => {
                self.fact(&family, &fact);
                Ok(ControlFlow::Continue(()))
            }
            Entry::Sample { series, kind, value, at, exemplar } => {
                self.series(&series, kind, at, exemplar.as_slice(), |batch, labels, at| {
                    batch.push_sample(labels, at, value);
                })
            }
            Entry::Histogram { series, histogram, at, exemplars } => {
                self.series(&series, FamilyKind::Unknown, at, &exemplars, |batch, labels, at| {
                    let sample = HistogramSample { at, histogram: Arc::new(*histogram) };
                    batch.histograms.push(HistogramSeries { labels, samples: vec![sample] });
                })
            }
        }
    }

    fn fact(&mut self, family: &str, fact: &Fact<'_>) {
        let (sort, text) = match fact {
            Fact::Kind(kind) => ("kind", Cow::Borrowed(kind.as_str())),
            Fact::Help(text) => ("help", Cow::Borrowed(text.as_ref())),
            Fact::Unit(text) => ("unit", Cow::Borrowed(text.as_ref())),
        };
        let key = xxh3_64(format!("{sort}\0{family}\0{text}").as_bytes());
        if self.cache.facts.contains(&key) {
            return;
        }
        if self.cache.facts.len() < FACTS_MAX {
            self.cache.facts.insert(key);
        }
        (self.note)(family, fact);
    }

    fn series(
        &mut self,
        series: &str,
        kind: FamilyKind,
        at: Option<Timestamp>,
        exemplars: &[ExemplarText<'_>],
        push: impl FnOnce(&mut Batch, LabelSet, Timestamp),
    ) -> Flow {
        self.scraped.samples += 1;
        let key = xxh3_128(series.as_bytes());
        let is_new = !self.cache.known.contains_key(&key);
        if is_new {
            let labels = match self.measure.labels_of(series, kind)? {
                Ok(labels) => labels,
                Err(refused) => return Ok(ControlFlow::Break(refused)),
            };
            let known = Known {
                labels,
                seen_in: 0,
                is_marked_at_end: false,
                is_live: false,
                is_histogram: false,
                exemplar: 0,
            };
            self.cache.known.insert(key, known);
        }
        let Some(known) = self.cache.known.get_mut(&key) else { return Ok(ControlFlow::Continue(())) };
        known.seen_in = self.cache.round;
        let Some(labels) = &known.labels else { return Ok(ControlFlow::Continue(())) };
        let own_time = at.filter(|_| self.measure.job.honor_timestamps);
        // A series that tells its own times says by itself when it ends.
        known.is_marked_at_end = own_time.is_none() || self.measure.job.track_timestamps_staleness;
        self.scraped.kept += 1;
        self.scraped.added += usize::from(is_new);
        let limit = self.measure.job.limits.samples;
        if limit > 0 && self.scraped.kept > limit {
            // Counted to the end, and not kept.
            return Ok(ControlFlow::Continue(()));
        }
        let at = own_time.unwrap_or(self.page.at);
        let histograms = self.scraped.batch.histograms.len();
        push(&mut self.scraped.batch, labels.clone(), at);
        known.is_histogram = self.scraped.batch.histograms.len() > histograms;
        let fresh = fresh_exemplars(known, exemplars, at)?;
        self.scraped.batch.exemplars.extend(fresh);
        Ok(ControlFlow::Continue(()))
    }
}

/// Those that did not come with the page before.
fn fresh_exemplars(
    known: &mut Known,
    exemplars: &[ExemplarText<'_>],
    at: Timestamp,
) -> Result<Option<ExemplarSeries>, PageFault> {
    let Some(labels) = known.labels.as_ref().filter(|_| !exemplars.is_empty()) else { return Ok(None) };
    let all: String =
        exemplars.iter().map(|one| format!("{}{}{:?}", one.labels, one.value, one.at)).collect();
    let hash = xxh3_64(all.as_bytes());
    if std::mem::replace(&mut known.exemplar, hash) == hash {
        return Ok(None);
    }
    let read = exemplars.iter().map(|one| {
        let labels = series::read_labels(&one.labels)?;
        Ok(Exemplar { at: one.at.unwrap_or(at), value: one.value, labels })
    });
    Ok(Some(ExemplarSeries { labels: labels.clone(), exemplars: read.collect::<Result<_, PageFault>>()? }))
}

impl Measure<'_> {
    /// The labels that a series is stored under; none when the rules drop it.
    fn labels_of(
        &self,
        text: &str,
        kind: FamilyKind,
    ) -> Result<Result<Option<LabelSet>, PageRefused>, PageFault> {
        let labels = series::read(text, kind)?;
        let merged = merged(&labels, self.labels, self.job.honor_labels);
        let Some(labels) = relabel(&self.job.metric_relabel, merged) else { return Ok(Ok(None)) };
        if labels.metric_name().is_none() {
            return Ok(Err(PageRefused::Nameless(labels.to_string())));
        }
        Ok(self.within_limits(&labels).map(|()| Some(labels)))
    }

    fn within_limits(&self, labels: &LabelSet) -> Result<(), PageRefused> {
        let limits = &self.job.limits;
        let longest = |lengths: &mut dyn Iterator<Item = usize>| lengths.max().unwrap_or(0);
        for (limit, most, found) in [
            ("label_limit", limits.labels, labels.len()),
            (
                "label_name_length_limit",
                limits.label_name_bytes,
                longest(&mut labels.iter().map(|(name, _)| name.len())),
            ),
            (
                "label_value_length_limit",
                limits.label_value_bytes,
                longest(&mut labels.iter().map(|(_, value)| value.len())),
            ),
        ] {
            if most > 0 && found > most {
                let series = labels.metric_name().unwrap_or_default().to_owned();
                return Err(PageRefused::Label { series, limit, most, found });
            }
        }
        Ok(())
    }
}

/// What comes before the name of a label that gives way to the target's own.
const EXPORTED: &str = "exported_";

/// The labels of the page and those of the target. Where both have one, the target's wins and
/// the page's moves aside, unless `honor_labels` says otherwise.
fn merged(page: &LabelSet, target: &LabelSet, honor_labels: bool) -> LabelSet {
    let own = target.iter().filter(|(name, _)| !honor_labels || page.get(name).is_none());
    if honor_labels {
        return LabelSet::new(own.chain(page.iter()));
    }
    let is_taken = |name: &str| page.get(name).is_some() || target.get(name).is_some();
    let moved: Vec<(String, &str)> = page
        .iter()
        .filter(|(name, _)| *name != METRIC_NAME && target.get(name).is_some())
        .map(|(name, value)| {
            let mut aside = format!("{EXPORTED}{name}");
            while is_taken(&aside) {
                aside.insert_str(0, EXPORTED);
            }
            (aside, value)
        })
        .collect();
    let moved = moved.iter().map(|(name, value)| (name.as_str(), *value));
    LabelSet::new(page.iter().chain(own).chain(moved))
}

#[cfg(test)]
mod tests;
