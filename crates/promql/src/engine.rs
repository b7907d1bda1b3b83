//! The entry point: reads what a query needs and has it evaluated.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use model::Timestamp;
use runtime::{SharedClock, SystemClock};
use storage::{QueryError, QueryLimits, SampleReader};

use crate::eval::{Evaluation, Watch, evaluate};
use crate::parse::Query;
use crate::parse::expression::ValueType;
use crate::plan::{Fetched, Grid, Plan, PlanSettings, plan};
use crate::{Answer, EvalError};

#[derive(Clone, Debug)]
pub struct EngineSettings {
    /// How long a sample stands for its series.
    pub lookback: Duration,
    /// The step of a subquery that names none.
    pub subquery_step: Duration,
    /// Counts reading and evaluation together.
    pub timeout: Duration,
    pub limits: QueryLimits,
}

impl Default for EngineSettings {
    /// Prometheus' defaults.
    fn default() -> Self {
        Self {
            lookback: Duration::from_secs(5 * 60),
            subquery_step: Duration::from_secs(60),
            timeout: Duration::from_secs(2 * 60),
            limits: QueryLimits::default(),
        }
    }
}

/// Answers queries over one store. Cloning is cheap.
#[derive(Clone)]
pub struct Engine {
    reader: Arc<dyn SampleReader>,
    settings: Arc<EngineSettings>,
    clock: SharedClock,
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
        Self { reader, settings: Arc::new(settings), clock }
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
        let watch = Arc::new(self.watch());
        let plan = self.plan(query, grid);
        let fetched = self.fetch(query, &plan, &watch).await?;
        let points: u64 = fetched.iter().map(|fetched| fetched.point_count()).sum();
        let work = points.saturating_add(1).saturating_mul(plan.steps_most as u64);
        let evaluation = Evaluation {
            query: query.clone(),
            fetched,
            grid,
            is_range: matches!(shape, Shape::Range),
            lookback_ms: millis(self.settings.lookback),
            subquery_step_ms: millis(self.settings.subquery_step).max(1),
            watch: Arc::clone(&watch),
        };
        if work <= WORK_IN_PLACE_MAX {
            return evaluate(&evaluation);
        }
        // Evaluation computes without a pause, so it gets a thread on which nothing else
        // waits. When the caller goes away the guard tells it to stop.
        let _gives_up = GiveUpOnDrop(watch);
        let computed = tokio::task::spawn_blocking(move || evaluate(&evaluation));
        computed.await.map_err(|_| EvalError::execution("the evaluation of the query ended unexpectedly"))?
    }

    fn plan(&self, query: &Query, grid: Grid) -> Plan {
        let settings = PlanSettings {
            lookback_ms: millis(self.settings.lookback),
            subquery_step_ms: millis(self.settings.subquery_step).max(1),
        };
        plan(query, grid, settings)
    }

    fn watch(&self) -> Watch {
        Watch {
            clock: Arc::clone(&self.clock),
            deadline: self.clock.monotonic().saturating_add(self.settings.timeout),
            timeout: self.settings.timeout,
            samples_max: self.settings.limits.samples_max,
            given_up: AtomicBool::new(false),
        }
    }

    /// Reads every selector of the query once, all of them within one limit.
    async fn fetch(&self, query: &Query, plan: &Plan, watch: &Watch) -> Result<Vec<Arc<Fetched>>, EvalError> {
        let limits = self.settings.limits;
        let mut left = limits.samples_max;
        let mut all: Vec<Arc<Fetched>> = Vec::new();
        for (fetch, selector) in plan.fetches.iter().zip(query.selectors()) {
            watch.check()?;
            if let Some(same) = fetch.same_as {
                all.push(Arc::clone(&all[same]));
                continue;
            }
            if fetch.range.end < fetch.range.start {
                all.push(Arc::default());
                continue;
            }
            let within = QueryLimits { samples_max: left, ..limits };
            let reading = self.reader.select(&selector.matchers, fetch.range, within);
            let series = tokio::select! {
                read = reading => read.map_err(|error| whole_limit(error, limits))?,
                () = self.clock.sleep(watch.left()) => return Err(EvalError::Timeout(self.settings.timeout)),
            };
            let mut fetched = Fetched::new(series, selector.is_range);
            let within = QueryLimits { samples_max: left.saturating_sub(fetched.point_count()), ..limits };
            let reading = self.reader.select_histograms(&selector.matchers, fetch.range, within);
            let histograms = tokio::select! {
                read = reading => read.map_err(|error| whole_limit(error, limits))?,
                () = self.clock.sleep(watch.left()) => return Err(EvalError::Timeout(self.settings.timeout)),
            };
            fetched.add_histograms(histograms, selector.is_range, selector.tells_resets);
            left = left.saturating_sub(fetched.point_count());
            all.push(Arc::new(fetched));
        }
        Ok(all)
    }
}

/// The store was told what is left of the limit; the operator knows the whole.
fn whole_limit(error: QueryError, limits: QueryLimits) -> EvalError {
    match error {
        QueryError::TooMuch { what: "samples", .. } => {
            EvalError::TooManySamples { limit: limits.samples_max }
        }
        other => EvalError::Storage(other),
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
