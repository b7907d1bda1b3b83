//! All rows of a day, stream by stream.

use std::sync::Arc;

use async_trait::async_trait;
use model::{HistogramSample, LabelSet, Sample, Timestamp};
use storage::{DayError, DayReader, DayRows, DaySink, Signal, StreamRows};

use super::MemoryStore;
use super::rows::Rows;
use super::upkeep::day_of;

#[async_trait]
impl DayReader for MemoryStore {
    async fn read_day(
        &self,
        signal: Signal,
        day: Timestamp,
        mut sink: Box<dyn DaySink>,
    ) -> Result<(), DayError> {
        let streams = streams_of(&self.rows.read(), signal, day);
        let handed = tokio::task::spawn_blocking(move || {
            let handed = streams.into_iter().try_for_each(|rows| sink.take(rows));
            handed.and_then(|()| sink.finish())
        });
        handed.await.expect("no sink panics").map_err(DayError::Sink)
    }
}

fn streams_of(rows: &Rows, signal: Signal, day: Timestamp) -> Vec<StreamRows> {
    let is_of_day = |at: Timestamp| day_of(at) == day_of(day);
    let mut streams: Vec<&LabelSet> =
        rows.iter().filter(|row| row.signal == signal && is_of_day(row.at)).map(|row| row.stream).collect();
    streams.sort_by_key(|labels| (labels.value(model::METRIC_NAME), *labels));
    streams.dedup();
    let rows_of = |labels: &LabelSet| match signal {
        Signal::Samples => {
            let samples = rows.series[labels].iter().filter(|(at, _)| is_of_day(**at));
            DayRows::Samples(samples.map(|(at, value)| Sample { at: *at, value: *value }).collect())
        }
        Signal::Histograms => {
            let histograms = rows.histograms[labels].iter().filter(|(at, _)| is_of_day(**at));
            let sample = |(at, histogram): (&Timestamp, &Arc<model::Histogram>)| HistogramSample {
                at: *at,
                histogram: histogram.clone(),
            };
            DayRows::Histograms(histograms.map(sample).collect())
        }
        Signal::Exemplars => {
            let exemplars = rows.exemplars[labels].iter().filter(|exemplar| is_of_day(exemplar.at));
            DayRows::Exemplars(exemplars.cloned().collect())
        }
        Signal::Logs => {
            let records = rows.logs.iter().filter(|record| record.stream == *labels && is_of_day(record.at));
            let mut records: Vec<_> = records.cloned().map(Arc::new).collect();
            records.sort_by_key(|record| record.at);
            DayRows::Logs(records)
        }
        Signal::Spans => {
            let spans = rows.spans.values().filter(|span| span.stream == *labels && is_of_day(span.start));
            DayRows::Spans(spans.cloned().map(Arc::new).collect())
        }
    };
    streams.into_iter().map(|labels| StreamRows { labels: labels.clone(), rows: rows_of(labels) }).collect()
}
