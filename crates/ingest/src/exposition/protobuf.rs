//! Metric families, each behind its length, told as text would tell them.

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::time::Duration;

use model::Timestamp;
use prost::Message;

use super::message::{Exemplar, Histogram, Kind, LabelPair, Metric, MetricFamily};
use super::{Entry, ExemplarText, Fact, FamilyKind, PageError, PageFault, PageLimits, Take, number, series};

mod native;

pub(super) fn read<B>(
    mut page: &[u8],
    limits: &PageLimits,
    take: &mut Take<'_, B>,
) -> Result<ControlFlow<B>, PageError> {
    let mut number = 0;
    while !page.is_empty() {
        number += 1;
        let family = MetricFamily::decode_length_delimited(&mut page)
            .map_err(|error| PageFault::NoMessage(error.to_string()).at(number))?;
        if let Some(reason) = tell(&family, limits, take).map_err(|fault| fault.at(number))? {
            return Ok(ControlFlow::Break(reason));
        }
    }
    Ok(ControlFlow::Continue(()))
}

fn tell<B>(
    family: &MetricFamily,
    limits: &PageLimits,
    take: &mut Take<'_, B>,
) -> Result<Option<B>, PageFault> {
    if family.name.is_empty() {
        return Err(PageFault::Expected("the name of a metric"));
    }
    let kind = kind_of(family);
    let mut facts = vec![Fact::Kind(kind)];
    facts.extend((!family.help.is_empty()).then(|| Fact::Help(Cow::Borrowed(&family.help))));
    facts.extend((!family.unit.is_empty()).then(|| Fact::Unit(Cow::Borrowed(&family.unit))));
    for fact in facts {
        let entry = Entry::Fact { family: Cow::Borrowed(&family.name), fact };
        if let ControlFlow::Break(reason) = take(entry)? {
            return Ok(Some(reason));
        }
    }
    for metric in &family.metrics {
        let mut teller = Teller { family, kind, metric, limits, take, broken: None };
        teller.tell()?;
        if teller.broken.is_some() {
            return Ok(teller.broken);
        }
    }
    Ok(None)
}

fn kind_of(family: &MetricFamily) -> FamilyKind {
    match Kind::try_from(family.kind) {
        Ok(Kind::Counter) => FamilyKind::Counter,
        Ok(Kind::Gauge) => FamilyKind::Gauge,
        Ok(Kind::Summary) => FamilyKind::Summary,
        Ok(Kind::Histogram) => FamilyKind::Histogram,
        Ok(Kind::GaugeHistogram) => FamilyKind::GaugeHistogram,
        Ok(Kind::Untyped) | Err(_) => FamilyKind::Unknown,
    }
}

struct Teller<'a, 't, B> {
    family: &'a MetricFamily,
    kind: FamilyKind,
    metric: &'a Metric,
    limits: &'a PageLimits,
    take: &'a mut Take<'t, B>,
    broken: Option<B>,
}

impl<B> Teller<'_, '_, B> {
    fn tell(&mut self) -> Result<(), PageFault> {
        let Metric { gauge, counter, summary, untyped, histogram, .. } = self.metric;
        if let Some(number) = gauge.as_ref().or(untyped.as_ref()) {
            self.sample("", None, number.value, None)?;
        }
        if let Some(counter) = counter {
            self.sample("", None, counter.value, counter.exemplar.as_ref())?;
        }
        if let Some(summary) = summary {
            for quantile in &summary.quantiles {
                let label = ("quantile", number::shown(quantile.quantile));
                self.sample("", Some(label), quantile.value, None)?;
            }
            self.sample("_sum", None, summary.sum, None)?;
            self.sample("_count", None, summary.count as f64, None)?;
        }
        match histogram {
            Some(histogram) if native::is_native(histogram) => self.native(histogram),
            Some(histogram) => self.classic(histogram),
            None => Ok(()),
        }
    }

    fn classic(&mut self, histogram: &Histogram) -> Result<(), PageFault> {
        let count = native::count_of(histogram);
        let mut has_infinite = false;
        for bucket in &histogram.buckets {
            has_infinite |= bucket.upper_bound == f64::INFINITY;
            let label = ("le", number::shown(bucket.upper_bound));
            let value = native::float_or(bucket.cumulative_count_float, bucket.cumulative_count);
            self.sample("_bucket", Some(label), value, bucket.exemplar.as_ref())?;
        }
        if !has_infinite {
            self.sample("_bucket", Some(("le", "+Inf".to_owned())), count, None)?;
        }
        self.sample("_sum", None, histogram.sum, None)?;
        self.sample("_count", None, count, None)
    }

    fn native(&mut self, histogram: &Histogram) -> Result<(), PageFault> {
        let is_gauge = self.kind == FamilyKind::GaugeHistogram;
        let read = native::read(histogram, is_gauge, self.limits.buckets_max)?;
        let of_buckets = histogram.buckets.iter().filter_map(|bucket| bucket.exemplar.as_ref());
        let exemplars = if histogram.exemplars.is_empty() {
            of_buckets.map(exemplar).collect()
        } else {
            histogram.exemplars.iter().map(exemplar).collect()
        };
        let series = self.series("", None)?;
        let histogram = Box::new(read);
        self.take(Entry::Histogram { series: Cow::Owned(series), histogram, at: self.at(), exemplars })
    }

    fn sample(
        &mut self,
        suffix: &str,
        label: Option<(&'static str, String)>,
        value: f64,
        of_it: Option<&Exemplar>,
    ) -> Result<(), PageFault> {
        let series = Cow::Owned(self.series(suffix, label)?);
        // The stale marker is ours to give.
        let value = if value.is_nan() { f64::NAN } else { value };
        let (at, exemplar) = (self.at(), of_it.map(exemplar));
        self.take(Entry::Sample { series, kind: self.kind, value, at, exemplar })
    }

    fn take(&mut self, entry: Entry<'_>) -> Result<(), PageFault> {
        if self.broken.is_none()
            && let ControlFlow::Break(reason) = (self.take)(entry)?
        {
            self.broken = Some(reason);
        }
        Ok(())
    }

    fn at(&self) -> Option<Timestamp> {
        (self.metric.timestamp_ms != 0).then(|| Timestamp::from_millis(self.metric.timestamp_ms))
    }

    fn series(&self, suffix: &str, label: Option<(&'static str, String)>) -> Result<String, PageFault> {
        let mut labels = pairs(&self.metric.labels);
        if let Some((name, value)) = &label {
            labels.push((name, value));
        }
        let text = series::write(&format!("{}{suffix}", self.family.name), &labels);
        if text.len() > self.limits.line_bytes_max {
            return Err(PageFault::TooLong(self.limits.line_bytes_max));
        }
        Ok(text)
    }
}

fn pairs(labels: &[LabelPair]) -> Vec<(&str, &str)> {
    labels.iter().map(|label| (label.name.as_str(), label.value.as_str())).collect()
}

fn exemplar(exemplar: &Exemplar) -> ExemplarText<'static> {
    let at = exemplar.at.map(|at| {
        let seconds = Timestamp::from_secs(at.seconds);
        seconds + Duration::from_nanos(u64::try_from(at.nanos).unwrap_or(0))
    });
    let labels = Cow::Owned(series::write_labels(&pairs(&exemplar.labels)));
    ExemplarText { labels, value: exemplar.value, at }
}
