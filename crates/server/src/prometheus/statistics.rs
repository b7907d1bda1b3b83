//! What a query took, as Prometheus tells it below `stats`.

use promql::Statistics;
use serde::{Serialize, Serializer};

use super::values::Seconds;

/// What `stats=` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    Totals,
    /// `stats=all`.
    EachStep,
}

pub(super) struct Stats<'a> {
    pub statistics: &'a Statistics,
    pub detail: Detail,
}

/// In seconds.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Timings {
    eval_total_time: f64,
    /// Part of the evaluation here.
    result_sort_time: f64,
    query_preparation_time: f64,
    inner_eval_time: f64,
    exec_queue_time: f64,
    exec_total_time: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Samples<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    total_queryable_samples_per_step: Option<Vec<(Seconds, &'a u64)>>,
    total_queryable_samples: u64,
    peak_samples: u64,
}

impl Serialize for Stats<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown<'a> {
            timings: Timings,
            samples: Samples<'a>,
        }
        let Statistics { queue, preparation, evaluation, samples, samples_per_step, samples_peak } =
            self.statistics;
        let each_step = || samples_per_step.iter().map(|(at, count)| (Seconds(*at), count)).collect();
        let timings = Timings {
            eval_total_time: (*preparation + *evaluation).as_secs_f64(),
            result_sort_time: 0.0,
            query_preparation_time: preparation.as_secs_f64(),
            inner_eval_time: evaluation.as_secs_f64(),
            exec_queue_time: queue.as_secs_f64(),
            exec_total_time: (*queue + *preparation + *evaluation).as_secs_f64(),
        };
        let samples = Samples {
            total_queryable_samples_per_step: (self.detail == Detail::EachStep).then(each_step),
            total_queryable_samples: *samples,
            peak_samples: *samples_peak,
        };
        Shown { timings, samples }.serialize(serializer)
    }
}
