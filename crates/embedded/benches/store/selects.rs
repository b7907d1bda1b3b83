//! What the queries of a fleet's dashboards and rules select.

use std::time::Duration;

use anyhow::Context;
use bench::workload::{Agent, Fleet};
use model::{MatchOp, Matcher, Series, TimeRange, Timestamp};
use storage::{QueryLimits, SampleReader};

use crate::stand::Stand;
use crate::timing::{Answer, Timed, time};

const FIVE_MINUTES: Duration = Duration::from_secs(5 * 60);
const HOUR: Duration = Duration::from_secs(60 * 60);

struct Select {
    name: &'static str,
    matchers: Vec<Matcher>,
    length: Duration,
}

pub async fn time_all(stand: &Stand, fleet: &Fleet, hours: u64) -> anyhow::Result<Vec<Timed>> {
    let end = Timestamp::from_millis(fleet.end_ms);
    let mut timed = vec![];
    for Select { name, matchers, length } in selects(fleet, hours)? {
        let range = TimeRange::ending_at(end, length);
        let ask = async || Ok(counted(&stand.store.select(&matchers, range, QueryLimits::default()).await?));
        timed.push(time(name, ask).await?);
    }
    let range = TimeRange::ending_at(end, HOUR);
    let values = async || {
        let values = stand.store.label_values("agent", &[], range).await?;
        Ok(Answer { series: values.len(), rows: 0 })
    };
    timed.push(time("values of a label, 1 h", values).await?);
    let matchers = series_of_a_team()?;
    let series = async || {
        let found = stand.store.series(&matchers, range, QueryLimits::default()).await?;
        Ok(Answer { series: found.len(), rows: 0 })
    };
    timed.push(time("labels of the series of a team, 1 h", series).await?);
    Ok(timed)
}

fn counted(found: &[Series]) -> Answer {
    Answer { series: found.len(), rows: found.iter().map(|series| series.samples.len()).sum() }
}

fn selects(fleet: &Fleet, hours: u64) -> anyhow::Result<Vec<Select>> {
    let name = |metric: &str| Matcher::equal("__name__", metric);
    let one =
        || vec![name("agent_cpu_percent"), Matcher::equal("agent", &Agent::number(fleet.agents / 3).name)];
    let output = || vec![name("agent_tokens_total"), Matcher::equal("direction", "output")];
    let whole = HOUR * u32::try_from(hours).context("too many hours")?;
    Ok(vec![
        Select { name: "one series, instant", matchers: one(), length: FIVE_MINUTES },
        Select { name: "one of each agent, 5 min", matchers: output(), length: FIVE_MINUTES },
        Select { name: "one series, 1 h", matchers: one(), length: HOUR },
        Select {
            name: "one of each agent, 1 h",
            matchers: vec![name("agent_context_utilization")],
            length: HOUR,
        },
        Select {
            name: "regex over many series, 5 min",
            matchers: vec![
                Matcher::new("__name__", MatchOp::Matches, "agent_.*_total")?,
                Matcher::new("agent", MatchOp::Matches, "agent-.*[13579]")?,
            ],
            length: FIVE_MINUTES,
        },
        Select {
            name: "16 of each agent, 1 h",
            matchers: vec![name("agent_tool_calls_total")],
            length: HOUR,
        },
        Select {
            name: "histogram of each agent, 1 h",
            matchers: vec![name("agent_llm_request_duration_seconds_bucket")],
            length: HOUR,
        },
        Select { name: "one of each agent, whole time", matchers: output(), length: whole },
    ])
}

fn series_of_a_team() -> anyhow::Result<Vec<Matcher>> {
    Ok(vec![
        Matcher::new("__name__", MatchOp::Matches, "agent_tool_calls_total|agent_tokens_total")?,
        Matcher::equal("team", "coding"),
    ])
}
