//! The entry point: reads what a query needs and has it evaluated.

mod fetch;
mod gate;
mod statistics;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use model::Timestamp;
use runtime::{SharedClock, SystemClock};
use storage::{QueryLimits, SampleReader};

use crate::eval::{Evaluation, Watch, evaluate};
use crate::parse::Query;
use crate::parse::expression::ValueType;
use crate::plan::{Grid, Plan, PlanSettings, plan};
use crate::{Answer, EvalError};
use fetch::{Selected, fetched};
use gate::Gate;
pub use statistics::Statistics;

#[derive(Clone, Debug)]
pub struct EngineSettings {
    /// How long a sample stands for its series.
    pub lookback: Duration,
    /// The step of a subquery that names none.
    pub subquery_step: Duration,
    /// Counts reading and evaluation together.
    pub timeout: Duration,
    pub limits: QueryLimits,
    /// Whether functions and aggregations that Prometheus calls experimental are computed.
    pub experimental_functions: bool,
}

impl Default for EngineSettings {
    /// Prometheus' defaults.
    fn default() -> Self {
        Self {
            lookback: Duration::from_secs(5 * 60),
            subquery_step: Duration::from_secs(60),
            timeout: Duration::from_secs(2 * 60),
            limits: QueryLimits::default(),
            experimental_functions: false,
        }
    }
}

/// What one query wants otherwise than the settings say.
#[derive(Clone, Copy, Debug, Default)]
pub struct QueryOptions {
    pub lookback: Option<Duration>,
    /// Can only shorten the timeout of the settings.
    pub timeout: Option<Duration>,
    /// Whether the answer tells what it took. Counting samples costs a second look at them.
    pub statistics: bool,
}

/// Answers queries over one store. Cloning is cheap.
#[derive(Clone)]
pub struct Engine {
    reader: Arc<dyn SampleReader>,
    settings: Arc<EngineSettings>,
    clock: SharedClock,
    gate: Option<Arc<Gate>>,
    options: QueryOptions,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Engine {
    pub fn new(reader: Arc<dyn SampleReader>, settings: EngineSettings) -> Self {
        Self::with_clock(reader, settings, SystemClock::shared())
    }

    /// `clock` measures the timeout; it is not the time of any query.
    pub fn with_clock(reader: Arc<dyn SampleReader>, settings: EngineSettings, clock: SharedClock) -> Self {
        let settings = Arc::new(settings);
        Self { reader, settings, clock, gate: None, options: QueryOptions::default() }
    }

    /// An engine of which at most `concurrency_max` queries run at the same time and
    /// `waiting_max` more wait; others are refused. Queries of the engine it is made from
    /// are not among them: rules need not wait for readers.
    #[must_use]
    pub fn gated(&self, concurrency_max: usize, waiting_max: usize) -> Self {
        Self { gate: Some(Arc::new(Gate::new(concurrency_max, waiting_max))), ..self.clone() }
    }

    #[must_use]
    pub fn with_options(&self, options: QueryOptions) -> Self {
        Self { options, ..self.clone() }
    }

    pub async fn instant(&self, query: &Query, at: Timestamp) -> Result<Answer, EvalError> {
        self.evaluate(query, Grid::instant(at.as_millis()), Shape::Instant).await
    }

    /// Evaluates at `start` and every `step` after it, up to `end`.
    pub async fn range(
        &self,
        query: &Query,
        start: Timestamp,
        end: Timestamp,
        step: Duration,
    ) -> Result<Answer, EvalError> {
        let step = millis(step);
        if step == 0 {
            return Err(EvalError::Invalid(
                "the step of a range query must be at least a millisecond".to_owned(),
            ));
        }
        if !matches!(query.value_type(), ValueType::Scalar | ValueType::Vector) {
            let kind = match query.value_type() {
                ValueType::Matrix => "range vector",
                _ => "string",
            };
            let message = format!(
                "invalid expression type \"{kind}\" for range query, must be Scalar or instant Vector"
            );
            return Err(EvalError::Invalid(message));
        }
        let (start, end) = (start.as_millis(), end.as_millis());
        if end < start {
            return Err(EvalError::Invalid("the end of a range query is before its start".to_owned()));
        }
        self.evaluate(query, Grid::new(start, end, step), Shape::Range).await
    }

    async fn evaluate(&self, query: &Query, grid: Grid, shape: Shape) -> Result<Answer, EvalError> {
        self.check_experimental(query)?;
        let watch = Arc::new(self.watch());
        let asked = self.clock.monotonic();
        let place = match &self.gate {
            Some(gate) => Some(gate.enter(&watch).await?),
            None => None,
        };
        let begun = self.clock.monotonic();
        let plan = self.plan(query, grid);
        let selected = self.fetch(query, &plan, &watch).await?;
        let prepared = self.clock.monotonic();
        let points: u64 = selected.iter().map(Selected::point_count).sum();
        let work = points.saturating_add(1).saturating_mul(plan.steps_most as u64);
        let (query, lookback_ms) = (query.clone(), self.lookback_ms());
        let subquery_step_ms = millis(self.settings.subquery_step).max(1);
        let counts_samples = self.options.statistics;
        let is_range = matches!(shape, Shape::Range);
        let watched = Arc::clone(&watch);
        let compute = move || {
            let fetched = fetched(&query, selected);
            let watch = watched;
            evaluate(&Evaluation {
                query,
                fetched,
                grid,
                is_range,
                lookback_ms,
                subquery_step_ms,
                counts_samples,
                watch,
            })
        };
        let mut answer = if work <= WORK_IN_PLACE_MAX {
            compute()?
        } else {
            // Evaluation computes without a pause, so it gets a thread on which nothing else
            // waits. When the caller goes away the guard tells it to stop; its place is free
            // when it did.
            let _gives_up = GiveUpOnDrop(Arc::clone(&watch));
            let computed = tokio::task::spawn_blocking(move || {
                let _place = place;
                compute()
            });
            computed
                .await
                .map_err(|_| EvalError::execution("the evaluation of the query ended unexpectedly"))??
        };
        if let Some(statistics) = &mut answer.statistics {
            statistics.queue = begun.saturating_sub(asked);
            statistics.preparation = prepared.saturating_sub(begun);
            statistics.evaluation = self.clock.monotonic().saturating_sub(prepared);
            statistics.samples_peak = points.saturating_add(watch.size_peak.load(Ordering::Relaxed));
        }
        Ok(answer)
    }

    fn check_experimental(&self, query: &Query) -> Result<(), EvalError> {
        match query.experimental() {
            Some(what) if !self.settings.experimental_functions => Err(EvalError::Invalid(format!(
                "{what} is experimental and must be enabled with `query.experimental_functions`"
            ))),
            _ => Ok(()),
        }
    }

    fn lookback_ms(&self) -> i64 {
        millis(self.options.lookback.unwrap_or(self.settings.lookback))
    }

    fn plan(&self, query: &Query, grid: Grid) -> Plan {
        let settings = PlanSettings {
            lookback_ms: self.lookback_ms(),
            subquery_step_ms: millis(self.settings.subquery_step).max(1),
        };
        plan(query, grid, settings)
    }

    fn watch(&self) -> Watch {
        let most = self.settings.timeout;
        let timeout = self.options.timeout.map_or(most, |wanted| wanted.min(most));
        Watch {
            clock: Arc::clone(&self.clock),
            deadline: self.clock.monotonic().saturating_add(timeout),
            timeout,
            samples_max: self.settings.limits.samples_max,
            size_peak: AtomicU64::new(0),
            given_up: AtomicBool::new(false),
        }
    }
}

/// Samples times steps that are computed at once, without a thread of their own: a few
/// milliseconds at most. Nearly all rules are below, and then need no change of thread.
const WORK_IN_PLACE_MAX: u64 = 200_000;

#[derive(Clone, Copy)]
enum Shape {
    Instant,
    Range,
}

struct GiveUpOnDrop(Arc<Watch>);

impl Drop for GiveUpOnDrop {
    fn drop(&mut self) {
        self.0.given_up.store(true, Ordering::Relaxed);
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
